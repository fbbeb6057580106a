/* SPDX-License-Identifier: MIT
 *
 * The arguments of `finale bench`.
 */
#include <stddef.h>
#include <string.h>

#include "bench.h"
#include "cli.h"

#define MEMBER(name) offsetof(struct bench, name)

const struct cli_flag bench_amount_flags[] = {
    {"--conns", CLI_COUNT, MEMBER(load.connections), "connections at a time, in all (64)"},
    {"--duration", CLI_TIME, MEMBER(load.duration_ms), "to measure for (10s)"},
    {"--requests", CLI_COUNT64, MEMBER(load.requests), "...or until so many are answered"},
    {"--warmup", CLI_TIME_OR_0, MEMBER(load.warmup_ms), "before that, not measured (1s)"},
    {"--rate", CLI_RATE, MEMBER(load.rate),
     "requests a second in all, whatever the server\n"
     "                            does: latency counts from when each was due (as\n"
     "                            soon as the reply before is there)"},
    {"--threads", CLI_COUNT, MEMBER(load.threads), "to make the load with (1)"},
    {"--sources", CLI_COUNT, MEMBER(load.sources),
     "addresses to come from, if the target is in\n"
     "                            127.0.0.0/8 (enough for their ports)"},
    {0}};

const struct cli_flag bench_manner_flags[] = {
    {"--depth", CLI_COUNT, MEMBER(load.depth), "pipeline: requests at a time (16)"},
    {"--size", CLI_BYTES, MEMBER(load.size), "of a message or a write (64; stream: 64k)"},
    {"--bound", CLI_SHORT_TIME, MEMBER(load.bound_ns), "ramp: what p99 may be (5ms)"},
    {"--timeout", CLI_TIME, MEMBER(load.timeout_ms), "for a reply, and to connect (5s)"},
    {"--vary", CLI_SWITCH, MEMBER(load.vary),
     "http: each request has another query than the\n"
     "                            one before, at equal length"},
    {"--any-length", CLI_SWITCH, MEMBER(load.any_length), "replies may differ in length"},
    {"--settle", CLI_TIME_OR_0, MEMBER(settle_ms), "for what is left over to go, at most (10s)"},
    {0}};

const struct cli_flag bench_output_flags[] = {
    {"--json", CLI_SWITCH, MEMBER(json), "the report for a program"},
    {"--html", CLI_FILE, MEMBER(html_path), "write it as a page, with curves"},
    {"--histogram", CLI_FILE, MEMBER(histogram_path),
     "write the latencies, for HdrHistogram's tools\n"
     "                            and for finale bench merge"},
    {0}};

static int take_target(struct bench *bench, const struct cli_args *args) {
  if (bench->target)
    return cli_fail("'%s': the target is %s already; leave one of them out", args->text,
                    bench->target);
  bench->target = args->text;
  return 0;
}

static int read_argument(struct bench *bench, struct cli_args *args) {
  int status = cli_flag_take(args, bench_amount_flags, bench);
  if (status < 0) status = cli_flag_take(args, bench_manner_flags, bench);
  if (status < 0) status = cli_flag_take(args, bench_output_flags, bench);
  if (status < 0) status = bench_choice_take(bench, args);
  if (status < 0 && cli_args_is_operand(args)) status = take_target(bench, args);
  return status < 0 ? cli_args_unknown(args) : status;
}

int bench_options_read(struct bench *bench, int argc, char **argv) {
  struct cli_args args = CLI_ARGS("finale bench", argc, argv);
  *bench = (struct bench){.protocol = LOAD_PROTOCOL_COUNT,
                          .settle_ms = 10 * 1000,
                          .load = {.workload = LOAD_WORKLOAD_COUNT,
                                   .threads = 1,
                                   .warmup_ms = 1000,
                                   .timeout_ms = 5000,
                                   .first_cpu = -1,
                                   .connections = 64,
                                   .stopped = &bench_stopped}};
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) return bench_help();
    int status = read_argument(bench, &args);
    if (status != 0) return status;
  }
  return bench_options_complete(bench) == 0 ? -1 : 2;
}
