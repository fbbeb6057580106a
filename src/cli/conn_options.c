/* SPDX-License-Identifier: MIT
 *
 * The flags that fill a fin_conn_options, each named like its member.
 */
#include <stddef.h>
#include <string.h>

#include "cli.h"
#include "options.h"

enum unit { TIME, TIME_OR_NEVER, BYTES32, BYTES };

static const struct conn_flag {
  const char *name;
  enum unit unit;
  size_t offset; /* of the member: uint32_t, size_t for BYTES */
  const char *fallback, *help;
} flags[] = {
#define MEMBER(name) offsetof(fin_conn_options, name)
    {"--open", TIME, MEMBER(open_ms), "10s", "to be open"},
    {"--idle", TIME_OR_NEVER, MEMBER(idle_ms), "75s", "open without traffic; or never"},
    {"--half", TIME, MEMBER(half_ms), "30s", "half-closed without progress"},
    {"--stall", TIME, MEMBER(stall_ms), "30s", "bytes waiting without progress"},
    {"--linger", TIME, MEMBER(linger_ms), "10s", "for the peer's FIN after ours, in all"},
    {"--linger-grace", TIME, MEMBER(linger_grace_ms), "200ms", "...once all is acknowledged"},
    {"--linger-bytes-max", BYTES32, MEMBER(linger_bytes_max), "1m", "input discarded after close"},
    {"--dead-peer-after", TIME, MEMBER(dead_peer_after_ms), "120s", "silence of the peer's kernel"},
    {"--min-rate", BYTES32, MEMBER(min_rate), "240", "bytes a second that count as progress"},
    {"--output-high", BYTES, MEMBER(output_high), "64k", "queued output that pauses reading"},
    {"--output-low", BYTES, MEMBER(output_low), "32k", "...and that lets it go on"},
    {"--output-max", BYTES, MEMBER(output_max), "16m", "queued output that is refused"},
    {"--input-max", BYTES, MEMBER(input_max), "64k", "unconsumed input"},
#undef MEMBER
};

#define FLAGS (sizeof flags / sizeof *flags)

int cli_conn_option(struct cli_args *args, fin_conn_options *options) {
  const struct conn_flag *flag = flags;
  while (flag < flags + FLAGS && !cli_args_is(args, flag->name)) flag++;
  if (flag == flags + FLAGS) return -1;
  const char *value = cli_args_value(args);
  if (!value) return 2;

  char *member = (char *)options + flag->offset;
  uint32_t narrow = 0;
  size_t wide = 0;
  int status;
  if (flag->unit == TIME || flag->unit == TIME_OR_NEVER) {
    status = cli_parse_time(flag->name, value, flag->unit == TIME_OR_NEVER, &narrow);
  } else {
    status = cli_parse_size(flag->name, value, UINT32_MAX / 2, &wide);
    narrow = (uint32_t)wide;
  }
  if (status != 0) return status;
  if (flag->unit == BYTES)
    memcpy(member, &wide, sizeof wide);
  else
    memcpy(member, &narrow, sizeof narrow);
  return 0;
}

int cli_conn_options_check(const fin_conn_options *options) {
  size_t high = options->output_high ? options->output_high : 64 * 1024;
  size_t low = options->output_low ? options->output_low : high / 2;
  size_t max = options->output_max ? options->output_max : 16 * 1024 * 1024;
  if (low > high)
    return cli_fail("--output-low %zu is above --output-high %zu; lower the one or raise the other",
                    low, high);
  if (high > max)
    return cli_fail("--output-high %zu is above --output-max %zu; lower the one or raise the other",
                    high, max);
  return 0;
}

void cli_conn_options_help(FILE *out) {
  for (const struct conn_flag *flag = flags; flag < flags + FLAGS; flag++) {
    const char *value = flag->unit <= TIME_OR_NEVER ? "TIME" : "SIZE";
    int used = fprintf(out, "  %s %s", flag->name, value);
    fprintf(out, "%*s%s (%s)\n", used < 28 ? 28 - used : 1, "", flag->help, flag->fallback);
  }
}
