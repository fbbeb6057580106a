/* SPDX-License-Identifier: MIT
 *
 * What a hello over HTTP costs the server: CPU time and user-space instructions per request, of
 * finale, of raw epoll (the floor) and of nginx. They take turns, so that what else happens on the
 * machine happens to all; the server has the first processor, wrk the last one. First each
 * connection has one request under way, then --pipeline of them.
 *
 *   http [--connections 64] [--pipeline 16] [--rounds 7] [--seconds 2] [--vary]
 *        [--no-callgrind] [--max-ratio-floor R] [--max-ratio-nginx R] [--max-ratio-pipelined R]
 *        [--max-instructions N]
 *
 * Exit status 1 if finale is above a limit that was given: for CPU per request over the floor's,
 * over nginx's, over the floor's when pipelined, and for instructions per request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/callgrind.h"
#include "support/client.h"
#include "support/http_client.h"
#include "support/nginx.h"
#include "support/server_process.h"
#include "support/wrk.h"

enum { ROUNDS_MAX = 1000, COUNTED_ROUNDS = 40 };

enum server { RAW_EPOLL, FINALE, NGINX, SERVERS };

static const char *const names[SERVERS] = {"raw epoll", "finale", "nginx"};

enum option {
  CONNECTIONS,
  PIPELINE,
  ROUNDS,
  SECONDS,
  VARY,
  NO_CALLGRIND,
  MAX_RATIO_FLOOR,
  MAX_RATIO_NGINX,
  MAX_RATIO_PIPELINED,
  MAX_INSTRUCTIONS,
  OPTIONS
};

static struct bench_option options[OPTIONS] = {
    {.name = "--connections", .value = 64}, {.name = "--pipeline", .value = 16},
    {.name = "--rounds", .value = 7},       {.name = "--seconds", .value = 2},
    {.name = "--vary", .flag = true},       {.name = "--no-callgrind", .flag = true},
    {.name = "--max-ratio-floor"},          {.name = "--max-ratio-nginx"},
    {.name = "--max-ratio-pipelined"},      {.name = "--max-instructions"},
};

static unsigned servers = SERVERS; /* one less where there is no nginx */
static struct http_hello hellos[SERVERS];

static struct server_process start(enum server server, const char *const *prefix) {
  const char *const raw_epoll[] = {built_program("peers/raw_epoll"), "http", NULL};
  const char *const finale[] = {
      built_program("../finale"), "serve", "http", "--listen", "127.0.0.1:0", NULL};
  if (server == NGINX) return nginx_start(prefix, hellos[FINALE].body);
  return server_process_start_behind(prefix, server == FINALE ? finale : raw_epoll);
}

/* All must say the same. */
static void check_hello(enum server server, uint16_t port) {
  int fd = connect_to(0, port);
  http_ask(fd, &hellos[server]);
  close(fd);
  if (strcmp(hellos[server].body, hellos[FINALE].body) != 0)
    bench_fail("%s says '%s', finale says '%s'", names[server], hellos[server].body,
               hellos[FINALE].body);
}

/* ---- time ---- */

struct series { /* by round, until `median` sorts them */
  double rate[ROUNDS_MAX], cpu_us[ROUNDS_MAX], to_raw_epoll[ROUNDS_MAX], to_nginx[ROUNDS_MAX];
};

static void measure(const struct server_process *process, enum server server, unsigned pipeline,
                    struct series *series, size_t round) {
  struct wrk_load load = {
      .connections = (unsigned)options[CONNECTIONS].value,
      .pipeline = pipeline,
      .seconds = (unsigned)options[SECONDS].value,
      .vary = options[VARY].value > 0,
  };
  uint64_t before_ns = server_process_cpu_ns(process);
  struct wrk_figures wrk = wrk_run(process->port, &load);
  uint64_t cpu_ns = server_process_cpu_ns(process) - before_ns;
  /* What is under way at the end is read, and not counted as a request. */
  uint64_t unanswered = (uint64_t)load.connections * pipeline;
  if (wrk.bytes < wrk.requests * hellos[server].len ||
      wrk.bytes > (wrk.requests + unanswered) * hellos[server].len)
    bench_fail("%s: %llu replies in %llu bytes, each should have %zu", names[server],
               (unsigned long long)wrk.requests, (unsigned long long)wrk.bytes, hellos[server].len);
  series->rate[round] = (double)wrk.requests / wrk.seconds;
  series->cpu_us[round] = (double)cpu_ns / 1e3 / (double)wrk.requests;
}

static void run_rounds(const struct server_process *processes, unsigned pipeline,
                       struct series *series) {
  size_t rounds = (size_t)options[ROUNDS].value;
  for (size_t round = 0; round < rounds; round++) {
    fprintf(stderr, "round %zu of %zu, x%u:", round + 1, rounds, pipeline);
    for (size_t k = 0; k < servers; k++) {
      enum server server = (enum server)((k + round) % servers); /* none always goes first */
      measure(&processes[server], server, pipeline, &series[server], round);
      fprintf(stderr, " %s %.2f us", names[server], series[server].cpu_us[round]);
    }
    fputc('\n', stderr);
    for (size_t s = 0; s < servers; s++) {
      double cpu_us = series[s].cpu_us[round];
      series[s].to_raw_epoll[round] = cpu_us / series[RAW_EPOLL].cpu_us[round];
      series[s].to_nginx[round] = servers > NGINX ? cpu_us / series[NGINX].cpu_us[round] : 0;
    }
  }
}

/* "median (lowest to highest)"; returns the median. */
static double print_cell(double *values, int decimals) {
  size_t rounds = (size_t)options[ROUNDS].value;
  double middle = median(values, rounds);
  char cell[96];
  snprintf(cell, sizeof cell, "%.*f (%.*f to %.*f)", decimals, middle, decimals, values[0],
           decimals, values[rounds - 1]);
  printf(" %26s", cell);
  return middle;
}

struct ratios { /* of finale */
  double to_raw_epoll, to_nginx;
};

static struct ratios print_times(unsigned pipeline, struct series *series) {
  struct ratios ratios[SERVERS] = {0};
  bool nginx = servers > NGINX;
  printf("\n%u under way on each connection\n%-9s %26s %26s %26s %26s\n", pipeline, "",
         "requests/s", "CPU us/request", "to raw epoll", nginx ? "to nginx" : "");
  for (size_t s = 0; s < servers; s++) {
    printf("%-9s", names[s]);
    print_cell(series[s].rate, 0);
    print_cell(series[s].cpu_us, 2);
    ratios[s].to_raw_epoll = print_cell(series[s].to_raw_epoll, 3);
    if (nginx) ratios[s].to_nginx = print_cell(series[s].to_nginx, 3);
    putchar('\n');
  }
  return ratios[FINALE];
}

static struct ratios time_requests(const struct server_process *processes, unsigned pipeline) {
  static struct series series[SERVERS];
  run_rounds(processes, pipeline, series);
  return print_times(pipeline, series);
}

/* ---- instructions ---- */

static uint64_t count_run(enum server server, size_t pipeline, size_t rounds) {
  struct server_process process = start(server, callgrind_prefix());
  http_load(process.port, (size_t)options[CONNECTIONS].value, pipeline, rounds,
            options[VARY].value > 0);
  return callgrind_stop(&process);
}

/* From two runs of different length, so that the start and the connections cancel out. */
static double count_requests(enum server server, size_t pipeline) {
  uint64_t shorter = count_run(server, pipeline, COUNTED_ROUNDS);
  uint64_t longer = count_run(server, pipeline, 2 * COUNTED_ROUNDS);
  double requests = options[CONNECTIONS].value * (double)(pipeline * COUNTED_ROUNDS);
  return (double)(longer - shorter) / requests;
}

/* Returns finale's, when one request at a time is under way. */
static double print_instructions(unsigned pipeline) {
  double counted[SERVERS];
  printf("\ninstructions in user space per request, counted by callgrind\n");
  printf("%-9s %15s %12u under way\n", "", "1 under way", pipeline);
  for (size_t s = 0; s < servers; s++) {
    counted[s] = count_requests((enum server)s, 1);
    printf("%-9s %15.0f %22.0f\n", names[s], counted[s], count_requests((enum server)s, pipeline));
  }
  return counted[FINALE];
}

/* ---- all of it ---- */

static bool above(enum option limit, double value) {
  double max = options[limit].value;
  if (max <= 0 || (value > 0 && value <= max)) return false;
  fprintf(stderr, "http: %s %g: ", options[limit].name, max);
  fprintf(stderr, value > 0 ? "it is %.3f\n" : "it was not measured\n", value);
  return true;
}

int main(int argc, char **argv) {
  bench_parse(argc, argv, options, OPTIONS);
  if (options[ROUNDS].value > ROUNDS_MAX) bench_fail("--rounds is at most %d", ROUNDS_MAX);
  unsigned pipeline = (unsigned)options[PIPELINE].value;
  raise_descriptor_limit();
  if (!nginx_is_installed()) {
    servers--;
    fprintf(stderr,
            "http: without nginx, which is not installed (Debian: apt-get install nginx)\n");
  }

  struct server_process processes[SERVERS];
  static const enum server order[SERVERS] = {FINALE, RAW_EPOLL, NGINX}; /* whose hello it is */
  for (size_t i = 0; i < servers; i++) {
    processes[order[i]] = start(order[i], NULL);
    check_hello(order[i], processes[order[i]].port);
  }
  run_on_last_cpu();
  printf("A hello over HTTP: %g connections, %g interleaved rounds of %u s, median (and range)\n",
         options[CONNECTIONS].value, options[ROUNDS].value, (unsigned)options[SECONDS].value);
  printf("bytes of the reply:");
  for (size_t s = 0; s < servers; s++) printf(" %s %zu", names[s], hellos[s].len);
  putchar('\n');
  struct ratios single = time_requests(processes, 1);
  struct ratios pipelined = {0};
  if (pipeline > 1) pipelined = time_requests(processes, pipeline);
  for (size_t s = 0; s < servers; s++) server_process_stop(&processes[s]);

  double instructions = 0;
  if (options[NO_CALLGRIND].value > 0)
    ; /* not wanted */
  else if (callgrind_prefix())
    instructions = print_instructions(pipeline);
  else
    fprintf(stderr,
            "http: no instructions: valgrind is not installed (apt-get install valgrind)\n");

  bool failed = above(MAX_RATIO_FLOOR, single.to_raw_epoll);
  failed |= above(MAX_RATIO_NGINX, single.to_nginx);
  failed |= above(MAX_RATIO_PIPELINED, pipelined.to_raw_epoll);
  failed |= above(MAX_INSTRUCTIONS, instructions);
  return failed ? 1 : 0;
}
