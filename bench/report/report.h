/* SPDX-License-Identifier: MIT
 *
 * What a load has shown, as a table for people, JSON and a page; and the gates that it must pass.
 * All of them read the same metrics.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "load/load.h"
#include "server/watch.h"

struct report {
  const char *target;  /* as it was given, or what was started */
  const char *command; /* as typed, for the page */
  const struct load_options *options;
  const struct load_result *load;
  const struct watch_result *watch;
  const struct report_gate *gates; /* that it must pass */
  size_t gate_count;
};

/* ---- metrics ---- */

enum report_unit {
  REPORT_COUNT,
  REPORT_PER_SECOND,
  REPORT_TIME, /* nanoseconds */
  REPORT_BYTES,
  REPORT_PERCENT, /* 0 to 100 */
  REPORT_RATIO,   /* of a figure to another's */
};

struct report_metric {
  const char *key; /* "p99", "errors.truncated", "leftover.close_wait", "server.idle_cpu" */
  enum report_unit unit;
  const char *help;
  /* False: not known, as what a server on another machine holds. */
  bool (*get)(const struct report *report, double *value);
};

extern const struct report_metric report_metrics[];
extern const size_t report_metric_count;
const struct report_metric *report_metric_find(const char *key, size_t len);

/* "1.25 ms", "12,345", "3.2 MiB"; returns `text`. */
char *report_format(enum report_unit unit, double value, char text[32]);

/* A copy that is UTF-8 and has no control characters: what is neither becomes a '?'. The caller
 * frees it. NULL: no memory. */
char *report_clean(const char *text);

/* ---- gates ---- */

enum report_operator { REPORT_LT, REPORT_LE, REPORT_EQ, REPORT_NE, REPORT_GE, REPORT_GT };

struct report_bound {
  enum report_operator relation;
  double value;
};

struct report_gate {
  const char *text; /* as given */
  const struct report_metric *metric;
  struct report_bound bound;
};

/* "p99<5ms", "errors==0", "leftover.close_wait==0", "rate>=20k", "server.idle_cpu<5%". False with
 * `why`. */
bool report_gate_parse(const char *text, struct report_gate *gate, char why[LOAD_WHY_MAX]);

/* Whether it holds; what is not known does not. `said` is one line: what was wanted, and is. */
bool report_gate_check(const struct report_gate *gate, const struct report *report,
                       char said[LOAD_WHY_MAX]);

/* For other gates: the rest of one behind its `name`, of a figure in `unit`; `gate` is all of it.
 */
bool report_bound_parse(const char *gate, const char *at, const char *name, enum report_unit unit,
                        struct report_bound *bound, char why[LOAD_WHY_MAX]);
bool report_bound_holds(struct report_bound bound, double figure);

/* Writes `why`, which begins with the gate; returns false. */
bool report_gate_wrong(const char *gate, char why[LOAD_WHY_MAX], const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- the report ---- */

void report_print(const struct report *report, FILE *out);      /* a table */
bool report_print_json(const struct report *report, FILE *out); /* one object */
bool report_print_html(const struct report *report, FILE *out); /* a page that needs nothing else */

#endif
