/* SPDX-License-Identifier: MIT
 *
 * Gates on finale's figures, and on how they compare.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/compare.h"

static const char *const operators[] = {
    [REPORT_LE] = "<=", [REPORT_EQ] = "==", [REPORT_NE] = "!=",
    [REPORT_GE] = ">=", [REPORT_LT] = "<",  [REPORT_GT] = ">",
};

enum { OPERATOR_COUNT = sizeof operators / sizeof *operators };

static bool wrong(const char *text, char why[LOAD_WHY_MAX], const char *what) {
  snprintf(why, LOAD_WHY_MAX, "--expect %.80s: %s; write for example 'cpu/raw_epoll<=1.10'", text,
           what);
  return false;
}

/* The longest operator that is there: "<=" and not "<". */
static size_t find_operator(const char *text, enum report_operator *relation) {
  size_t best = 0;
  for (unsigned i = 0; i < OPERATOR_COUNT; i++) {
    size_t len = strlen(operators[i]);
    if (len <= best || strncmp(text, operators[i], len) != 0) continue;
    best = len;
    *relation = (enum report_operator)i;
  }
  return best;
}

static bool find_metric(const char *name, size_t len, enum compare_metric *metric) {
  for (unsigned i = 0; i < COMPARE_METRIC_COUNT; i++) {
    const char *key = compare_metric_key((enum compare_metric)i);
    if (strlen(key) != len || memcmp(key, name, len) != 0) continue;
    *metric = (enum compare_metric)i;
    return true;
  }
  return false;
}

/* "1.10"; a figure of its own may have a unit: "5ms", "20k". */
static bool read_value(const char *text, const struct compare_gate *gate, double *value) {
  static const struct {
    const char *name;
    enum report_unit of;
    double scale;
  } units[] = {
      {"ns", REPORT_TIME, 1},    {"us", REPORT_TIME, 1e3},      {"ms", REPORT_TIME, 1e6},
      {"s", REPORT_TIME, 1e9},   {"k", REPORT_PER_SECOND, 1e3}, {"m", REPORT_PER_SECOND, 1e6},
      {"k", REPORT_BYTES, 1024},
  };
  char *end;
  if (*text < '0' || *text > '9') return false; /* strtod would take blanks, signs and words */
  *value = strtod(text, &end);
  enum report_unit unit = compare_metric_unit(gate->metric);
  if (*end == '\0') return *gate->peer != '\0' || unit != REPORT_TIME;
  for (size_t i = 0; i < sizeof units / sizeof *units && !*gate->peer; i++) {
    if (units[i].of != unit || strcmp(units[i].name, end) != 0) continue;
    *value *= units[i].scale;
    return true;
  }
  return false;
}

bool compare_gate_parse(const char *text, struct compare_gate *gate, char why[LOAD_WHY_MAX]) {
  *gate = (struct compare_gate){.text = text};
  const char *at = text, *colon = strchr(text, ':');
  if (colon) {
    char name[32];
    snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
    gate->workload = compare_workload_find(name);
    if (!gate->workload) return wrong(text, why, "no such workload");
    at = colon + 1;
  }
  size_t len = strcspn(at, "/<>=!");
  if (!find_metric(at, len, &gate->metric))
    return wrong(
        text, why,
        "the metrics are rate, p99, cpu, instructions, memory, close_wait, left, lost and errors");
  at += len;
  if (*at == '/') {
    len = strcspn(++at, "<>=!");
    if (len == 0 || len >= sizeof gate->peer) return wrong(text, why, "no peer's name behind '/'");
    memcpy(gate->peer, at, len);
    at += len;
  }
  len = find_operator(at, &gate->relation);
  if (len == 0) return wrong(text, why, "no operator; use <, <=, ==, !=, >= or >");
  if (gate->workload && !compare_measures(gate->workload, gate->metric))
    return wrong(text, why, "this workload does not measure that");
  if (read_value(at + len, gate, &gate->value)) return true;
  bool time = !*gate->peer && compare_metric_unit(gate->metric) == REPORT_TIME;
  return wrong(
      text, why,
      time ? "no time behind the operator, such as 500us or 5ms" : "no number behind the operator");
}

static bool holds(enum report_operator relation, double value, double limit) {
  switch (relation) {
    case REPORT_LT:
      return value < limit;
    case REPORT_LE:
      return value <= limit;
    case REPORT_EQ:
      return value == limit;
    case REPORT_NE:
      return value != limit;
    case REPORT_GE:
      return value >= limit;
    default:
      return value > limit;
  }
}

/* Why there is no figure of that peer. */
static const char *missing(const struct compare_table *table, const char *name) {
  for (size_t i = 0; i < table->row_count; i++)
    if (strcmp(table->rows[i].peer->name, name) == 0)
      return *table->rows[i].why ? table->rows[i].why : "it was not measured";
  return "it is not among the peers";
}

enum compare_verdict compare_gate_check(const struct compare_gate *gate,
                                        const struct compare_table *table,
                                        char said[LOAD_WHY_MAX]) {
  const struct compare_workload *workload = table->options.workload;
  if (gate->workload && gate->workload != workload) return COMPARE_OTHER;
  if (!compare_measures(workload, gate->metric)) return COMPARE_OTHER;
  const struct compare_row *finale = compare_row_find(table, "finale");
  const struct compare_row *other = *gate->peer ? compare_row_find(table, gate->peer) : NULL;
  const char *absent = !finale ? "finale" : *gate->peer && !other ? gate->peer : NULL;
  int len = snprintf(said, LOAD_WHY_MAX, "%s, wanted %.80s: ", workload->name, gate->text);
  char *rest = said + len, figure[32];
  size_t room = (size_t)(LOAD_WHY_MAX - len);
  if (absent) {
    snprintf(rest, room, "not known: %s: %.300s", absent, missing(table, absent));
    return COMPARE_FAILS;
  }
  double value = other ? compare_ratio(table, finale, other, gate->metric).value
                       : compare_summarize(table, finale, gate->metric).value;
  if (isnan(value)) {
    bool counted = gate->metric == COMPARE_INSTRUCTIONS && !table->options.instructions;
    snprintf(rest, room, "not known%s%.300s",
             counted        ? ": add --instructions"
             : *table->note ? ": "
                            : "",
             counted ? "" : table->note);
    return COMPARE_FAILS;
  }
  if (other)
    snprintf(figure, sizeof figure, "%.3f", value);
  else
    report_format(compare_metric_unit(gate->metric), value, figure);
  snprintf(rest, room, "it is %s", figure);
  return holds(gate->relation, value, gate->value) ? COMPARE_HOLDS : COMPARE_FAILS;
}
