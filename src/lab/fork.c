/* SPDX-License-Identifier: MIT
 *
 * Children that nothing outlives: the second half of spaces.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/spaces.h"

/* The parent may have ended before the child has asked to be told: then nobody tells it. Its pid
 * would not do to find out, which is 0 if it is of another PID namespace. */
static void end_with_parent(int parent) {
  struct pollfd ended = {.fd = parent, .events = POLLIN};
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(127);
  if (parent < 0) return;
  if (poll(&ended, 1, 0) != 0) _exit(127);
  close(parent);
}

static int this_process(void) {
  return (int)syscall(SYS_pidfd_open, getpid(), 0); /* before Linux 5.3: -1 */
}

pid_t lab_fork(void) {
  const int self = this_process();
  const pid_t child = fork();
  const int error = errno;
  if (child == 0) end_with_parent(self);
  if (child != 0 && self >= 0) close(self);
  errno = error;
  return child;
}

pid_t lab_fork_side(const struct lab_spaces *spaces, enum lab_side side) {
  const pid_t child = lab_fork();
  if (child != 0 || spaces == NULL) return child;
  struct lab_spaces mine = *spaces;
  if (setns(mine.net[side], CLONE_NEWNET) != 0) _exit(127);
  lab_spaces_release(&mine);
  return 0;
}

/* ---- the fence ---- */

/* But for `kept`. */
static void close_others(int kept) {
  const unsigned fd = (unsigned)kept;
  if ((fd == 0 || close_range(0, fd - 1, 0) == 0) && close_range(fd + 1, ~0U, 0) == 0) return;
  for (int other = getdtablesize() - 1; other >= 0; other--)
    if (other != kept) close(other);
}

/* The first process of a PID namespace: when it ends, the kernel kills all others. Until then it
 * holds nothing, hears nothing, and has the kernel reap whoever is left to it. */
static _Noreturn void stand(int tell) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  signal(SIGCHLD, SIG_IGN);
  close_others(tell);
  close(tell);
  for (;;) pause();
}

/* A fork of which the caller's parent is the parent. */
static pid_t fork_sibling(void) {
  struct clone_args args = {.flags = CLONE_PARENT};
  return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

struct fenced {
  pid_t fence, child;
};

/* In a child of `parent`, which enters the new PID namespace with what it forks in its parent's
 * name: without privilege nobody who has forked into one can leave off. Returns in the program. */
static void fork_within(int parent, int tell) {
  struct fenced made = {0};
  if (unshare(CLONE_NEWPID) != 0) _exit(1);
  made.fence = fork_sibling();
  if (made.fence == 0) {
    end_with_parent(parent);
    stand(tell);
  }
  if (made.fence > 0) made.child = fork_sibling();
  if (made.fence > 0 && made.child == 0) {
    close(tell);
    end_with_parent(parent);
    return;
  }
  _exit(write(tell, &made, sizeof made) == sizeof made ? 0 : 1);
}

static void reap(pid_t child) {
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
}

/* In spite of signals. */
static ssize_t read_again(int fd, void *data, size_t size) {
  ssize_t len;
  do {
    len = read(fd, data, size);
  } while (len < 0 && errno == EINTR);
  return len;
}

/* False: there is no fence. The end is heard when the fence, too, has let go of all that it had of
 * the caller's: nobody is to find our sockets there. */
static bool hear(int told, struct fenced *made) {
  char end;
  if (read_again(told, made, sizeof *made) != sizeof *made || made->fence <= 0) return false;
  read_again(told, &end, 1);
  if (made->child > 0) return true;
  kill(made->fence, SIGKILL);
  reap(made->fence);
  return false;
}

pid_t lab_fork_fenced(pid_t *fence) {
  struct fenced made = {0};
  const int self = this_process();
  bool fenced;
  int told[2];
  pid_t between;
  *fence = 0;
  if (pipe2(told, O_CLOEXEC) != 0) {
    if (self >= 0) close(self);
    return -1;
  }
  between = lab_fork();
  if (between == 0) {
    close(told[0]);
    fork_within(self, told[1]);
    return 0;
  }
  close(told[1]);
  if (self >= 0) close(self);
  fenced = between > 0 && hear(told[0], &made);
  close(told[0]);
  if (between > 0) reap(between);
  if (!fenced) return lab_fork();
  *fence = made.fence;
  return made.child;
}
