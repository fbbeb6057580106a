/* SPDX-License-Identifier: MIT
 *
 * The peer resets: in whatever state that happens it is heard at once, and it is never taken for an
 * orderly end.
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

static const fin_handler reading = {.on_data = consume, .on_end = stay};
static const fin_handler paused = {.on_open = fin_conn_pause, .on_data = consume, .on_end = stay};

static void expect_reset(struct net *net) {
  net_until(net, net->closed == 1);
  net_reason(net, PEER_RESET);
  cr_assert(net->report.error == ECONNRESET || net->report.error == EPIPE, "%s",
            fin_strerror(net->report.error));
}

Test(peer_reset, while_reading) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &reading});
  net_reset(&net, net_connect(&net));
  expect_reset(&net);
  cr_assert_eq(net.ended, 0);
  net_end(&net);
}

Test(peer_reset, before_it_was_accepted) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &reading});
  net_reset(&net, net_dial(&net));
  expect_reset(&net);
  cr_assert_eq(net.opened, 1);
  net_end(&net);
}

Test(peer_reset, while_paused) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &paused});
  net_reset(&net, net_connect(&net));
  expect_reset(&net);
  cr_assert_eq(net.ended, 0);
  net_end(&net);
}

Test(peer_reset, while_paused_with_unread_input) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = net_connect(&net);
  net_send(&net, peer, "unread", 6);
  net_reset(&net, peer);
  expect_reset(&net);
  cr_assert_eq(net.report.bytes_in, 0);
  net_end(&net);
}

/* First the FIN behind unread input is seen, then the reset. */
Test(peer_reset, while_paused_after_its_fin) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = net_connect(&net);
  net_send(&net, peer, "unread", 6);
  net_fin(peer);
  net_until(&net, net_life(&net) == FIN_ST_PEER_LEAVING);
  net_reset(&net, peer);
  expect_reset(&net);
  cr_assert_eq(net.ended, 0);
  net_end(&net);
}

/* The reset waits already when the handler pauses. */
Test(peer_reset, before_the_pause) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &reading});
  int peer = net_connect(&net);
  fin_conn_pause(net.conn);
  net_reset(&net, peer);
  expect_reset(&net);
  net_end(&net);
}

/* Input has ended and is no longer polled: libuv#3449. */
Test(peer_reset, after_its_fin_while_half_closed) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &reading});
  int peer = net_connect(&net);
  net_fin(peer);
  net_until(&net, net_life(&net) == FIN_ST_PEER_DONE);
  cr_assert_eq(net_tcp_state(net_fd(net.conn)), TCP_CLOSE_WAIT);
  net_reset(&net, peer);
  expect_reset(&net);
  cr_assert_eq(net.ended, 1);
  net_end(&net);
}

Test(peer_reset, after_our_fin) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &reading});
  int peer = net_connect(&net);
  fin_conn_end(net.conn);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  net_reset(&net, peer);
  expect_reset(&net);
  cr_assert_eq(net.ended, 0);
  net_end(&net);
}

Test(peer_reset, after_our_fin_while_paused) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = net_connect(&net);
  fin_conn_end(net.conn);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  net_reset(&net, peer);
  expect_reset(&net);
  net_end(&net);
}
