/* SPDX-License-Identifier: MIT
 *
 * A server finishes: who waits is accepted, everybody is told once, whoever does not go is aborted
 * when the time is up, and on_drained is called once, at the end.
 */
#include "more.h"

enum { CLIENTS = 5 };

struct scene {
  struct net net;
  unsigned greeted, told, drained;
  void (*do_on_drain)(fin_conn *conn);
};

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

static void on_open(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  scene->greeted++;
  cr_assert_eq(fin_conn_write(conn, "hello", 5), 0);
}

static void on_drain(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  scene->told++;
  if (scene->do_on_drain) scene->do_on_drain(conn);
}

static const fin_handler polite = {.on_open = on_open, .on_data = on_data};
static const fin_handler told = {.on_open = on_open, .on_data = on_data, .on_drain = on_drain};

static void on_drained(fin_server *server, void *context) {
  struct scene *scene = context;
  fin_server_stats stats;
  fin_server_stats_read(server, &stats);
  cr_assert_eq(stats.connections, 0);
  cr_assert_eq(stats.accepted, scene->net.closed, "on_close of each comes before on_drained");
  scene->drained++;
}

static void begin(struct scene *scene, const fin_handler *handler, uint32_t drain_ms) {
  fin_server_options options = {.drain_ms = drain_ms, .on_drained = on_drained, .context = scene};
  net_begin_with(&scene->net, &options,
                 &(fin_listen){.handler = handler,
                               .context = scene,
                               .conn = {.linger_grace_ms = 5000, .output_high = 100}});
}

static void connect_all(struct scene *scene, int clients[CLIENTS]) {
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = net_connect(&scene->net);
    net_expect(&scene->net, clients[i], "hello", 5);
  }
}

static void expect_ends(struct scene *scene, int clients[CLIENTS], size_t output, int expected) {
  for (int i = 0; i < CLIENTS; i++) {
    int ending;
    cr_assert_eq(net_receive_all(&scene->net, clients[i], NULL, 100, &ending), output);
    cr_assert_eq(ending, expected, "%d", ending);
    net_close(&scene->net, clients[i]);
  }
}

static void end(struct scene *scene, fin_reason reason) {
  net_until(&scene->net, scene->net.drained);
  for (unsigned i = 0; i < scene->net.closed; i++)
    cr_assert_eq(scene->net.reports[i].reason, reason, "%s",
                 fin_reason_name(scene->net.reports[i].reason));
  net_end(&scene->net);
  cr_assert_eq(scene->drained, 1);
}

Test(drain, closes_politely_by_default) {
  struct scene scene = {.told = 0};
  int clients[CLIENTS];
  begin(&scene, &polite, 0);
  connect_all(&scene, clients);
  fin_conn_write(scene.net.conn, "to be sent first", 16);
  fin_server_drain(scene.net.server);
  net_expect(&scene.net, clients[CLIENTS - 1], "to be sent first", 16);
  expect_ends(&scene, clients, 0, 0);
  end(&scene, FIN_REASON_DRAINED);
}

Test(drain, everybody_is_told_once) {
  struct scene scene = {.told = 0};
  int clients[CLIENTS];
  begin(&scene, &told, 0);
  connect_all(&scene, clients);
  for (int i = 0; i < 3; i++) {
    fin_server_drain(scene.net.server);
    cr_assert_eq(scene.told, i ? CLIENTS : 0, "not before fin_server_drain returns");
    net_until(&scene.net, scene.told == CLIENTS);
  }
  turn_for(&scene.net, 20);
  cr_assert_eq(scene.told, CLIENTS);
  cr_assert_eq(scene.drained, 0);
  cr_assert_eq(fin_conn_write(scene.net.conn, "still here", 10), 0);
  net_expect(&scene.net, clients[CLIENTS - 1], "still here", 10);
  cr_assert_eq(scene.told, CLIENTS);
  for (int i = 0; i < CLIENTS; i++) { /* they are served as before */
    net_send(&scene.net, clients[i], "echo", 4);
    net_expect(&scene.net, clients[i], "echo", 4);
    net_close(&scene.net, clients[i]);
  }
  end(&scene, FIN_REASON_PEER_ENDED);
}

Test(drain, who_waits_in_the_backlog_is_accepted_first) {
  struct scene scene = {.told = 0};
  int clients[CLIENTS];
  begin(&scene, &polite, 0);
  for (int i = 0; i < CLIENTS; i++) clients[i] = dial(scene.net.port);
  fin_server_drain(scene.net.server);
  cr_assert_eq(scene.greeted, 0);
  expect_ends(&scene, clients, 5, 0);
  cr_assert(refused(scene.net.port));
  cr_assert_eq(scene.greeted, CLIENTS);
  end(&scene, FIN_REASON_DRAINED);
}

Test(drain, more_wait_than_are_accepted_in_a_turn) {
  enum { MANY = 300 };
  struct scene scene = {.told = 0};
  int clients[MANY], ending;
  begin(&scene, &polite, 0);
  for (int i = 0; i < MANY; i++) clients[i] = dial(scene.net.port);
  fin_server_drain(scene.net.server);
  for (int i = 0; i < MANY; i++) {
    cr_assert_eq(net_receive_all(&scene.net, clients[i], NULL, 10, &ending), 5);
    cr_assert_eq(ending, 0);
    net_close(&scene.net, clients[i]);
  }
  end(&scene, FIN_REASON_DRAINED);
}

Test(drain, aborts_who_is_left_when_the_time_is_up) {
  enum { DRAIN_MS = 300 };
  struct scene scene = {.told = 0};
  int clients[CLIENTS];
  begin(&scene, &told, DRAIN_MS);
  connect_all(&scene, clients);
  uint64_t begun = net_now_ms();
  fin_server_drain(scene.net.server);
  net_until(&scene.net, scene.net.drained);
  uint64_t took_ms = net_now_ms() - begun;
  cr_assert(took_ms >= DRAIN_MS && took_ms < DRAIN_MS + 1000, "%d ms", (int)took_ms);
  expect_ends(&scene, clients, 0, ECONNRESET);
  end(&scene, FIN_REASON_DRAIN_TIMEOUT);
}

/* Paused, held back by a peer that does not read, half-closed, lingering: all of them end in time.
 */
Test(drain, ends_connections_in_every_state) {
  struct scene scene = {.told = 0};
  int clients[CLIENTS];
  begin(&scene, &told, 300);
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = net_connect(&scene.net);
    fin_conn *conn = scene.net.conn;
    if (i == 0) fin_conn_pause(conn);
    if (i == 1) cr_assert_eq(fin_conn_write(conn, net_pattern(9000000), 9000000), 0);
    if (i == 2) fin_conn_end(conn);
    if (i == 3) fin_conn_close(conn, FIN_REASON_CLOSED);
  }
  net_turn(&scene.net, 1);
  fin_server_drain(scene.net.server);
  net_until(&scene.net, scene.net.drained);
  cr_assert_eq(scene.net.closed, CLIENTS);
  cr_assert_eq(scene.told, CLIENTS - 1, "who had closed is not told");
  for (int i = 0; i < CLIENTS; i++) net_close(&scene.net, clients[i]);
  end(&scene, FIN_REASON_DRAIN_TIMEOUT);
}

Test(drain, without_connections) {
  struct scene scene = {.told = 0};
  begin(&scene, &polite, 0);
  fin_server_drain(scene.net.server);
  cr_assert_eq(scene.drained, 0, "not before fin_server_drain returns");
  end(&scene, FIN_REASON_DRAINED);
}

Test(drain, closes_every_listener_and_opens_no_other) {
  struct scene scene = {.told = 0};
  begin(&scene, &told, 0);
  fin_listen more = {.host = "127.0.0.1", .handler = &polite};
  cr_assert_eq(fin_server_listen(scene.net.server, &more), 0);
  uint16_t second = fin_server_port(scene.net.server);
  int peer = net_connect(&scene.net);
  net_expect(&scene.net, peer, "hello", 5);
  fin_server_drain(scene.net.server);
  cr_assert_eq(fin_server_listen(scene.net.server, &more), -ECANCELED);
  net_until(&scene.net, scene.told == 1);
  cr_assert_eq(fin_server_listen(scene.net.server, &more), -ECANCELED);
  cr_assert_eq(fin_server_port(scene.net.server), second);
  cr_assert(refused(scene.net.port) && refused(second));
  net_close(&scene.net, peer);
  net_until(&scene.net, scene.net.drained);
  cr_assert_eq(fin_server_listen(scene.net.server, &more), -ECANCELED);
  end(&scene, FIN_REASON_PEER_ENDED);
}

/* ---- without patience ---- */

Test(drain, abort_aborts) {
  struct scene scene = {.told = 0};
  int clients[CLIENTS];
  begin(&scene, &told, 0);
  connect_all(&scene, clients);
  fin_server_abort(scene.net.server);
  fin_server_abort(scene.net.server);
  expect_ends(&scene, clients, 0, ECONNRESET);
  cr_assert_eq(scene.told, 0);
  end(&scene, FIN_REASON_DRAIN_TIMEOUT);
}

Test(drain, abort_after_drain) {
  struct scene scene = {.told = 0};
  int clients[CLIENTS];
  begin(&scene, &told, 0);
  connect_all(&scene, clients);
  fin_server_drain(scene.net.server);
  net_until(&scene.net, scene.told == CLIENTS);
  fin_server_abort(scene.net.server);
  expect_ends(&scene, clients, 0, ECONNRESET);
  end(&scene, FIN_REASON_DRAIN_TIMEOUT);
}

static void abort_server(fin_conn *conn) { fin_server_abort(fin_conn_server(conn)); }

Test(drain, abort_within_on_drain) {
  struct scene scene = {.do_on_drain = abort_server};
  int clients[CLIENTS];
  begin(&scene, &told, 0);
  connect_all(&scene, clients);
  fin_server_drain(scene.net.server);
  expect_ends(&scene, clients, 0, ECONNRESET);
  cr_assert_eq(scene.told, 1, "%u were told", scene.told);
  end(&scene, FIN_REASON_DRAIN_TIMEOUT);
}

static void drain_server(fin_conn *conn) { fin_server_drain(fin_conn_server(conn)); }

Test(drain, drain_within_on_open_and_on_drain) {
  static const fin_handler handler = {
      .on_open = drain_server, .on_data = on_data, .on_drain = on_drain};
  struct scene scene = {.do_on_drain = drain_server};
  begin(&scene, &handler, 0);
  int peer = net_connect(&scene.net);
  net_until(&scene.net, scene.told == 1);
  net_close(&scene.net, peer);
  end(&scene, FIN_REASON_PEER_ENDED);
}

static void drain_on_close(fin_conn *conn, const fin_report *report) {
  (void)report;
  drain_server(conn);
}

Test(drain, drain_within_the_last_on_close) {
  static const fin_handler handler = {.on_data = on_data, .on_close = drain_on_close};
  struct scene scene = {.told = 0};
  begin(&scene, &handler, 0);
  net_close(&scene.net, net_connect(&scene.net));
  end(&scene, FIN_REASON_PEER_ENDED);
}
