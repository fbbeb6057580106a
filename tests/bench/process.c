/* SPDX-License-Identifier: MIT
 *
 * A server that is started as a process: it listens or `why` says what happened, and in no case is
 * a process or a descriptor left.
 */
#include "server/process.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/leftover.h"
#include "support/net.h"

#define LISTENS "echo listening on 127.0.0.1:4711; "

#define until(condition) \
  for (uint64_t begun_ = net_now_ms(); !(condition); usleep(1000)) \
  cr_assert(net_now_ms() - begun_ < NET_DEADLINE_MS, "waited for " #condition)

struct rig {
  struct leftover_baseline baseline;
  struct process process;
  char why[PROCESS_WHY_MAX];
  bool begun;
};

static void begin(struct rig *rig, const char *script, uint32_t deadline_ms) {
  const char *const argv[] = {"sh", "-c", script, NULL};
  rig->baseline = leftover_begin();
  rig->begun = process_begin(
      &rig->process,
      &(struct process_start){.argv = argv, .cpu = -1, .quiet = true, .deadline_ms = deadline_ms},
      rig->why);
}

static void check_nothing_left(const struct rig *rig) {
  cr_expect_eq(rig->process.pid, 0);
  cr_expect_eq(rig->process.output, -1);
  cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
  leftover_end(&rig->baseline);
}

/* It does not listen, and is told apart from one that does by these words. */
static void check_failure(const char *script, uint32_t deadline_ms, const char *first,
                          const char *second) {
  struct rig rig;
  begin(&rig, script, deadline_ms);
  cr_expect_not(rig.begun, "%s: it began", script);
  cr_expect(strstr(rig.why, first) && strstr(rig.why, second), "%s: '%s' has not '%s' and '%s'",
            script, rig.why, first, second);
  cr_expect_null(strchr(rig.why, '\n'));
  check_nothing_left(&rig);
}

/* Neither running nor waiting to be asked how it ended by somebody else's parent. */
static bool is_gone(pid_t pid) {
  char path[64], state = 'Z';
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  FILE *file = fopen(path, "r");
  if (!file) return true;
  if (fscanf(file, "%*d %*s %c", &state) != 1) state = 'Z';
  fclose(file);
  return state == 'Z' || state == 'X';
}

static off_t printed(const struct process *process) {
  struct stat info;
  return fstat(process->output, &info) == 0 ? info.st_size : 0;
}

Test(process, ends_at_once) {
  check_failure("echo one >&2; echo two; exit 3", 0, "ended at once with status 3",
                "it said: one two");
}

Test(process, is_killed_at_once) { check_failure("kill -9 $$", 0, "was killed at once", "sh"); }

Test(process, never_listens) {
  check_failure("echo still busy; exec sleep 100", 200, "0.2 s after its start", "still busy");
}

Test(process, says_something_else_in_place_of_its_port) {
  check_failure("echo listening on nothing; exec sleep 100", 200, "does not print where",
                "listening on nothing");
}

Test(process, a_port_that_is_never_listened_to) {
  const char *const argv[] = {"sleep", "100", NULL};
  struct rig rig = {.baseline = leftover_begin()};
  rig.begun =
      process_begin(&rig.process,
                    &(struct process_start){
                        .argv = argv, .cpu = -1, .port = process_free_port(), .deadline_ms = 100},
                    rig.why);
  cr_expect_not(rig.begun);
  cr_expect(strstr(rig.why, "does not listen on its port"), "'%s'", rig.why);
  check_nothing_left(&rig);
}

Test(process, is_not_installed) {
  static const char *const names[] = {"no-such-program", "/no/such/program"};
  for (size_t i = 0; i < 2; i++) {
    const char *const argv[] = {names[i], NULL};
    struct rig rig = {.baseline = leftover_begin()};
    rig.begun = process_begin(&rig.process, &(struct process_start){.argv = argv}, rig.why);
    cr_expect_not(rig.begun);
    cr_expect(strstr(rig.why, names[i]) && strstr(rig.why, "is not installed"), "'%s'", rig.why);
    check_nothing_left(&rig);
  }
}

Test(process, listens_and_ends) {
  struct rig rig;
  begin(&rig, "trap 'exit 7' TERM; " LISTENS "while :; do sleep 0.01; done", 0);
  cr_assert(rig.begun, "%s", rig.why);
  cr_expect_eq(rig.process.port, 4711);
  cr_expect_eq(process_end(&rig.process), 7);
  cr_expect_eq(process_end(&rig.process), -1, "what has ended can be ended again");
  check_nothing_left(&rig);
}

Test(process, takes_what_it_started_with_it) {
  struct rig rig;
  begin(&rig, "trap '' TERM; sleep 100 & echo $!; trap 'exit 0' TERM; " LISTENS "wait", 0);
  cr_assert(rig.begun, "%s", rig.why);
  char text[32] = "";
  cr_assert(pread(rig.process.output, text, sizeof text - 1, 0) > 0);
  pid_t started = (pid_t)atoi(text);
  cr_assert(started > 1 && !is_gone(started));
  cr_expect_eq(process_end(&rig.process), 0);
  until(is_gone(started));
  check_nothing_left(&rig);
}

Test(process, is_killed_if_it_does_not_end) {
  struct rig rig;
  begin(&rig, "trap '' TERM; " LISTENS "while :; do sleep 0.05; done", 0);
  cr_assert(rig.begun, "%s", rig.why);
  uint64_t begun_ms = net_now_ms();
  cr_expect_eq(process_end(&rig.process), -1);
  cr_expect_geq(net_now_ms() - begun_ms, 4900);
  check_nothing_left(&rig);
}

static void check_ending(const char *last, const char *words) {
  struct rig rig;
  char gate[] = "/tmp/finale-gate-XXXXXX", script[256], why[PROCESS_WHY_MAX] = "";
  int fd = mkstemp(gate);
  cr_assert_geq(fd, 0);
  close(fd);
  snprintf(script, sizeof script, LISTENS "while test -e %s; do sleep 0.01; done; %s", gate, last);
  begin(&rig, script, 0);
  cr_assert(rig.begun, "%s", rig.why);
  cr_expect_not(process_has_ended(&rig.process, why), "%s", why);
  unlink(gate);
  until(process_has_ended(&rig.process, why));
  cr_expect_str_eq(why, words);
  process_end(&rig.process);
  check_nothing_left(&rig);
}

Test(process, says_how_it_has_ended) {
  check_ending("exit 3", "ended with status 3");
  check_ending("kill -PIPE $$", "was ended by SIGPIPE");
}

Test(process, inherits_no_descriptor) {
  int leaky = dup2(STDERR_FILENO, 100); /* without FD_CLOEXEC, as a shell leaves them */
  cr_assert_eq(leaky, 100);
  struct rig rig;
  begin(&rig, "test -e /proc/$$/fd/100 && exit 9; " LISTENS "exec sleep 100", 0);
  cr_expect(rig.begun, "%s", rig.why);
  process_end(&rig.process);
  check_nothing_left(&rig);
  close(leaky);
}

Test(process, is_never_stopped_by_what_it_prints) {
  struct rig rig;
  begin(&rig, LISTENS "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exec sleep 100",
        0);
  cr_assert(rig.begun, "%s", rig.why);
  until(printed(&rig.process) > 2000000);
  process_end(&rig.process);
  check_nothing_left(&rig);
}

Test(process, dies_with_us) {
  int ends[2];
  cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
  pid_t child = fork(), server = 0;
  if (child == 0) {
    struct rig rig;
    begin(&rig, LISTENS "exec sleep 100", 0);
    if (write(ends[1], &rig.process.pid, sizeof rig.process.pid) < 0) _exit(1);
    for (;;) pause();
  }
  close(ends[1]);
  cr_assert_eq(read(ends[0], &server, sizeof server), (ssize_t)sizeof server);
  cr_assert(server > 1 && !is_gone(server));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  until(is_gone(server));
  close(ends[0]);
}

Test(process, a_free_port_can_be_bound) {
  struct leftover_baseline baseline = leftover_begin();
  for (int i = 0; i < 50; i++) {
    uint16_t port = process_free_port();
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_expect_neq(port, 0);
    cr_expect_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
  }
  leftover_end(&baseline);
}
