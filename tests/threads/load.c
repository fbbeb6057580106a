/* SPDX-License-Identifier: MIT
 *
 * A load of several threads on a server in another one, in a closed loop, by a rate, with rude
 * visits, and ended before its time: what the threads tell each other is told in order. For
 * ThreadSanitizer; hence without Criterion.
 */
#include <errno.h>
#include <finale/line.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "load/load.h"

enum { SECONDS_MAX = 60 };

#define MUST(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno)); \
      exit(1); \
    } \
  } while (0)

/* ---- the server ---- */

static fin_server *server;

/* "quit" drains the server; every other line comes back. */
static void on_line(fin_conn *conn, const char *line, size_t len) {
  if (len == 4 && memcmp(line, "quit", 4) == 0) {
    fin_server_drain(fin_conn_server(conn));
    return;
  }
  fin_conn_write(conn, line, len);
  fin_conn_write(conn, "\n", 1);
}

static const fin_line protocol = {.handler = {.on_data = fin_line_on_data}, .on_line = on_line};

static void *serve(void *arg) {
  (void)arg;
  MUST(fin_server_run(server) == 0);
  return NULL;
}

/* ---- the loads ---- */

static volatile sig_atomic_t stopped;

/* Reads what is told to it: that must be written before. */
static void observe(void *context, const struct load_progress *progress) {
  uint64_t *sum = context;
  *sum += progress->counts.requests + progress->connections + progress->p99_ns;
}

static void load(const struct load_options *options) {
  static struct load_result result;
  char why[LOAD_WHY_MAX] = "";
  uint64_t sum = 0;
  struct load_observer observer = {.context = &sum, .observe = observe};
  if (!load_run(options, &observer, &result, why)) {
    fprintf(stderr, "%s\n", why);
    exit(1);
  }
  MUST(load_errors_sum(&result.counts.errors) == 0);
  MUST(options->requests == 0 || result.counts.requests == options->requests);
  MUST(result.connections > 0 && sum > 0);
  load_result_release(&result);
}

static void load_all(struct load_options options) {
  options.duration_ms = 1200; /* a second that all report, and a part of one */
  options.warmup_ms = 100;
  load(&options);
  options.rate = 500;
  load(&options);
  options.rate = 0;
  options.workload = LOAD_CHURN_WORKLOAD;
  options.requests = 301;
  load(&options);
  options.requests = 0;
  options.workload = LOAD_IDLE_WORKLOAD;
  options.duration_ms = 200;
  load(&options);
  options.workload = LOAD_KEEPALIVE_WORKLOAD;
  options.mix[LOAD_POLITE] = 60;
  options.mix[LOAD_HALF_CLOSE] = options.mix[LOAD_RESET] = 20;
  load(&options);
  stopped = 1;
  options.duration_ms = 1000 * SECONDS_MAX;
  load(&options);
}

static void quit(struct load_options options) {
  int peer = socket(options.target.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  char byte;
  MUST(connect(peer, (struct sockaddr *)&options.target.address, options.target.address_len) == 0);
  MUST(send(peer, "quit\n", 5, MSG_NOSIGNAL) == 5);
  MUST(recv(peer, &byte, 1, 0) == 0);
  close(peer);
}

int main(void) {
  pthread_t thread;
  char target[64], why[LOAD_WHY_MAX];
  struct load_options options = {.connections = 10,
                                 .threads = 3,
                                 .size = 32,
                                 .timeout_ms = 1000 * SECONDS_MAX,
                                 .first_cpu = -1,
                                 .stopped = &stopped};
  alarm(2 * SECONDS_MAX);
  server = fin_server_new(NULL);
  MUST(server != NULL);
  fin_listen listen = {.host = "127.0.0.1", .handler = &protocol.handler};
  MUST(fin_server_listen(server, &listen) == 0);
  snprintf(target, sizeof target, "line://127.0.0.1:%u", fin_server_port(server));
  MUST(load_target_parse(target, &options.target, why));
  MUST(pthread_create(&thread, NULL, serve, NULL) == 0);
  load_all(options);
  quit(options);
  MUST(pthread_join(thread, NULL) == 0);
  fin_server_free(server);
  return 0;
}
