/* SPDX-License-Identifier: MIT
 *
 * What gates hold a figure to: an operator and a value, whose unit must fit the figure's.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

/* Longer ones first: "<=" begins with "<". */
static const struct {
  const char *text;
  enum report_operator relation;
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
static const struct suffix ratios[] = {{"", 1}, {0}};

/* What the values of a unit are written with. */
static const struct {
  const struct suffix *suffixes;
  const char *right;
} values[] = {
    [REPORT_COUNT] = {counts, "a number, as 0, 20 or 20k"},
    [REPORT_PER_SECOND] = {counts, "a number, as 500 or 20k"},
    [REPORT_TIME] = {times, "a time with its unit (ns, us, ms, s), as 5ms"},
    [REPORT_BYTES] = {bytes, "bytes, as 400, 64k or 1m"},
    [REPORT_PERCENT] = {percents, "a percentage, as 5%"},
    [REPORT_RATIO] = {ratios, "a ratio, as 1.10"},
};

/* Gates may be longer than what there is room for. */
bool report_gate_wrong(const char *gate, char why[LOAD_WHY_MAX], const char *format, ...) {
  const int len = snprintf(why, LOAD_WHY_MAX, "--expect '%.64s': ", gate);
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

static const char *parse_operator(const char *at, enum report_operator *relation) {
  at = skip_spaces(at);
  for (size_t i = 0; i < OPERATORS; i++) {
    const size_t len = strlen(operators[i].text);
    if (strncmp(at, operators[i].text, len) != 0) continue;
    *relation = operators[i].relation;
    return at + len;
  }
  return NULL;
}

static bool parse_value(const char *at, enum report_unit unit, double *value) {
  char *end;
  if (!isdigit((unsigned char)*at)) return false;
  *value = strtod(at, &end);
  /* It would read more than decimal numbers. */
  if (strspn(at, "0123456789.") != (size_t)(end - at)) return false;
  const char *suffix = skip_spaces(end);
  size_t len = strlen(suffix);
  while (len > 0 && isspace((unsigned char)suffix[len - 1])) len--;
  for (const struct suffix *known = values[unit].suffixes; known->text != NULL; known++) {
    if (strlen(known->text) != len || memcmp(known->text, suffix, len) != 0) continue;
    *value *= known->factor;
    return true;
  }
  return *value == 0 && len == 0; /* of any unit */
}

bool report_bound_parse(const char *gate, const char *at, const char *name, enum report_unit unit,
                        struct report_bound *bound, char why[LOAD_WHY_MAX]) {
  const char *value = parse_operator(at, &bound->relation);
  if (value == NULL)
    return report_gate_wrong(gate, why, "behind %.64s comes one of < <= == != >= >, not '%.16s'",
                             name, skip_spaces(at));
  value = skip_spaces(value);
  return parse_value(value, unit, &bound->value) ||
         report_gate_wrong(gate, why, "%.64s is %s, not '%.32s'", name, values[unit].right, value);
}

bool report_bound_holds(struct report_bound bound, double figure) {
  switch (bound.relation) {
    case REPORT_LT:
      return figure < bound.value;
    case REPORT_LE:
      return figure <= bound.value;
    case REPORT_EQ:
      return figure == bound.value;
    case REPORT_NE:
      return figure != bound.value;
    case REPORT_GE:
      return figure >= bound.value;
    case REPORT_GT:
      return figure > bound.value;
  }
  return false;
}
