/* SPDX-License-Identifier: MIT
 *
 * The workloads on `finale serve`, in a process of its own.
 */
#include <dirent.h>
#include <finale/observe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "server/process.h"

struct serving {
  struct process process;
  struct leftover_baseline baseline;
  struct load_options options;
};

static void begin(struct serving *serving, const char *protocol, const char *scheme,
                  const char *path) {
  char program[4096], text[128], why[PROCESS_WHY_MAX] = "";
  const char *const argv[] = {program, "serve", protocol, "--listen", "127.0.0.1:0", NULL};
  serving->baseline = leftover_begin();
  snprintf(program, sizeof program, "%s/finale", getenv("FINALE_BINARY_DIR"));
  const struct process_start start = {.argv = argv, .cpu = -1};
  cr_assert(process_begin(&serving->process, &start, why), "%s", why);
  serving->options = (struct load_options){.connections = 8,
                                           .threads = 2,
                                           .size = 64,
                                           .requests = 1000,
                                           .timeout_ms = PEER_PATIENCE_MS,
                                           .first_cpu = -1};
  snprintf(text, sizeof text, "%s://127.0.0.1:%u%s", scheme, serving->process.port, path);
  cr_assert(load_target_parse(text, &serving->options.target, why), "%s", why);
}

static void end(struct serving *serving) {
  cr_expect_eq(process_end(&serving->process), 0);
  leftover_end(&serving->baseline);
}

/* The load is without errors, and asks for what it was told to. */
static struct load_result *load(struct serving *serving) {
  struct load_result *result = peer_load(&serving->options);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_eq(result->counts.resets, 0);
  cr_expect_eq(result->connect_error, 0);
  cr_expect_gt(result->cpu_ns, 0);
  cr_expect_gt(result->seconds, 0);
  if (serving->options.requests > 0)
    cr_expect_eq(result->counts.requests, serving->options.requests, "%llu",
                 (unsigned long long)result->counts.requests);
  return result;
}

static void load_and_end(struct serving *serving, uint64_t connections) {
  struct load_result *result = load(serving);
  cr_expect_eq(result->connections, connections, "%llu", (unsigned long long)result->connections);
  cr_expect_eq(result->connect.count, result->connections);
  cr_expect_eq(result->latency.count, serving->options.requests);
  peer_load_free(result);
  end(serving);
}

/* X(name, protocol, scheme, workload, connections that it makes for 1,000 requests) */
#define CASES(X) \
  X(echo_keepalive, "echo", "echo", KEEPALIVE, 8) \
  X(echo, "echo", "echo", ECHO, 8) \
  X(echo_pipeline, "echo", "echo", PIPELINE, 8) \
  X(echo_churn, "echo", "echo", CHURN, 1000) \
  X(line_keepalive, "line", "line", KEEPALIVE, 8) \
  X(line_pipeline, "line", "line", PIPELINE, 8) \
  X(line_churn, "line", "line", CHURN, 1000) \
  X(tcp_connect, "echo", "tcp", CONNECT, 1000)

#define CASE(name, protocol, scheme, workload_, connections) \
  Test(workloads, name) { \
    struct serving serving; \
    begin(&serving, protocol, scheme, ""); \
    serving.options.workload = LOAD_##workload_##_WORKLOAD; \
    serving.options.depth = 5; \
    load_and_end(&serving, connections); \
  }
CASES(CASE)

/* The server's end of the connection comes first: our FIN is behind the request. */
Test(workloads, echo_churn_closed_by_the_server) {
  struct serving serving;
  begin(&serving, "echo", "echo", "");
  serving.options.workload = LOAD_CHURN_WORKLOAD;
  serving.options.server_closes = true;
  load_and_end(&serving, 1000);
}

Test(workloads, large_messages) {
  struct serving serving;
  begin(&serving, "echo", "echo", "");
  serving.options.size = 3 * 1000 * 1000 + 7; /* more than sockets hold, both ways */
  serving.options.requests = 20;
  load_and_end(&serving, 8);
}

Test(workloads, single_bytes) {
  struct serving serving;
  begin(&serving, "echo", "echo", "");
  serving.options.size = 1;
  load_and_end(&serving, 8);
}

static void stream(size_t size) {
  struct serving serving;
  begin(&serving, "echo", "echo", "");
  serving.options.workload = LOAD_STREAM_WORKLOAD;
  serving.options.size = size;
  serving.options.requests = 0;
  serving.options.duration_ms = 300;
  struct load_result *result = load(&serving);
  cr_expect_gt(result->counts.requests, 0);
  cr_expect_gt(result->latency.count, 0);
  cr_expect_leq(result->latency.count, result->counts.requests);
  cr_expect_gt(result->counts.bytes_in, (result->counts.requests - 8) * size);
  cr_expect_lt(result->counts.bytes_in, (result->counts.requests + 8) * size);
  cr_expect_eq(result->connections, 8);
  peer_load_free(result);
  end(&serving);
}

Test(workloads, stream_of_large_messages) { stream(100 * 1000); }
Test(workloads, stream_of_small_messages) { stream(64); }

/* ---- idle ---- */

struct seen {
  uint16_t port;
  unsigned moments[LOAD_OVER + 1]; /* how often each was told */
  enum load_moment last;
  uint64_t connections[LOAD_OVER + 1];
  size_t established[LOAD_OVER + 1]; /* sockets of the server, as the kernel has them */
};

static void look(void *context, const struct load_progress *progress) {
  struct seen *seen = context;
  enum load_moment moment = progress->moment;
  seen->moments[moment]++;
  if (moment == LOAD_TICK) return;
  cr_expect(moment > seen->last || seen->moments[LOAD_WARM] == 1, "moment %d", moment);
  seen->last = moment;
  seen->connections[moment] = progress->connections;
  fin_census *census = fin_census_take(&(fin_census_query){.ports = &seen->port, .port_count = 1});
  for (size_t i = 0; census && i < census->row_count; i++)
    seen->established[moment] +=
        census->rows[i].state == FIN_TCP_ESTABLISHED && census->rows[i].local_port == seen->port;
  fin_census_free(census);
}

static void expect_moments(const struct seen *seen) {
  for (int moment = LOAD_WARM; moment <= LOAD_OVER; moment++)
    if (moment != LOAD_TICK) cr_expect_eq(seen->moments[moment], 1, "moment %d", moment);
}

Test(workloads, idle) {
  struct serving serving;
  begin(&serving, "line", "line", "");
  struct seen seen = {.port = serving.process.port};
  struct load_observer observer = {.context = &seen, .observe = look};
  struct load_result *result = malloc(sizeof *result);
  char why[LOAD_WHY_MAX] = "";
  serving.options.workload = LOAD_IDLE_WORKLOAD;
  serving.options.connections = LOAD_IDLE_WARM + 100;
  serving.options.requests = 0;
  serving.options.duration_ms = 250;
  cr_assert(load_run(&serving.options, &observer, result, why), "%s", why);
  expect_moments(&seen);
  cr_expect_eq(seen.connections[LOAD_WARM], LOAD_IDLE_WARM);
  cr_expect_eq(seen.connections[LOAD_MEASURE], LOAD_IDLE_WARM + 100);
  cr_expect_eq(seen.established[LOAD_WARM], LOAD_IDLE_WARM);
  cr_expect_eq(seen.established[LOAD_MEASURE], LOAD_IDLE_WARM + 100);
  cr_expect_eq(seen.established[LOAD_MEASURED], LOAD_IDLE_WARM + 100);
  cr_expect_geq(seen.moments[LOAD_TICK], 2);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_eq(result->counts.requests, 0, "silence is measured, not how it came to it");
  cr_expect_eq(result->connections, LOAD_IDLE_WARM + 100);
  peer_load_free(result);
  end(&serving);
}

Test(workloads, moments) {
  struct serving serving;
  begin(&serving, "line", "line", "");
  struct seen seen = {.port = serving.process.port};
  struct load_observer observer = {.context = &seen, .observe = look};
  struct load_result *result = malloc(sizeof *result);
  char why[LOAD_WHY_MAX] = "";
  serving.options.requests = 0;
  serving.options.warmup_ms = 200;
  serving.options.duration_ms = 300;
  cr_assert(load_run(&serving.options, &observer, result, why), "%s", why);
  expect_moments(&seen);
  cr_expect_eq(seen.connections[LOAD_WARM], 0);
  cr_expect_eq(seen.established[LOAD_MEASURE], 8);
  cr_expect_eq(seen.established[LOAD_MEASURED], 8);
  cr_expect_eq(seen.established[LOAD_OVER], 0);
  cr_expect_geq(seen.moments[LOAD_TICK], 3);
  cr_expect(result->seconds >= 0.3 && result->seconds < 2, "%g", result->seconds);
  cr_expect_eq(result->latency.count, result->counts.requests);
  peer_load_free(result);
  end(&serving);
}

/* ---- ramp ---- */

Test(workloads, ramp) {
  struct serving serving;
  begin(&serving, "line", "line", "");
  struct seen seen = {.port = serving.process.port};
  struct load_observer observer = {.context = &seen, .observe = look};
  struct load_result *result = malloc(sizeof *result);
  char why[LOAD_WHY_MAX] = "";
  serving.options.workload = LOAD_RAMP_WORKLOAD;
  serving.options.requests = 0;
  serving.options.duration_ms = 4000;
  serving.options.rate = 100;
  serving.options.bound_ns = 200 * 1000 * 1000;
  uint64_t begun_ms = peer_now_ms();
  cr_assert(load_run(&serving.options, &observer, result, why), "%s", why);
  cr_expect_lt(peer_now_ms() - begun_ms, 12000);
  expect_moments(&seen);
  cr_expect_geq(result->ramp_rate, 200, "%g", result->ramp_rate);
  double rate = (double)result->counts.requests / result->seconds;
  cr_expect(rate > result->ramp_rate * 0.8 && rate < result->ramp_rate * 1.2, "%g", rate);
  peer_load_free(result);
  end(&serving);
}

/* A trial that is over before the bound is says nothing of it. */
Test(workloads, ramp_too_short_for_its_bound) {
  struct peer *peer = peer_begin(NULL, NULL);
  struct load_options options = peer_options(peer, "line");
  struct load_result result;
  char why[LOAD_WHY_MAX] = "";
  options.workload = LOAD_RAMP_WORKLOAD;
  options.requests = 0;
  options.duration_ms = 1000;
  options.bound_ns = 500 * 1000 * 1000;
  cr_expect_not(load_run(&options, NULL, &result, why));
  cr_expect(strstr(why, "500 ms is too long"), "%s", why);
  load_result_release(&result);
  peer_end(peer);
}

Test(workloads, ramp_without_hope) {
  struct serving serving;
  begin(&serving, "line", "line", "");
  serving.options.workload = LOAD_RAMP_WORKLOAD;
  serving.options.requests = 0;
  serving.options.duration_ms = 2000;
  serving.options.bound_ns = 1;
  struct load_result *result = peer_load(&serving.options);
  cr_expect_eq(result->ramp_rate, 0);
  peer_load_free(result);
  end(&serving);
}
