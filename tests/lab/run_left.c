/* SPDX-License-Identifier: MIT
 *
 * However a run ends, and whenever: nothing of it is left when it has. Whatever outlives its
 * parents comes to this process, which has none but these children.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/clock.h"
#include "lab/played.h"
#include "lab/within.h"

enum { DEADLINE_MS = 15 * 1000 };

#define LAB "examples/labs/02-eof-ignored/"

static const unsigned moments_ms[] = {0, 1, 2, 4, 7, 11, 16, 23, 35, 60, 120, 400};
static volatile sig_atomic_t stop;

static void on_signal(int number) {
  (void)number;
  stop = 1;
}

static void pause_ms(unsigned ms) {
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* Reaps until there is no child. Returns how many there were. */
static unsigned reap_all(void) {
  const uint64_t deadline = lab_now() + DEADLINE_MS * LAB_MS;
  unsigned count = 0;
  for (;;) {
    const pid_t reaped = waitpid(-1, NULL, WNOHANG);
    if (reaped > 0) count++;
    if (reaped < 0 && errno == ECHILD) return count;
    if (reaped == 0) pause_ms(2);
    within_check(lab_now() < deadline, "something is left");
  }
}

/* With the right to no namespace, as in a container: neither a wire nor a fence. */
static void forbid_namespaces(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
  within_check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
               "%s", strerror(errno));
}

static void end_at(struct played *played, unsigned ms, int signal_number) {
  const pid_t child = fork();
  within_check(child >= 0, "%s", strerror(errno));
  if (child == 0) {
    signal(SIGINT, on_signal);
    played->options.stop = &stop;
    lab_run(&played->options, &played->story, played->why);
    /* That it has returned means that all has ended: then there is no child either. */
    const bool none = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
    _exit(none && played->story.stopped ? 0 : 1);
  }
  pause_ms(ms);
  kill(child, signal_number);
  int status;
  within_check(waitpid(child, &status, 0) == child, "%s", strerror(errno));
  /* SIGINT may have come before there was a handler for it. */
  within_check(signal_number != SIGINT || WIFSIGNALED(status) || WEXITSTATUS(status) == 0,
               "%u ms: %#x", ms, (unsigned)status);
  const unsigned left = reap_all();
  within_check(signal_number == SIGKILL || left == 0, "%u ms: %u processes were left", ms, left);
}

static void end_at_every_moment(int signal_number, bool namespaces) {
  struct played played;
  played_begin(&played, LAB "broken.c", NULL, LAB "expect");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (!namespaces) forbid_namespaces();
  for (size_t i = 0; i < sizeof moments_ms / sizeof *moments_ms; i++)
    end_at(&played, moments_ms[i], signal_number);
  played_end(&played);
}

WITHIN(run_left, nothing_when_it_is_stopped) { end_at_every_moment(SIGINT, true); }

WITHIN(run_left, nothing_when_it_is_killed) { end_at_every_moment(SIGKILL, true); }

WITHIN(run_left, nothing_when_it_is_stopped_without_a_wire) { end_at_every_moment(SIGINT, false); }

WITHIN(run_left, nothing_when_it_is_killed_without_a_wire) { end_at_every_moment(SIGKILL, false); }

/* ---- over loopback ---- */

WITHIN(run_left, loopback_shows_what_stays) {
  struct played played;
  played_begin(&played, LAB "broken.c", NULL, LAB "expect");
  played.options.watch_ms = 300;
  forbid_namespaces();
  within_check(lab_run(&played.options, &played.story, played.why), "%s", played.why);
  within_check(!played.story.wire && strstr(played.story.why_no_wire, "seccomp") != NULL, "%s",
               played.story.why_no_wire);
  const struct lab_state *const state = played_last(&played, LAB_SERVER, 0);
  within_check(state != NULL && state->to == FIN_TCP_CLOSE_WAIT && state->recv_queue == 0 &&
                   state->holder == FIN_HOLDER_OWNED && strcmp(state->owner, "program") == 0,
               "%s", played_way(&played, LAB_SERVER, 0));
  within_check(played_last(&played, LAB_CLIENT, 0)->to == FIN_TCP_FIN_WAIT2, "%s",
               played_way(&played, LAB_CLIENT, 0));
  within_check(played_descriptors(&played) == 1, "%u", played_descriptors(&played));
  within_check(!played_failed(&played), "the client failed");
  played_end(&played);
}

WITHIN(run_left, a_lab_that_needs_a_wire_says_so) {
  struct played played;
  played_begin(&played, LAB "broken.c", NULL,
               "title: T\ncause: c\nneeds: wire\nclient:\n  connect\n");
  played.options.loopback = true;
  within_check(!lab_run(&played.options, &played.story, played.why), "it was run");
  within_check(strcmp(played.why, "loopback was asked for") == 0, "%s", played.why);
  played_end(&played);
}

/* A program that leaves children in sessions of their own, and does not hear SIGTERM. */
WITHIN(run_left, children_of_the_program_end_too) {
  static const char untidy[] =
      "#include <arpa/inet.h>\n#include <signal.h>\n#include <stdio.h>\n#include <unistd.h>\n"
      "int main(void) {\n"
      "  struct sockaddr_in a = {.sin_family = AF_INET};\n"
      "  socklen_t size = sizeof a;\n"
      "  int fd = socket(AF_INET, SOCK_STREAM, 0);\n"
      "  signal(SIGTERM, SIG_IGN);\n"
      "  if (bind(fd, (void *)&a, sizeof a) || listen(fd, 1)) return 1;\n"
      "  getsockname(fd, (void *)&a, &size);\n"
      "  for (int i = 0; i < 3; i++)\n"
      "    if (fork() == 0) { setsid(); if (fork() == 0) for (;;) pause(); _exit(0); }\n"
      "  printf(\"listening on 0.0.0.0:%d\\n\", ntohs(a.sin_port));\n"
      "  fflush(stdout);\n"
      "  for (;;) pause();\n"
      "}\n";
  struct played played;
  played_begin(&played, untidy, NULL, "title: T\ncause: c\nrun: 100ms\nclient:\n  connect\n");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  forbid_namespaces();
  within_check(lab_run(&played.options, &played.story, played.why), "%s", played.why);
  within_check(reap_all() == 0, "children were left");
  played_end(&played);
}
