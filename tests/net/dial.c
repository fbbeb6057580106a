/* SPDX-License-Identifier: MIT
 *
 * Connections that the server opens itself: they are connections like any other, and where none can
 * be made the handler learns why.
 */
#include <netinet/tcp.h>

#include "dialling.h"

static const fin_listen listens = {.handler = &echo_handler};

/* ---- it opens ---- */

static void say_hello(fin_conn *conn) { cr_assert_eq(fin_conn_write(conn, "hello", 5), 0); }

static void talks_with(const char *listen_host, const char *host) {
  struct net net;
  struct caller caller = {.greet = say_hello};
  net_begin(&net, &(fin_listen){.host = listen_host, .handler = &echo_handler});
  caller_dial(&caller, &net, host, net.port, 0);
  net_until(&net, caller_heard(&caller, "hello"));
  cr_assert_eq(caller.opened, 1);
  fin_conn_close(caller.conn, FIN_REASON_CLOSED);
  net_until(&net, caller.closed == 1 && net.closed == 1);
  caller_reason(&caller, CLOSED, 0);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(caller.report.bytes_in, 5);
  cr_assert_eq(caller.report.bytes_acked, 5);
  fin_server_stats stats = stats_of(&net);
  cr_assert_eq(stats.dialled, 1);
  cr_assert_eq(stats.accepted, 1);
  cr_assert_eq(stats.connections, 0);
  net_end(&net);
}

Test(dial, an_address) { talks_with("127.0.0.1", "127.0.0.1"); }
Test(dial, a_name) { talks_with("127.0.0.1", "localhost"); }

Test(dial, an_address_of_ipv6) {
  struct net net;
  net_begin(&net, &listens);
  int error = fin_server_listen(net.server, &(fin_listen){.host = "::1", .handler = &echo_handler});
  net_end(&net);
  if (error) cr_skip_test("no IPv6 here: %s", fin_strerror(error));
  talks_with("::1", "::1");
}

Test(dial, addresses_are_known_once_it_is_open) {
  struct net net;
  struct caller caller = {.opened = 0};
  char text[FIN_ADDRESS_MAX], expected[FIN_ADDRESS_MAX];
  net_begin(&net, &listens);
  caller_dial(&caller, &net, "127.0.0.1", net.port, 0);
  cr_assert_eq(fin_conn_peer_address(caller.conn, text, sizeof text), -ENOTCONN);
  cr_assert_eq(fin_conn_own_address(caller.conn, text, sizeof text), -ENOTCONN);
  net_until(&net, caller.opened == 1 && net.opened == 1);
  cr_assert_eq(fin_conn_peer_address(caller.conn, text, sizeof text), 0);
  snprintf(expected, sizeof expected, "127.0.0.1:%u", net.port);
  cr_assert_str_eq(text, expected);
  cr_assert_eq(fin_conn_own_address(caller.conn, text, sizeof text), 0);
  cr_assert_eq(fin_conn_peer_address(net.conn, expected, sizeof expected), 0);
  cr_assert_str_eq(text, expected);
  fin_conn_abort(caller.conn);
  net_end(&net);
}

/* The loop knows the time of its last turn only. */
Test(dial, time_begins_with_the_call) {
  enum { BUSY_MS = 600, OPEN_MS = 500 };
  struct net net;
  struct caller caller = {.opened = 0};
  net_begin(&net, &listens);
  usleep(BUSY_MS * 1000);
  caller_dial(&caller, &net, "127.0.0.1", net.port, OPEN_MS);
  net_until(&net, caller.opened + caller.closed == 1);
  cr_assert_eq(caller.opened, 1);
  fin_conn_abort(caller.conn);
  net_end(&net);
}

/* ---- it is like any other ---- */

static int option(int fd, int level, int name) {
  int value = -1;
  socklen_t len = sizeof value;
  cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
  return value;
}

Test(dial, options_are_those_of_accepted_sockets) {
  static const int options[][2] = {{SOL_SOCKET, SO_KEEPALIVE},      {IPPROTO_TCP, TCP_KEEPIDLE},
                                   {IPPROTO_TCP, TCP_KEEPINTVL},    {IPPROTO_TCP, TCP_KEEPCNT},
                                   {IPPROTO_TCP, TCP_USER_TIMEOUT}, {IPPROTO_TCP, TCP_NODELAY}};
  struct net net;
  struct caller caller = {.opened = 0};
  net_begin(&net, &listens);
  caller_dial(&caller, &net, "127.0.0.1", net.port, 0);
  net_until(&net, caller.opened == 1 && net.opened == 1);
  int dialled = net_fd(caller.conn), accepted = net_fd(net.conn);
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    int value = option(dialled, options[i][0], options[i][1]);
    cr_assert(value > 0 && value == option(accepted, options[i][0], options[i][1]));
  }
  cr_assert(fcntl(dialled, F_GETFD) & FD_CLOEXEC);
  fin_conn_abort(caller.conn);
  net_end(&net);
}

/* ---- it does not ---- */

static void is_not_opened(const char *host, uint16_t port, int error) {
  struct net net;
  struct caller caller = {.opened = 0};
  net_begin(&net, &listens);
  caller_dial(&caller, &net, host, port, 0);
  net_until(&net, caller.closed == 1);
  caller_reason(&caller, NOT_OPENED, error);
  cr_assert_eq(caller.opened, 0);
  cr_assert_eq(stats_of(&net).closed[FIN_REASON_NOT_OPENED], 1);
  net_end(&net);
}

Test(dial, refused) { is_not_opened("127.0.0.1", port_of_nobody(), ECONNREFUSED); }
Test(dial, no_host_has_this_address) { is_not_opened("255.255.255.255", 80, ENETUNREACH); }

/* A label has 63 bytes at most (RFC 1035, 2.3.4): no name server is asked. */
#define BYTES_32 "abcdefghijklmnopqrstuvwxyzabcdef"
Test(dial, not_a_name) { is_not_opened(BYTES_32 BYTES_32 ".example", 80, EADDRNOTAVAIL); }
Test(dial, not_even_text) { is_not_opened("\xff\xfe", 80, EADDRNOTAVAIL); }

static void is_refused(struct net *net, const fin_dial *dial, int error) {
  errno = 0;
  cr_assert_null(fin_server_dial(net->server, dial));
  cr_assert_eq(errno, error, "%s", strerror(errno));
}

Test(dial, contract_broken) {
  struct net net;
  static const fin_handler deaf = {.on_close = caller_on_close};
  net_begin(&net, &listens);
  is_refused(&net, &(fin_dial){.port = 80, .handler = &caller_handler}, EINVAL);
  is_refused(&net, &(fin_dial){.host = "", .port = 80, .handler = &caller_handler}, EINVAL);
  is_refused(&net, &(fin_dial){.host = "127.0.0.1", .handler = &caller_handler}, EINVAL);
  is_refused(&net, &(fin_dial){.host = "127.0.0.1", .port = 80}, EINVAL);
  is_refused(&net, &(fin_dial){.host = "127.0.0.1", .port = 80, .handler = &deaf}, EINVAL);
  is_refused(
      &net,
      &(fin_dial){
          .host = "127.0.0.1", .port = 80, .handler = &caller_handler, .conn.open_ms = FIN_NEVER},
      EINVAL);
  cr_assert_eq(stats_of(&net).dialled, 0);
  net_end(&net);
}

Test(dial, not_once_the_server_is_drained) {
  struct net net;
  fin_dial dial = {.host = "127.0.0.1", .port = 80, .handler = &caller_handler};
  net_begin(&net, &listens);
  fin_server_drain(net.server);
  net_until(&net, net.drained);
  is_refused(&net, &dial, ECANCELED);
  net_end(&net);
}

Test(dial, not_once_the_server_aborts) {
  struct net net;
  fin_dial dial = {.host = "127.0.0.1", .port = 80, .handler = &caller_handler};
  net_begin(&net, &listens);
  fin_server_abort(net.server);
  is_refused(&net, &dial, ECANCELED);
  net_end(&net);
}

/* ---- and tries again ---- */

enum { TIMES = 200 };

struct stubborn {
  struct net *net;
  uint16_t port;
  unsigned tries, depth;
};

static void try(struct stubborn *stubborn);

static void on_failure(fin_conn *conn, const fin_report *report) {
  struct stubborn *stubborn = fin_conn_context(conn);
  cr_assert_eq(report->reason, FIN_REASON_NOT_OPENED);
  cr_assert_eq(stubborn->depth++, 0, "within fin_server_dial");
  if (stubborn->tries < TIMES) try(stubborn);
  stubborn->depth--;
}

static const fin_handler stubborn_handler = {.on_data = echo, .on_close = on_failure};

static void try(struct stubborn *stubborn) {
  stubborn->tries++;
  fin_dial dial = {.host = "127.0.0.1",
                   .port = stubborn->port,
                   .handler = &stubborn_handler,
                   .context = stubborn};
  cr_assert_not_null(fin_server_dial(stubborn->net->server, &dial));
}

Test(dial, again_whenever_it_has_failed) {
  struct net net;
  struct stubborn stubborn = {.net = &net, .port = port_of_nobody()};
  net_begin(&net, &listens);
  try(&stubborn);
  net_until(&net, stubborn.tries == TIMES && stats_of(&net).connections == 0);
  cr_assert_eq(stats_of(&net).closed[FIN_REASON_NOT_OPENED], TIMES);
  net_end(&net);
}
