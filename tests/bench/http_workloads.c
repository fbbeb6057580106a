/* SPDX-License-Identifier: MIT
 *
 * The workloads on `finale serve http`.
 */
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"
#include "server/process.h"

static void expect_load(enum load_workload workload, const char *path, unsigned depth,
                        bool server_closes, uint64_t requests, uint64_t connections) {
  char program[4096], text[128], why[PROCESS_WHY_MAX] = "";
  const char *const argv[] = {program, "serve", "http", "--listen", "127.0.0.1:0", NULL};
  struct leftover_baseline baseline = leftover_begin();
  struct process process;
  snprintf(program, sizeof program, "%s/finale", getenv("FINALE_BINARY_DIR"));
  const struct process_start start = {.argv = argv, .cpu = -1};
  cr_assert(process_begin(&process, &start, why), "%s", why);
  struct load_options options = {.connections = 8,
                                 .threads = 2,
                                 .workload = workload,
                                 .depth = depth,
                                 .server_closes = server_closes,
                                 .requests = requests,
                                 .timeout_ms = PEER_PATIENCE_MS,
                                 .first_cpu = -1};
  snprintf(text, sizeof text, "http://localhost:%u%s", process.port, path);
  cr_assert(load_target_parse(text, &options.target, why), "%s", why);
  cr_assert(load_target_probe(&options, why), "%s", why);
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.requests, requests);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_eq(result->counts.resets, 0);
  cr_expect_eq(result->connections, connections, "%llu", (unsigned long long)result->connections);
  peer_load_free(result);
  cr_expect_eq(process_end(&process), 0);
  leftover_end(&baseline);
}

Test(bench_http, keepalive) { expect_load(LOAD_KEEPALIVE_WORKLOAD, "/", 1, false, 2000, 8); }

Test(bench_http, pipeline) { expect_load(LOAD_PIPELINE_WORKLOAD, "/", 16, false, 5000, 8); }

Test(bench_http, churn) { expect_load(LOAD_CHURN_WORKLOAD, "/", 1, false, 500, 500); }

Test(bench_http, churn_server_closes) { expect_load(LOAD_CHURN_WORKLOAD, "/", 1, true, 500, 500); }

Test(bench_http, stream) { expect_load(LOAD_STREAM_WORKLOAD, "/bytes?n=1m", 1, false, 100, 8); }
