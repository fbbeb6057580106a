/* SPDX-License-Identifier: MIT */
#include "compare/instructions.h"

#include <stdlib.h>
#include <string.h>

enum {
  REQUESTS = 40,         /* of each connection, times the depth of its pipeline, at least */
  BEGIN_MS = 120 * 1000, /* valgrind makes everything some fifty times slower */
  TIMEOUT_MS = 60 * 1000,
  TAKES_MAX_MS = 600 * 1000,
};

struct counted {
  double instructions, work;
};

/* The table's note says what went wrong with each. */
static void note(struct compare_table *table, const char *what, const char *why) {
  size_t len = strlen(table->note);
  snprintf(table->note + len, sizeof table->note - len, "%s%s: %.100s", len > 0 ? "; " : "", what,
           why);
}

static bool run_load(const struct compare_options *options, uint16_t port, uint64_t requests,
                     struct counted *counted, char why[LOAD_WHY_MAX]) {
  struct load_options load = compare_load(options, port);
  load.requests = requests;
  load.warmup_ms = 0;
  load.duration_ms = TAKES_MAX_MS;
  load.timeout_ms = TIMEOUT_MS;
  struct load_result *result = calloc(1, sizeof *result);
  bool done = result && load_run(&load, NULL, result, why);
  if (done) counted->work = (double)result->counts.requests;
  if (result) load_result_release(result);
  free(result);
  return done;
}

static bool count(const struct compare_table *table, const struct compare_peer *peer, int cpu,
                  uint64_t requests, struct counted *counted, char why[LOAD_WHY_MAX]) {
  const struct compare_options *options = &table->options;
  const struct compare_begin how = {
      .protocol = options->workload->protocol,
      .cpu = cpu,
      .counted = true,
      .deadline_ms = BEGIN_MS,
  };
  struct compare_server server;
  if (!compare_peer_begin(peer, options->place, &how, &server, why)) return false;
  bool done = run_load(options, server.process.port, requests, counted, why);
  counted->instructions = (double)compare_peer_end_counted(&server);
  if (done && counted->instructions == 0) {
    snprintf(why, LOAD_WHY_MAX, "valgrind left no count");
    done = false;
  }
  return done;
}

/* From two runs of different length, so that the start and the connections cancel out. */
static bool count_difference(const struct compare_table *table, struct compare_row *row, int cpu,
                             char why[LOAD_WHY_MAX]) {
  const struct compare_options *options = &table->options;
  bool pipelined = options->workload->load == LOAD_PIPELINE_WORKLOAD;
  uint64_t requests = (uint64_t)REQUESTS * options->connections * (pipelined ? options->depth : 1);
  struct counted shorter = {0}, longer = {0};
  if (!count(table, row->peer, cpu, requests, &shorter, why) ||
      !count(table, row->peer, cpu, 2 * requests, &longer, why))
    return false;
  double work = longer.work - shorter.work;
  if (work < (double)requests / 2) {
    snprintf(why, LOAD_WHY_MAX, "it did not answer all requests");
    return false;
  }
  double each = (longer.instructions - shorter.instructions) / work;
  for (unsigned round = 0; round < table->rounds; round++)
    row->values[COMPARE_INSTRUCTIONS][round] = each;
  return true;
}

void compare_count_instructions(struct compare_table *table, int cpu) {
  const struct compare_options *options = &table->options;
  if (!compare_measures(options->workload, COMPARE_INSTRUCTIONS)) return;
  char *valgrind = process_find_program("valgrind"), why[LOAD_WHY_MAX] = "no memory";
  if (!valgrind)
    note(table, "instructions are not counted",
         "valgrind is not installed: apt-get install valgrind");
  for (size_t i = 0; valgrind && i < table->row_count; i++) {
    struct compare_row *row = &table->rows[i];
    if (*row->why || (options->stopped && *options->stopped)) continue;
    if (options->progress)
      fprintf(options->progress, "%s: counting the instructions of %s\n", options->workload->name,
              row->peer->name);
    if (count_difference(table, row, cpu, why)) continue;
    char what[128];
    snprintf(what, sizeof what, "instructions of %.64s are not known", row->peer->name);
    note(table, what, why);
  }
  free(valgrind);
}
