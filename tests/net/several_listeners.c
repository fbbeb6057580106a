/* SPDX-License-Identifier: MIT
 *
 * One server, several listeners: each connection has the handler, the context, the state and the
 * limits of its own; numbers are the server's, and never given twice.
 */
#include "more.h"

enum { LISTENERS = 3 };

struct door {
  char greeting[8];
  fin_handler handler;
  uint16_t port;
  unsigned open;
};

static void on_open(fin_conn *conn) {
  struct door *door = fin_conn_context(conn);
  const char *state = fin_conn_state(conn);
  cr_assert(fin_conn_handler(conn) == &door->handler);
  for (size_t i = 0; i < door->handler.state_size; i++) cr_assert_eq(state[i], 0);
  if (door->handler.state_size) memset(fin_conn_state(conn), 0xff, door->handler.state_size);
  cr_assert_eq(fin_conn_write(conn, door->greeting, strlen(door->greeting)), 0);
  door->open++;
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct door *door = fin_conn_context(conn);
  (void)report;
  const unsigned char *state = fin_conn_state(conn);
  for (size_t i = 0; i < door->handler.state_size; i++) cr_assert_eq(state[i], 0xff);
  door->open--;
}

static void open_door(struct net *net, struct door *door, unsigned number) {
  snprintf(door->greeting, sizeof door->greeting, "door %u", number);
  door->handler = (fin_handler){
      .state_size = number * 1000, .on_open = on_open, .on_data = on_data, .on_close = on_close};
  fin_listen listen = {.host = "127.0.0.1",
                       .handler = &door->handler,
                       .context = door,
                       .conn = {.idle_ms = number == 1 ? 200 : FIN_NEVER}};
  cr_assert_eq(fin_server_listen(net->server, &listen), 0);
  door->port = fin_server_port(net->server);
  door->open = 0;
}

static int enter(struct net *net, const struct door *door) {
  int peer = dial(door->port);
  net_expect(net, peer, door->greeting, strlen(door->greeting));
  return peer;
}

static void begin(struct net *net) {
  static const fin_handler none = {.on_data = on_data};
  net_begin(net, &(fin_listen){.handler = &none});
}

Test(several_listeners, each_has_its_own_handler_and_limits) {
  struct net net;
  struct door doors[LISTENERS];
  int peers[LISTENERS][2], ending;
  begin(&net);
  for (unsigned i = 0; i < LISTENERS; i++) open_door(&net, &doors[i], i);
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < LISTENERS; i++) peers[i][round] = enter(&net, &doors[i]);
  cr_assert_eq(stats_of(&net).connections, 2 * LISTENERS);
  for (int round = 0; round < 2; round++) { /* only the second door's idle time is ever up */
    cr_assert_eq(net_receive_all(&net, peers[1][round], NULL, 1, &ending), 0);
    cr_assert_eq(ending, 0);
    net_close(&net, peers[1][round]);
  }
  net_until(&net, doors[1].open == 0);
  cr_assert_eq(doors[0].open, 2);
  cr_assert_eq(doors[2].open, 2);
  for (int round = 0; round < 2; round++) {
    net_close(&net, peers[0][round]);
    net_close(&net, peers[2][round]);
  }
  net_until(&net, doors[0].open + doors[2].open == 0);
  net_end(&net);
}

Test(several_listeners, added_while_serving) {
  struct net net;
  struct door doors[LISTENERS];
  int peers[LISTENERS];
  begin(&net);
  for (unsigned i = 0; i < LISTENERS; i++) {
    open_door(&net, &doors[i], i == 1 ? 7 : i);
    peers[i] = enter(&net, &doors[i]);
  }
  for (int i = 0; i < LISTENERS; i++) net_close(&net, peers[i]);
  net_until(&net, stats_of(&net).connections == 0);
  net_end(&net);
}

/* ---- numbers ---- */

struct ids {
  uint64_t last;
  unsigned given;
};

static void note_id(fin_conn *conn) {
  struct ids *ids = fin_conn_context(conn);
  cr_assert_eq(fin_conn_id(conn), ids->last + 1);
  ids->last = fin_conn_id(conn);
  ids->given++;
}

static void compare_id(fin_conn *conn, const fin_report *report) {
  uint64_t *own = fin_conn_state(conn);
  (void)report;
  cr_assert_eq(*own, fin_conn_id(conn));
}

static void note_and_keep(fin_conn *conn) {
  uint64_t *own = fin_conn_state(conn);
  note_id(conn);
  *own = fin_conn_id(conn);
}

Test(several_listeners, ids_count_from_1_and_are_never_reused) {
  static const fin_handler numbered = {.state_size = sizeof(uint64_t),
                                       .on_open = note_and_keep,
                                       .on_data = on_data,
                                       .on_close = compare_id};
  struct net net;
  struct ids ids = {.last = 0};
  net_begin(&net, &(fin_listen){.handler = &numbered, .context = &ids});
  fin_listen second = {.host = "127.0.0.1", .handler = &net.handler, .context = &ids};
  cr_assert_eq(fin_server_listen(net.server, &second), 0);
  uint16_t ports[] = {net.port, fin_server_port(net.server)};
  for (int i = 0; i < 100; i++) {
    net.port = ports[i % 2];
    int stays = net_connect(&net), goes = net_connect(&net);
    net_close(&net, goes);
    net_until(&net, net.closed == 2 * (unsigned)i + 1);
    net_close(&net, stays);
    net_until(&net, net.closed == 2 * (unsigned)i + 2);
  }
  cr_assert_eq(ids.last, 200);
  net_end(&net);
}
