/* SPDX-License-Identifier: MIT
 *
 * Several servers under the same load, in turns: A B C, B C A, ... What each round of each has
 * shown, what follows from it, how it is printed, and the gates that it must pass.
 *
 * The servers have the first processor, the load has the last one. Ratios are formed in each round,
 * between neighbours in time, so that what else the machine does befalls both sides; then comes the
 * median.
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdio.h>

#include "compare/peer.h"
#include "load/load.h"
#include "report/report.h"

enum { COMPARE_ROUNDS_MAX = 99, COMPARE_PEERS_MAX = 32, COMPARE_NOTE_MAX = 4096 };

/* ---- workloads ---- */

struct compare_workload {
  const char *name;
  enum load_workload load;
  enum load_protocol protocol;
  unsigned connections; /* if nothing else is wanted */
  unsigned sources;     /* addresses to connect from, so that ports do not run out */
  const char *unit;     /* of work */
  bool mixed;           /* visitors of every manner, the rude ones too */
  size_t size;          /* of a message or write, if nothing else is wanted */
  bool server_closes;   /* first */
};

extern const struct compare_workload compare_workloads[];
extern const size_t compare_workload_count;
const struct compare_workload *compare_workload_find(const char *name); /* NULL: there is none */

/* ---- metrics ---- */

/* X(name, key, unit, help) */
#define COMPARE_METRICS(X) \
  X(RATE, "rate", REPORT_PER_SECOND, "units of work done in a second") \
  X(P99, "p99", REPORT_TIME, "99th percentile of latency") \
  X(CPU, "cpu", REPORT_TIME, "the server's CPU time for a unit of work") \
  X(INSTRUCTIONS, "instructions", REPORT_COUNT, "in user space, for a unit of work") \
  X(MEMORY, "memory", REPORT_BYTES, "in user space, for an idle connection") \
  X(CLOSE_WAIT, "close_wait", REPORT_COUNT, "sockets still held in CLOSE_WAIT, of a mix") \
  X(LEFT, "left", REPORT_COUNT, "sockets and descriptors still held when all clients have left") \
  X(LOST, "lost", REPORT_COUNT, "replies lost or cut off, of a mix") \
  X(ERRORS, "errors", REPORT_COUNT, "requests without a good reply, or an owed close")

enum compare_metric {
#define COMPARE_METRIC_ENUM(name, key, unit, help) COMPARE_##name,
  COMPARE_METRICS(COMPARE_METRIC_ENUM)
#undef COMPARE_METRIC_ENUM
      COMPARE_METRIC_COUNT
};

const char *compare_metric_key(enum compare_metric metric);
enum report_unit compare_metric_unit(enum compare_metric metric);

/* Whether a workload is there to measure it. */
bool compare_measures(const struct compare_workload *workload, enum compare_metric metric);

/* ---- what came of it ---- */

struct compare_row {
  const struct compare_peer *peer;
  double values[COMPARE_METRIC_COUNT][COMPARE_ROUNDS_MAX]; /* by round; NAN: not known */
  char why[LOAD_WHY_MAX];                                  /* not empty: why it is left out */
};

struct compare_options {
  const struct compare_workload *workload;
  const struct compare_place *place;
  unsigned rounds;
  unsigned connections; /* 0: the workload's */
  unsigned depth;       /* of a pipeline */
  size_t size;          /* of a message or write; 0: the workload's */
  uint32_t duration_ms; /* of each round of each peer */
  bool instructions;    /* count them too, where valgrind is there */
  bool vary;            /* http: as in load_options */
  FILE *progress;       /* NULL, or who is told of every round */
  const volatile sig_atomic_t *stopped;
};

struct compare_table {
  struct compare_options options; /* with the workload's own where 0 was given */
  struct compare_row *rows;       /* one for each peer */
  size_t row_count;
  unsigned rounds;             /* that are whole */
  char note[COMPARE_NOTE_MAX]; /* not empty: why something was not measured at all */
};

/* False with `why`: not one peer could be measured, or it was stopped before the first round was
 * over. Peers must outlive the table, which the caller releases in any case. */
bool compare_run(const struct compare_options *options, const struct compare_peer *peers,
                 size_t count, struct compare_table *table, char why[LOAD_WHY_MAX]);
void compare_table_release(struct compare_table *table);

/* NULL: no such peer, or it was left out. */
const struct compare_row *compare_row_find(const struct compare_table *table, const char *name);

struct compare_summary {
  double value; /* the median of the rounds; of what is left and of errors the most; NAN: unknown */
  double min, max;
};

struct compare_summary compare_summarize(const struct compare_table *table,
                                         const struct compare_row *row, enum compare_metric metric);

/* Of `row` to `other`, which may be NULL. */
struct compare_summary compare_ratio(const struct compare_table *table,
                                     const struct compare_row *row, const struct compare_row *other,
                                     enum compare_metric metric);

/* ---- printing ---- */

void compare_print(const struct compare_table *table, FILE *out);          /* for people */
void compare_print_markdown(const struct compare_table *table, FILE *out); /* for a README */

/* All of them in one table of Markdown. */
void compare_print_overview(const struct compare_table *tables, size_t count, FILE *out);

/* ---- gates ---- */

struct compare_gate {
  const char *text;                        /* as given */
  const struct compare_workload *workload; /* NULL: any that measures it */
  enum compare_metric metric;
  char peer[64]; /* finale's ratio to this peer; empty: finale's own figure */
  struct report_bound bound;
};

enum compare_verdict { COMPARE_HOLDS, COMPARE_FAILS, COMPARE_OTHER /* not this table's affair */ };

/* "cpu/raw_epoll<=1.10", "pipeline:cpu/raw_epoll<=1.15", "instructions<=2000", "p99<5ms". */
bool compare_gate_parse(const char *text, struct compare_gate *gate, char why[LOAD_WHY_MAX]);

/* `said` is one line that says what it is, and what is wanted. What is not known fails. */
enum compare_verdict compare_gate_check(const struct compare_gate *gate,
                                        const struct compare_table *table, char said[LOAD_WHY_MAX]);

/* Everything as one JSON object; false: it cannot be written. */
bool compare_print_json(const struct compare_table *tables, size_t table_count,
                        const struct compare_gate *gates, size_t gate_count, FILE *out);

#endif
