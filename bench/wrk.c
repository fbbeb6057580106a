/* SPDX-License-Identifier: MIT
 *
 * The load generator of `finale bench` beside wrk: both load the same server, in turns, each with
 * one thread on the last processor; the server has the first. What either says of its throughput,
 * what each costs itself, and what it costs the server, which shows that both ask the same of it.
 *
 *   wrk [--server finale] [--conns 64] [--depth 1] [--rounds 7] [--seconds 2]
 *       [--max-difference D] [--max-cpu R]
 *
 * The server is one of bench/peers, and has --depth requests under way on each connection. Exit
 * status 1 if the throughputs differ by more than D (0.05: by 5 %), or if a request costs `finale
 * bench` more than R times what it costs wrk: by the median of the rounds' ratios. Throughputs can
 * only agree if the server costs more than either generator, or that is the limit.
 */
#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "compare/peer.h"
#include "load/load.h"

enum { ROUNDS_MAX = 99, TIMEOUT_MS = 10 * 1000 };

static volatile sig_atomic_t stopped;

static void on_stop(int signal_number) {
  (void)signal_number;
  stopped = 1;
}

/* ---- options ---- */

enum option { CONNS, DEPTH, ROUNDS, SECONDS, MAX_DIFFERENCE, MAX_CPU, OPTIONS };

static struct {
  const char *name;
  double value, max;
  bool whole;
} options[OPTIONS] = {
    {"--conns", 64, 10000, true},       {"--depth", 1, 1000, true},
    {"--rounds", 7, ROUNDS_MAX, true},  {"--seconds", 2, 3600, true},
    {"--max-difference", 0, 10, false}, {"--max-cpu", 0, 10, false}, /* 0: no limit */
};

static unsigned number(enum option option) { return (unsigned)options[option].value; }

static void read_option(const char *name, const char *text) {
  int i = 0;
  char *end = NULL;
  while (i < OPTIONS && strcmp(name, options[i].name) != 0) i++;
  if (i == OPTIONS)
    errx(2,
         "unknown argument '%s'; there are --server --conns --depth --rounds --seconds "
         "--max-difference --max-cpu",
         name);
  double value = text ? strtod(text, &end) : 0;
  if (!end || *end != '\0' || !(value > 0 && value <= options[i].max) ||
      (options[i].whole && value != floor(value)))
    errx(2, "%s needs a %snumber above 0 and up to %g, not '%s'", name,
         options[i].whole ? "whole " : "", options[i].max, text ? text : "");
  options[i].value = value;
}

/* Returns the server's name. */
static const char *read_arguments(char **argv) {
  const char *server = "finale";
  for (argv++; *argv; argv += 2) { /* without a value it goes no further */
    if (strcmp(*argv, "--server") != 0)
      read_option(*argv, argv[1]);
    else if (!(server = argv[1]))
      errx(2, "--server needs a name, as nginx of bench/peers/nginx.peer");
  }
  return server;
}

/* ---- the server ---- */

static struct compare_server server = {.process = {.output = -1}};

static void end_server(void) { compare_peer_end(&server); }

static void begin_server(const char *name, int cpu) {
  static const struct compare_place place = {.finale = BENCH_FINALE, .peers = BENCH_PEERS};
  const struct compare_begin how = {.protocol = LOAD_HTTP, .cpu = cpu};
  struct compare_peer peer;
  char path[COMPARE_PATH_MAX], why[LOAD_WHY_MAX];
  snprintf(path, sizeof path, "%s/%s.peer", place.peers, name);
  atexit(end_server);
  if (!compare_peer_read(path, &peer, why) ||
      !compare_peer_begin(&peer, &place, &how, &server, why))
    errx(2, "%s", why);
  compare_peer_release(&peer);
}

static double server_us(void) {
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(server.process.pid, &clock) || clock_gettime(clock, &used))
    errx(2, "the server has ended under the load");
  return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

/* ---- one turn ---- */

struct work {
  uint64_t requests; /* answered as they should be */
  double seconds;
};

/* A script without `request` does not slow wrk down: it asks for its request once. */
static const char script[] =
    "function init(args)\n"
    "  local depth = tonumber(args[1])\n"
    "  if depth == 1 then return end\n"
    "  local batch = string.rep(wrk.format(), depth)\n"
    "  function request() return batch end\n"
    "end\n"
    "function done(summary)\n"
    "  local e = summary.errors\n"
    "  print(string.format('done %d %d %d', summary.requests, summary.duration,\n"
    "    e.connect + e.read + e.write + e.status + e.timeout))\n"
    "end\n";

/* As popen wants it; the script is a file in memory that stays open. */
static char *wrk_command(uint16_t port) {
  char *program = process_find_program("wrk"), *command;
  if (!program) errx(2, "there is no wrk to compare with; apt-get install wrk");
  int fd = memfd_create("script", 0);
  if (fd < 0 || write(fd, script, sizeof script - 1) != (ssize_t)sizeof script - 1 ||
      asprintf(&command,
               "exec '%s' -t1 -c%u -d%us -s /proc/%d/fd/%d http://127.0.0.1:%u/ -- %u 2>&1",
               program, number(CONNS), number(SECONDS), (int)getpid(), fd, port, number(DEPTH)) < 0)
    err(2, "wrk's script");
  free(program);
  return command;
}

static struct work run_wrk(const char *command) {
  struct work work = {0};
  uint64_t us = 0, errors = 0;
  char said[4096] = "", line[256];
  bool reported = false;
  FILE *output = popen(command, "r");
  if (!output) err(2, "wrk");
  while (fgets(line, sizeof line, output)) {
    strncat(said, line, sizeof said - strlen(said) - 1);
    reported |=
        sscanf(line, "done %" SCNu64 " %" SCNu64 " %" SCNu64, &work.requests, &us, &errors) == 3;
  }
  if (pclose(output) != 0 || !reported || errors > 0 || work.requests == 0)
    errx(2, "wrk failed, or saw errors:\n%s", said);
  work.seconds = (double)us / 1e6;
  return work;
}

static struct work run_finale(uint16_t port) {
  static struct load_result result; /* half a megabyte */
  char why[LOAD_WHY_MAX], target[64];
  struct load_options load = {
      .workload = number(DEPTH) > 1 ? LOAD_PIPELINE_WORKLOAD : LOAD_KEEPALIVE_WORKLOAD,
      .connections = number(CONNS),
      .threads = 1,
      .depth = number(DEPTH),
      .duration_ms = number(SECONDS) * 1000,
      .timeout_ms = TIMEOUT_MS,
      .first_cpu = -1,
      .stopped = &stopped,
  };
  snprintf(target, sizeof target, "http://127.0.0.1:%u/", port);
  if (!load_target_parse(target, &load.target, why) || !load_run(&load, NULL, &result, why))
    errx(2, "%s", why);
  uint64_t errors = load_errors_sum(&result.counts.errors);
  if (errors > 0 || result.counts.requests == 0)
    errx(2, "finale bench: %" PRIu64 " good replies, %" PRIu64 " errors", result.counts.requests,
         errors);
  struct work work = {.requests = result.counts.requests, .seconds = result.seconds};
  load_result_release(&result);
  return work;
}

/* ---- the rounds ---- */

enum generator { FINALE, WRK, GENERATORS };
enum figure { RATE, OWN_CPU, SERVER_CPU, FIGURES };

static double values[GENERATORS][FIGURES][ROUNDS_MAX], ratios[FIGURES][ROUNDS_MAX];

/* All that the process has used, or its children that have ended: from connecting to closing. */
static double used_us(int who) {
  struct rusage used;
  getrusage(who, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void take_turn(enum generator generator, const char *wrk, unsigned round) {
  int who = generator == WRK ? RUSAGE_CHILDREN : RUSAGE_SELF;
  double own_us = used_us(who), servers_us = server_us();
  struct work work = generator == WRK ? run_wrk(wrk) : run_finale(server.process.port);
  if (stopped) exit(130);
  double requests = (double)work.requests;
  values[generator][RATE][round] = requests / work.seconds;
  values[generator][OWN_CPU][round] = (used_us(who) - own_us) / requests;
  values[generator][SERVER_CPU][round] = (server_us() - servers_us) / requests;
}

static void run_rounds(void) {
  char *wrk = wrk_command(server.process.port);
  for (unsigned round = 0; round < number(ROUNDS); round++) {
    for (unsigned k = 0; k < GENERATORS; k++) /* neither always goes first */
      take_turn((round + k) % 2 == 0 ? WRK : FINALE, wrk, round);
    for (int i = 0; i < FIGURES; i++)
      ratios[i][round] = values[FINALE][i][round] / values[WRK][i][round];
    fprintf(stderr, "round %u of %u: throughput %.3f, CPU %.3f of wrk's\n", round + 1,
            number(ROUNDS), ratios[RATE][round], ratios[OWN_CPU][round]);
  }
  free(wrk);
}

/* ---- what came of it ---- */

static int by_value(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

/* "median (lowest to highest)"; returns the median. */
static double print_cell(double *of, int decimals) {
  size_t rounds = number(ROUNDS);
  char cell[96];
  qsort(of, rounds, sizeof *of, by_value);
  double median = (of[(rounds - 1) / 2] + of[rounds / 2]) / 2;
  snprintf(cell, sizeof cell, "%.*f (%.*f to %.*f)", decimals, median, decimals, of[0], decimals,
           of[rounds - 1]);
  printf(" %26s", cell);
  return median;
}

/* Returns the median of the ratios. */
static double print_row(const char *name, enum figure figure, int decimals) {
  printf("%-24s", name);
  print_cell(values[FINALE][figure], decimals);
  print_cell(values[WRK][figure], decimals);
  double ratio = print_cell(ratios[figure], 3);
  putchar('\n');
  return ratio;
}

static bool above(enum option limit, double value) {
  double max = options[limit].value;
  if (max == 0 || value <= max) return false;
  fprintf(stderr, "wrk: %s %g: it is %.3f\n", options[limit].name, max, value);
  return true;
}

static void run_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

int main(int argc, char **argv) {
  (void)argc;
  int first_cpu, last_cpu;
  const char *name = read_arguments(argv);
  signal(SIGINT, on_stop);
  process_find_cpus(&first_cpu, &last_cpu);
  begin_server(name, first_cpu);
  run_on(last_cpu);
  run_rounds();

  printf("%s: %u connections, %u under way on each; ", name, number(CONNS), number(DEPTH));
  printf("median (and range) of %u interleaved rounds of %u s\n\n", number(ROUNDS),
         number(SECONDS));
  printf("%-24s %26s %26s %26s\n", "", "finale bench", "wrk", "ratio");
  double rate = print_row("requests/s", RATE, 0);
  double cpu = print_row("CPU us/request, its own", OWN_CPU, 2);
  print_row("  the server's", SERVER_CPU, 2);
  bool failed = above(MAX_DIFFERENCE, fabs(rate - 1));
  failed |= above(MAX_CPU, cpu);
  return failed ? 1 : 0;
}
