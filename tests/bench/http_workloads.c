/* SPDX-License-Identifier: MIT
 *
 * The workloads on `finale serve http`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

/* ---- --vary ---- */

/* A whole request, as far as its empty line; false: the connection has ended. */
static bool read_request(int fd, char *text, size_t size) {
  for (size_t len = 0; len + 1 < size; len++) {
    if (recv(fd, text + len, 1, 0) <= 0) return false;
    text[len + 1] = '\0';
    if (len >= 3 && memcmp(text + len - 3, "\r\n\r\n", 4) == 0) return true;
  }
  return false;
}

/* Each differs from the one before in nothing but four digits of its target. */
static void compare_requests(struct peer *peer, int fd) {
  const char *start = peer->context;
  size_t digits = strlen(start), asked = 0;
  for (char text[512], before[512] = ""; read_request(fd, text, sizeof text); asked++) {
    PEER_EXPECT(peer, strncmp(text, start, digits) == 0, "%s", text);
    PEER_EXPECT(peer, strspn(text + digits, "0123456789") == 4, "%s", text);
    PEER_EXPECT(peer, strncmp(text + digits + 4, " HTTP/1.1\r\nHost: ", 17) == 0, "%s", text);
    PEER_EXPECT(peer, asked == 0 || strlen(text) == strlen(before), "%s", text);
    PEER_EXPECT(peer, strcmp(text, before) != 0, "%s", text);
    strcpy(before, text);
    peer_say(fd, PEER_REPLY);
  }
}

static struct load_options vary(const struct peer *peer) {
  struct load_options options = peer_options(peer, "http");
  options.vary = true;
  options.requests = 2000; /* more than there are different ones */
  return options;
}

Test(bench_http, varied_requests) {
  struct peer *peer = peer_begin(compare_requests, (void *)(uintptr_t) "GET /?");
  struct load_options options = vary(peer);
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.requests, options.requests);
  peer_load_free(result);
  peer_end(peer);
}

Test(bench_http, varied_requests_in_pipelines) {
  struct peer *peer = peer_begin(compare_requests, (void *)(uintptr_t) "GET /a?b=c&");
  struct load_options options = vary(peer);
  strcpy(options.target.path, "/a?b=c");
  options.connections = 3;
  options.workload = LOAD_PIPELINE_WORKLOAD;
  options.depth = 7;
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.requests, options.requests);
  peer_load_free(result);
  peer_end(peer);
}

/* Half a request, or a slow one, leaves the next connection with a whole one. */
Test(bench_http, varied_requests_of_rude_clients) {
  struct peer *peer = peer_begin(compare_requests, (void *)(uintptr_t) "GET /?");
  struct load_options options = vary(peer);
  options.mix[LOAD_SLOW_WRITE] = options.mix[LOAD_POLITE] = 20;
  options.mix[LOAD_EARLY_FIN] = options.mix[LOAD_RESET] = options.mix[LOAD_ABANDON] = 20;
  options.requests = 0;
  options.duration_ms = 500;
  options.connections = 8;
  struct load_result *result = peer_load(&options);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_gt(result->visits[LOAD_SLOW_WRITE].whole, 0);
  peer_load_free(result);
  peer_end(peer);
}

Test(bench_http, nothing_else_is_varied) {
  struct peer *peer = peer_begin(compare_requests, NULL);
  struct load_options options = peer_options(peer, "line");
  struct load_result result;
  char why[LOAD_WHY_MAX] = "";
  options.vary = true;
  cr_expect_not(load_run(&options, NULL, &result, why));
  cr_expect(strstr(why, "http://"), "%s", why);
  peer_end(peer);
}
