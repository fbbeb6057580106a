/* SPDX-License-Identifier: MIT
 *
 * Gates: METRIC OP VALUE, where the value's unit must fit the metric's.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

enum { KEY_MAX = 48 };

/* Longer ones first: "<=" begins with "<". */
static const struct {
  const char *text;
  enum report_operator compare;
} operators[] = {
    {"<=", REPORT_LE}, {">=", REPORT_GE}, {"==", REPORT_EQ},
    {"!=", REPORT_NE}, {"<", REPORT_LT},  {">", REPORT_GT},
};
enum { OPERATORS = sizeof operators / sizeof *operators };

struct suffix {
  const char *text;
  double factor;
};

static const struct suffix times[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {0}};
static const struct suffix counts[] = {{"", 1}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {0}};
static const struct suffix bytes[] = {{"", 1}, {"k", 0x1p10}, {"m", 0x1p20}, {"g", 0x1p30}, {0}};
static const struct suffix percents[] = {{"", 1}, {"%", 1}, {0}};

/* What a metric's values are written with. */
static const struct {
  const struct suffix *suffixes;
  const char *right;
} values[] = {
    [REPORT_COUNT] = {counts, "a number, as 0, 20 or 20k"},
    [REPORT_PER_SECOND] = {counts, "a number, as 500 or 20k"},
    [REPORT_TIME] = {times, "a time with its unit (ns, us, ms, s), as 5ms"},
    [REPORT_BYTES] = {bytes, "bytes, as 400, 64k or 1m"},
    [REPORT_PERCENT] = {percents, "a percentage, as 5%"},
};

static bool wrong(char why[LOAD_WHY_MAX], const char *text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Gates may be longer than what there is room for. */
static bool wrong(char why[LOAD_WHY_MAX], const char *text, const char *format, ...) {
  const int len = snprintf(why, LOAD_WHY_MAX, "gate '%.64s': ", text);
  va_list args;
  va_start(args, format);
  vsnprintf(why + len, LOAD_WHY_MAX - (size_t)len, format, args);
  va_end(args);
  return false;
}

static const char *skip_spaces(const char *text) {
  while (isspace((unsigned char)*text)) text++;
  return text;
}

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
  const char *key = skip_spaces(text);
  const size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.");
  const struct report_metric *near;
  gate->metric = report_metric_find(key, len);
  if (gate->metric != NULL) return key + len;
  near = nearest(key, len);
  if (len == 0) {
    wrong(why, text, "it begins with no metric; right would be 'p99<5ms' or 'errors==0'");
  } else if (near != NULL) {
    wrong(why, text, "there is no metric '%.*s'; is it '%s'?", (int)len, key, near->key);
  } else {
    wrong(why, text, "there is no metric '%.64s'; see finale bench --help", key);
  }
  return NULL;
}

/* ---- the rest ---- */

static const char *parse_operator(const char *text, const char *at, struct report_gate *gate,
                                  char why[LOAD_WHY_MAX]) {
  at = skip_spaces(at);
  for (size_t i = 0; i < OPERATORS; i++) {
    const size_t len = strlen(operators[i].text);
    if (strncmp(at, operators[i].text, len) != 0) continue;
    gate->compare = operators[i].compare;
    return at + len;
  }
  wrong(why, text, "behind %s comes one of < <= == != >= >, not '%.16s'", gate->metric->key, at);
  return NULL;
}

static bool parse_value(const char *text, const char *at, struct report_gate *gate,
                        char why[LOAD_WHY_MAX]) {
  const struct suffix *suffix = values[gate->metric->unit].suffixes;
  char *end;
  at = skip_spaces(at);
  /* strtod would read more than decimal numbers. */
  gate->value = isdigit((unsigned char)*at) ? strtod(at, &end) : 0;
  if (isdigit((unsigned char)*at) && strspn(at, "0123456789.") == (size_t)(end - at)) {
    const char *unit = skip_spaces(end);
    size_t len = strlen(unit);
    while (len > 0 && isspace((unsigned char)unit[len - 1])) len--;
    for (; suffix->text != NULL; suffix++) {
      if (strlen(suffix->text) != len || memcmp(suffix->text, unit, len) != 0) continue;
      gate->value *= suffix->factor;
      return true;
    }
    if (gate->value == 0 && len == 0) return true; /* of any unit */
  }
  return wrong(why, text, "%s is %s, not '%.32s'", gate->metric->key,
               values[gate->metric->unit].right, at);
}

bool report_gate_parse(const char *text, struct report_gate *gate, char why[LOAD_WHY_MAX]) {
  const char *at;
  *gate = (struct report_gate){.text = text};
  at = parse_metric(text, gate, why);
  if (at != NULL) at = parse_operator(text, at, gate, why);
  return at != NULL && parse_value(text, at, gate, why);
}

/* ---- checking ---- */

static bool holds(enum report_operator compare, double left, double right) {
  switch (compare) {
    case REPORT_LT:
      return left < right;
    case REPORT_LE:
      return left <= right;
    case REPORT_EQ:
      return left == right;
    case REPORT_NE:
      return left != right;
    case REPORT_GE:
      return left >= right;
    case REPORT_GT:
      return left > right;
  }
  return false;
}

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

bool report_gate_check(const struct report_gate *gate, const struct report *report, FILE *out) {
  char text[32];
  double value;
  if (!gate->metric->get(report, &value)) {
    fprintf(out, "gate failed: %s: %s is not known: %s\n", gate->text, gate->metric->key,
            unknown(gate, report));
    return false;
  }
  if (holds(gate->compare, value, gate->value)) return true;
  fprintf(out, "gate failed: %s: %s is %s\n", gate->text, gate->metric->key,
          report_format(gate->metric->unit, value, text));
  return false;
}
