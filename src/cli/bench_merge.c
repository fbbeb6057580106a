/* SPDX-License-Identifier: MIT
 *
 * `finale bench merge`: the latencies of several runs, or machines, as if they were of one. Adding
 * up percentiles would be wrong; adding up histograms is exact.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "cli.h"

struct merge {
  struct bench_file output;
  bool json;
  size_t files;
};

static const struct {
  double percent;
  const char *key, *name; /* as in the report, for programs and for people */
} percentiles[] = {{50, "p50_ns", "p50"},         {75, "p75_ns", "p75"}, {90, "p90_ns", "p90"},
                   {95, "p95_ns", "p95"},         {99, "p99_ns", "p99"}, {99.9, "p999_ns", "p99.9"},
                   {99.99, "p9999_ns", "p99.99"}, {100, "max_ns", "max"}};

#define PERCENTILES (sizeof percentiles / sizeof *percentiles)

static int help(void) {
  puts(
      "Usage: finale bench merge FILE... [OPTION...]\n"
      "\n"
      "Merges what finale bench --histogram has written, or another tool in the text\n"
      "format of HdrHistogram with values in milliseconds, and prints the percentiles.\n"
      "\n"
      "  --histogram OUT    write the merged histogram\n"
      "  --json             for a program\n"
      "\n"
      "Exit status: 0 when merged, 2 for wrong input.");
  return 0;
}

static int add_file(struct histogram *sum, const char *path) {
  FILE *in = fopen(path, "re");
  if (!in)
    return cli_fail("%s: %s; give a file of finale bench --histogram", path, strerror(errno));
  errno = 0;
  unsigned line = histogram_read(sum, in);
  int error = ferror(in) ? errno : 0;
  fclose(in);
  if (error != 0) return cli_fail("%s: %s", path, strerror(error));
  if (line == 0) return 0;
  return cli_fail(
      "%s: line %u is not of a whole HdrHistogram percentile distribution; write it "
      "with finale bench --histogram",
      path, line);
}

/* ---- what came of it ---- */

static void print_time(const char *name, double ns) {
  char text[32];
  printf("  %-10s %12s\n", name, report_format(REPORT_TIME, ns, text));
}

static void print_table(const struct histogram *sum, size_t files) {
  printf("%" PRIu64 " replies in %zu file%s\n\n", sum->count, files, files == 1 ? "" : "s");
  print_time("mean", histogram_mean_ns(sum));
  print_time("deviation", histogram_deviation_ns(sum));
  print_time("min", (double)sum->min_ns);
  for (size_t i = 0; i < PERCENTILES; i++)
    print_time(percentiles[i].name, (double)histogram_percentile_ns(sum, percentiles[i].percent));
}

static int print_json(const struct histogram *sum, size_t files) {
  json_t *latency = json_pack("{s:I, s:I, s:f, s:f}", "count", (json_int_t)sum->count, "min_ns",
                              (json_int_t)sum->min_ns, "mean_ns", histogram_mean_ns(sum),
                              "deviation_ns", histogram_deviation_ns(sum));
  for (size_t i = 0; i < PERCENTILES; i++) {
    uint64_t ns = histogram_percentile_ns(sum, percentiles[i].percent);
    json_object_set_new(latency, percentiles[i].key, json_integer((json_int_t)ns));
  }
  json_t *all = json_pack("{s:I, s:o}", "files", (json_int_t)files, "latency", latency);
  bool ok = all && json_dumpf(all, stdout, JSON_INDENT(2)) == 0;
  json_decref(all);
  if (!ok) return 1; /* main says what is wrong with stdout */
  putchar('\n');
  return 0;
}

/* ---- arguments ---- */

static int read_argument(struct merge *merge, struct cli_args *args, struct histogram *sum) {
  if (cli_args_is(args, "--json")) {
    merge->json = true;
    return cli_args_no_value(args);
  }
  if (cli_args_is(args, "--histogram")) {
    merge->output.path = cli_args_value(args);
    return merge->output.path ? 0 : 2;
  }
  if (!cli_args_is_operand(args)) return cli_args_unknown(args);
  merge->files++;
  return add_file(sum, args->text);
}

int cli_bench_merge(int argc, char **argv) {
  static struct histogram sum;
  struct merge merge = {.output.option = "--histogram"};
  struct cli_args args = CLI_ARGS("finale bench merge", argc, argv);
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) return help();
    int status = read_argument(&merge, &args, &sum);
    if (status != 0) return status;
  }
  if (merge.files == 0)
    return cli_fail("no file given; write finale bench merge FILE..., of finale bench --histogram");
  int status = bench_file_open(&merge.output);
  if (status != 0) return status;
  if (merge.output.out) {
    histogram_write(&sum, bench_file_begin(&merge.output));
    status = bench_file_end(&merge.output, true);
  }
  if (merge.json) return status | print_json(&sum, merge.files);
  print_table(&sum, merge.files);
  return status;
}
