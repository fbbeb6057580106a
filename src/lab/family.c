/* SPDX-License-Identifier: MIT
 *
 * See family.h. Children are read from /proc/PID/task/TID/children, which a kernel without
 * CONFIG_PROC_CHILDREN lacks: then only the caller itself is found.
 */
#include "lab/family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FAMILY_MAX = 256, END_TRIES = 1000, TICK_MS = 5 };

/* Of one process with one thread that forks, as ours and most others. */
static size_t children_of(pid_t pid, pid_t *children, size_t max) {
  char path[64];
  size_t count = 0;
  FILE *file;
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
  file = fopen(path, "re");
  if (file == NULL) return 0;
  while (count < max && fscanf(file, "%d", &children[count]) == 1) count++;
  fclose(file);
  return count;
}

/* ---- descriptors ---- */

static void read_name(pid_t pid, char name[16]) {
  char path[32];
  ssize_t len = -1;
  snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    len = read(fd, name, 15);
    close(fd);
  }
  if (len > 0 && name[len - 1] == '\n') len--;
  name[len > 0 ? len : 0] = '\0';
  for (char *c = name; *c != '\0'; c++)
    if (*c < ' ' || *c > '~') *c = '?';
}

static void add(struct lab_descriptors *all, const struct lab_descriptor *descriptor) {
  if (all->count == all->room) {
    const size_t room = all->room > 0 ? 2 * all->room : 64;
    struct lab_descriptor *const items = realloc(all->items, room * sizeof *items);
    if (items == NULL) return;
    all->items = items;
    all->room = room;
  }
  all->items[all->count++] = *descriptor;
}

static void read_process(struct lab_descriptors *all, pid_t pid) {
  struct lab_descriptor descriptor = {.pid = pid};
  const struct dirent *entry;
  char path[32], link[64];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  DIR *const directory = opendir(path);
  if (directory == NULL) return;
  while ((entry = readdir(directory)) != NULL) {
    unsigned long long inode;
    const ssize_t len = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
    if (len <= 0) continue;
    link[len] = '\0';
    if (sscanf(link, "socket:[%llu]", &inode) != 1) continue;
    if (descriptor.name[0] == '\0') read_name(pid, descriptor.name);
    descriptor.inode = inode;
    descriptor.fd = atoi(entry->d_name);
    add(all, &descriptor);
  }
  closedir(directory);
}

void lab_family_descriptors(struct lab_descriptors *descriptors) {
  pid_t family[FAMILY_MAX] = {getpid()};
  size_t count = 1;
  descriptors->count = 0;
  for (size_t i = 0; i < count; i++) {
    count += children_of(family[i], family + count, FAMILY_MAX - count);
    read_process(descriptors, family[i]);
  }
}

/* ---- the end ---- */

void lab_family_end(void) {
  pid_t children[FAMILY_MAX], reaped;
  for (int i = 0; i < END_TRIES; i++) {
    const size_t count = children_of(getpid(), children, FAMILY_MAX);
    for (size_t n = 0; n < count; n++) kill(children[n], SIGKILL);
    do {
      reaped = waitpid(-1, NULL, WNOHANG);
    } while (reaped > 0 || (reaped < 0 && errno == EINTR));
    if (reaped < 0) return; /* there are none */
    poll(NULL, 0, TICK_MS);
  }
}
