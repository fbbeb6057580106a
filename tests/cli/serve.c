/* SPDX-License-Identifier: MIT
 *
 * `finale serve` as its clients and its operator see it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"

static struct command command;

static void expect_clean_end(void) {
  command_drain(&command);
  cr_expect_eq(command.status, 0, "status %d: %s", command.status, command.err);
  cr_expect_str_empty(command.err);
}

Test(serve, says_where_it_listens) {
  char expected[64];
  uint16_t port =
      command_serve(&command, (const char *[]){"echo", "--listen", "127.0.0.1:0", NULL});
  cr_assert_neq(port, 0);
  snprintf(expected, sizeof expected, "listening on 127.0.0.1:%u\n", port);
  cr_expect_str_eq(command.out, expected);
  expect_clean_end();
}

static bool has_ipv6(void) {
  struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool works = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
  if (fd >= 0) close(fd);
  return works;
}

Test(serve, on_ipv6) {
  if (!has_ipv6()) cr_skip_test("no IPv6 on this machine");
  uint16_t port = command_serve(&command, (const char *[]){"echo", "--listen=[::1]:0", NULL});
  cr_expect_eq(strncmp(command.out, "listening on [::1]:", 19), 0, "'%s'", command.out);
  int fd = client_connect_ipv6(port);
  client_send(fd, "six");
  client_expect(fd, "six");
  close(fd);
  expect_clean_end();
}

Test(serve, on_every_address) {
  uint16_t port = command_serve(&command, (const char *[]){"echo", "--listen", ":0", NULL});
  int four = client_connect(port);
  client_send(four, "four");
  client_expect(four, "four");
  close(four);
  if (has_ipv6()) {
    int six = client_connect_ipv6(port);
    client_send(six, "six");
    client_expect(six, "six");
    close(six);
  }
  expect_clean_end();
}

Test(serve, lines) {
  uint16_t port =
      command_serve(&command, (const char *[]){"line", "--listen", "127.0.0.1:0", NULL});
  int fd = client_connect(port);
  client_send(fd, "hel");
  client_send(fd, "lo\r\n\nSEND 0\nSEND x\nsend 5\n");
  client_expect(fd, "HELLO\n\nSEND 0\nSEND X\nSEND 5\n");
  client_send(fd, "SEND 1\nSEND 1048577\n");
  client_expect(fd, "\nSEND 1048577\n");
  close(fd);
  expect_clean_end();
}

/* All requests, FIN, then the replies: more than the socket buffers take at once. */
Test(serve, half_closed_client_gets_all) {
  enum { LEN = 1024 * 1024, TIMES = 4 };
  static char reply[LEN];
  uint16_t port =
      command_serve(&command, (const char *[]){"line", "--listen", "127.0.0.1:0", NULL});
  int fd = client_connect(port);
  for (int i = 0; i < TIMES; i++) client_send(fd, "SEND 1048576\n");
  shutdown(fd, SHUT_WR);
  for (int i = 0; i < TIMES; i++) {
    client_receive(fd, reply, LEN);
    cr_assert_eq(memchr(reply, '\n', LEN), reply + LEN - 1, "a newline is the last byte only");
  }
  cr_expect_eq(client_next(fd), 0);
  close(fd);
  expect_clean_end();
  cr_expect_not_null(strstr(command.out, "PEER_ENDED"), "'%s'", command.out);
}

Test(serve, options_reach_the_connection) {
  uint16_t port = command_serve(
      &command, (const char *[]){"echo", "--listen", "127.0.0.1:0", "--idle", "100ms", NULL});
  uint64_t begun_ms = now_ms();
  int fd = client_connect(port);
  cr_expect_eq(client_next(fd), 0);
  cr_expect_geq(now_ms() - begun_ms, 99);
  cr_expect_leq(now_ms() - begun_ms, 5000);
  close(fd);
  expect_clean_end();
  cr_expect_not_null(strstr(command.out, "IDLE"), "'%s'", command.out);
}

Test(serve, short_lines_for_a_small_input) {
  uint16_t port = command_serve(
      &command, (const char *[]){"line", "--listen", "127.0.0.1:0", "--input-max", "8", NULL});
  int fd = client_connect(port);
  client_send(fd, "sixsix\n");
  client_expect(fd, "SIXSIX\n");
  client_send(fd, "sevenseven\n");
  cr_expect_eq(client_next(fd), 0);
  close(fd);
  expect_clean_end();
  cr_expect_not_null(strstr(command.out, "TOO_LONG"), "'%s'", command.out);
}

/* A reply that is begun is finished: a drain is not an abort. */
Test(serve, sigterm_drains) {
  enum { LEN = 1024 * 1024, TIMES = 4 };
  static char reply[LEN];
  uint16_t port =
      command_serve(&command, (const char *[]){"line", "--listen", "127.0.0.1:0", NULL});
  int quiet = client_connect(port), busy = client_connect(port);
  client_send(quiet, "hello\n");
  client_expect(quiet, "HELLO\n");
  client_send(busy, "SEND 1048576\n");
  client_receive(busy, reply, 1000);
  kill(command.pid, SIGTERM);
  cr_expect_eq(client_next(quiet), 0);
  client_receive(busy, reply + 1000, LEN - 1000);
  cr_expect_eq(client_next(busy), 0);
  close(quiet);
  close(busy);
  command_wait(&command, 5000);
  cr_expect_eq(command.status, 0);
  cr_expect_not_null(strstr(command.out, "2 connections ended"), "'%s'", command.out);
  cr_expect_not_null(strstr(command.out, "DRAINED"), "'%s'", command.out);
}

/* SIGINT is the same, for whoever presses Ctrl-C. */
Test(serve, sigint_drains) {
  command_serve(&command, (const char *[]){"line", "--listen", "127.0.0.1:0", NULL});
  kill(command.pid, SIGINT);
  command_wait(&command, 5000);
  cr_expect_eq(command.status, 0);
}

static int connect_busy(uint16_t port) {
  static char reply[1000];
  int fd = client_connect(port);
  for (int i = 0; i < 16; i++) client_send(fd, "SEND 1048576\n"); /* more than the kernel buffers */
  client_receive(fd, reply, sizeof reply);
  return fd;
}

static void expect_reset(int fd) {
  static char rest[1024 * 1024];
  ssize_t n;
  while ((n = recv(fd, rest, sizeof rest, 0)) > 0) continue;
  cr_expect(n < 0 && errno == ECONNRESET, "recv gave %zd, %s", n, strerror(errno));
}

Test(serve, sigterm_twice_aborts) {
  uint16_t port =
      command_serve(&command, (const char *[]){"line", "--listen", "127.0.0.1:0", NULL});
  int fd = connect_busy(port);
  kill(command.pid, SIGTERM);
  client_until_refused(port); /* the first has come, and is not merged with the second */
  kill(command.pid, SIGTERM);
  command_wait(&command, 5000);
  cr_expect_eq(command.status, 1, "connections were cut short");
  expect_reset(fd);
  close(fd);
}

Test(serve, drain_has_an_end) {
  uint16_t port = command_serve(
      &command, (const char *[]){"line", "--listen", "127.0.0.1:0", "--drain", "300ms", NULL});
  int fd = connect_busy(port);
  kill(command.pid, SIGTERM);
  command_wait(&command, 5000);
  cr_expect_eq(command.status, 1, "connections were cut short");
  cr_expect_not_null(strstr(command.out, "DRAIN_TIMEOUT"), "'%s'", command.out);
  expect_reset(fd);
  close(fd);
}
