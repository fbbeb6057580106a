/* SPDX-License-Identifier: MIT
 *
 * The load generator itself: where it connects from, how it keeps a rate, how it is ended, and what
 * is counted where the server speaks no HTTP.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

static void answer_lines(struct peer *peer, int fd) {
  (void)peer;
  while (peer_ask(fd)) peer_say(fd, "yes\n");
}

static void expect_good(const struct load_result *result, uint64_t requests) {
  cr_expect_eq(result->counts.requests, requests);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
}

/* ---- replies of echo and line ---- */

static void echo_wrongly(struct peer *peer, int fd) {
  char bytes[64];
  (void)peer;
  if (recv(fd, bytes, sizeof bytes, MSG_WAITALL) != sizeof bytes) return;
  bytes[40] ^= 1;
  send(fd, bytes, sizeof bytes, MSG_NOSIGNAL);
  peer_next(fd);
}

Test(load, echo_of_other_bytes) {
  struct peer *peer = peer_begin(echo_wrongly, NULL);
  struct load_options options = peer_options(peer, "echo");
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.errors.content, 20);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 20);
  cr_expect_eq(result->counts.requests, 0);
  peer_load_free(result);
  peer_end(peer);
}

Test(load, stream_of_other_bytes) {
  struct peer *peer = peer_begin(echo_wrongly, NULL);
  struct load_options options = peer_options(peer, "echo");
  options.workload = LOAD_STREAM_WORKLOAD;
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.errors.content, 20);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 20);
  peer_load_free(result);
  peer_end(peer);
}

static void echo_half(struct peer *peer, int fd) {
  char bytes[64];
  (void)peer;
  if (recv(fd, bytes, sizeof bytes, MSG_WAITALL) == sizeof bytes)
    send(fd, bytes, sizeof bytes / 2, MSG_NOSIGNAL);
}

Test(load, echo_of_half) {
  struct peer *peer = peer_begin(echo_half, NULL);
  struct load_options options = peer_options(peer, "echo");
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.errors.truncated, 20);
  peer_load_free(result);
  peer_end(peer);
}

static void echo_too_much(struct peer *peer, int fd) {
  char bytes[65];
  (void)peer;
  if (recv(fd, bytes, 64, MSG_WAITALL) != 64) return;
  bytes[64] = bytes[0];
  send(fd, bytes, 65, MSG_NOSIGNAL);
  peer_next(fd);
}

Test(load, echo_of_more_than_was_sent) {
  struct peer *peer = peer_begin(echo_too_much, NULL);
  struct load_options options = peer_options(peer, "echo");
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.requests, 10);
  cr_expect_eq(result->counts.errors.malformed, 10);
  peer_load_free(result);
  peer_end(peer);
}

static void shrink(struct peer *peer, int fd) {
  (void)peer;
  for (bool first = true; peer_ask(fd); first = false) peer_say(fd, first ? "yes\n" : "no\n");
}

Test(load, lines_of_another_length) {
  struct peer *peer = peer_begin(shrink, NULL);
  struct load_options options = peer_options(peer, "line");
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.requests, 1);
  cr_expect_eq(result->counts.errors.length, 19);
  peer_load_free(result);
  peer_end(peer);
}

/* ---- connections ---- */

/* How many visits came from each of 127.0.0.1 ... 127.0.0.4. */
static void note_source(struct peer *peer, int fd) {
  _Atomic unsigned *sources = peer->context;
  struct sockaddr_in from;
  socklen_t len = sizeof from;
  if (getpeername(fd, (struct sockaddr *)&from, &len)) return;
  uint32_t number = ntohl(from.sin_addr.s_addr) - INADDR_LOOPBACK;
  PEER_EXPECT(peer, number < 4, "from 127.0.0.1 + %u", number);
  if (number < 4) sources[number]++;
  answer_lines(peer, fd);
}

Test(load, sources_rotate) {
  _Atomic unsigned sources[4] = {0};
  struct peer *peer = peer_begin(note_source, sources);
  struct load_options options = peer_options(peer, "line");
  options.workload = LOAD_CHURN_WORKLOAD;
  options.requests = 40;
  options.sources = 4;
  struct load_result *result = peer_load(&options);
  expect_good(result, 40);
  for (int i = 0; i < 4; i++) cr_expect_eq(sources[i], 10, "127.0.0.%d: %u", i + 1, sources[i]);
  peer_load_free(result);
  peer_end(peer);
}

Test(load, one_source_is_the_usual_one) {
  _Atomic unsigned sources[4] = {0};
  struct peer *peer = peer_begin(note_source, sources);
  struct load_options options = peer_options(peer, "line");
  options.workload = LOAD_CHURN_WORKLOAD;
  options.sources = 1;
  struct load_result *result = peer_load(&options);
  expect_good(result, 20);
  cr_expect_eq(sources[0], 20);
  peer_load_free(result);
  peer_end(peer);
}

/* A network of the test's own, in which a client has four ports. */
static void have_four_ports(void) {
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  if (geteuid() != 0) cr_skip_test("a network of its own needs root");
  if (unshare(CLONE_NEWNET)) cr_skip_test("no namespaces here: %s", strerror(errno));
  int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  cr_assert(any >= 0 && ioctl(any, SIOCSIFFLAGS, &lo) == 0);
  close(any);
  FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
  if (!file || fputs("40000 40003", file) < 0 || fclose(file) != 0)
    cr_skip_test("its ports cannot be limited: %s", strerror(errno));
}

static struct load_result *load_eight(unsigned sources) {
  struct peer *peer = peer_begin(answer_lines, NULL);
  struct load_options options = peer_options(peer, "line");
  options.connections = 8;
  options.requests = 0;
  options.duration_ms = 150;
  options.sources = sources;
  struct load_result *result = peer_load(&options);
  peer_end(peer);
  return result;
}

Test(load, ports_run_out) {
  have_four_ports();
  struct load_result *result = load_eight(1);
  cr_expect_gt(result->counts.errors.connect, 0);
  cr_expect_eq(result->counts.errors.connect, load_errors_sum(&result->counts.errors));
  cr_expect_eq(result->connect_error, EADDRNOTAVAIL);
  cr_expect_leq(result->connections, 4);
  cr_expect_gt(result->counts.requests, 0, "the others go on");
  peer_load_free(result);
}

Test(load, ports_do_not_run_out_with_sources) {
  have_four_ports();
  struct load_result *result = load_eight(4);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_eq(result->connections, 8);
  peer_load_free(result);
}

Test(load, nobody_listens) {
  struct peer *peer = peer_begin(answer_lines, NULL);
  struct load_options options = peer_options(peer, "line");
  peer_end(peer);
  struct leftover_baseline baseline = leftover_begin();
  options.requests = 3;
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.errors.connect, 3);
  cr_expect_eq(result->connect_error, ECONNREFUSED);
  cr_expect_eq(result->connections, 0);
  peer_load_free(result);
  leftover_end(&baseline);
}

/* ---- by a rate ---- */

/* What is asked for is what is sent, whatever the number of threads and connections. */
static void expect_rate(double rate, unsigned connections, unsigned threads) {
  struct peer *peer = peer_begin(answer_lines, NULL);
  struct load_options options = peer_options(peer, "line");
  options.requests = 0;
  options.warmup_ms = 100;
  options.duration_ms = 1000;
  options.connections = connections;
  options.threads = threads;
  options.rate = rate;
  struct load_result *result = peer_load(&options);
  double seen = (double)result->counts.requests / result->seconds;
  cr_expect(seen > rate * 0.9 && seen < rate * 1.1, "%g a second", seen);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_eq(result->connections, connections);
  peer_load_free(result);
  peer_end(peer);
}

Test(load, rate_of_one_connection) { expect_rate(500, 1, 1); }
Test(load, rate_of_seven_connections_in_three_threads) { expect_rate(500, 7, 3); }

/* A connection for each, when its time has come and not before. */
Test(load, rate_of_churn) {
  struct peer *peer = peer_begin(answer_lines, NULL);
  struct load_options options = peer_options(peer, "line");
  options.workload = LOAD_CHURN_WORKLOAD;
  options.requests = 0;
  options.duration_ms = 1000;
  options.connections = 4;
  options.rate = 100;
  struct load_result *result = peer_load(&options);
  cr_expect(result->counts.requests >= 90 && result->counts.requests <= 110, "%llu",
            (unsigned long long)result->counts.requests);
  cr_expect_geq(result->connections, result->counts.requests);
  cr_expect_leq(result->connections, result->counts.requests + 4);
  peer_load_free(result);
  peer_end(peer);
}

/* ---- its end ---- */

static volatile sig_atomic_t stopped;

static void stop(void *context, const struct load_progress *progress) {
  (void)context;
  if (progress->counts.requests > 0) stopped = 1;
}

Test(load, can_be_stopped) {
  struct peer *peer = peer_begin(answer_lines, NULL);
  struct load_options options = peer_options(peer, "line");
  struct load_observer observer = {.observe = stop};
  struct load_result *result = malloc(sizeof *result);
  char why[LOAD_WHY_MAX] = "";
  options.requests = 0;
  options.duration_ms = 3600 * 1000;
  options.stopped = &stopped;
  cr_assert(load_run(&options, &observer, result, why), "%s", why);
  cr_expect_gt(result->counts.requests, 0);
  cr_expect_gt(result->seconds, 0);
  cr_expect_lt(result->seconds, PEER_PATIENCE_MS / 1000);
  peer_load_free(result);
  peer_end(peer);
}

static void never_answer(struct peer *peer, int fd) {
  (void)peer;
  while (peer_ask(fd)) {
  }
}

/* Nor does a server that answers nothing hold it up. */
static void stop_now(void *context, const struct load_progress *progress) {
  (void)context;
  if (progress->moment == LOAD_TICK) stopped = 1;
}

Test(load, can_be_stopped_while_it_waits) {
  struct peer *peer = peer_begin(never_answer, NULL);
  struct load_options options = peer_options(peer, "line");
  struct load_observer observer = {.observe = stop_now};
  struct load_result *result = malloc(sizeof *result);
  char why[LOAD_WHY_MAX] = "";
  options.timeout_ms = 3600 * 1000;
  options.stopped = &stopped;
  uint64_t begun_ms = peer_now_ms();
  cr_assert(load_run(&options, &observer, result, why), "%s", why);
  cr_expect_lt(peer_now_ms() - begun_ms, PEER_PATIENCE_MS);
  cr_expect_eq(result->counts.requests, 0);
  peer_load_free(result);
  peer_end(peer);
}

/* ---- what cannot be begun ---- */

static void expect_refused(const struct load_options *options, const char *text) {
  struct load_result *result = malloc(sizeof *result);
  char why[LOAD_WHY_MAX] = "";
  cr_expect(!load_run(options, NULL, result, why));
  cr_expect(strstr(why, text), "%s", why);
  cr_expect_null(strchr(why, '\n'));
  peer_load_free(result);
}

Test(load, says_why_it_cannot_begin) {
  struct peer *peer = peer_begin(answer_lines, NULL);
  struct load_options line = peer_options(peer, "line"), tcp = peer_options(peer, "tcp"), wrong;
  expect_refused(&tcp, "keepalive: nobody speaks on tcp://");
  wrong = line, wrong.workload = LOAD_ECHO_WORKLOAD;
  expect_refused(&wrong, "echo: it needs an echo:// target");
  wrong = line, wrong.workload = LOAD_STREAM_WORKLOAD;
  expect_refused(&wrong, "stream: it needs");
  wrong = line, wrong.connections = 0;
  expect_refused(&wrong, "no connections");
  wrong = line, wrong.mix[LOAD_POLITE] = 100, wrong.rate = 10;
  expect_refused(&wrong, "leave out the rate or the mix");
  wrong = line, wrong.first_cpu = 1023;
  expect_refused(&wrong, "there is no processor 1023");
  peer_end(peer);
}

Test(load, says_that_descriptors_are_missing) {
  struct peer *peer = peer_begin(answer_lines, NULL);
  struct load_options options = peer_options(peer, "line");
  struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
  options.connections = 60;
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  expect_refused(&options, "ulimit -n");
  peer_end(peer);
}
