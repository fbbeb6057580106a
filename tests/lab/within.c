/* SPDX-License-Identifier: MIT
 *
 * See within.h.
 */
#include "lab/within.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GOOD = 0, FAILED = 1, SKIPPED = 2, TEXT_MAX = 1024 };

static int told = -1; /* what the child says, in the child */

static _Noreturn void leave(int status, const char *text) {
  const size_t size = strlen(text);
  _exit(write(told, text, size) == (ssize_t)size ? status : FAILED);
}

void within_fail_at(const char *file, int line, const char *condition, const char *format, ...) {
  char text[TEXT_MAX], because[TEXT_MAX / 2];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(because, sizeof because, format, arguments);
  va_end(arguments);
  snprintf(text, sizeof text, "%.200s:%d: not %.200s: %s", file, line, condition, because);
  leave(FAILED, text);
}

void within_skip(const char *format, ...) {
  char text[TEXT_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  leave(SKIPPED, text);
}

void within_refused(const char *why) {
  int status = 1;
  const pid_t child = lab_fork();
  if (child == 0) _exit(unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0);
  if (child > 0) waitpid(child, &status, 0);
  within_check(status != 0, "namespaces are allowed, and yet: %s", why);
  within_skip("%s", why);
}

void within_enter(struct lab_spaces *spaces) {
  char why[LAB_WHY_MAX];
  if (!lab_spaces_enter(spaces, why)) within_refused(why);
}

static void become_nobody(void) {
  const struct passwd *nobody = getpwnam("nobody");
  if (nobody == NULL) within_skip("there is no user nobody");
  if (setgroups(0, NULL) != 0 || setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)
    within_skip("cannot become nobody: %s", strerror(errno));
  /* A program that nobody starts may look into its own /proc; so may this one. */
  prctl(PR_SET_DUMPABLE, 1);
}

void within(enum within_user user, void (*body)(void)) {
  char text[TEXT_MAX] = "";
  size_t len = 0;
  ssize_t got;
  int ends[2], status;
  if (geteuid() != 0 && user == WITHIN_ROOT) cr_skip_test("not root");
  cr_assert_eq(pipe(ends), 0);
  const pid_t child = lab_fork();
  cr_assert_geq(child, 0);
  if (child == 0) {
    told = ends[1];
    close(ends[0]);
    if (user == WITHIN_NOBODY && geteuid() == 0) become_nobody();
    body();
    _exit(GOOD);
  }
  close(ends[1]);
  while ((got = read(ends[0], text + len, sizeof text - 1 - len)) > 0) len += (size_t)got;
  close(ends[0]);
  cr_assert_eq(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) cr_skip_test("%s", text);
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == GOOD, "%s (wait status %#x)", text,
            (unsigned)status);
}
