/* SPDX-License-Identifier: MIT
 *
 * Abort resets, at once, whatever was written or is unread.
 */
#include <errno.h>
#include <netinet/tcp.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static size_t abort_on_data(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  fin_conn_abort(conn);
  fin_conn_abort(conn);
  cr_assert_eq(fin_conn_life(conn), FIN_ST_CLOSING);
  return len;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler calm = {.on_data = consume, .on_end = stay};

static void expect_abort(struct net *net, int peer) {
  int ending;
  net_until(net, net->closed == 1);
  net_reason(net, ABORTED);
  cr_assert_eq(net->report.error, 0);
  net_receive_all(net, peer, NULL, SIZE_MAX, &ending);
  cr_assert_eq(ending, ECONNRESET);
  net_close(net, peer);
  net_end(net);
}

Test(abort, open) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &calm});
  int peer = net_connect(&net);
  fin_conn_abort(net.conn);
  cr_assert_eq(net.closed, 0, "no callback before it returns");
  expect_abort(&net, peer);
}

Test(abort, in_on_data) {
  struct net net;
  const fin_handler handler = {.on_data = abort_on_data};
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect(&net);
  net_send(&net, peer, "x", 1);
  expect_abort(&net, peer);
}

Test(abort, in_on_open) {
  struct net net;
  const fin_handler handler = {.on_open = fin_conn_abort, .on_data = consume};
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect(&net);
  expect_abort(&net, peer);
}

Test(abort, with_output_pending) {
  struct net net;
  const size_t len = 8 * 1000 * 1000;
  net_begin(&net, &(fin_listen){.handler = &calm});
  int peer = net_connect(&net);
  cr_assert_eq(fin_conn_write(net.conn, net_pattern(len), len), 0);
  net_turn(&net, 0);
  cr_assert_gt(fin_conn_output_len(net.conn), 0);
  fin_conn_abort(net.conn);
  net_until(&net, net.closed == 1);
  cr_assert_lt(net.report.bytes_acked, len);
  expect_abort(&net, peer);
}

Test(abort, half_closed) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &calm});
  int peer = net_connect(&net);
  net_fin(peer);
  net_until(&net, net_life(&net) == FIN_ST_PEER_DONE);
  fin_conn_abort(net.conn);
  expect_abort(&net, peer);
}

/* Where uv_tcp_close_reset refuses. A mere close would leave the peer in CLOSE_WAIT. */
Test(abort, after_our_fin) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &calm});
  int peer = net_connect(&net);
  fin_conn_end(net.conn);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  fin_conn_abort(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, ABORTED);
  cr_assert_eq(net_tcp_state(peer), TCP_CLOSE);
  net_close(&net, peer);
  net_end(&net);
}

/* The polite close has begun and takes too long for somebody. */
Test(abort, while_lingering) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &calm});
  int peer = net_connect(&net);
  fin_conn_close(net.conn, FIN_REASON_CLOSED);
  net_until(&net, net_life(&net) == FIN_ST_LINGER);
  fin_conn_abort(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, ABORTED);
  cr_assert_eq(net_tcp_state(peer), TCP_CLOSE);
  net_close(&net, peer);
  net_end(&net);
}
