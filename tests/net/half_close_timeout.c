/* SPDX-License-Identifier: MIT
 *
 * One side has ended and the other does not follow: half_ms ends that, politely.
 */
#include <errno.h>
#include <netinet/tcp.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler forgetful = {.on_data = consume, .on_end = stay};

/* The handler never ends: the bug that CLOSE_WAIT is known for. */
Test(half_close_timeout, the_handler_never_ends) {
  struct net net;
  int ending;
  net_begin(&net, &(fin_listen){.handler = &forgetful, .conn = {.half_ms = 200}});
  int peer = net_connect(&net);
  net_fin(peer);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, HALF_TIMEOUT);
  cr_assert_geq(net.report.state_ms[FIN_ST_PEER_DONE], 200);
  net_close(&net, peer);
  net_end(&net);
}

/* The peer has gone and cannot even be told. */
Test(half_close_timeout, the_handler_never_ends_and_the_peer_has_closed) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &forgetful, .conn = {.half_ms = 200}});
  net_close(&net, net_connect(&net));
  net_until(&net, net.closed == 1);
  net_reason(&net, HALF_TIMEOUT);
  net_end(&net);
}

/* The peer never ends: half_ms, then what remains is the linger's. */
Test(half_close_timeout, the_peer_never_ends) {
  struct net net;
  int ending;
  net_begin(&net,
            &(fin_listen){.handler = &forgetful, .conn = {.half_ms = 200, .linger_grace_ms = 50}});
  int peer = net_connect(&net);
  fin_conn_end(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, HALF_TIMEOUT);
  cr_assert_geq(net.report.state_ms[FIN_ST_SEND_DONE], 200);
  cr_assert_geq(net.report.state_ms[FIN_ST_LINGER], 50);
  cr_assert_eq(net.ended, 0);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_close(&net, peer);
  net_end(&net);
}

/* The handler has paused as well: nobody reads the FIN that would close the connection. */
Test(half_close_timeout, the_peer_ends_and_nobody_reads) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &forgetful, .conn = {.half_ms = 200}});
  int peer = net_connect(&net);
  fin_conn_pause(net.conn);
  fin_conn_end(net.conn);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, HALF_TIMEOUT);
  cr_assert_geq(net.report.state_ms[FIN_ST_SEND_DONE], 200);
  net_end(&net);
}

/* half_ms is without progress: an upload after our FIN may take longer. */
Test(half_close_timeout, not_while_the_peer_sends) {
  struct net net;
  uint64_t sent = 0;
  net_begin(&net, &(fin_listen){.handler = &forgetful, .conn = {.half_ms = 1000}});
  int peer = net_connect(&net);
  fin_conn_end(net.conn);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  for (int i = 0; i < 30; i++) {
    uint64_t next_ms = net_now_ms() + 100;
    net_send(&net, peer, net_pattern(1000), 1000);
    sent += 1000;
    net_until(&net, net_now_ms() >= next_ms);
    cr_assert_eq(net_life(&net), FIN_ST_SEND_DONE);
  }
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, ENDED);
  cr_assert_eq(net.report.bytes_in, sent);
  net_end(&net);
}
