/* SPDX-License-Identifier: MIT
 *
 * `finale demo`: the finale side owes nothing, the naive side shows what the demo is about, and
 * nothing survives it.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

enum { DEMO_MS = 30 * 1000 }; /* what is promised */

static struct command command;

/* The figure `key` of a side: both stand in the report once for each side. */
static long long figure(const char *side, const char *key) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\": {", side);
  const char *found = strstr(command.out, quoted);
  cr_assert_not_null(found, "no %s in '%s', '%s'", side, command.out, command.err);
  snprintf(quoted, sizeof quoted, "\"%s\": ", key);
  found = strstr(found, quoted);
  cr_assert_not_null(found, "no %s of %s in '%s'", key, side, command.out);
  return strtoll(found + strlen(quoted), NULL, 10);
}

Test(demo, finale_owes_nothing_and_naive_leaks, .timeout = 60) {
  static const char *const owed[] = {
      "replies_truncated", "replies_lost", "close_wait", "close_wait_unread", "fin_wait",
      "last_ack",          "established",  "other",      "descriptors",       "invisible"};
  command_start(&command, (const char *[]){"demo", "--json", "--connections=1000", NULL});
  command_wait(&command, DEMO_MS);
  for (size_t i = 0; i < sizeof owed / sizeof *owed; i++)
    cr_expect_eq(figure("finale", owed[i]), 0, "%s: %lld", owed[i], figure("finale", owed[i]));
  cr_expect_eq(figure("finale", "connections"), 1000);
  cr_expect_gt(figure("finale", "replies_whole"), 1000);
  cr_expect_eq(figure("naive", "connections"), 1000);
  cr_expect_gt(figure("naive", "close_wait"), 100);
  cr_expect_not_null(strstr(command.out, "\"holds\": true"));
  cr_expect_eq(command.status, 0, "%s", command.err);
}

/* The children of a process, in `pids`; how many. */
static size_t children_of(pid_t parent, pid_t *pids, size_t max) {
  size_t count = 0;
  DIR *dir = opendir("/proc");
  for (struct dirent *entry; (entry = readdir(dir)) && count < max;) {
    char path[300], line[512];
    snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
    FILE *stat = atoi(entry->d_name) > 0 ? fopen(path, "r") : NULL;
    if (!stat) continue;
    const char *behind_name = fgets(line, sizeof line, stat) ? strrchr(line, ')') : NULL;
    int ppid = 0;
    if (behind_name && sscanf(behind_name, ") %*c %d", &ppid) == 1 && ppid == parent)
      pids[count++] = atoi(entry->d_name);
    fclose(stat);
  }
  closedir(dir);
  return count;
}

static void await_gone(const pid_t *pids, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t end_ms = now_ms() + 5000;
    while (kill(pids[i], 0) == 0 && now_ms() < end_ms) poll(NULL, 0, 10);
    cr_expect_neq(kill(pids[i], 0), 0, "server %d survives", (int)pids[i]);
  }
}

/* In the middle of the load. */
static size_t start_and_find_servers(pid_t *pids, size_t max) {
  command_start(&command, (const char *[]){"demo", "--connections=1000", NULL});
  command_until(&command, "rude connections to each");
  poll(NULL, 0, 1000);
  size_t count = children_of(command.pid, pids, max);
  cr_assert_eq(count, 2);
  return count;
}

Test(demo, sigint_ends_it, .timeout = 60) {
  pid_t pids[8];
  size_t count = start_and_find_servers(pids, 8);
  kill(command.pid, SIGINT);
  command_wait(&command, 5000);
  cr_expect_eq(command.status, 130);
  cr_expect_str_empty(command.out);
  cr_expect_not_null(strstr(command.err, "interrupted"));
  await_gone(pids, count);
}

/* Even if it has no chance to clean up. */
Test(demo, servers_die_with_it, .timeout = 60) {
  pid_t pids[8];
  size_t count = start_and_find_servers(pids, 8);
  kill(command.pid, SIGKILL);
  command_wait(&command, 5000);
  cr_expect_eq(command.status, -SIGKILL);
  await_gone(pids, count);
}
