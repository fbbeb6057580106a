/* SPDX-License-Identifier: MIT
 *
 * `finale bench` from its first argument to its exit status: short runs against a server of its own
 * and one of ours, gates that hold and that do not, signals, files. What its parts measure is
 * tested with them (tests/bench).
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

enum { RUN_MS = 30 * 1000 };

static struct command command;

static void run(const char *const *args) {
  command_start(&command, args);
  command_wait(&command, RUN_MS);
}

static void run_well(const char *const *args) {
  run(args);
  cr_assert_eq(command.status, 0, "status %d: '%s', '%s'", command.status, command.err,
               command.out);
  cr_expect_null(strstr(command.err, "\033"), "not a terminal: '%s'", command.err);
}

static json_t *report(void) {
  json_error_t error;
  json_t *all = json_loads(command.out, 0, &error);
  cr_assert_not_null(all, "%s in '%s'", error.text, command.out);
  return all;
}

static double metric(json_t *all, const char *key) {
  json_t *value = json_object_get(json_object_get(all, "metrics"), key);
  cr_expect(json_is_number(value), "%s is not there", key);
  return json_number_value(value);
}

/* ---- gates ---- */

Test(bench, two_reports_in_one_file) {
  char path[] = "/tmp/finale-bench-XXXXXX";
  close(mkstemp(path));
  run((const char *[]){"bench", "--html", path, "--histogram", path, NULL});
  cr_expect_eq(command.status, 2);
  cr_expect(strstr(command.err, "--histogram writes this file"), "'%s'", command.err);
  unlink(path);
}

#define SHORT "--duration=300ms", "--warmup=100ms", "--conns=8"

Test(bench, gates_that_hold) {
  run_well((const char *[]){"bench", SHORT, "--expect=errors==0", "--expect=requests>0",
                            "--expect=leftover.owned==0", "--expect=leftover.descriptors==0",
                            "--expect=server.idle_cpu<50%", "--expect=p99<10s", NULL});
  cr_expect_null(strstr(command.err, "errors"), "'%s'", command.err);
}

Test(bench, gates_that_do_not) {
  run((const char *[]){"bench", SHORT, "--expect=errors==0", "--expect=p50<1ns",
                       "--expect=leftover.owned==0", "--expect=requests<1", NULL});
  cr_expect_eq(command.status, 1, "status %d: '%s'", command.status, command.err);
  cr_expect_not_null(strstr(command.err, "p50<1ns"), "'%s'", command.err);
  cr_expect_not_null(strstr(command.err, "requests<1"), "'%s'", command.err);
  cr_expect_null(strstr(command.err, "errors==0"), "it holds: '%s'", command.err);
  cr_expect_null(strstr(command.err, "leftover.owned==0"), "it holds: '%s'", command.err);
  cr_expect_not_null(strstr(command.out, "p99"), "no report: '%s'", command.out);
}

/* ---- every workload, on a server of its own ---- */

static void run_workload(const char *workload, const char *more) {
  run_well((const char *[]){"bench", SHORT, "--settle=5s", "--expect=errors==0",
                            "--expect=leftover.owned==0", "--workload", workload, more, NULL});
}

Test(bench, keepalive) { run_workload("keepalive", NULL); }
Test(bench, pipeline) { run_workload("pipeline", "--depth=4"); }
Test(bench, churn_by_the_client) { run_workload("churn", NULL); }
Test(bench, churn_by_the_server) { run_workload("churn", "--closer=server"); }
Test(bench, echo) { run_workload("echo", "--size=1k"); }
Test(bench, stream) { run_workload("stream", NULL); }
Test(bench, idle) { run_workload("idle", NULL); }
Test(bench, connecting) { run_workload("connect", NULL); }
Test(bench, line) { run_workload("keepalive", "--protocol=line"); }
Test(bench, open_loop) { run_workload("keepalive", "--rate=1k"); }

/* It takes a while to find a rate. */
Test(bench, ramp) {
  run_well((const char *[]){"bench", "--duration=2s", "--warmup=100ms", "--conns=8", "--settle=5s",
                            "--workload=ramp", "--bound=100ms", "--expect=leftover.owned==0",
                            "--expect=errors==0", NULL});
}

Test(bench, mix) {
  run_well((const char *[]){"bench", SHORT, "--mix=polite=40,half-close=30,reset=30", "--json",
                            "--expect=leftover.owned==0", "--expect=replies.lost==0", NULL});
  json_t *all = report();
  cr_expect_gt(metric(all, "replies.whole"), 0);
  json_decref(all);
}

/* All is asked before measuring begins, or nothing at all: that is no dead server. */
Test(bench, idle_without_gates) {
  run_well((const char *[]){"bench", SHORT, "--settle=5s", "--workload=idle", NULL});
  run_well(
      (const char *[]){"bench", SHORT, "--settle=5s", "--workload=idle", "--protocol=tcp", NULL});
}

/* ---- outputs ---- */

Test(bench, json) {
  run_well((const char *[]){"bench", "--json", "--requests=2000", "--warmup=0", "--conns=8", NULL});
  json_t *all = report();
  cr_expect_geq(metric(all, "requests"), 2000);
  cr_expect_eq(metric(all, "errors"), 0);
  cr_expect_eq(metric(all, "leftover.owned"), 0);
  cr_expect_gt(metric(all, "p99"), 0);
  json_decref(all);
}

static char *read_whole(const char *path) {
  static char text[1024 * 1024];
  FILE *file = fopen(path, "r");
  cr_assert_not_null(file, "%s", path);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  return text;
}

/* What was in the files before is gone, even if it was longer. */
Test(bench, files) {
  char directory[] = "/tmp/finale-bench-XXXXXX", html[64], histogram[64];
  cr_assert_not_null(mkdtemp(directory));
  snprintf(html, sizeof html, "%s/page.html", directory);
  snprintf(histogram, sizeof histogram, "%s/latency.hgrm", directory);
  FILE *old = fopen(histogram, "w");
  for (unsigned i = 0; i < 500 * 1000; i++) fputs("old\n", old);
  fclose(old);

  run_well(
      (const char *[]){"bench", SHORT, "--html", html, "--histogram", histogram, "--json", NULL});
  json_t *all = report();
  char *page = read_whole(html);
  cr_expect_not_null(strstr(page, "</html>"));
  cr_expect_not_null(strstr(page, "finale bench --duration"), "the command is not on the page");
  cr_expect_null(strstr(read_whole(histogram), "old"));

  double requests = metric(all, "requests");
  json_decref(all);
  run_well((const char *[]){"bench", "merge", histogram, "--json", NULL});
  all = report();
  json_t *latency = json_object_get(all, "latency");
  cr_expect_eq(json_number_value(json_object_get(latency, "count")), requests);
  json_decref(all);
  unlink(html);
  unlink(histogram);
  rmdir(directory);
}

/* ---- signals ---- */

static void end_early(int number) {
  command_start(&command,
                (const char *[]){"bench", "--duration=10m", "--warmup=100ms", "--json", "--conns=8",
                                 "--expect=errors==0", "--expect=requests>0", NULL});
  command_until(&command, "measuring");
  kill(command.pid, number);
  command_wait(&command, RUN_MS);
  cr_expect_eq(command.status, 0, "status %d: '%s'", command.status, command.err);
  json_t *all = report();
  cr_expect_eq(metric(all, "leftover.owned"), 0);
  json_decref(all);
}

Test(bench, interrupted) { end_early(SIGINT); }
Test(bench, terminated) { end_early(SIGTERM); }
Test(bench, hung_up) { end_early(SIGHUP); }

/* ---- targets ---- */

Test(bench, a_server_of_ours) {
  static struct command server;
  char target[64];
  uint16_t port = command_serve(&server, (const char *[]){"echo", "--listen=127.0.0.1:0", NULL});
  snprintf(target, sizeof target, "echo://127.0.0.1:%u", port);
  run_well((const char *[]){"bench", target, SHORT, "--workload=echo", "--size=4k", "--threads=2",
                            "--expect=errors==0", "--expect=leftover.owned==0",
                            "--expect=leftover.descriptors==0", NULL});
  cr_expect_not_null(strstr(command.out, target), "'%s'", command.out);
  command_drain(&server);
  cr_expect_eq(server.status, 0);
}

Test(bench, workloads_that_a_target_does_not_know) {
  static struct command server;
  static const char *const workloads[][2] = {
      {"line", "echo"}, {"line", "stream"}, {"tcp", "churn"}};
  uint16_t port = command_serve(&server, (const char *[]){"line", "--listen=127.0.0.1:0", NULL});
  for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++) {
    char target[64];
    snprintf(target, sizeof target, "%s://127.0.0.1:%u", workloads[i][0], port);
    run((const char *[]){"bench", target, "--workload", workloads[i][1], SHORT, NULL});
    cr_expect_eq(command.status, 2, "%s: %d, '%s'", workloads[i][1], command.status, command.err);
    cr_expect_not_null(strstr(command.err, workloads[i][1]), "'%s'", command.err);
    cr_expect_str_empty(command.out);
  }
  command_drain(&server);
}
