/* SPDX-License-Identifier: MIT
 *
 * Arguments and their values. Numbers are read by hand: strtoul would accept "-1", "0x10" and " 5".
 */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define MS_PER_DAY (24u * 60 * 60 * 1000)
#define TIME_MAX_MS (24u * MS_PER_DAY)
#define SHORT_TIME_MAX_NS UINT64_C(4000000000)

/* ---- walking ---- */

bool cli_args_next(struct cli_args *args) {
  if (args->next >= args->argc) return false;
  args->text = args->argv[args->next++];
  args->name_len = strcspn(args->text, "=");
  return true;
}

bool cli_args_is(const struct cli_args *args, const char *name) {
  return strlen(name) == args->name_len && memcmp(args->text, name, args->name_len) == 0;
}

bool cli_args_is_operand(const struct cli_args *args) { return args->text[0] != '-'; }

const char *cli_args_value(struct cli_args *args) {
  if (args->text[args->name_len] == '=') return args->text + args->name_len + 1;
  if (args->next < args->argc) return args->argv[args->next++];
  cli_fail("option '%s' needs a value; see %s --help", args->text, args->command);
  return NULL;
}

int cli_args_no_value(const struct cli_args *args) {
  if (args->text[args->name_len] != '=') return 0;
  return cli_fail("'%s': the option takes no value; write %.*s", args->text, (int)args->name_len,
                  args->text);
}

int cli_args_unknown(const struct cli_args *args) {
  const char *what = cli_args_is_operand(args) ? "argument" : "option";
  return cli_fail("unknown %s '%s'; see %s --help", what, args->text, args->command);
}

/* ---- values ---- */

/* Reads decimal digits from *text and moves it behind them. False: no digit, or over 2^53. */
static bool read_number(const char **text, uint64_t *number) {
  const char *p = *text;
  *number = 0;
  for (; *p >= '0' && *p <= '9'; p++) {
    *number = *number * 10 + (uint64_t)(*p - '0');
    if (*number > UINT64_C(1) << 53) return false;
  }
  bool some = p != *text;
  *text = p;
  return some;
}

static uint64_t time_unit(const char *unit) {
  static const struct {
    const char *name;
    uint64_t ms;
  } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", MS_PER_DAY}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(unit, units[i].name) == 0) return units[i].ms;
  return 0;
}

int cli_parse_time(const char *option, const char *text, bool never, uint32_t *ms) {
  const char *or_never = never ? ", or never" : "";
  if (never && strcmp(text, "never") == 0) {
    *ms = FIN_NEVER;
    return 0;
  }
  if (strcmp(text, "never") == 0)
    return cli_fail("%s never: this time must come; write for example %s 30s", option, option);
  if (text[0] == '-')
    return cli_fail("%s %s: a time cannot be negative; write for example %s 5s%s", option, text,
                    option, or_never);
  const char *unit = text;
  uint64_t number;
  bool ok = read_number(&unit, &number);
  uint64_t scale = time_unit(unit);
  if (!ok || scale == 0)
    return cli_fail("%s %s: not a time; write a whole number and its unit (500ms, 5s, 1m)%s",
                    option, text, or_never);
  if (number == 0 || number > TIME_MAX_MS / scale)
    return cli_fail("%s %s: out of range; use 1ms to 24d%s", option, text, or_never);
  *ms = (uint32_t)(number * scale);
  return 0;
}

int cli_parse_short_time(const char *option, const char *text, uint32_t *ns) {
  const char *unit = text;
  uint64_t number;
  bool ok = read_number(&unit, &number);
  uint64_t scale = strcmp(unit, "us") == 0 ? 1000 : time_unit(unit) * 1000 * 1000;
  if (!ok || scale == 0)
    return cli_fail("%s %s: not a time; write a whole number and its unit (500us, 5ms, 1s)", option,
                    text);
  if (number == 0 || number > SHORT_TIME_MAX_NS / scale)
    return cli_fail("%s %s: out of range; use 1us to 4s", option, text);
  *ns = (uint32_t)(number * scale);
  return 0;
}

static uint64_t size_unit(const char *unit) {
  if (*unit == '\0') return 1;
  if (unit[1] != '\0') return 0;
  switch (*unit | 0x20) {
    case 'k':
      return UINT64_C(1) << 10;
    case 'm':
      return UINT64_C(1) << 20;
    case 'g':
      return UINT64_C(1) << 30;
    default:
      return 0;
  }
}

int cli_parse_size(const char *option, const char *text, size_t max, size_t *size) {
  const char *unit = text;
  uint64_t number;
  bool ok = read_number(&unit, &number);
  uint64_t scale = size_unit(unit);
  if (!ok || scale == 0)
    return cli_fail("%s %s: not a size; write bytes, or a whole number with k, m or g (64k, 1m)",
                    option, text);
  if (number == 0 || number > max / scale)
    return cli_fail("%s %s: out of range; use 1 to %zu bytes", option, text, max);
  *size = (size_t)(number * scale);
  return 0;
}

int cli_parse_count(const char *option, const char *text, unsigned min, unsigned max,
                    unsigned *count) {
  const char *rest = text;
  uint64_t number;
  if (!read_number(&rest, &number) || *rest != '\0' || number < min || number > max)
    return cli_fail("%s %s: not a number from %u to %u; write for example %s %u", option, text, min,
                    max, option, min);
  *count = (unsigned)number;
  return 0;
}

int cli_parse_amount(const char *option, const char *text, uint64_t max, uint64_t *amount) {
  const char *unit = text;
  uint64_t number;
  bool ok = read_number(&unit, &number);
  uint64_t scale = *unit == '\0'            ? 1
                   : strcmp(unit, "k") == 0 ? 1000
                   : strcmp(unit, "m") == 0 ? 1000 * 1000
                                            : 0;
  if (!ok || scale == 0)
    return cli_fail("%s %s: not a number; write for example 500, 20k or 1m", option, text);
  if (number == 0 || number > max / scale)
    return cli_fail("%s %s: out of range; use 1 to %llu", option, text, (unsigned long long)max);
  *amount = number * scale;
  return 0;
}

int cli_parse_address(const char *option, const char *text, struct cli_address *address) {
  const char *host = text, *colon = strrchr(text, ':');
  if (!colon)
    return cli_fail("%s %s: no port; write HOST:PORT, for example 127.0.0.1:7000", option, text);
  size_t len = (size_t)(colon - text);
  if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
    host++;
    len -= 2;
  } else if (memchr(host, ':', len)) {
    return cli_fail("%s %s: an IPv6 address needs brackets; write for example [::1]:7000", option,
                    text);
  }
  if (len == 1 && host[0] == '*') len = 0;
  if (len >= sizeof address->host)
    return cli_fail("%s %s: the host is longer than %zu characters; use its address", option, text,
                    sizeof address->host - 1);
  memcpy(address->host, host, len);
  address->host[len] = '\0';

  const char *port = colon + 1;
  uint64_t number;
  if (!read_number(&port, &number) || *port != '\0' || number > UINT16_MAX)
    return cli_fail("%s %s: port '%s' is not 0 to 65535; use one of these, 0 for any free port",
                    option, text, colon + 1);
  address->port = (uint16_t)number;
  address->text = text;
  return 0;
}
