/* SPDX-License-Identifier: MIT
 *
 * `finale bench` against what is no server: one line that names the target, status 2, soon.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scripted.h"
#include "wrong.h"

static const char *const protocols[] = {"echo", "line", "tcp"};

Test(bench_dead_target, nobody_listens) {
  uint16_t port;
  int fd = scripted_claim(&port);
  for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
    char target[64];
    snprintf(target, sizeof target, "%s://127.0.0.1:%u", protocols[i], port);
    const char *workload = strcmp(protocols[i], "tcp") == 0 ? "connect" : "keepalive";
    wrong_check((const char *[]){"bench", target, "--workload", workload, NULL}, target, "listen");
  }
  close(fd);
}

/* A page that was asked for is not begun, and one from before stays. */
Test(bench_dead_target, leaves_files_alone) {
  char old[] = "/tmp/finale-bench-XXXXXX", made[64], target[64], text[8] = "";
  uint16_t port;
  int fd = scripted_claim(&port), file = mkstemp(old);
  cr_assert_geq(file, 0);
  cr_assert_eq(write(file, "old", 3), 3);
  snprintf(made, sizeof made, "%s.made", old);
  snprintf(target, sizeof target, "echo://127.0.0.1:%u", port);
  wrong_check((const char *[]){"bench", target, "--html", made, "--histogram", old, NULL}, target,
              "listen");
  cr_expect_neq(access(made, F_OK), 0);
  cr_expect_eq(pread(file, text, sizeof text, 0), 3);
  cr_expect_str_eq(text, "old");
  close(file);
  unlink(old);
  close(fd);
}

static void check_scripted(const char *answer, const char *protocol, const char *says) {
  char target[64];
  struct scripted scripted = {.answer = answer};
  scripted_begin(&scripted);
  snprintf(target, sizeof target, "%s://127.0.0.1:%u", protocol, scripted.port);
  wrong_check((const char *[]){"bench", target, "--timeout=500ms", NULL}, target, says);
  scripted_end(&scripted);
}

Test(bench_dead_target, closes_at_once) {
  check_scripted(NULL, "echo", "the connection without a reply");
  check_scripted(NULL, "line", "the connection without a reply");
}

Test(bench_dead_target, speaks_something_else) { check_scripted("no echo", "echo", "echo"); }

/* The listener's backlog takes the connection, but nobody answers. */
Test(bench_dead_target, says_nothing) {
  uint16_t port;
  int fd = scripted_claim(&port);
  cr_assert_eq(listen(fd, 16), 0);
  char target[64];
  snprintf(target, sizeof target, "line://127.0.0.1:%u", port);
  wrong_check((const char *[]){"bench", target, "--timeout=300ms", NULL}, target, "300 ms");
  close(fd);
}
