/* SPDX-License-Identifier: MIT
 *
 * Tasks in processes of their own, several at a time: a lab spends most of its time waiting.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "lab.h"

enum { JOBS_PER_PROCESSOR = 4, JOBS_MAX = 16, LOOK_MS = 10, FAILED = 2 };

struct task {
  pid_t pid;  /* 0: not begun, or over */
  int output; /* what it printed */
  int status; /* -1: it is not over */
};

static void work(const struct labs_tasks *tasks, size_t index, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(FAILED);
  dup2(output, STDERR_FILENO); /* what cli_fail says of it */
  FILE *out = fdopen(output, "a");
  int status = out ? tasks->work(tasks->context, index, out) : FAILED;
  if (!out || fclose(out) != 0) status = FAILED;
  _exit(status);
}

static bool begin(const struct labs_tasks *tasks, struct task *task, size_t index) {
  const pid_t parent = getpid();
  fflush(stdout);
  task->output = memfd_create("task", MFD_CLOEXEC);
  task->pid = task->output < 0 ? -1 : fork();
  if (task->pid == 0) work(tasks, index, task->output, parent);
  return task->pid > 0;
}

static void tell(const struct labs_tasks *tasks, struct task *task, size_t index) {
  const off_t len = lseek(task->output, 0, SEEK_END);
  char *text = len < 0 ? NULL : calloc(1, (size_t)len + 1);
  if (text && pread(task->output, text, (size_t)len, 0) == len)
    tasks->done(tasks->context, index, task->status, text);
  free(text);
  close(task->output);
  task->output = -1;
}

static struct task *with_pid(struct task *list, size_t count, pid_t pid) {
  for (size_t i = 0; i < count; i++)
    if (list[i].pid == pid) return &list[i];
  return NULL;
}

static void stop(struct task *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (list[i].pid > 0) kill(list[i].pid, SIGTERM);
}

static unsigned jobs_here(void) {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  const long jobs = processors < 1 ? 1 : processors * JOBS_PER_PROCESSOR;
  return (unsigned)(jobs > JOBS_MAX ? JOBS_MAX : jobs);
}

bool labs_tasks_run(const struct labs_tasks *tasks) {
  struct task *list = calloc(tasks->count, sizeof *list);
  const unsigned jobs = tasks->jobs > 0 ? tasks->jobs : jobs_here();
  size_t begun = 0, told = 0;
  unsigned running = 0;
  bool ok = list != NULL, stopping = false;
  for (size_t i = 0; ok && i < tasks->count; i++)
    list[i] = (struct task){.output = -1, .status = -1};
  while (ok && (running > 0 || (begun < tasks->count && !stopping))) {
    for (; running < jobs && begun < tasks->count && !stopping && !labs_stopped; begun++) {
      if (!begin(tasks, &list[begun], begun)) stopping = true;
      if (!stopping) running++;
    }
    if (labs_stopped && !stopping) stop(list, begun);
    stopping = stopping || labs_stopped;
    int status;
    const pid_t pid = running > 0 ? waitpid(-1, &status, WNOHANG) : -1;
    struct task *task = pid > 0 ? with_pid(list, begun, pid) : NULL;
    if (pid == 0) poll(NULL, 0, LOOK_MS); /* a signal may come before a wait as well as in it */
    if (!task) continue;
    *task = (struct task){.output = task->output,
                          .status = WIFEXITED(status) ? WEXITSTATUS(status) : FAILED};
    running--;
    while (told < begun && list[told].status >= 0 && !stopping) {
      tell(tasks, &list[told], told);
      told++;
    }
  }
  for (size_t i = told; ok && i < begun; i++)
    if (list[i].output >= 0) close(list[i].output);
  free(list);
  return ok && told == tasks->count;
}
