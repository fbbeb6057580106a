/* SPDX-License-Identifier: MIT
 *
 * A server that stalls for a second. In a closed loop nearly nobody notices: who would have asked
 * meanwhile waits for its turn, and is not counted. By a rate everybody does (coordinated
 * omission).
 */
#include <pthread.h>
#include <time.h>

#include "peer.h"

enum { STALL_MS = 1000, CONNECTIONS = 4, RATE = 1000, DURATION_MS = 2500 };

struct stalling {
  pthread_mutex_t lock;
  unsigned answered; /* under the lock */
};

static const uint64_t ms_ns = 1000 * 1000;

/* All answers come from under one lock, which is held for a second once. */
static void serve(struct peer *peer, int fd) {
  struct stalling *stalling = peer->context;
  while (peer_ask(fd)) {
    pthread_mutex_lock(&stalling->lock);
    if (++stalling->answered == RATE / 2)
      nanosleep(&(struct timespec){.tv_sec = STALL_MS / 1000}, NULL);
    pthread_mutex_unlock(&stalling->lock);
    peer_say(fd, "yes\n");
  }
}

static struct load_result *load(double rate) {
  struct stalling stalling = {.lock = PTHREAD_MUTEX_INITIALIZER};
  struct peer *peer = peer_begin(serve, &stalling);
  struct load_options options = peer_options(peer, "line");
  options.connections = CONNECTIONS;
  options.requests = 0;
  options.duration_ms = DURATION_MS;
  options.rate = rate;
  struct load_result *result = peer_load(&options);
  peer_end(peer);
  cr_expect_gt(stalling.answered, RATE / 2);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_geq(result->latency.max_ns, (STALL_MS - 50) * ms_ns);
  return result;
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
