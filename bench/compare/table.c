/* SPDX-License-Identifier: MIT
 *
 * The workloads, and what follows from the rounds of each.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/compare.h"

/* What is echoed in a mix is large enough to be waited for. */
enum { MESSAGE = 64, WRITE = 64 * 1024, MIXED = 256 * 1024 };

const struct compare_workload compare_workloads[] = {
    {"keepalive", LOAD_KEEPALIVE_WORKLOAD, LOAD_HTTP, 64, 1, "request", false, 0, false},
    {"pipeline", LOAD_PIPELINE_WORKLOAD, LOAD_HTTP, 64, 1, "request", false, 0, false},
    {"churn", LOAD_CHURN_WORKLOAD, LOAD_HTTP, 64, 64, "connection", false, 0, false},
    {"churn-close", LOAD_CHURN_WORKLOAD, LOAD_HTTP, 64, 64, "connection", false, 0, true},
    {"churn-echo", LOAD_CHURN_WORKLOAD, LOAD_ECHO, 64, 64, "connection", false, MESSAGE, false},
    {"echo", LOAD_ECHO_WORKLOAD, LOAD_ECHO, 64, 1, "message", false, MESSAGE, false},
    {"stream", LOAD_STREAM_WORKLOAD, LOAD_ECHO, 16, 1, "MB", false, WRITE, false},
    {"idle", LOAD_IDLE_WORKLOAD, LOAD_HTTP, 8000, 8, "connection", false, 0, false},
    {"idle-echo", LOAD_IDLE_WORKLOAD, LOAD_ECHO, 8000, 8, "connection", false, MESSAGE, false},
    {"mix", LOAD_KEEPALIVE_WORKLOAD, LOAD_HTTP, 64, 64, "visit", true, 0, false},
    {"mix-echo", LOAD_KEEPALIVE_WORKLOAD, LOAD_ECHO, 64, 64, "visit", true, MIXED, false},
};

const size_t compare_workload_count = sizeof compare_workloads / sizeof *compare_workloads;

const struct compare_workload *compare_workload_find(const char *name) {
  for (size_t i = 0; i < compare_workload_count; i++)
    if (strcmp(compare_workloads[i].name, name) == 0) return &compare_workloads[i];
  return NULL;
}

const char *compare_metric_key(enum compare_metric metric) {
  static const char *const keys[] = {
#define KEY(name, key, unit, help) key,
      COMPARE_METRICS(KEY)
#undef KEY
  };
  return keys[metric];
}

enum report_unit compare_metric_unit(enum compare_metric metric) {
  static const enum report_unit units[] = {
#define UNIT(name, key, unit, help) unit,
      COMPARE_METRICS(UNIT)
#undef UNIT
  };
  return units[metric];
}

bool compare_measures(const struct compare_workload *workload, enum compare_metric metric) {
  bool idle = workload->load == LOAD_IDLE_WORKLOAD, stream = workload->load == LOAD_STREAM_WORKLOAD;
  switch (metric) {
    case COMPARE_LEFT:
    case COMPARE_ERRORS:
      return true;
    case COMPARE_MEMORY:
      return idle;
    case COMPARE_CLOSE_WAIT:
    case COMPARE_LOST:
      return workload->mixed;
    case COMPARE_INSTRUCTIONS:
      return !idle && !stream && !workload->mixed;
    case COMPARE_P99:
      return !idle && !stream;
    default:
      return !idle;
  }
}

void compare_table_release(struct compare_table *table) {
  free(table->rows);
  *table = (struct compare_table){0};
}

const struct compare_row *compare_row_find(const struct compare_table *table, const char *name) {
  for (size_t i = 0; i < table->row_count; i++)
    if (strcmp(table->rows[i].peer->name, name) == 0 && !*table->rows[i].why)
      return &table->rows[i];
  return NULL;
}

static int by_value(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

/* Sorts them. */
static struct compare_summary summarize(double *values, size_t count, bool most) {
  if (count == 0) return (struct compare_summary){NAN, NAN, NAN};
  qsort(values, count, sizeof *values, by_value);
  double middle = (values[(count - 1) / 2] + values[count / 2]) / 2;
  return (struct compare_summary){
      .value = most ? values[count - 1] : middle,
      .min = values[0],
      .max = values[count - 1],
  };
}

struct compare_summary compare_summarize(const struct compare_table *table,
                                         const struct compare_row *row,
                                         enum compare_metric metric) {
  double values[COMPARE_ROUNDS_MAX];
  size_t count = 0;
  for (unsigned round = 0; round < table->rounds; round++)
    if (!isnan(row->values[metric][round])) values[count++] = row->values[metric][round];
  bool most = metric == COMPARE_LEFT || metric == COMPARE_CLOSE_WAIT || metric == COMPARE_LOST ||
              metric == COMPARE_ERRORS;
  return summarize(values, count, most);
}

struct compare_summary compare_ratio(const struct compare_table *table,
                                     const struct compare_row *row, const struct compare_row *other,
                                     enum compare_metric metric) {
  double values[COMPARE_ROUNDS_MAX];
  size_t count = 0;
  for (unsigned round = 0; other && round < table->rounds; round++) {
    double over = row->values[metric][round], under = other->values[metric][round];
    if (!isnan(over) && under > 0) values[count++] = over / under;
  }
  return summarize(values, count, false);
}
