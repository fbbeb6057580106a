/* SPDX-License-Identifier: MIT
 *
 * Both ends say FIN before either has heard the other's. (FINs that cross on the wire are in
 * peer_vanishes.c, which can hold packets back.)
 */
#include <netinet/tcp.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void hear_end(fin_conn *conn) { (void)conn; }

static const fin_handler handler = {.on_data = consume, .on_end = hear_end};
static const fin_handler silent = {.on_data = consume};

/* The client's FIN waits in the kernel, unread, when the server ends. */
static void both_end(struct net *net, void (*end)(fin_conn *conn)) {
  int ending;
  int peer = net_connect(net);
  net_fin(peer);
  cr_assert_eq(net_tcp_state(net_fd(net->conn)), TCP_CLOSE_WAIT);
  cr_assert_eq(net_life(net), FIN_ST_OPEN);
  end(net->conn);
  cr_assert_eq(net_receive_all(net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(net, net->closed == 1);
  net_close(net, peer);
}

static void close_politely(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_BUG); }

Test(both_end_at_once, by_end) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler});
  both_end(&net, fin_conn_end);
  net_reason(&net, ENDED);
  cr_assert_eq(net.ended, 1);
  net_end(&net);
}

Test(both_end_at_once, by_end_without_on_end) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &silent});
  both_end(&net, fin_conn_end);
  net_reason(&net, ENDED);
  net_end(&net);
}

Test(both_end_at_once, by_close) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler});
  both_end(&net, close_politely);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.ended, 0, "no callback but on_close after close");
  net_end(&net);
}

/* The server's FIN waits in the client's kernel, unread, when the client ends. */
Test(both_end_at_once, the_server_a_moment_earlier) {
  struct net net;
  int ending;
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect(&net);
  fin_conn_end(net.conn);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  net_fin(peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, ENDED);
  cr_assert_eq(net.ended, 1);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_close(&net, peer);
  net_end(&net);
}
