/* SPDX-License-Identifier: MIT
 *
 * Runs the rounds. All servers are there from the beginning to the end, except for idle
 * connections: a server that has once had many keeps the memory, so that each round of those has a
 * fresh one.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "compare/compare.h"
#include "compare/instructions.h"
#include "server/watch.h"

enum { WARMUP_MS = 200, TIMEOUT_MS = 10 * 1000, SETTLE_MS = 5 * 1000 };

/* Of a workload with visitors of every manner. */
static const unsigned shares[LOAD_MANNER_COUNT] = {
    [LOAD_POLITE] = 70,   [LOAD_HALF_CLOSE] = 10, [LOAD_RESET] = 5,     [LOAD_ABANDON] = 5,
    [LOAD_SLOW_READ] = 4, [LOAD_SLOW_WRITE] = 3,  [LOAD_EARLY_FIN] = 2, [LOAD_SILENT] = 1,
};

struct contestant {
  struct compare_row *row;
  struct compare_server server;
  bool running;
};

struct comparison {
  struct compare_table *table;
  struct contestant *contestants;
  int first_cpu, last_cpu;
};

static bool is_idle(const struct comparison *comparison) {
  return comparison->table->options.workload->load == LOAD_IDLE_WORKLOAD;
}

static bool is_stopped(const struct comparison *comparison) {
  const volatile sig_atomic_t *stopped = comparison->table->options.stopped;
  return stopped && *stopped;
}

static __attribute__((format(printf, 2, 3))) void tell(const struct comparison *comparison,
                                                       const char *format, ...) {
  FILE *out = comparison->table->options.progress;
  if (!out) return;
  va_list values;
  va_start(values, format);
  vfprintf(out, format, values);
  va_end(values);
  fflush(out);
}

/* ---- servers ---- */

static void end(struct contestant *contestant) {
  if (contestant->running) compare_peer_end(&contestant->server);
  contestant->running = false;
}

static bool begin(const struct comparison *comparison, struct contestant *contestant) {
  const struct compare_options *options = &comparison->table->options;
  struct compare_row *row = contestant->row;
  enum load_protocol protocol = options->workload->protocol;
  const struct compare_begin how = {.protocol = protocol, .cpu = comparison->first_cpu};
  contestant->running =
      compare_peer_begin(row->peer, options->place, &how, &contestant->server, row->why);
  if (contestant->running &&
      !compare_peer_check(protocol, contestant->server.process.port, row->why))
    end(contestant);
  return contestant->running;
}

/* ---- a round of one server ---- */

/* Ticks are left out: what a watch would do ten times a second is done by a processor that is being
 * measured. */
static void observe(void *context, const struct load_progress *progress) {
  const struct load_observer *watch = context;
  if (progress->moment != LOAD_TICK) watch->observe(watch->context, progress);
}

struct load_options compare_load(const struct compare_options *options, uint16_t port) {
  struct load_options load = {
      .target = {.protocol = options->workload->protocol, .host = "127.0.0.1", .path = "/"},
      .workload = options->workload->load,
      .connections = options->connections,
      .threads = 1,
      .depth = options->depth,
      .server_closes = options->workload->server_closes,
      .vary = options->vary,
      .size = options->size,
      .duration_ms = options->duration_ms,
      .warmup_ms = WARMUP_MS,
      .timeout_ms = TIMEOUT_MS,
      .sources = options->workload->sources,
      .first_cpu = -1,
      .stopped = options->stopped,
  };
  if (options->workload->mixed) memcpy(load.mix, shares, sizeof load.mix);
  struct sockaddr_in *address = (struct sockaddr_in *)&load.target.address;
  address->sin_family = AF_INET;
  address->sin_port = htons(port);
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  load.target.address_len = sizeof *address;
  load.target.port = port;
  return load;
}

static double work_of(const struct compare_workload *workload, const struct load_result *load) {
  if (workload->load == LOAD_STREAM_WORKLOAD) return (double)load->counts.bytes_in / 1e6;
  return (double)(workload->mixed ? load->counts.connections : load->counts.requests);
}

/* Of all manners together. */
static struct load_visits visits_of(const struct load_result *load) {
  struct load_visits sum = {0};
  for (enum load_manner i = 0; i < LOAD_MANNER_COUNT; i++) {
    sum.whole += load->visits[i].whole;
    sum.truncated += load->visits[i].truncated;
    sum.lost += load->visits[i].lost;
  }
  return sum;
}

static void fill_in(const struct comparison *comparison, struct compare_row *row, unsigned round,
                    const struct load_result *load, const struct watch_result *watch) {
  const struct compare_workload *workload = comparison->table->options.workload;
  const struct load_visits visits = visits_of(load);
  double work = work_of(workload, load), connections = (double)load->connections;
  bool seen = watch->local && watch->processes > 0;
#define VALUE(metric) row->values[COMPARE_##metric][round]
  VALUE(ERRORS) = (double)load_errors_sum(&load->counts.errors);
  if (seen && workload->mixed) VALUE(CLOSE_WAIT) = watch_left_in(watch, FIN_TCP_CLOSE_WAIT);
  if (workload->mixed) VALUE(LOST) = (double)(visits.truncated + visits.lost);
  if (seen) VALUE(LEFT) = fmax(watch_left_owned(watch), watch_left_descriptors(watch));
  if (is_idle(comparison)) {
    double grown = (double)watch->measure.anonymous_bytes - (double)watch->warm.anonymous_bytes;
    if (seen && connections > LOAD_IDLE_WARM)
      VALUE(MEMORY) = grown / (connections - LOAD_IDLE_WARM);
    return;
  }
  /* Who was too slow for the time that was measured has shown nothing that could be compared. */
  if (load->counts.requests == 0 || work == 0) return;
  VALUE(RATE) = work / load->seconds;
  if (compare_measures(workload, COMPARE_P99) && load->latency.count > 0)
    VALUE(P99) = (double)histogram_percentile_ns(&load->latency, 99);
  if (seen) VALUE(CPU) = (double)(watch->measured.cpu_ns - watch->measure.cpu_ns) / work;
#undef VALUE
}

static bool put(struct compare_row *row, const char *what, const char *why) {
  snprintf(row->why, sizeof row->why, "%s%.400s", what, why);
  return false;
}

/* An answer that comes when the round is over is none of the round's, but no fault either: on a
 * busy machine even the quickest server may not have its turn within a short one. */
static bool has_worked(const struct comparison *comparison, const struct load_result *load) {
  if (is_idle(comparison)) return load->connections > 0;
  return load->counts.requests > 0 || visits_of(load).whole > 0 ||
         load_errors_sum(&load->counts.errors) == 0;
}

/* Only after the last round is it waited for what is left. False: the row's `why` says it. */
static bool measure(const struct comparison *comparison, struct contestant *contestant,
                    unsigned round) {
  const struct compare_options *options = &comparison->table->options;
  struct compare_row *row = contestant->row;
  bool settles = is_idle(comparison) || round + 1 == options->rounds;
  struct load_options load = compare_load(options, contestant->server.process.port);
  load.first_cpu = comparison->last_cpu;
  struct watch *watch = watch_new(&load.target);
  if (!watch) return put(row, "its sockets cannot be watched: ", strerror(errno));

  struct load_observer watching = watch_observer(watch, NULL);
  const struct load_observer observer = {.context = &watching, .observe = observe};
  struct load_result *result = calloc(1, sizeof *result); /* half a megabyte */
  char why[LOAD_WHY_MAX] = "no memory";
  bool done = result && load_run(&load, &observer, result, why);
  if (!done) put(row, "the load cannot be run: ", why);
  if (done && !is_stopped(comparison)) {
    const struct watch_result *watched =
        watch_settle(watch, settles ? SETTLE_MS : 0, options->stopped);
    fill_in(comparison, row, round, result, watched);
    if (!settles) row->values[COMPARE_LEFT][round] = row->values[COMPARE_CLOSE_WAIT][round] = NAN;
    if (process_has_ended(&contestant->server.process, why))
      done = put(row, "under this load it ", why);
    else if (!has_worked(comparison, result))
      done = put(row, "it answered nothing", "");
  }
  if (result) load_result_release(result);
  free(result);
  watch_free(watch);
  return done;
}

static void take_turn(const struct comparison *comparison, struct contestant *contestant,
                      unsigned round) {
  struct compare_row *row = contestant->row;
  if (*row->why) return;
  if (is_idle(comparison) && !begin(comparison, contestant)) return;
  bool good = measure(comparison, contestant, round);
  if (is_idle(comparison) || !good) end(contestant);
  if (!good) {
    tell(comparison, " %s: %s;", row->peer->name, row->why);
    return;
  }
  char text[32];
  enum compare_metric metric = is_idle(comparison) ? COMPARE_MEMORY : COMPARE_CPU;
  double value = row->values[metric][round];
  tell(comparison, " %s %s", row->peer->name,
       isnan(value) ? "unknown" : report_format(compare_metric_unit(metric), value, text));
}

/* ---- all of it ---- */

static size_t in_the_running(const struct compare_table *table) {
  size_t count = 0;
  for (size_t i = 0; i < table->row_count; i++) count += !*table->rows[i].why;
  return count;
}

static void run_rounds(struct comparison *comparison) {
  struct compare_table *table = comparison->table;
  for (unsigned round = 0; round < table->options.rounds; round++) {
    tell(comparison, "%s, round %u of %u:", table->options.workload->name, round + 1,
         table->options.rounds);
    for (size_t i = 0; i < table->row_count && !is_stopped(comparison); i++)
      take_turn(comparison, &comparison->contestants[(i + round) % table->row_count], round);
    tell(comparison, "\n");
    if (is_stopped(comparison)) return;
    table->rounds = round + 1;
  }
}

/* Whom no round has seen answer. */
static void leave_out_unknown(const struct comparison *comparison) {
  struct compare_table *table = comparison->table;
  for (size_t i = 0; i < table->row_count && !is_idle(comparison); i++) {
    struct compare_row *row = &table->rows[i];
    if (*row->why || !isnan(compare_summarize(table, row, COMPARE_RATE).value)) continue;
    snprintf(row->why, sizeof row->why,
             "no answer came within a round of %g s; make them longer with --duration",
             table->options.duration_ms / 1e3);
  }
}

static void begin_all(const struct comparison *comparison) {
  const struct compare_table *table = comparison->table;
  const struct compare_options *options = &table->options;
  for (size_t i = 0; i < table->row_count && !is_stopped(comparison); i++) {
    struct compare_row *row = &table->rows[i];
    if (!compare_peer_is_there(row->peer, options->place, options->workload->protocol, row->why))
      continue;
    if (!is_idle(comparison)) begin(comparison, &comparison->contestants[i]);
  }
}

static void complete(struct compare_options *options) {
  if (options->connections == 0) options->connections = options->workload->connections;
  if (options->size == 0) options->size = options->workload->size;
  if (options->rounds > COMPARE_ROUNDS_MAX) options->rounds = COMPARE_ROUNDS_MAX;
}

static bool make_rows(struct compare_table *table, const struct compare_peer *peers, size_t count) {
  table->rows = calloc(count, sizeof *table->rows);
  if (!table->rows) return false;
  for (size_t i = 0; i < count; i++) {
    if (!compare_peer_takes_part(&peers[i], table->options.workload)) continue;
    struct compare_row *row = &table->rows[table->row_count++];
    row->peer = &peers[i];
    for (unsigned metric = 0; metric < COMPARE_METRIC_COUNT; metric++)
      for (unsigned round = 0; round < COMPARE_ROUNDS_MAX; round++)
        row->values[metric][round] = NAN;
  }
  return true;
}

bool compare_run(const struct compare_options *options, const struct compare_peer *peers,
                 size_t count, struct compare_table *table, char why[LOAD_WHY_MAX]) {
  *table = (struct compare_table){.options = *options};
  complete(&table->options);
  struct comparison comparison = {.table = table,
                                  .contestants = calloc(count, sizeof *comparison.contestants)};
  process_find_cpus(&comparison.first_cpu, &comparison.last_cpu);
  if (!comparison.contestants || !make_rows(table, peers, count)) {
    free(comparison.contestants);
    snprintf(why, LOAD_WHY_MAX, "no memory for %zu peers", count);
    return false;
  }
  count = table->row_count;
  for (size_t i = 0; i < count; i++) comparison.contestants[i].row = &table->rows[i];
  begin_all(&comparison);
  if (in_the_running(table) > 0) run_rounds(&comparison);
  for (size_t i = 0; i < count; i++) end(&comparison.contestants[i]);
  free(comparison.contestants);
  if (table->rounds > 0) leave_out_unknown(&comparison);
  if (table->options.instructions && table->rounds > 0)
    compare_count_instructions(table, comparison.first_cpu);
  if (table->rounds > 0 && in_the_running(table) > 0) return true;

  if (is_stopped(&comparison))
    snprintf(why, LOAD_WHY_MAX, "interrupted before the first round was over");
  else if (count == 0)
    snprintf(why, LOAD_WHY_MAX, "%s: none of the peers takes part in it; see 'workloads' there",
             options->workload->name);
  else
    snprintf(why, LOAD_WHY_MAX, "%s: none of the peers could be measured; the first, %s: %.300s",
             options->workload->name, table->rows[0].peer->name, table->rows[0].why);
  return false;
}
