/* SPDX-License-Identifier: MIT
 *
 * The peer resets while output is on its way.
 */
#include <errno.h>

#include "big_reply.h"
#include "lifecycle/lifecycle.h"
#include "support/net.h"

static void reset_in_the_middle(void (*on_open)(fin_conn *conn), enum fin_state state) {
  struct net net;
  const fin_handler handler = {.on_open = on_open, .on_data = consume};
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect_small(&net, 16 * 1024, 0);
  net_expect(&net, peer, net_pattern(100000), 100000);
  cr_assert_eq(net_life(&net), state);
  cr_assert_gt(fin_conn_output_len(net.conn), 0);
  net_reset(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_RESET);
  cr_assert_eq(net.report.error, ECONNRESET);
  cr_assert_eq(net.report.bytes_accepted, LEN);
  cr_assert_gt(net.report.bytes_acked, 0);
  cr_assert_lt(net.report.bytes_acked, LEN);
  net_end(&net);
}

Test(peer_reset_while_writing, open) { reset_in_the_middle(write_a_lot, FIN_ST_OPEN); }
Test(peer_reset_while_writing, ending) { reset_in_the_middle(write_a_lot_and_end, FIN_ST_ENDING); }

/* A reset cuts the flush short: the clean reason does not stand. */
Test(peer_reset_while_writing, closed) {
  reset_in_the_middle(write_a_lot_and_close, FIN_ST_FLUSHING);
}

/* Half-closed, nothing is read: the write is the only one to notice. */
Test(peer_reset_while_writing, half_closed) {
  struct net net;
  const fin_handler handler = {.on_data = consume, .on_end = write_a_lot};
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect_small(&net, 16 * 1024, 0);
  net_fin(peer);
  net_expect(&net, peer, net_pattern(100000), 100000);
  cr_assert_eq(net_life(&net), FIN_ST_PEER_DONE);
  net_reset(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_RESET);
  cr_assert_lt(net.report.bytes_acked, LEN);
  net_end(&net);
}

struct found {
  int result, again;
};

static size_t answer(fin_conn *conn, const char *data, size_t len) {
  struct found *found = fin_conn_context(conn);
  (void)data;
  found->result = fin_conn_write(conn, net_pattern(LEN), LEN);
  cr_assert_neq(fin_conn_life(conn), FIN_ST_CLOSED, "no callback before the write returns");
  found->again = fin_conn_write(conn, "x", 1);
  return len;
}

/* The reset is there before the reply: the write itself finds out, and says that output ended. */
Test(peer_reset_while_writing, found_by_the_write) {
  struct net net;
  struct found found = {0};
  const fin_handler handler = {.on_data = answer};
  net_begin(&net, &(fin_listen){.handler = &handler, .context = &found});
  int peer = net_connect(&net);
  cr_assert_eq(net_send_some(peer, "request", 7), 7);
  net_reset(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_RESET);
  cr_assert_eq(found.result, -EPIPE);
  cr_assert_eq(found.again, -EPIPE);
  cr_assert_eq(net.report.bytes_in, 7);
  net_end(&net);
}
