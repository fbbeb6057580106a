/* SPDX-License-Identifier: MIT
 *
 * Gates on finale's figures, and on how they compare.
 */
#include <math.h>
#include <string.h>

#include "compare/compare.h"

enum { LIST_MAX = 256 };

static bool find_metric(const char *name, size_t len, enum compare_metric *metric) {
  for (unsigned i = 0; i < COMPARE_METRIC_COUNT; i++) {
    const char *key = compare_metric_key((enum compare_metric)i);
    if (strlen(key) != len || memcmp(key, name, len) != 0) continue;
    *metric = (enum compare_metric)i;
    return true;
  }
  return false;
}

/* Puts what may stand there into `names`. */
static void list_metrics(char names[LIST_MAX]) {
  size_t len = 0;
  for (unsigned i = 0; i < COMPARE_METRIC_COUNT; i++)
    len += (size_t)snprintf(names + len, LIST_MAX - len, "%s%s", i > 0 ? ", " : "",
                            compare_metric_key((enum compare_metric)i));
}

/* "pipeline:"; NULL with `why`: no such workload. */
static const char *parse_workload(const char *text, struct compare_gate *gate,
                                  char why[LOAD_WHY_MAX]) {
  const char *colon = strchr(text, ':');
  char name[32];
  if (!colon) return text;
  snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
  gate->workload = compare_workload_find(name);
  if (gate->workload) return colon + 1;
  report_gate_wrong(text, why, "no such workload; see finale bench compare --help");
  return NULL;
}

/* "cpu"; NULL with `why`. */
static const char *parse_metric(const char *text, const char *at, struct compare_gate *gate,
                                char why[LOAD_WHY_MAX]) {
  char names[LIST_MAX];
  at += strspn(at, " \t");
  size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
  if (!find_metric(at, len, &gate->metric)) {
    list_metrics(names);
    report_gate_wrong(text, why, "the metrics are %s; write for example 'cpu/raw_epoll<=1.10'",
                      names);
    return NULL;
  }
  if (!gate->workload || compare_measures(gate->workload, gate->metric)) return at + len;
  report_gate_wrong(text, why, "this workload does not measure that");
  return NULL;
}

/* "/raw_epoll"; NULL with `why`. */
static const char *parse_peer(const char *text, const char *at, struct compare_gate *gate,
                              char why[LOAD_WHY_MAX]) {
  if (*at != '/') return at;
  size_t whole = strcspn(++at, "<>=!"), len = whole;
  while (len > 0 && strchr(" \t", at[len - 1])) len--;
  if (len == 0 || len >= sizeof gate->peer) {
    report_gate_wrong(text, why, "no peer's name behind '/'");
    return NULL;
  }
  memcpy(gate->peer, at, len);
  return at + whole;
}

static enum report_unit unit_of(const struct compare_gate *gate) {
  return *gate->peer ? REPORT_RATIO : compare_metric_unit(gate->metric);
}

bool compare_gate_parse(const char *text, struct compare_gate *gate, char why[LOAD_WHY_MAX]) {
  char name[80];
  *gate = (struct compare_gate){.text = text};
  const char *at = parse_workload(text, gate, why);
  if (at) at = parse_metric(text, at, gate, why);
  if (at) at = parse_peer(text, at, gate, why);
  if (!at) return false;
  snprintf(name, sizeof name, "%s%s%s", compare_metric_key(gate->metric), *gate->peer ? "/" : "",
           gate->peer);
  return report_bound_parse(text, at, name, unit_of(gate), &gate->bound, why);
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
  snprintf(rest, room, "it is %s", report_format(unit_of(gate), value, figure));
  return report_bound_holds(gate->bound, value) ? COMPARE_HOLDS : COMPARE_FAILS;
}
