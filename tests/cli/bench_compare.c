/* SPDX-License-Identifier: MIT
 *
 * `finale bench compare` as its users run it: what it prints, and with which status it ends.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "wrong.h"

#define COMPARE "bench", "compare"

Test(bench_compare, help) {
  struct command command;
  command_run(&command, (const char *[]){COMPARE, "--help", NULL});
  cr_expect_eq(command.status, 0);
  static const char *const words[] = {"keepalive", "idle-echo", "--peers",    "--rounds",
                                      "--conns",   "--expect",  "--markdown", "instructions"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    cr_expect(strstr(command.out, words[i]), "no %s in it", words[i]);
}

Test(bench_compare, wrong_input) {
  WRONG_CHECK_ALL(
      {{COMPARE, "no-such"}, "unknown workload 'no-such'", "--help"},
      {{COMPARE, "--workload"}, "'--workload'", "needs a value"},
      {{COMPARE, "--bogus"}, "'--bogus'", "finale bench compare --help"},
      {{COMPARE, "--rounds", "100"}, "--rounds 100", "use 1 to 99"},
      {{COMPARE, "--rounds", "0"}, "--rounds 0", "use 1 to"},
      {{COMPARE, "--peers", "/no/such.peer"}, "/no/such.peer: No such file", "name a .peer file"},
      {{COMPARE, "--peers", "/dev/null"}, "/dev/null: neither http nor echo", "say how"},
      {{COMPARE, "--expect", "speed<5"}, "--expect 'speed<5'", "cpu/raw_epoll<=1.10"},
      {{COMPARE, "--json", "--markdown"}, "--json and --markdown", "leave one"},
      {{COMPARE, "--conns", "900000", "idle-echo"}, "--conns 900000", "ulimit"});
}

/* Those beside the program take part: finale does, whoever else is installed. */
Test(bench_compare, gates_decide_the_status) {
  struct command command;
  static const char *const good[] = {COMPARE,    "echo",    "--rounds", "1",        "--duration",
                                     "500ms",    "--conns", "4",        "--expect", "errors==0",
                                     "--expect", "left==0", "--json",   NULL};
  command_start(&command, good);
  command_wait(&command, 55000);
  cr_expect_eq(command.status, 0, "%s", command.err);
  json_error_t error;
  json_t *all = json_loads(command.out, 0, &error);
  cr_expect(all, "%s: %s", error.text, command.out);
  json_decref(all);
}

Test(bench_compare, a_gate_that_fails_is_named) {
  struct command command;
  static const char *const bad[] = {COMPARE,    "echo",       "--rounds",   "1",        "--conns",
                                    "4",        "--duration", "500ms",      "--expect", "cpu<1ns",
                                    "--expect", "memory<520", "--markdown", NULL};
  command_start(&command, bad);
  command_wait(&command, 55000);
  cr_expect_eq(command.status, 1);
  cr_expect(strstr(command.err, "gate failed: echo, wanted cpu<1ns: it is "), "%s", command.err);
  cr_expect(strstr(command.err, "wanted memory<520: no workload"), "%s", command.err);
  cr_expect(strstr(command.out, "| finale |"), "%s", command.out);
}

/* ---- what stays behind ---- */

static struct command command;

/* By a signal, or, 0, as nobody wants to hear it any more. */
static void end_early(int number) {
  char directory[] = "/tmp/finale-cli-XXXXXX";
  cr_assert(mkdtemp(directory));
  setenv("TMPDIR", directory, 1);
  command_start(&command, (const char *[]){COMPARE, "echo", "--rounds", "99", "--conns", "4",
                                           "--duration", "50ms", NULL});
  command_until(&command, "round 2");
  if (number != 0) {
    kill(command.pid, number);
  } else {
    close(command.err_fd);
    command.err_fd = -1;
  }
  command_wait(&command, 55000);
  cr_expect_gt(command.status, 0, "%d", command.status);
  cr_expect_eq(rmdir(directory), 0, "a peer's files are left in %s", directory);
}

Test(bench_compare, interrupted) { end_early(SIGINT); }
Test(bench_compare, hung_up) { end_early(SIGHUP); }
Test(bench_compare, not_heard_any_more) { end_early(0); }
