/* SPDX-License-Identifier: MIT
 *
 * The flags that fill a fin_conn_options, each named like its member.
 */
#include <stddef.h>

#include "cli.h"
#include "options.h"

#define MEMBER(name) offsetof(fin_conn_options, name)
const struct cli_flag cli_conn_flags[] = {
    {"--open", CLI_TIME, MEMBER(open_ms), "to be open (10s)"},
    {"--idle", CLI_TIME_OR_NEVER, MEMBER(idle_ms), "open without traffic; or never (75s)"},
    {"--half", CLI_TIME, MEMBER(half_ms), "half-closed without progress (30s)"},
    {"--stall", CLI_TIME, MEMBER(stall_ms), "bytes waiting without progress (30s)"},
    {"--linger", CLI_TIME, MEMBER(linger_ms), "for the peer's FIN after ours, in all (10s)"},
    {"--linger-grace", CLI_TIME, MEMBER(linger_grace_ms), "...once all is acknowledged (200ms)"},
    {"--linger-bytes-max", CLI_BYTES32, MEMBER(linger_bytes_max),
     "input discarded after close (64m)"},
    {"--dead-peer-after", CLI_TIME, MEMBER(dead_peer_after_ms),
     "silence of the peer's kernel (120s)"},
    {"--min-rate", CLI_BYTES32, MEMBER(min_rate), "bytes a second that count as progress (240)"},
    {"--output-high", CLI_BYTES, MEMBER(output_high), "queued output that pauses reading (64k)"},
    {"--output-low", CLI_BYTES, MEMBER(output_low), "...and that lets it go on (32k)"},
    {"--output-max", CLI_BYTES, MEMBER(output_max), "queued output that is refused (16m)"},
    {"--input-max", CLI_BYTES, MEMBER(input_max), "unconsumed input (64k)"},
    {0}};
#undef MEMBER

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
