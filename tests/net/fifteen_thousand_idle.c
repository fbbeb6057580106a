/* SPDX-License-Identifier: MIT
 *
 * 15,000 connections that say nothing: while they are there the server sleeps, and each of them
 * ends politely when its own idle time is up. The clients are a process of their own, because a
 * process may have at most 20,000 descriptors, and have several addresses, because an address has
 * 28,000 ports.
 */
#include <poll.h>
#include <sys/resource.h>

#include "more.h"

enum { CONNECTIONS = 15 * 1000, PER_ADDRESS = 5000, IDLE_MS = 6000, LATE_MAX_MS = 1500 };

/* ---- the clients ---- */

static int dial_from(unsigned address, uint16_t port) {
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  struct sockaddr_in from = {.sin_family = AF_INET};
  from.sin_addr.s_addr = htonl(address);
  if (client < 0 || setsockopt(client, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) ||
      bind(client, (struct sockaddr *)&from, sizeof from) || dial_with(client, port) < 0)
    _exit(10);
  return client;
}

/* Waits for the end of each; 1 if one ended otherwise than by FIN. */
static int await_ends(struct pollfd *clients, size_t count) {
  size_t open = count;
  while (open > 0) {
    if (poll(clients, count, -1) < 0) return 11;
    for (size_t i = 0; i < count; i++) {
      char byte;
      if (clients[i].fd < 0 || clients[i].revents == 0) continue;
      if (recv(clients[i].fd, &byte, 1, 0) != 0) return 1;
      clients[i].fd = ~clients[i].fd; /* which poll ignores */
      open--;
    }
  }
  return 0;
}

/* So that no TIME_WAIT stays, through which other tests' census would wade. */
static void close_with_reset(int client) {
  struct linger now = {.l_onoff = 1};
  if (setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now)) _exit(13);
  close(client);
}

static void be_clients(uint16_t port) {
  static struct pollfd clients[CONNECTIONS];
  for (unsigned i = 0; i < CONNECTIONS; i++) {
    clients[i].fd = dial_from(INADDR_LOOPBACK + 1 + i / PER_ADDRESS, port);
    clients[i].events = POLLIN;
  }
  int result = await_ends(clients, CONNECTIONS);
  poll(NULL, 0, 100); /* the last of the server's FINs are acknowledged by then */
  for (unsigned i = 0; i < CONNECTIONS && result == 0; i++) close_with_reset(~clients[i].fd);
  _exit(result);
}

/* ---- the server ---- */

struct scene {
  struct net net;
  unsigned opened, closed, peak;
  unsigned polite; /* ended for the right reason at the right time */
};

static void on_open(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  scene->opened++;
  if (scene->opened - scene->closed > scene->peak) scene->peak = scene->opened - scene->closed;
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct scene *scene = fin_conn_context(conn);
  unsigned open_ms = 0;
  for (unsigned state = 0; state < fin_state_count(); state++)
    if (strcmp(fin_state_name(state), "OPEN") == 0) open_ms = report->state_ms[state];
  scene->closed++;
  scene->polite +=
      report->reason == FIN_REASON_IDLE && open_ms >= IDLE_MS && open_ms < IDLE_MS + LATE_MAX_MS;
}

static const fin_handler handler = {.on_open = on_open, .on_data = on_data, .on_close = on_close};

static void raise_limit(void) {
  struct rlimit limit;
  cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < CONNECTIONS + 200)
    cr_skip_test("needs %d descriptors, and %zu are allowed", CONNECTIONS + 200,
                 (size_t)limit.rlim_max);
}

Test(fifteen_thousand_idle, all_end_by_their_own_idle_time) {
  struct scene scene = {.opened = 0};
  struct net *net = &scene.net;
  uint16_t port;
  int ports[2];
  raise_limit();
  cr_assert_eq(pipe2(ports, O_CLOEXEC), 0);
  struct child clients = child_new();
  if (clients.pid == 0) {
    if (read(ports[0], &port, sizeof port) != sizeof port) _exit(12);
    be_clients(port);
  }

  net_begin(net, &(fin_listen){.handler = &handler, .context = &scene});
  /* net's own records of every connection would take longer than the connections */
  fin_listen listen = {.host = "127.0.0.1",
                       .handler = &handler,
                       .context = &scene,
                       .conn = {.idle_ms = IDLE_MS},
                       .accept_budget = 256};
  cr_assert_eq(fin_server_listen(net->server, &listen), 0);
  port = fin_server_port(net->server);
  uint64_t begun = net_now_ms();
  cr_assert_eq(write(ports[1], &port, sizeof port), sizeof port);

  net_until(net, scene.opened == CONNECTIONS);
  cr_assert_eq(scene.peak, CONNECTIONS, "opening took %d ms", (int)(net_now_ms() - begun));
  unsigned used = cpu_ms();
  turn_for(net, 500);
  used = cpu_ms() - used;
  cr_assert(used < 100, "%u ms of processor time in 500 ms", used);

  net_until(net, scene.closed == CONNECTIONS);
  cr_assert_eq(scene.polite, CONNECTIONS, "%u of %d", scene.polite, CONNECTIONS);
  cr_assert_eq(child_end(&clients), 0);
  close(ports[0]);
  close(ports[1]);
  net->baseline.descriptors -= 3;
  net_end(net);
}
