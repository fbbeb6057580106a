/* SPDX-License-Identifier: MIT
 *
 * Whichever process of a lab is killed, and whenever: no process, no namespace and no interface is
 * left of what depended on it.
 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/spaces.h"
#include "lab/within.h"

enum {
  DEADLINE_MS = 10 * 1000,
  MOMENTS = 60,
  NAME_MAX_LEN = 16,
  FENCED = 4,
  SPACES = 3,
  MANY = 50000
};

static char name[NAME_MAX_LEN]; /* of all processes of the lab: it is inherited */

struct lab { /* what the first process tells */
  pid_t client, server;
  char why[LAB_WHY_MAX];
};

static void pause_ms(long ms) {
  nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static _Noreturn void stay(void) {
  for (;;) pause();
}

/* ---- the lab ---- */

/* A program under test that leaves children of children behind, in sessions of their own. */
static _Noreturn void be_untidy(void) {
  for (unsigned i = 0; i + 2 < FENCED; i++) {
    if (fork() != 0) continue;
    setsid();
    if (fork() != 0) _exit(0);
    stay();
  }
  stay();
}

static _Noreturn void be_server(void) {
  pid_t fence;
  const pid_t child = lab_fork_fenced(&fence);
  if (child == 0) be_untidy();
  if (child < 0 || fence <= 0) _exit(1);
  stay();
}

static _Noreturn void be_lab(int tell) {
  struct lab_spaces spaces;
  struct lab lab = {0};
  prctl(PR_SET_NAME, name);
  if (lab_spaces_enter(&spaces, lab.why)) {
    lab.client = lab_fork_side(&spaces, LAB_CLIENT);
    if (lab.client == 0) stay();
    lab.server = lab_fork_side(&spaces, LAB_SERVER);
    if (lab.server == 0) be_server();
  }
  if (write(tell, &lab, sizeof lab) < 0) _exit(1);
  stay();
}

/* Not lab_fork: that this process ends is not what is tried. */
static pid_t begin(int *told) {
  int ends[2];
  snprintf(name, sizeof name, "left%d", (int)getpid());
  within_check(pipe(ends) == 0, "%s", strerror(errno));
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t lab = fork();
  within_check(lab >= 0, "%s", strerror(errno));
  if (lab == 0) be_lab(ends[1]);
  close(ends[1]);
  *told = ends[0];
  return lab;
}

/* ---- what there is ---- */

/* Calls `look` with the pids of the lab's processes, zombies apart; returns how many there are. */
static unsigned each(void (*look)(pid_t)) {
  unsigned count = 0;
  DIR *proc = opendir("/proc");
  within_check(proc != NULL, "%s", strerror(errno));
  for (const struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    char path[300], found[NAME_MAX_LEN + 1] = "", state = 'Z';
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    FILE *file = strtol(entry->d_name, NULL, 10) > 0 ? fopen(path, "re") : NULL;
    if (file == NULL) continue;
    if (fscanf(file, "%*d (%16[^)]) %c", found, &state) == 2 && strcmp(found, name) == 0 &&
        state != 'Z' && state != 'X') {
      count++;
      if (look != NULL) look((pid_t)strtol(entry->d_name, NULL, 10));
    }
    fclose(file);
  }
  closedir(proc);
  return count;
}

static void end_it(pid_t pid) {
  if (pid != getpid()) kill(pid, SIGKILL);
}

/* Orphans come to this process, and are reaped here: some systems' first process takes seconds, and
 * the end of a PID namespace waits for it. */
static void until_there_are(unsigned count) {
  for (unsigned waited = 0; each(NULL) != count; waited++) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    const bool late = waited >= DEADLINE_MS / 5;
    within_check(!late, "%u processes, not %u", each(end_it), count);
    pause_ms(5);
  }
}

static ino_t spaces_seen[64];
static size_t space_count;

static void note_space(pid_t pid) {
  char path[64];
  struct stat at;
  snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
  if (stat(path, &at) != 0) return;
  for (size_t i = 0; i < space_count; i++)
    if (spaces_seen[i] == at.st_ino) return;
  if (space_count < 64) spaces_seen[space_count++] = at.st_ino;
}

/* A side enters its own a moment after it has been forked. */
static void until_there_are_spaces(void) {
  space_count = 0;
  for (unsigned waited = 0; space_count != SPACES; waited++) {
    const bool late = waited >= DEADLINE_MS / 5;
    within_check(!late, "%zu namespaces of %u processes", space_count, each(end_it));
    if (waited > 0) pause_ms(5);
    space_count = 0;
    each(note_space);
  }
}

static unsigned interfaces(void) {
  struct if_nameindex *all = if_nameindex();
  unsigned count = 0;
  while (all[count].if_index != 0) count++;
  if_freenameindex(all);
  return count;
}

/* ---- */

static struct lab until_set_up(int told) {
  struct lab lab;
  within_check(read(told, &lab, sizeof lab) == sizeof lab, "%s", strerror(errno));
  close(told);
  if (lab.client == 0) within_refused(lab.why);
  /* The lab, the client's side, the server's, what stands for the fence, and what is within. */
  until_there_are(4 + FENCED - 1);
  until_there_are_spaces();
  return lab;
}

static void end(pid_t lab) {
  kill(lab, SIGKILL);
  within_check(waitpid(lab, NULL, 0) == lab, "%s", strerror(errno));
  until_there_are(0);
}

WITHIN(left, nothing_when_the_lab_is_killed) {
  int told;
  const unsigned before = interfaces();
  const pid_t lab = begin(&told);
  until_set_up(told);
  end(lab);
  within_check(interfaces() == before, "%u interfaces", interfaces());
}

WITHIN(left, nothing_of_a_side_that_is_killed) {
  int told;
  const pid_t first = begin(&told);
  const struct lab lab = until_set_up(told);
  kill(lab.server, SIGKILL);
  until_there_are(2);
  kill(lab.client, SIGKILL);
  until_there_are(1);
  end(first);
}

WITHIN(left, nothing_at_any_moment) {
  const unsigned before = interfaces();
  for (unsigned moment = 0; moment < MOMENTS; moment++) {
    int told;
    const pid_t lab = begin(&told);
    pause_ms(moment);
    end(lab);
    close(told);
  }
  within_check(interfaces() == before, "%u interfaces", interfaces());
}

static unsigned descriptors_of(pid_t pid) {
  char path[32];
  unsigned count = 0;
  const struct dirent *entry;
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *const directory = opendir(path);
  within_check(directory != NULL, "%s: %s", path, strerror(errno));
  while ((entry = readdir(directory)) != NULL) count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}

/* What it had of ours, above all a listener, would be found there as if a program had it. */
WITHIN(left, a_fence_holds_nothing) {
  struct lab_spaces spaces;
  pid_t fence;
  struct rlimit limit;
  within_enter(&spaces);
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  /* To let go of them takes a while. */
  for (rlim_t i = 100; i < MANY && i < limit.rlim_max; i++)
    within_check(dup(STDERR_FILENO) >= 0, "%s", strerror(errno));
  for (int i = 0; i < 5; i++) {
    const pid_t child = lab_fork_fenced(&fence);
    if (child == 0) _exit(0);
    within_check(child > 0 && fence > 0, "%s", strerror(errno));
    within_check(descriptors_of(fence) == 0, "%u", descriptors_of(fence));
    within_check(kill(fence, SIGKILL) == 0, "%s", strerror(errno));
    while (waitpid(-1, NULL, 0) > 0) continue;
  }
}

/* The fence alone, as whoever runs a program ends it. */
WITHIN(left, nothing_behind_a_fence_that_is_taken_away) {
  struct lab_spaces spaces;
  pid_t fence;
  int status;
  snprintf(name, sizeof name, "left%d", (int)getpid());
  prctl(PR_SET_NAME, name);
  within_enter(&spaces);
  const pid_t child = lab_fork_fenced(&fence);
  if (child == 0) be_untidy();
  within_check(child > 0 && fence > 0, "%s", strerror(errno));
  until_there_are(2 + FENCED - 1);
  within_check(kill(fence, SIGKILL) == 0, "%s", strerror(errno));
  within_check(waitpid(child, &status, 0) == child && WIFSIGNALED(status), "%#x", (unsigned)status);
  within_check(waitpid(fence, &status, 0) == fence, "%s", strerror(errno));
  until_there_are(1);
  /* Others are not behind it. */
  const pid_t next = lab_fork();
  if (next == 0) _exit(getpid() == 1 || getppid() == 0);
  within_check(waitpid(next, &status, 0) == next && status == 0, "%#x", (unsigned)status);
}

/* A fence is no more than a help: without the right to one the child alone is killed. */
static void fork_without_fence(void) {
  pid_t fence;
  int status;
  const pid_t child = lab_fork_fenced(&fence);
  if (child == 0) _exit(7);
  within_check(child > 0 && fence == 0, "%d", fence);
  within_check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7, "%#x",
               (unsigned)status);
}

Test(left, no_fence_is_no_error) { within(WITHIN_NOBODY, fork_without_fence); }
