/* SPDX-License-Identifier: MIT
 *
 * See program.h.
 */
#include "lab/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/family.h"
#include "lab/spaces.h"

/* The channel of its calls is out of its way: it may count its descriptors, or have few. */
enum { CHANNEL = 700 };

/* ---- in the child ---- */

static void put(const char *name, const char *value, const char *separator) {
  const char *const before = getenv(name);
  char *both;
  if (before == NULL || *before == '\0')
    setenv(name, value, 1);
  else if (asprintf(&both, "%s%s%s", value, separator, before) >= 0)
    setenv(name, both, 1);
}

/* A program with AddressSanitizer wants to be loaded before anything else: we only pass on. */
static void record_calls(const char *calls, int channel) {
  char number[16];
  snprintf(number, sizeof number, "%d", channel);
  setenv("FINALE_LAB_CALLS", number, 1);
  put("LD_PRELOAD", calls, ":");
  put("ASAN_OPTIONS", "verify_asan_link_order=0", ":");
}

static int move_up(int fd) {
  const int high = fcntl(fd, F_DUPFD, CHANNEL);
  return high >= 0 || errno != EINVAL ? high : fcntl(fd, F_DUPFD, STDERR_FILENO + 1);
}

static void close_between(unsigned first, unsigned last) {
  if (first <= last) syscall(SYS_close_range, first, last, 0);
}

static _Noreturn void become(const struct lab_program_start *start, int output) {
  const int channel = start->calls != NULL ? move_up(start->events) : -1;
  const int nothing = open("/dev/null", O_RDONLY);
  sigset_t none;
  setsid();
  for (int signal_number = 1; signal_number < NSIG; signal_number++)
    signal(signal_number, SIG_DFL); /* what is ignored stays so across exec */
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0});
  if (dup2(nothing, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
      dup2(output, STDERR_FILENO) < 0)
    _exit(127);
  if (channel >= 0) {
    close_between(STDERR_FILENO + 1, (unsigned)channel - 1);
    close_between((unsigned)channel + 1, UINT_MAX);
    record_calls(start->calls, channel);
  } else {
    close_between(STDERR_FILENO + 1, UINT_MAX);
  }
  execv(start->argv[0], (char *const *)(uintptr_t)start->argv);
  dprintf(STDERR_FILENO, "%s: %s\n", start->argv[0], strerror(errno));
  _exit(127);
}

/* ---- outside ---- */

bool lab_program_begin(struct lab_program *program, const struct lab_program_start *start) {
  int output[2];
  *program = (struct lab_program){.output = -1, .text = start->text};
  if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  fcntl(output[1], F_SETFL, 0); /* only we do not wait */
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  program->pid = lab_fork_fenced(&program->fence);
  if (program->pid == 0) become(start, output[1]);
  const int error = errno;
  close(output[1]);
  program->output = output[0];
  if (program->pid > 0) return true;
  program->pid = 0;
  close(output[0]);
  program->output = -1;
  errno = error;
  return false;
}

void lab_program_listen(struct lab_program *program) {
  char spare[4096];
  while (program->output >= 0) {
    const size_t room = LAB_OUTPUT_MAX - 1 - program->len;
    const ssize_t got = room > 0 ? read(program->output, program->text + program->len, room)
                                 : read(program->output, spare, sizeof spare);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      close(program->output);
      program->output = -1;
    } else if (room > 0) {
      program->len += (size_t)got;
      program->text[program->len] = '\0';
    }
  }
}

bool lab_program_ended(struct lab_program *program) {
  int status;
  if (program->ended || program->pid == 0) return true;
  if (waitpid(program->pid, &status, WNOHANG) != program->pid) return false;
  program->ended = true;
  program->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return true;
}

/* The kernel ends the fence's namespace before it lets the fence be reaped; where there is no
 * fence, children are found one after another. */
void lab_program_end(struct lab_program *program) {
  if (program->fence > 0) kill(program->fence, SIGKILL);
  if (program->pid > 0 && !program->ended) kill(program->pid, SIGKILL);
  lab_family_end();
  if (program->output >= 0) close(program->output);
  *program = (struct lab_program){.output = -1};
}

uint16_t lab_program_port(const struct lab_program *program) {
  static const char begins[] = "listening on ";
  const char *line = program->text;
  while (line != NULL && *line != '\0') {
    const char *const end = strchr(line, '\n');
    if (end != NULL && strncmp(line, begins, sizeof begins - 1) == 0) {
      const char *const colon = memrchr(line, ':', (size_t)(end - line));
      const unsigned long port = colon != NULL ? strtoul(colon + 1, NULL, 10) : 0;
      if (port > 0 && port < 65536) return (uint16_t)port;
    }
    line = end != NULL ? end + 1 : NULL;
  }
  return 0;
}
