/* SPDX-License-Identifier: MIT
 *
 * A server that stalls for a second. In a closed loop nearly nobody notices: who would have asked
 * meanwhile waits for its turn, and is not counted. By a rate everybody does (coordinated
 * omission).
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "peer.h"

enum { STALL_MS = 1000, CONNECTIONS = 4, RATE = 1000, DURATION_MS = 2500 };

struct stalling {
  unsigned at; /* the answer before which it stalls */
  pthread_mutex_t lock;
  unsigned answered; /* under the lock */
};

static const uint64_t ms_ns = 1000 * 1000;

/* All answers come from under one lock, which is held for a second once. */
static void serve(struct peer *peer, int fd) {
  struct stalling *stalling = peer->context;
  while (peer_ask(fd)) {
    pthread_mutex_lock(&stalling->lock);
    if (++stalling->answered == stalling->at)
      nanosleep(&(struct timespec){.tv_sec = STALL_MS / 1000}, NULL);
    pthread_mutex_unlock(&stalling->lock);
    peer_say(fd, "yes\n");
  }
}

static struct load_result *load_stalled_at(double rate, unsigned at) {
  struct stalling stalling = {.at = at, .lock = PTHREAD_MUTEX_INITIALIZER};
  struct peer *peer = peer_begin(serve, &stalling);
  struct load_options options = peer_options(peer, "line");
  options.connections = CONNECTIONS;
  options.requests = 0;
  options.duration_ms = DURATION_MS;
  options.rate = rate;
  struct load_result *result = peer_load(&options);
  peer_end(peer);
  cr_expect_geq(stalling.answered, at);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_geq(result->latency.max_ns, (STALL_MS - 50) * ms_ns);
  return result;
}

static struct load_result *load(double rate) { return load_stalled_at(rate, RATE / 2); }

/* By the time that was measured in truth: on a busy machine it ends some ms late. */
static void expect_no_more_than_was_due(const struct load_result *result, uint64_t made) {
  cr_expect_leq((double)made, RATE * result->seconds + CONNECTIONS, "%llu in %f s",
                (unsigned long long)made, result->seconds);
}

/* 1,000 of 2,500 requests are due within that second: the k-th of them waits 1 - k / 1,000 s. */
Test(stall, is_seen_by_a_rate) {
  struct load_result *result = load(RATE);
  uint64_t p99 = histogram_percentile_ns(&result->latency, 99);
  uint64_t p90 = histogram_percentile_ns(&result->latency, 90);
  uint64_t p70 = histogram_percentile_ns(&result->latency, 70);
  cr_expect_geq(p99, 900 * ms_ns, "p99: %llu ns", (unsigned long long)p99);
  cr_expect(p90 >= 600 * ms_ns && p90 <= 950 * ms_ns, "p90: %llu ns", (unsigned long long)p90);
  cr_expect_geq(p70, 100 * ms_ns, "p70: %llu ns", (unsigned long long)p70);
  /* And all of them are made, if late. */
  cr_expect(result->counts.requests >= RATE * 2 && result->counts.requests <= RATE * 27 / 10,
            "%llu", (unsigned long long)result->counts.requests);
  peer_load_free(result);
}

Test(stall, is_hidden_by_a_closed_loop) {
  struct load_result *result = load(0);
  uint64_t p99 = histogram_percentile_ns(&result->latency, 99);
  cr_expect_lt(p99, 200 * ms_ns, "p99: %llu ns", (unsigned long long)p99);
  peer_load_free(result);
}

/* The series shows when it was. */
Test(stall, is_in_its_second) {
  struct load_result *result = load(RATE);
  uint64_t requests = 0, worst = 0;
  double seconds = 0;
  cr_assert_eq(result->series_count, 3);
  for (size_t i = 0; i < result->series_count; i++) {
    const struct load_second *second = &result->series[i];
    requests += second->counts.requests;
    seconds += second->seconds;
    if (second->max_ns > worst) worst = second->max_ns;
  }
  cr_expect_eq(requests, result->counts.requests, "every request is of one second");
  cr_expect_float_eq(seconds, result->seconds, 1e-6);
  cr_expect_eq(worst, result->latency.max_ns);
  cr_expect_lt(result->series[0].counts.requests, RATE * 8 / 10, "it began to stall here");
  cr_expect_geq(result->series[1].p99_ns, 500 * ms_ns, "and here it was over");
  peer_load_free(result);
}

/* What was due before the end is asked and answered after it: the k-th of 300 waits 1 - k / 1,000
 * s. The rate is still that of the measured time. */
Test(stall, is_seen_across_the_end) {
  struct load_result *result = load_stalled_at(RATE, RATE * 22 / 10);
  uint64_t p95 = histogram_percentile_ns(&result->latency, 95);
  uint64_t p90 = histogram_percentile_ns(&result->latency, 90);
  cr_expect_geq(p95, 800 * ms_ns, "p95: %llu ns", (unsigned long long)p95);
  cr_expect_geq(p90, 600 * ms_ns, "p90: %llu ns", (unsigned long long)p90);
  cr_expect_geq(result->latency.count, RATE * 24 / 10);
  expect_no_more_than_was_due(result, result->latency.count);
  cr_expect_leq(result->counts.requests, RATE * 23 / 10);
  cr_expect_float_eq(result->seconds, DURATION_MS / 1e3, 0.1);
  cr_expect_geq(result->series[result->series_count - 1].p99_ns, 800 * ms_ns);
  peer_load_free(result);
}

/* It falls silent for good. */
static void serve_half(struct peer *peer, int fd) {
  _Atomic unsigned *answered = peer->context;
  while (peer_ask(fd))
    if (++*answered <= RATE / 2) peer_say(fd, "yes\n");
}

Test(stall, without_an_end_is_late) {
  _Atomic unsigned answered = 0;
  struct peer *peer = peer_begin(serve_half, &answered);
  struct load_options options = peer_options(peer, "line");
  options.connections = CONNECTIONS;
  options.requests = 0;
  options.duration_ms = 1000;
  options.timeout_ms = 300;
  options.rate = RATE;
  struct load_result *result = peer_load(&options);
  uint64_t late = result->counts.errors.late, all = result->counts.requests + late;
  cr_expect_eq(result->counts.requests, RATE / 2);
  cr_expect_eq(load_errors_sum(&result->counts.errors), late);
  cr_expect_geq(all, RATE * 95 / 100);
  expect_no_more_than_was_due(result, all);
  peer_load_free(result);
  peer_end(peer);
}

/* More than can be asked is no reason not to end. */
Test(stall, is_the_generators_own_at_an_absurd_rate) {
  struct stalling stalling = {.lock = PTHREAD_MUTEX_INITIALIZER};
  struct peer *peer = peer_begin(serve, &stalling);
  struct load_options options = peer_options(peer, "line");
  char why[LOAD_WHY_MAX] = "";
  options.requests = 0;
  options.duration_ms = 200;
  options.timeout_ms = 100;
  options.rate = 10e6;
  uint64_t begun_ms = peer_now_ms();
  struct load_result *result = peer_load(&options);
  cr_expect_lt(peer_now_ms() - begun_ms, 5000);
  cr_expect_gt(result->counts.errors.late, 0);
  peer_load_free(result);
  options.rate = 11e6;
  struct load_result refused;
  cr_expect_not(load_run(&options, NULL, &refused, why));
  cr_expect(strstr(why, "10m"), "%s", why);
  peer_end(peer);
}
