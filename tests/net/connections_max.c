/* SPDX-License-Identifier: MIT
 *
 * More clients than connections_max: the rest waits in the backlog, costs nothing, and is served as
 * others end.
 */
#include "more.h"

enum { MAX = 3, CLIENTS = 10 };

static void on_open(fin_conn *conn) {
  const struct net *net = fin_conn_context(conn);
  cr_assert(stats_of(net).connections <= MAX);
}

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

static const fin_handler handler = {.on_open = on_open, .on_data = echo};

static void begin(struct net *net, int clients[CLIENTS]) {
  net_begin(net, &(fin_listen){.handler = &handler, .connections_max = MAX});
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = dial(net->port);
    cr_assert_eq(net_send_some(clients[i], "hello", 5), 5);
  }
  net_until(net, net->opened == MAX);
}

Test(connections_max, others_wait_and_are_served_in_turn) {
  struct net net;
  int clients[CLIENTS];
  begin(&net, clients);
  for (unsigned i = 0; i < CLIENTS; i++) {
    net_expect(&net, clients[i], "hello", 5);
    for (int turn = 0; turn < 3; turn++) net_turn(&net, 1);
    cr_assert_eq(net.opened, i + MAX < CLIENTS ? i + MAX : CLIENTS);
    net_close(&net, clients[i]);
    net_until(&net, net.closed == i + 1);
  }
  cr_assert_eq(stats_of(&net).accepted, CLIENTS);
  cr_assert_eq(stats_of(&net).shed, 0);
  cr_assert_eq(stats_of(&net).accept_pauses, 0);
  net_end(&net);
}

Test(connections_max, all_of_them_end_at_once) {
  struct net net;
  int clients[CLIENTS];
  begin(&net, clients);
  for (int i = 0; i < CLIENTS; i++) net_close(&net, clients[i]);
  net_until(&net, net.closed == CLIENTS);
  cr_assert_eq(stats_of(&net).accepted, CLIENTS);
  net_end(&net);
}

Test(connections_max, waiting_costs_nothing) {
  struct net net;
  int clients[CLIENTS];
  begin(&net, clients);
  unsigned used = cpu_ms();
  turn_for(&net, 500);
  used = cpu_ms() - used;
  cr_assert_eq(net.opened, MAX);
  cr_assert(used < 100, "%u ms of processor time in 500 ms", used);
  for (int i = 0; i < CLIENTS; i++) net_close(&net, clients[i]);
  net_until(&net, net.closed == CLIENTS);
  net_end(&net);
}

/* Who was over the limit when the server drained is told by a reset. */
Test(connections_max, drain) {
  struct net net;
  int clients[CLIENTS], ending;
  begin(&net, clients);
  fin_server_drain(net.server);
  for (int i = MAX; i < CLIENTS; i++) {
    cr_assert_eq(net_receive_all(&net, clients[i], NULL, 10, &ending), 0);
    cr_assert_eq(ending, ECONNRESET);
  }
  for (int i = 0; i < CLIENTS; i++) net_close(&net, clients[i]);
  net_end(&net);
  cr_assert_eq(net.closed, MAX);
}

Test(connections_max, is_each_listeners_own) {
  struct net net;
  int clients[CLIENTS];
  begin(&net, clients);
  uint16_t full = net.port;
  fin_listen other = {.host = "127.0.0.1", .handler = &net.handler, .context = &net};
  cr_assert_eq(fin_server_listen(net.server, &other), 0);
  net.port = fin_server_port(net.server);
  net.handler.on_open = NULL; /* it looks at both listeners' connections */
  int peer = dial(net.port);
  net_send(&net, peer, "hello", 5);
  net_expect(&net, peer, "hello", 5);
  cr_assert_eq(stats_of(&net).connections, MAX + 1);
  cr_assert_neq(full, net.port);
  net_close(&net, peer);
  for (int i = 0; i < CLIENTS; i++) net_close(&net, clients[i]);
  net_until(&net, net.closed == CLIENTS + 1);
  net_end(&net);
}
