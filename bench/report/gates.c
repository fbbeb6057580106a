/* SPDX-License-Identifier: MIT
 *
 * Gates: a metric and what it is held to.
 */
#include <string.h>

#include "report/report.h"

enum { KEY_MAX = 48 };

/* ---- the metric ---- */

static size_t smallest(size_t a, size_t b, size_t c) {
  const size_t least = a < b ? a : b;
  return least < c ? least : c;
}

/* How many letters have to be added, removed or replaced. */
static size_t distance(const char *a, const char *b, size_t b_len) {
  size_t row[KEY_MAX + 1];
  for (size_t j = 0; j <= b_len; j++) row[j] = j;
  for (size_t i = 0; a[i] != '\0'; i++) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b_len; j++) {
      const size_t above = row[j + 1];
      row[j + 1] = smallest(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
      diagonal = above;
    }
  }
  return row[b_len];
}

/* The metric that was meant, perhaps: whose last part it is, or that differs in few letters. */
static const struct report_metric *nearest(const char *key, size_t len) {
  const struct report_metric *found = NULL;
  size_t least = len / 2 + 1;
  if (len > KEY_MAX) return NULL;
  for (size_t i = 0; i < report_metric_count; i++) {
    const struct report_metric *metric = &report_metrics[i];
    const char *part = strrchr(metric->key, '.');
    size_t apart = distance(metric->key, key, len);
    if (part != NULL && distance(part + 1, key, len) == 0) apart = 0;
    if (apart >= least) continue;
    least = apart;
    found = metric;
  }
  return found;
}

static const char *parse_metric(const char *text, struct report_gate *gate,
                                char why[LOAD_WHY_MAX]) {
  const char *key = text + strspn(text, " \t");
  const size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.");
  const struct report_metric *near;
  gate->metric = report_metric_find(key, len);
  if (gate->metric != NULL) return key + len;
  near = nearest(key, len);
  if (len == 0) {
    report_gate_wrong(text, why,
                      "it begins with no metric; right would be 'p99<5ms' or 'errors==0'");
  } else if (near != NULL) {
    report_gate_wrong(text, why, "there is no metric '%.*s'; is it '%s'?", (int)len, key,
                      near->key);
  } else {
    report_gate_wrong(text, why, "there is no metric '%.64s'; see finale bench --help", key);
  }
  return NULL;
}

bool report_gate_parse(const char *text, struct report_gate *gate, char why[LOAD_WHY_MAX]) {
  *gate = (struct report_gate){.text = text};
  const char *at = parse_metric(text, gate, why);
  return at != NULL &&
         report_bound_parse(text, at, gate->metric->key, gate->metric->unit, &gate->bound, why);
}

/* ---- checking ---- */

/* Why a metric has no value. */
static const char *unknown(const struct report_gate *gate, const struct report *report) {
  const struct watch_result *watch = report->watch;
  const char *key = gate->metric->key;
  const bool of_server = strncmp(key, "leftover.", 9) == 0 || strncmp(key, "server.", 7) == 0 ||
                         strcmp(key, "settle") == 0;
  if (!of_server) return "this load has not shown it";
  if (watch == NULL) return "the server was not watched";
  if (watch->error != 0) return strerror(watch->error);
  if (!watch->local) return "the server's sockets are not on this machine";
  if (strcmp(key, "settle") == 0) return "it was not seen at rest";
  if (watch->processes == 0) return "the server's processes may not be looked at; run as its user";
  return "this load has not shown it";
}

bool report_gate_check(const struct report_gate *gate, const struct report *report,
                       char said[LOAD_WHY_MAX]) {
  const struct report_metric *metric = gate->metric;
  char text[32];
  double value;
  const bool known = metric->get(report, &value);
  int len = snprintf(said, LOAD_WHY_MAX, "wanted %.80s: %s is ", gate->text, metric->key);
  snprintf(said + len, LOAD_WHY_MAX - (size_t)len, "%s%s", known ? "" : "not known: ",
           known ? report_format(metric->unit, value, text) : unknown(gate, report));
  return known && report_bound_holds(gate->bound, value);
}
