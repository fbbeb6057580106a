/* SPDX-License-Identifier: MIT
 *
 * Tables of flags that fill a struct.
 */
#include <stdbool.h>
#include <string.h>

#include "cli.h"
#include "options.h"

enum { HELP_COLUMN = 28, COUNT_MAX = 1000 * 1000 };

static int put(void *member, const void *value, size_t size) {
  memcpy(member, value, size);
  return 0;
}

static int take_time(const struct cli_flag *flag, const char *text, void *member) {
  uint32_t ms = 0;
  bool zero = strcmp(text, "0") == 0 || strcmp(text, "0s") == 0;
  if (flag->unit == CLI_TIME_OR_0 && zero) return put(member, &ms, sizeof ms);
  int status = cli_parse_time(flag->name, text, flag->unit == CLI_TIME_OR_NEVER, &ms);
  return status != 0 ? status : put(member, &ms, sizeof ms);
}

static int take_size(const struct cli_flag *flag, const char *text, void *member) {
  size_t size;
  size_t max = flag->unit == CLI_BYTES64 ? SIZE_MAX / 2 : UINT32_MAX / 2;
  int status = cli_parse_size(flag->name, text, max, &size);
  if (status != 0) return status;
  if (flag->unit == CLI_BYTES32) return put(member, &(uint32_t){(uint32_t)size}, sizeof(uint32_t));
  if (flag->unit == CLI_BYTES64) return put(member, &(uint64_t){size}, sizeof(uint64_t));
  return put(member, &size, sizeof size);
}

static int take_short_time(const struct cli_flag *flag, const char *text, void *member) {
  uint32_t ns;
  int status = cli_parse_short_time(flag->name, text, &ns);
  return status != 0 ? status : put(member, &ns, sizeof ns);
}

static int take_amount(const struct cli_flag *flag, const char *text, void *member) {
  uint64_t amount, max = flag->unit == CLI_COUNT64 ? UINT64_C(1) << 53 : COUNT_MAX;
  if (flag->unit == CLI_RATE) max *= 1000;
  int status = cli_parse_amount(flag->name, text, max, &amount);
  if (status != 0) return status;
  if (flag->unit == CLI_COUNT) return put(member, &(unsigned){(unsigned)amount}, sizeof(unsigned));
  if (flag->unit == CLI_RATE) return put(member, &(double){(double)amount}, sizeof(double));
  return put(member, &amount, sizeof amount);
}

const struct cli_flag *cli_flag_find(const struct cli_args *args, const struct cli_flag *flags) {
  while (flags->name && !cli_args_is(args, flags->name)) flags++;
  return flags->name ? flags : NULL;
}

int cli_flag_take(struct cli_args *args, const struct cli_flag *flags, void *members) {
  const struct cli_flag *flag = cli_flag_find(args, flags);
  if (!flag) return -1;

  char *member = (char *)members + flag->offset;
  if (flag->unit == CLI_SWITCH) {
    int status = cli_args_no_value(args);
    return status != 0 ? status : put(member, &(bool){true}, sizeof(bool));
  }
  const char *value = cli_args_value(args);
  if (!value) return 2;
  switch (flag->unit) {
    case CLI_TIME:
    case CLI_TIME_OR_NEVER:
    case CLI_TIME_OR_0:
      return take_time(flag, value, member);
    case CLI_SHORT_TIME:
      return take_short_time(flag, value, member);
    case CLI_COUNT:
    case CLI_COUNT64:
    case CLI_RATE:
      return take_amount(flag, value, member);
    case CLI_DIRECTORY:
    case CLI_FILE:
      return put(member, &value, sizeof value);
    case CLI_ADDRESS:
      return cli_parse_address(flag->name, value, (struct cli_address *)(void *)member);
    default:
      return take_size(flag, value, member);
  }
}

void cli_flags_help(const struct cli_flag *flags, FILE *out) {
  static const char *const values[] = {[CLI_TIME] = " TIME",
                                       [CLI_TIME_OR_NEVER] = " TIME",
                                       [CLI_BYTES32] = " SIZE",
                                       [CLI_BYTES64] = " SIZE",
                                       [CLI_TIME_OR_0] = " TIME",
                                       [CLI_SHORT_TIME] = " TIME",
                                       [CLI_COUNT] = " N",
                                       [CLI_COUNT64] = " N",
                                       [CLI_RATE] = " N",
                                       [CLI_FILE] = " FILE",
                                       [CLI_BYTES] = " SIZE",
                                       [CLI_DIRECTORY] = " DIR",
                                       [CLI_ADDRESS] = " HOST:PORT",
                                       [CLI_SWITCH] = ""};
  for (const struct cli_flag *flag = flags; flag->name; flag++) {
    int used = fprintf(out, "  %s%s", flag->name, values[flag->unit]);
    fprintf(out, "%*s%s\n", used < HELP_COLUMN ? HELP_COLUMN - used : 1, "", flag->help);
  }
}
