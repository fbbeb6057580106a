/* SPDX-License-Identifier: MIT
 *
 * Connections that a net's server dials, to itself or to sockets of the test: what becomes of them.
 */
#ifndef TESTS_NET_DIALLING_H
#define TESTS_NET_DIALLING_H

#include <netinet/tcp.h>

#include "more.h"

enum { HEARD_MAX = 64 };

struct caller {
  struct net *net;
  fin_conn *conn; /* NULL once closed */
  unsigned opened, ended, closed;
  fin_report report;
  char heard[HEARD_MAX];
  size_t heard_len;
  void (*greet)(fin_conn *conn); /* in on_open; may be NULL */
  bool stays;                    /* after the peer's FIN */
};

static inline size_t echo(fin_conn *conn, const char *data, size_t len) {
  cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

static const fin_handler echo_handler = {.on_data = echo};

static inline void caller_on_open(fin_conn *conn) {
  struct caller *caller = fin_conn_context(conn);
  cr_assert_eq(caller->opened++, 0);
  cr_assert_eq(caller->closed, 0);
  if (caller->greet) caller->greet(conn);
}

static inline size_t caller_on_data(fin_conn *conn, const char *data, size_t len) {
  struct caller *caller = fin_conn_context(conn);
  cr_assert(len <= HEARD_MAX - caller->heard_len);
  memcpy(caller->heard + caller->heard_len, data, len);
  caller->heard_len += len;
  return len;
}

static inline void caller_on_end(fin_conn *conn) {
  struct caller *caller = fin_conn_context(conn);
  caller->ended++;
  if (!caller->stays) fin_conn_close(conn, FIN_REASON_CLOSED);
}

static inline void caller_on_close(fin_conn *conn, const fin_report *report) {
  struct caller *caller = fin_conn_context(conn);
  cr_assert_eq(caller->closed++, 0);
  caller->report = *report;
  caller->conn = NULL;
}

static const fin_handler caller_handler = {.on_open = caller_on_open,
                                           .on_data = caller_on_data,
                                           .on_end = caller_on_end,
                                           .on_close = caller_on_close};

/* Within `open_ms`; 0: the default. Nothing is told before it returns. */
static inline void caller_dial(struct caller *caller, struct net *net, const char *host,
                               uint16_t port, uint32_t open_ms) {
  caller->net = net;
  caller->conn = fin_server_dial(net->server, &(fin_dial){.host = host,
                                                          .port = port,
                                                          .handler = &caller_handler,
                                                          .context = caller,
                                                          .conn.open_ms = open_ms});
  cr_assert(caller->conn != NULL, "fin_server_dial: %s", strerror(errno));
  cr_assert_eq(caller->opened + caller->closed, 0);
  cr_assert_eq(fin_conn_age_ms(caller->conn), 0);
}

static inline bool caller_heard(const struct caller *caller, const char *words) {
  return caller->heard_len == strlen(words) && memcmp(caller->heard, words, caller->heard_len) == 0;
}

/* It has ended for this reason: caller_reason(&caller, NOT_OPENED, ECONNREFUSED). */
#define caller_reason(caller, name, errno_value) \
  do { \
    cr_assert((caller)->report.reason == FIN_REASON_##name, "%s (%s), not " #name, \
              fin_reason_name((caller)->report.reason), fin_strerror((caller)->report.error)); \
    cr_assert((caller)->report.error == (errno_value), "%s", \
              fin_strerror((caller)->report.error)); \
  } while (0)

/* ---- what may be dialled ---- */

/* A socket of the test's at an address, with any free port if it is 0. */
static inline int bound_socket(const char *address, uint16_t port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  cr_assert(fd >= 0 && inet_pton(AF_INET, address, &at.sin_addr) == 1);
  cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0, "bind: %s", strerror(errno));
  return fd;
}

static inline int listening_socket(const char *address, uint16_t port, int backlog) {
  int fd = bound_socket(address, port);
  cr_assert_eq(listen(fd, backlog), 0);
  return fd;
}

static inline uint16_t port_of(int fd) {
  struct sockaddr_in at;
  socklen_t len = sizeof at;
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
  return ntohs(at.sin_port);
}

static inline uint16_t port_of_nobody(void) {
  int fd = bound_socket("127.0.0.1", 0);
  uint16_t port = port_of(fd);
  close(fd);
  return port;
}

/* Who has called one of these. */
static inline int accepted(struct net *net, int listener) {
  int peer = -1;
  net_until(net, (peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
  return peer;
}

/* A listener that answers nothing, because its backlog is full. */
struct silence {
  int listener;
  int waiting[8];
  unsigned waiting_count;
};

static inline struct silence silence_at(const char *address, uint16_t port) {
  struct silence silence = {.listener = listening_socket(address, port, 0)};
  struct sockaddr_in at;
  socklen_t len = sizeof at;
  cr_assert_eq(getsockname(silence.listener, (struct sockaddr *)&at, &len), 0);
  int fd;
  do {
    cr_assert(silence.waiting_count < 8, "the backlog takes more than it was told");
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0);
    cr_assert(connect(fd, (struct sockaddr *)&at, len) == 0 || errno == EINPROGRESS);
    silence.waiting[silence.waiting_count++] = fd;
  } while (net_tcp_state(fd) == TCP_ESTABLISHED); /* on loopback at once, or not at all */
  return silence;
}

static inline uint16_t silence_port(const struct silence *silence) {
  return port_of(silence->listener);
}

static inline void silence_end(const struct silence *silence) {
  for (unsigned i = 0; i < silence->waiting_count; i++) close(silence->waiting[i]);
  close(silence->listener);
}

#endif
