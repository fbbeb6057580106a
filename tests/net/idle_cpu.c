/* SPDX-License-Identifier: MIT
 *
 * After a load a server sleeps: with nobody there, and with connections that wait in whatever
 * state, no processor time is used and nothing wakes the loop.
 */
#include "more.h"

enum { CLIENTS = 60, LOOK_MS = 1000, WAKEUPS_MAX = 8, CPU_MAX_MS = 30 };

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler handler = {.on_data = echo, .on_end = stay};

static void on_over(uv_timer_t *timer) { uv_stop(timer->loop); }
static void on_turn(uv_check_t *check) { ++*(unsigned *)check->data; }

/* Lets the loop run as it likes, and counts how often it wakes. */
static void expect_sleep(struct net *net) {
  unsigned wakeups = 0;
  uv_timer_t over;
  uv_check_t turns;
  turn_for(net, 100); /* what is under way, delayed acknowledgements among it */
  uv_timer_stop(&net->wake);
  uv_timer_init(&net->loop, &over);
  uv_check_init(&net->loop, &turns);
  turns.data = &wakeups;
  uv_update_time(&net->loop);
  uv_timer_start(&over, on_over, LOOK_MS, 0);
  uv_check_start(&turns, on_turn);
  unsigned used = cpu_ms();
  uv_run(&net->loop, UV_RUN_DEFAULT);
  used = cpu_ms() - used;
  uv_close((uv_handle_t *)&over, NULL);
  uv_close((uv_handle_t *)&turns, NULL);
  uv_run(&net->loop, UV_RUN_NOWAIT);
  cr_assert(wakeups <= WAKEUPS_MAX, "%u wakeups in %d ms", wakeups, LOOK_MS);
  cr_assert(used <= CPU_MAX_MS, "%u ms of processor time in %d ms", used, LOOK_MS);
}

/* Everybody sends and receives something. */
static void begin(struct net *net, int clients[CLIENTS], fin_conn *conns[CLIENTS]) {
  net_begin(net, &(fin_listen){.handler = &handler});
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = net_connect(net);
    conns[i] = net->conn;
    for (int message = 0; message < 20; message++) {
      net_send(net, clients[i], net_pattern(1000), 1000);
      net_expect(net, clients[i], net_pattern(1000), 1000);
    }
  }
}

/* In the state that `prepare` brings each connection to. */
static void sleeps_with(void (*prepare)(struct net *net, int client, fin_conn *conn)) {
  struct net net;
  int clients[CLIENTS];
  fin_conn *conns[CLIENTS];
  begin(&net, clients, conns);
  for (int i = 0; i < CLIENTS; i++) prepare(&net, clients[i], conns[i]);
  expect_sleep(&net);
  cr_assert_eq(net.closed, 0);
  fin_server_abort(net.server);
  for (int i = 0; i < CLIENTS; i++) net_close(&net, clients[i]);
  net_end(&net);
}

static void silent(struct net *net, int client, fin_conn *conn) {
  (void)net, (void)client, (void)conn;
}

static void paused(struct net *net, int client, fin_conn *conn) {
  fin_conn_pause(conn);
  net_send(net, client, "unread", 6);
}

static void paused_before_the_peers_fin(struct net *net, int client, fin_conn *conn) {
  paused(net, client, conn);
  net_fin(client);
}

static void half_closed_by_the_peer(struct net *net, int client, fin_conn *conn) {
  (void)net, (void)conn;
  net_fin(client);
}

static void half_closed_by_us(struct net *net, int client, fin_conn *conn) {
  (void)net, (void)client;
  fin_conn_end(conn);
}

static void not_read_by_the_peer(struct net *net, int client, fin_conn *conn) {
  (void)client;
  while (fin_conn_output_len(conn) == 0) {
    cr_assert_eq(fin_conn_write(conn, net_pattern(1000000), 1000000), 0);
    net_turn(net, 0);
  }
}

Test(idle_cpu, silent) { sleeps_with(silent); }
Test(idle_cpu, paused) { sleeps_with(paused); }
Test(idle_cpu, paused_before_the_peers_fin) { sleeps_with(paused_before_the_peers_fin); }
Test(idle_cpu, half_closed_by_the_peer) { sleeps_with(half_closed_by_the_peer); }
Test(idle_cpu, half_closed_by_us) { sleeps_with(half_closed_by_us); }
Test(idle_cpu, not_read_by_the_peer) { sleeps_with(not_read_by_the_peer); }

Test(idle_cpu, nobody_has_come) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler});
  expect_sleep(&net);
  net_end(&net);
}

Test(idle_cpu, all_have_left) {
  struct net net;
  int clients[CLIENTS];
  fin_conn *conns[CLIENTS];
  begin(&net, clients, conns);
  for (int i = 0; i < CLIENTS; i++) {
    switch (i % 5) {
      case 0:
        fin_conn_end(conns[i]);
        break;
      case 1:
        fin_conn_close(conns[i], FIN_REASON_CLOSED);
        break;
      case 2:
        fin_conn_abort(conns[i]);
        break;
      case 3:
        fin_conn_pause(conns[i]);
        break;
      default:
        break;
    }
    if (i % 2)
      net_reset(&net, clients[i]);
    else
      net_close(&net, clients[i]);
  }
  for (int i = 0; i < CLIENTS; i++) /* who stays when the peer has ended is told to go */
    if (i % 2 == 0 && i % 5 >= 3) fin_conn_close(conns[i], FIN_REASON_CLOSED);
  net_until(&net, net.closed == CLIENTS);
  expect_sleep(&net);
  net_end(&net);
}
