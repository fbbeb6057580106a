/* SPDX-License-Identifier: MIT
 *
 * The client ends first: the server passes through CLOSE_WAIT and does not stay there.
 */
#include <netinet/tcp.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  return fin_conn_write(conn, data, len) == 0 ? len : 0;
}

static const fin_handler polite = {.on_data = echo};

Test(client_ends_first, by_closing) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &polite});
  int peer = net_connect(&net);
  net_send(&net, peer, "hello", 5);
  net_expect(&net, peer, "hello", 5);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.report.error, 0);
  cr_assert_eq(net.report.bytes_in, 5);
  cr_assert_eq(net.report.bytes_accepted, 5);
  cr_assert_eq(net.report.bytes_acked, 5);
  net_end(&net);
}

/* What the client has sent before its FIN is answered behind it. */
Test(client_ends_first, by_half_closing) {
  struct net net;
  int ending;
  char reply[6];
  net_begin(&net, &(fin_listen){.handler = &polite});
  int peer = net_connect(&net);
  net_send_some(peer, "hello", 5);
  net_fin(peer);
  cr_assert_eq(net_receive_all(&net, peer, reply, sizeof reply, &ending), 5);
  cr_assert_eq(ending, 0, "FIN");
  cr_assert_arr_eq(reply, "hello", 5);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  net_close(&net, peer);
  net_end(&net);
}

/* All that the client has to say waits in the backlog. */
Test(client_ends_first, before_it_was_accepted) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &polite});
  int peer = net_dial(&net);
  cr_assert_eq(net_send_some(peer, "hello", 5), 5);
  net_fin(peer);
  cr_assert_eq(net.opened, 0);
  net_expect(&net, peer, "hello", 5);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  net_close(&net, peer);
  net_end(&net);
}

static void stay(fin_conn *conn) {
  cr_assert_eq(fin_conn_life(conn), FIN_ST_PEER_DONE);
  cr_assert_not(fin_conn_reading(conn));
}

static const fin_handler undecided = {.on_data = echo, .on_end = stay};

/* A handler may take its time: until it ends the socket is in CLOSE_WAIT, and writes still go. */
Test(client_ends_first, and_the_handler_follows_later) {
  struct net net;
  int ending;
  net_begin(&net, &(fin_listen){.handler = &undecided});
  int peer = net_connect(&net);
  net_fin(peer);
  net_until(&net, net.ended == 1);
  cr_assert_eq(net_tcp_state(net_fd(net.conn)), TCP_CLOSE_WAIT);
  cr_assert_eq(fin_conn_write(net.conn, "late", 4), 0);
  net_expect(&net, peer, "late", 4);
  cr_assert_eq(net_life(&net), FIN_ST_PEER_DONE);
  fin_conn_end(net.conn);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.ended, 1);
  net_close(&net, peer);
  net_end(&net);
}
