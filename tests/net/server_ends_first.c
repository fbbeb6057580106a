/* SPDX-License-Identifier: MIT
 *
 * The server ends first: the client gets everything and a FIN, may go on sending, and its own FIN
 * closes the connection.
 */
#include <netinet/tcp.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void greet_and_end(fin_conn *conn) {
  cr_assert_eq(fin_conn_write(conn, "welcome", 7), 0);
  fin_conn_end(conn);
  fin_conn_end(conn);
  cr_assert_eq(fin_conn_life(conn), FIN_ST_ENDING);
}

static void hear_end(fin_conn *conn) { cr_assert_eq(fin_conn_life(conn), FIN_ST_CLOSING); }

static const fin_handler greeter = {
    .on_open = greet_and_end, .on_data = consume, .on_end = hear_end};

Test(server_ends_first, and_the_client_follows) {
  struct net net;
  int ending;
  char greeting[8];
  net_begin(&net, &(fin_listen){.handler = &greeter});
  int peer = net_connect(&net);
  cr_assert_eq(net_receive_all(&net, peer, greeting, sizeof greeting, &ending), 7);
  cr_assert_eq(ending, 0, "FIN");
  cr_assert_arr_eq(greeting, "welcome", 7);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  net_until(&net, net_tcp_state(net_fd(net.conn)) == TCP_FIN_WAIT2);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, ENDED);
  cr_assert_eq(net.ended, 1);
  cr_assert_eq(net.report.bytes_acked, 7);
  net_end(&net);
}

Test(server_ends_first, and_still_hears_the_client) {
  struct net net;
  const size_t len = 1000 * 1000;
  net_begin(&net, &(fin_listen){.handler = &greeter});
  int peer = net_connect(&net);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  net_send(&net, peer, net_pattern(len), len);
  net_expect(&net, peer, "welcome", 7);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, ENDED);
  cr_assert_eq(net.report.bytes_in, len);
  net_end(&net);
}
