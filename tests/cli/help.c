/* SPDX-License-Identifier: MIT
 *
 * --help and --version: on stdout, status 0, no line over 80 columns.
 */
#include <criterion/criterion.h>
#include <finale/finale.h>
#include <string.h>

#include "command.h"

static struct command command;

static void check(const char *const *args) {
  command_run(&command, args);
  cr_expect_eq(command.status, 0);
  cr_expect_str_empty(command.err);
  cr_expect_eq(strncmp(command.out, "Usage: finale ", 14), 0, "'%s'", command.out);
}

static void check_width(void) {
  char *rest = NULL;
  static char text[COMMAND_TEXT_MAX];
  memcpy(text, command.out, sizeof text);
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
    cr_expect_leq(strlen(line), 80, "'%s'", line);
}

Test(help, of_the_command) {
  check((const char *[]){"--help", NULL});
  check_width();
  cr_expect_not_null(strstr(command.out, "serve"));
  cr_expect_not_null(strstr(command.out, "census"));
  cr_expect_not_null(strstr(command.out, "bench"));
  cr_expect_not_null(strstr(command.out, "demo"));
  cr_expect_null(strstr(command.out, "demo-naive"), "the counter-example is no command for people");
}

/* Every member of fin_conn_options has its flag. */
Test(help, of_serve) {
  static const char *const flags[] = {
      "--listen",       "--drain",           "--open",      "--idle",
      "--half",         "--stall",           "--linger ",   "--linger-grace",
      "--linger-bytes", "--dead-peer-after", "--min-rate",  "--output-high",
      "--output-low",   "--output-max",      "--input-max", "--to"};
  check((const char *[]){"serve", "--help", NULL});
  check_width();
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    cr_expect_not_null(strstr(command.out, flags[i]), "%s is missing", flags[i]);
}

Test(help, of_demo) {
  check((const char *[]){"demo", "--help", NULL});
  check_width();
}

/* Every option, every name of a workload and a manner, and what gates can be about. */
Test(help, of_bench) {
  static const char *const words[] = {
      "--workload",  "--conns",     "--duration",  "--requests",   "--threads",  "--warmup",
      "--depth",     "--size",      "--closer",    "--rate",       "--bound",    "--timeout",
      "--mix",       "--sources",   "--cpu",       "--any-length", "--settle",   "--expect",
      "--histogram", "--html",      "--json",      "--protocol",   "keepalive",  "pipeline",
      "churn",       "echo",        "stream",      "idle",         "connect",    "ramp",
      "polite",      "half-close",  "reset",       "abandon",      "slow-read",  "slow-write",
      "early-fin",   "silent",      "p99",         "errors.lost",  "must close", "leftover.owned",
      "http://",     "echo://",     "line://",     "tcp://",       "merge",      "compare",
      "SIGINT",      "Exit status", "close_wait=="};
  check((const char *[]){"bench", "--help", NULL});
  check_width();
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    cr_expect_not_null(strstr(command.out, words[i]), "%s is missing", words[i]);
}

Test(help, of_bench_merge) {
  check((const char *[]){"bench", "merge", "--help", NULL});
  check_width();
}

Test(help, of_census) { check((const char *[]){"census", "--help", NULL}); }

Test(help, version) {
  command_run(&command, (const char *[]){"--version", NULL});
  cr_expect_eq(command.status, 0);
  cr_expect_eq(strncmp(command.out, "finale ", 7), 0);
  cr_expect_not_null(strstr(command.out, fin_version()));
}
