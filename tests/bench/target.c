/* SPDX-License-Identifier: MIT
 *
 * Targets: how they are read, and what is said of those that cannot be put under load.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

/* ---- reading ---- */

static void expect_target(const char *text, enum load_protocol protocol, const char *host,
                          uint16_t port, const char *path) {
  struct load_target target;
  char why[LOAD_WHY_MAX] = "";
  cr_assert(load_target_parse(text, &target, why), "%s", why);
  cr_expect_eq(target.protocol, protocol);
  cr_expect_str_eq(target.host, host);
  cr_expect_eq(target.port, port);
  cr_expect_str_eq(target.path, path);
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)&target.address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&target.address;
  cr_expect_eq(ntohs(v4->sin_family == AF_INET ? v4->sin_port : v6->sin6_port), port);
}

Test(target, is_read) {
  expect_target("echo://127.0.0.1:7000", LOAD_ECHO, "127.0.0.1", 7000, "");
  expect_target("line://127.1.2.3:1", LOAD_LINE, "127.1.2.3", 1, "");
  expect_target("tcp://[::1]:65535", LOAD_TCP, "::1", 65535, "");
  expect_target("tcp://localhost:80", LOAD_TCP, "localhost", 80, "");
}

static void expect_wrong(const char *text, const char *what) {
  struct load_target target;
  char why[LOAD_WHY_MAX] = "";
  cr_expect(!load_target_parse(text, &target, why), "%s was taken", text);
  cr_expect(strstr(why, what), "%s: %s", text, why);
  cr_expect(strncmp(why + 1, text, strlen(text)) == 0, "%s", why);
}

Test(target, is_wrong) {
  expect_wrong("127.0.0.1:80", "no target");
  expect_wrong("", "no target");
  expect_wrong("ftp://127.0.0.1:80", "no target");
  expect_wrong("https://127.0.0.1:80", "TLS is not spoken");
  expect_wrong("echo://:80", "no host");
  expect_wrong("echo://[::1:80", "no host");
  expect_wrong("echo://127.0.0.1", "no port");
  expect_wrong("echo://127.0.0.1:", "no port");
  expect_wrong("echo://127.0.0.1:0", "no port");
  expect_wrong("echo://127.0.0.1:65536", "no port");
  expect_wrong("echo://127.0.0.1:18446744073709551617", "no port");
  expect_wrong("echo://127.0.0.1:80/", "behind the port");
  expect_wrong("echo://127.0.0.1:80x", "behind the port");
  expect_wrong("echo://no-such-host.invalid:80", "cannot be resolved");
}

/* localhost is ::1 first on many systems, where the server may not listen. */
static void say_nothing(struct peer *peer, int fd) { (void)peer, (void)fd; }

Test(target, of_several_addresses_the_one_that_answers) {
  struct peer *peer = peer_begin(say_nothing, NULL);
  struct load_target target;
  char text[64], why[LOAD_WHY_MAX] = "";
  snprintf(text, sizeof text, "tcp://localhost:%u", peer->port);
  cr_assert(load_target_parse(text, &target, why), "%s", why);
  cr_expect_eq(target.address.ss_family, AF_INET);
  peer_end(peer);
}

/* ---- probing ---- */

static void expect_probe(void (*serve)(struct peer *, int), const char *scheme, const char *what) {
  struct peer *peer = peer_begin(serve, NULL);
  struct load_options options = peer_options(peer, scheme);
  char why[LOAD_WHY_MAX] = "", start[64];
  options.timeout_ms = 300;
  bool good = load_target_probe(&options, why);
  cr_expect_eq(good, what == NULL, "%s", why);
  snprintf(start, sizeof start, "%s://127.0.0.1:%u: ", scheme, peer->port);
  if (what) cr_expect(strstr(why, what) && strstr(why, start) == why, "%s", why);
  peer_end(peer);
}

static void answer(struct peer *peer, int fd) {
  (void)peer;
  while (peer_ask(fd)) peer_say(fd, "yes\n");
}

static void greet(struct peer *peer, int fd) {
  (void)peer;
  peer_say(fd, "220 hello\n");
  peer_next(fd);
}

static void reset_it(struct peer *peer, int fd) {
  (void)peer;
  if (peer_ask(fd)) peer_reset(fd);
}

static void stop_short(struct peer *peer, int fd) {
  (void)peer;
  if (peer_ask(fd)) peer_say(fd, "ye");
}

/* Bytes keep coming, but no end of the line: one second too long. */
static void flood(struct peer *peer, int fd) {
  static char piece[1000 * 1000]; /* more than is read at once: something is always there */
  uint64_t until_ms = peer_now_ms() + 1300;
  (void)peer;
  memset(piece, 'y', sizeof piece - 1);
  while (peer_now_ms() < until_ms && peer_say(fd, piece)) {
  }
  peer_say(fd, "\n");
}

static void never_answer(struct peer *peer, int fd) {
  (void)peer;
  while (peer_ask(fd)) {
  }
}

Test(target, probes) {
  expect_probe(answer, "line", NULL);
  expect_probe(say_nothing, "line", "the connection without a reply");
  expect_probe(reset_it, "line", "resets the connection without a reply");
  expect_probe(stop_short, "line", "in the middle of its reply");
  expect_probe(never_answer, "line", "no whole reply within 300 ms");
  expect_probe(flood, "line", "no whole reply within 300 ms");
  expect_probe(greet, "echo", "other bytes than it was sent");
}

/* By the signal that ends a run. */
Test(target, probe_is_stopped) {
  static volatile sig_atomic_t stopped = 1;
  struct peer *peer = peer_begin(never_answer, NULL);
  struct load_options options = peer_options(peer, "line");
  char why[LOAD_WHY_MAX] = "";
  options.stopped = &stopped;
  uint64_t begun_ms = peer_now_ms();
  cr_expect_not(load_target_probe(&options, why));
  cr_expect(strstr(why, "interrupted"), "%s", why);
  cr_expect_lt(peer_now_ms() - begun_ms, PEER_PATIENCE_MS / 2);
  peer_end(peer);
}

Test(target, nobody_listens) {
  struct peer *peer = peer_begin(answer, NULL);
  struct load_options options = peer_options(peer, "line");
  peer_end(peer);
  char why[LOAD_WHY_MAX] = "";
  struct leftover_baseline baseline = leftover_begin();
  cr_expect(!load_target_probe(&options, why));
  cr_expect(strstr(why, "nobody listens there"), "%s", why);
  leftover_end(&baseline);
}
