/* SPDX-License-Identifier: MIT */
#include "bench/made_up.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* All that a report points to. */
struct made_up_report {
  struct report report;
  struct load_options options;
  struct load_result load;
  struct watch_result watch;
  uint64_t random;
};

static double chance(struct made_up_report *made) { /* 0 to 1 */
  made->random = made->random * 6364136223846793005U + 1442695040888963407U;
  return (double)(made->random >> 11) / 9007199254740992.0;
}

const char *made_up_name(enum made_up which) {
  static const char *const names[] = {
#define NAME(name, text) #name,
      MADE_UPS(NAME)
#undef NAME
  };
  return names[which];
}

/* ---- load ---- */

/* Most are near 300 us, some ten times slower, and after a stall one waits for each connection. */
static void add_latencies(struct made_up_report *made, unsigned count, bool stall) {
  for (unsigned i = 0; i < count; i++) {
    double us = 180 + 260 * pow(chance(made), 3);
    if (chance(made) < 0.02) us *= 1 + 9 * chance(made);
    histogram_add(&made->load.latency, (uint64_t)(us * 1000));
  }
  for (unsigned i = 0; stall && i < made->options.connections; i++)
    histogram_add(&made->load.latency, (uint64_t)(1e9 * (0.2 + 0.4 * chance(made))));
}

static void add_second(struct made_up_report *made, double seconds, double rate, bool stall) {
  struct load_second *second = &made->load.series[made->load.series_count++];
  rate *= stall ? 0.4 : 0.97 + 0.06 * chance(made);
  second->seconds = seconds;
  second->counts.requests = (uint64_t)(rate * seconds);
  second->counts.bytes_in = 180 * second->counts.requests;
  second->counts.bytes_out = 90 * second->counts.requests;
  made->load.seconds += seconds;
  made->load.counts.requests += second->counts.requests;
  made->load.counts.bytes_in += second->counts.bytes_in;
  made->load.counts.bytes_out += second->counts.bytes_out;
  if (second->counts.requests == 0) return;
  second->p50_ns = (uint64_t)(205000 + 20000 * chance(made));
  second->p90_ns = (uint64_t)(365000 + 30000 * chance(made));
  second->p99_ns = (uint64_t)(1100000 + 300000 * chance(made));
  second->p999_ns = stall ? 580000000 : (uint64_t)(2900000 + 800000 * chance(made));
  second->max_ns = stall ? 601000000 : (uint64_t)(3900000 + 900000 * chance(made));
  add_latencies(made, 4000, stall);
}

static void add_errors(struct made_up_report *made) {
  uint64_t count = 3;
#define ADD(name, text) \
  made->load.counts.errors.name = count; \
  made->load.series[count / 5].counts.errors.name = count; \
  count += 4;
  LOAD_ERRORS(ADD)
#undef ADD
}

static void add_visits(struct made_up_report *made) {
  for (size_t i = 0; i < LOAD_MANNER_COUNT; i++) {
    uint64_t visits = 25 * made->options.mix[i];
    made->load.visits[i] = (struct load_visits){.visits = visits, .whole = visits};
  }
  made->load.visits[LOAD_HALF_CLOSE].whole -= 31;
  made->load.visits[LOAD_HALF_CLOSE].truncated = 19;
  made->load.visits[LOAD_HALF_CLOSE].lost = 12;
}

/* ---- watch ---- */

/* What the server holds at a time; the load ends at `end`. */
static struct watch_sample sample_at(struct made_up_report *made, double seconds, double end,
                                     bool leaks) {
  struct watch_sample sample = {.seconds = seconds, .descriptors = 12, .rss_bytes = 5 << 20};
  uint32_t connections = made->options.connections;
  double busy = fmin(fmax(seconds - 0.3, 0), end - 0.3);
  uint32_t left = leaks ? (uint32_t)(9 * busy) : 0;
  if (seconds > 0.3 && seconds < end) {
    sample.sockets[FIN_TCP_ESTABLISHED][FIN_HOLDER_OWNED] = connections;
    sample.sockets[FIN_TCP_SYN_RECV][FIN_HOLDER_QUEUED] = (uint32_t)(3 * chance(made));
    sample.clients[FIN_TCP_ESTABLISHED] = connections;
    sample.rss_bytes += (3 << 20) + (uint64_t)(4e5 * chance(made));
    sample.descriptors += connections;
  }
  sample.sockets[FIN_TCP_CLOSE_WAIT][FIN_HOLDER_OWNED] = left;
  sample.sockets[FIN_TCP_LAST_ACK][FIN_HOLDER_OWNED] = left / 9;
  sample.sockets[FIN_TCP_FIN_WAIT2][FIN_HOLDER_OWNED] = left / 4;
  if (seconds > 0.3)
    sample.sockets[FIN_TCP_FIN_WAIT2][FIN_HOLDER_ORPHAN] =
        (uint32_t)(40 * fmax(0, fmin(1, end + 1 - seconds)));
  sample.sockets[FIN_TCP_TIME_WAIT][FIN_HOLDER_TIME_WAIT] = (uint32_t)(70 * busy);
  sample.clients[FIN_TCP_TIME_WAIT] = (uint32_t)(5 * busy);
  sample.descriptors += left + left / 9 + left / 4;
  sample.anonymous_bytes = sample.rss_bytes - (4 << 20);
  sample.cpu_ns = (uint64_t)(9.1e8 * busy);
  sample.connections = (uint64_t)(100 * busy);
  return sample;
}

static void watch_it(struct made_up_report *made, bool leaks, double settle) {
  struct watch_result *watch = &made->watch;
  const double warm = 0.3, measure = 1.3, end = measure + made->load.seconds;
  const double until = end + settle;
  *watch = (struct watch_result){.local = true, .processes = 1, .settled = true};
  watch->series = calloc((size_t)(until * 10) + 2, sizeof *watch->series);
  assert(watch->series);
  for (double at = 0; at <= until; at += 0.1)
    watch->series[watch->series_count++] = sample_at(made, at, end, leaks);
  watch->before = sample_at(made, 0, end, leaks);
  watch->warm = sample_at(made, warm, end, leaks);
  watch->measure = sample_at(made, measure, end, leaks);
  watch->measured = sample_at(made, end - 0.01, end, leaks);
  watch->after = sample_at(made, until, end, leaks);
  watch->settle_seconds = 1.2;
  watch->idle_cpu = leaks ? 0.98 : 0;
  made->report.watch = watch;
}

/* ---- all ---- */

static void run_it(struct made_up_report *made, unsigned seconds, double rate, enum made_up which) {
  made->load.series = calloc(seconds + 1, sizeof *made->load.series);
  assert(made->load.series);
  for (unsigned i = 0; i < seconds; i++) {
    bool gap = which == MADE_UP_gaps && i % 3 == 1;
    add_second(made, 1, gap ? 0 : rate, which == MADE_UP_clean && i == 6);
  }
  made->load.connections = 64;
  made->load.cpu_ns = 3000 * made->load.counts.requests;
}

static void make_rude(struct made_up_report *made) {
  static const unsigned mix[LOAD_MANNER_COUNT] = {70, 10, 5, 5, 4, 3, 2, 1};
  for (size_t i = 0; i < LOAD_MANNER_COUNT; i++) made->options.mix[i] = mix[i];
  add_errors(made);
  add_visits(made);
}

static void make(struct made_up_report *made, enum made_up which) {
  made->report.target = "http://127.0.0.1:8080/";
  made->report.command = "finale bench http://127.0.0.1:8080/ --conns 64 --duration 10s";
  switch (which) {
    case MADE_UP_rude:
      run_it(made, 10, 2400, which);
      make_rude(made);
      watch_it(made, true, 3);
      break;
    case MADE_UP_second:
      made->load.series = calloc(1, sizeof *made->load.series);
      assert(made->load.series);
      add_second(made, 0.4, 80000, false);
      watch_it(made, false, 3);
      made->watch.series_count = 1;
      break;
    case MADE_UP_silent:
      run_it(made, 3, 0, which);
      made->load.counts.errors.connect = 12;
      break;
    case MADE_UP_remote:
      made->options.rate = 20000;
      made->report.target = "http://192.0.2.7:8080/";
      run_it(made, 10, 20000, which);
      watch_it(made, false, 3);
      made->watch.local = false;
      made->watch.processes = 0;
      break;
    case MADE_UP_ramp:
      made->options.workload = LOAD_RAMP_WORKLOAD;
      made->options.bound_ns = 5 * 1000 * 1000;
      made->load.ramp_rate = 20000;
      run_it(made, 2, 20000, which);
      watch_it(made, false, 0);
      made->watch.settled = false;
      break;
    case MADE_UP_hour:
      run_it(made, 3600, 80000, which);
      watch_it(made, false, 0.3); /* the last few samples that share a place are of both sides */
      break;
    case MADE_UP_hostile:
      made->report.target = "http://127.0.0.1:1/\"><script>alert('\x01\xff')</script>&amp;";
      made->report.command = "finale bench '</pre><script>alert(1)</script><img src=//a.example>'";
      run_it(made, 2, 1000, which);
      watch_it(made, false, 3);
      break;
    default:
      run_it(made, 10, 80000, which);
      watch_it(made, false, 3);
  }
}

struct report *made_up_new(enum made_up which) {
  struct made_up_report *made = calloc(1, sizeof *made);
  assert(made);
  made->random = 1;
  made->options = (struct load_options){.target.protocol = LOAD_HTTP,
                                        .connections = 64,
                                        .threads = 1,
                                        .depth = 16,
                                        .size = 64,
                                        .duration_ms = 10000,
                                        .warmup_ms = 1000,
                                        .timeout_ms = 5000,
                                        .first_cpu = 1,
                                        .sources = 1};
  made->report.options = &made->options;
  made->report.load = &made->load;
  make(made, which);
  return &made->report;
}

void made_up_free(struct report *report) {
  struct made_up_report *made = (struct made_up_report *)report; /* its first member */
  load_result_release(&made->load);
  free(made->watch.series);
  free(made);
}
