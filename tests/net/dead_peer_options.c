/* SPDX-License-Identifier: MIT
 *
 * What dead_peer_after_ms becomes in the kernel, read back from accepted sockets.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "support/net.h"

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static const fin_handler handler = {.on_data = consume};

struct expected {
  int idle_s, interval_s, probes, user_timeout_ms;
};

static int option(int fd, int level, int name) {
  int value = -1;
  socklen_t len = sizeof value;
  cr_assert_eq(getsockopt(fd, level, name, &value, &len), 0);
  return value;
}

static void expect_options(const fin_conn_options *limits, const struct expected *expected) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = *limits});
  int peer = net_connect(&net), fd = net_fd(net.conn);
  cr_assert_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  cr_assert_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), expected->idle_s);
  cr_assert_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), expected->interval_s);
  cr_assert_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), expected->probes);
  cr_assert_eq(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), expected->user_timeout_ms);
  cr_assert_eq(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  net_close(&net, peer);
  net_end(&net);
}

Test(dead_peer_options, by_default) {
  expect_options(&(fin_conn_options){0}, &(struct expected){60, 20, 3, 120 * 1000});
}

Test(dead_peer_options, half_the_time_in_silence_then_three_probes) {
  expect_options(&(fin_conn_options){.dead_peer_after_ms = 60 * 1000},
                 &(struct expected){30, 10, 3, 60 * 1000});
}

/* The kernel counts keepalive in seconds, and at least one. */
Test(dead_peer_options, as_short_as_it_gets) {
  expect_options(&(fin_conn_options){.dead_peer_after_ms = 1, .stall_ms = 1},
                 &(struct expected){1, 1, 3, 1001});
}

/* Our own deadline is to fire first: it knows the reason. */
Test(dead_peer_options, later_than_our_own_deadline) {
  expect_options(&(fin_conn_options){.dead_peer_after_ms = 30 * 1000, .stall_ms = 60 * 1000},
                 &(struct expected){15, 5, 3, 76 * 1000});
}
