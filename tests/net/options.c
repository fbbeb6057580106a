/* SPDX-License-Identifier: MIT
 *
 * What a server or a listener is asked for in vain: the error says why, nothing is left open, and
 * what listened before goes on. And the limits of what may be asked for.
 */
#include <netdb.h>

#include "more.h"

enum { DAYS_24 = 24 * 24 * 3600 * 1000 };

static size_t swallow(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

static const fin_handler handler = {.on_data = swallow};
static const fin_handler without_on_data = {.state_size = 1};

static void begin(struct net *net) { net_begin(net, &(fin_listen){.handler = &handler}); }

/* Listens on any port of 127.0.0.1 unless `listen` says else. */
static int listen_with(struct net *net, fin_listen listen) {
  uint16_t before = fin_server_port(net->server);
  if (!listen.host) listen.host = "127.0.0.1";
  int error = fin_server_listen(net->server, &listen);
  cr_assert((fin_server_port(net->server) == before) == (error != 0));
  return error;
}

Test(options, zero_is_the_default) {
  struct net net;
  begin(&net);
  cr_assert_eq(listen_with(&net, (fin_listen){.handler = &handler}), 0);
  net_end(&net);
}

Test(options, no_handler) {
  struct net net;
  begin(&net);
  cr_assert_eq(listen_with(&net, (fin_listen){.handler = NULL}), -EINVAL);
  cr_assert_eq(listen_with(&net, (fin_listen){.handler = &without_on_data}), -EINVAL);
  cr_assert_eq(listen_with(&net, (fin_listen){.handler = &handler, .backlog = -1}), -EINVAL);
  net_end(&net);
}

/* ---- times ---- */

static const size_t times[] = {
    offsetof(fin_conn_options, open_ms),
    offsetof(fin_conn_options, idle_ms),
    offsetof(fin_conn_options, half_ms),
    offsetof(fin_conn_options, stall_ms),
    offsetof(fin_conn_options, linger_ms),
    offsetof(fin_conn_options, linger_grace_ms),
    offsetof(fin_conn_options, dead_peer_after_ms),
};

static int listen_with_time(struct net *net, size_t offset, uint32_t ms) {
  fin_listen listen = {.handler = &handler};
  memcpy((char *)&listen.conn + offset, &ms, sizeof ms);
  return listen_with(net, listen);
}

Test(options, times_are_at_most_24_days) {
  struct net net;
  begin(&net);
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    bool is_idle = times[i] == offsetof(fin_conn_options, idle_ms);
    cr_assert_eq(listen_with_time(&net, times[i], 1), 0);
    cr_assert_eq(listen_with_time(&net, times[i], DAYS_24), 0, "field %zu", i);
    cr_assert_eq(listen_with_time(&net, times[i], (uint32_t)DAYS_24 + 1), -EINVAL, "field %zu", i);
    cr_assert_eq(listen_with_time(&net, times[i], FIN_NEVER - 1), -EINVAL, "field %zu", i);
    cr_assert_eq(listen_with_time(&net, times[i], FIN_NEVER), is_idle ? 0 : -EINVAL, "field %zu",
                 i);
  }
  net_end(&net);
}

static void expect_no_server(uint32_t drain_ms) {
  errno = 0;
  cr_assert_null(fin_server_new(&(fin_server_options){.drain_ms = drain_ms}));
  cr_assert_eq(errno, EINVAL);
}

Test(options, drain_ms_is_at_most_24_days) {
  expect_no_server((uint32_t)DAYS_24 + 1);
  expect_no_server(FIN_NEVER);
  fin_server *server = fin_server_new(&(fin_server_options){.drain_ms = DAYS_24});
  cr_assert_not_null(server);
  fin_server_free(server);
}

/* ---- sizes ---- */

static int listen_with_sizes(struct net *net, size_t low, size_t high, size_t max) {
  return listen_with(
      net, (fin_listen){.handler = &handler,
                        .conn = {.output_low = low, .output_high = high, .output_max = max}});
}

Test(options, output_low_high_and_max_are_in_order) {
  struct net net;
  begin(&net);
  cr_assert_eq(listen_with_sizes(&net, 10, 10, 10), 0);
  cr_assert_eq(listen_with_sizes(&net, 0, 1, 1), 0);
  cr_assert_eq(listen_with_sizes(&net, 1, SIZE_MAX, SIZE_MAX), 0);
  cr_assert_eq(listen_with_sizes(&net, 11, 10, 12), -EINVAL);
  cr_assert_eq(listen_with_sizes(&net, 10, 12, 11), -EINVAL);
  net_end(&net);
}

/* ---- addresses ---- */

Test(options, a_host_that_is_not_here) {
  struct net net;
  begin(&net);
  /* TEST-NET-1 (RFC 5737); a label too long for any name; nothing */
  static const char label[] =
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid";
  static const char *const hosts[] = {"192.0.2.1", label, "", "127.0.0.1:80", "::1%nowhere"};
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
    cr_assert_eq(listen_with(&net, (fin_listen){.host = hosts[i], .handler = &handler}),
                 -EADDRNOTAVAIL, "%s", hosts[i]);
  net_end(&net);
}

/* A bare system has no /etc/hosts; then not even this name is known. */
Test(options, a_name_as_far_as_the_system_knows_it) {
  struct net net;
  struct addrinfo *found = NULL;
  bool known = getaddrinfo("localhost", NULL, NULL, &found) == 0;
  if (known) freeaddrinfo(found);
  begin(&net);
  cr_assert_eq(listen_with(&net, (fin_listen){.host = "localhost", .handler = &handler}),
               known ? 0 : -EADDRNOTAVAIL);
  net_end(&net);
}

Test(options, a_port_in_use) {
  struct net net;
  begin(&net);
  cr_assert_eq(listen_with(&net, (fin_listen){.port = net.port, .handler = &handler}), -EADDRINUSE);
  fin_server *other = fin_server_new(NULL);
  fin_listen same = {.host = "127.0.0.1", .port = net.port, .handler = &handler};
  cr_assert_eq(fin_server_listen(other, &same), -EADDRINUSE);
  cr_assert_eq(fin_server_port(other), 0);
  fin_server_free(other);
  net_close(&net, net_connect(&net)); /* who was there first is still there */
  net_until(&net, net.closed == 1);
  net_end(&net);
}

/* A server that comes back: its old connections are still in TIME_WAIT. */
Test(options, a_port_that_was_in_use) {
  struct net net;
  begin(&net);
  int peer = net_connect(&net);
  uint16_t port = net.port;
  fin_server_drain(net.server);
  int ending;
  net_receive_all(&net, peer, NULL, 1, &ending);
  net_close(&net, peer);
  net_end(&net);
  net_begin(&net, &(fin_listen){.port = port, .handler = &handler});
  cr_assert_eq(net.port, port);
  net_end(&net);
}

Test(options, fin_server_port_is_0_before_there_is_one) {
  fin_server *server = fin_server_new(NULL);
  cr_assert_eq(fin_server_port(server), 0);
  fin_server_free(server);
}
