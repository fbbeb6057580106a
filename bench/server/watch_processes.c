/* SPDX-License-Identifier: MIT
 *
 * The processes that serve: those that hold the listening socket, and what they have started. A
 * process may end at any moment; nothing here takes that for an error.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/watch_parts.h"

/* ---- the list ---- */

static bool contains(const struct watch_processes *processes, pid_t pid) {
  for (size_t i = 0; i < processes->count; i++) {
    if (processes->items[i].pid == pid) return true;
  }
  return false;
}

static void look(struct watch_process *process) {
  clockid_t clock;
  struct timespec used;
  uint64_t ns;
  if (clock_getcpuclockid(process->pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return;
  ns = (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
  if (ns > process->cpu_ns) process->cpu_ns = ns;
}

static int add(struct watch_processes *processes, pid_t pid) {
  if (contains(processes, pid)) return 0;
  if (processes->count == processes->capacity) {
    const size_t capacity = processes->capacity == 0 ? 16 : processes->capacity * 2;
    void *grown = realloc(processes->items, capacity * sizeof *processes->items);
    if (grown == NULL) return ENOMEM;
    processes->items = grown;
    processes->capacity = capacity;
  }
  processes->items[processes->count] = (struct watch_process){.pid = pid};
  look(&processes->items[processes->count++]);
  return 0;
}

void watch_processes_look(struct watch_processes *processes) {
  for (size_t i = 0; i < processes->count; i++) look(&processes->items[i]);
}

uint64_t watch_processes_cpu_ns(const struct watch_processes *processes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < processes->count; i++) sum += processes->items[i].cpu_ns;
  return sum;
}

/* ---- who started whom ---- */

struct kin {
  pid_t pid, parent;
};

struct kinship {
  struct kin *items;
  size_t count, capacity;
};

/* "123 (a name) S 45 ...": the name may hold anything, brackets too. 0: the process has ended. */
static pid_t read_parent(const char *pid) {
  char path[300], line[512], *end;
  int parent = 0;
  FILE *file;
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  file = fopen(path, "re");
  if (file == NULL) return 0;
  end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
  if (end == NULL || sscanf(end + 1, " %*c %d", &parent) != 1) parent = 0;
  fclose(file);
  return parent;
}

static int add_kin(struct kinship *kinship, struct kin kin) {
  if (kinship->count == kinship->capacity) {
    const size_t capacity = kinship->capacity == 0 ? 256 : kinship->capacity * 2;
    void *grown = realloc(kinship->items, capacity * sizeof *kinship->items);
    if (grown == NULL) return ENOMEM;
    kinship->items = grown;
    kinship->capacity = capacity;
  }
  kinship->items[kinship->count++] = kin;
  return 0;
}

static int read_kinship(struct kinship *kinship) {
  const struct dirent *entry;
  int error = 0;
  DIR *directory = opendir("/proc");
  if (directory == NULL) return errno;
  while (error == 0 && (entry = readdir(directory)) != NULL) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    error = add_kin(kinship, (struct kin){atoi(entry->d_name), read_parent(entry->d_name)});
  }
  closedir(directory);
  return error;
}

static pid_t parent_of(const struct kinship *kinship, pid_t pid) {
  for (size_t i = 0; i < kinship->count; i++) {
    if (kinship->items[i].pid == pid) return kinship->items[i].parent;
  }
  return 0;
}

/* We, and what has started us. */
static bool leads_to_us(const struct kinship *kinship, pid_t pid) {
  pid_t at = getpid();
  for (size_t i = 0; i <= kinship->count && at != 0; i++, at = parent_of(kinship, at)) {
    if (at == pid) return true;
  }
  return false;
}

/* Children of what has started us are not the server's: a service manager starts everything. */
static int add_descendants(struct watch_processes *processes, const struct kinship *kinship) {
  size_t before;
  do {
    before = processes->count;
    for (size_t i = 0; i < kinship->count; i++) {
      const struct kin *kin = &kinship->items[i];
      if (!contains(processes, kin->parent) || contains(processes, kin->pid)) continue;
      if (leads_to_us(kinship, kin->parent) || leads_to_us(kinship, kin->pid)) continue;
      if (add(processes, kin->pid) != 0) return ENOMEM;
    }
  } while (processes->count > before);
  return 0;
}

int watch_processes_grow(struct watch_processes *processes) {
  struct kinship kinship = {0};
  int error = processes->count > 0 ? read_kinship(&kinship) : 0;
  if (error == 0) error = add_descendants(processes, &kinship);
  free(kinship.items);
  return error;
}

/* ---- who listens ---- */

/* What has started us counts only if nobody else holds the socket: a service manager keeps those of
 * its services open. */
static int add_owners(struct watch_processes *processes, const fin_census_row *row,
                      const struct kinship *kinship) {
  bool others = false;
  for (size_t i = 0; i < row->owner_count; i++) {
    if (!leads_to_us(kinship, row->owners[i].pid)) others = true;
  }
  for (size_t i = 0; i < row->owner_count; i++) {
    const pid_t pid = row->owners[i].pid;
    if (pid == getpid() || (others && leads_to_us(kinship, pid))) continue;
    if (add(processes, pid) != 0) return ENOMEM;
  }
  return 0;
}

int watch_processes_find(struct watch_processes *processes, const struct watch_place *place,
                         bool *listening) {
  const fin_census_query query = {.ports = &place->port, .port_count = 1, .owners = true};
  struct kinship kinship = {0};
  fin_census *census = fin_census_take(&query);
  unsigned best = 0;
  int error = census == NULL ? errno : read_kinship(&kinship);
  for (size_t i = 0; error == 0 && i < census->row_count; i++) {
    const unsigned fit = watch_place_fit(place, &census->rows[i]);
    if (fit > best) best = fit;
  }
  /* Several fit equally well where each worker listens for itself (SO_REUSEPORT). */
  for (size_t i = 0; error == 0 && best > 0 && i < census->row_count; i++) {
    if (watch_place_fit(place, &census->rows[i]) != best) continue;
    error = add_owners(processes, &census->rows[i], &kinship);
  }
  *listening = best > 0;
  fin_census_free(census);
  free(kinship.items);
  return error;
}

/* ---- what they hold ---- */

/* It has ended, or has become somebody else since it was found. */
static bool is_out_of_sight(int error) {
  return error == ENOENT || error == ESRCH || error == EACCES || error == EPERM;
}

/* Since Linux 6.2 the size of the directory is the number of descriptors; it was 0 before. */
static int count_descriptors(pid_t pid, uint32_t *count) {
  char path[64];
  struct stat status;
  const struct dirent *entry;
  DIR *directory;
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  if (stat(path, &status) != 0) return is_out_of_sight(errno) ? 0 : errno;
  if (status.st_size > 0) {
    *count += (uint32_t)status.st_size;
    return 0;
  }
  directory = opendir(path);
  if (directory == NULL) return is_out_of_sight(errno) ? 0 : errno;
  while ((entry = readdir(directory)) != NULL) *count += entry->d_name[0] != '.';
  closedir(directory);
  return 0;
}

/* What it is says its link: "socket:[12345]", or the path of a file. */
static int list_descriptors(pid_t pid, struct watch_list *descriptors) {
  char path[64], link[64];
  const struct dirent *entry;
  int error = 0;
  DIR *directory;
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  directory = opendir(path);
  if (directory == NULL) return is_out_of_sight(errno) ? 0 : errno;
  while (error == 0 && (entry = readdir(directory)) != NULL) {
    struct watch_thing thing = {.pid = pid, .fd = atoi(entry->d_name)};
    const ssize_t len = readlinkat(dirfd(directory), entry->d_name, link, sizeof link - 1);
    if (len < 0) continue; /* no descriptor, or closed meanwhile */
    link[len] = '\0';
    sscanf(link, "socket:[%" SCNu64 "]", &thing.inode);
    error = watch_list_add(descriptors, thing);
  }
  closedir(directory);
  return error;
}

int watch_processes_list(const struct watch_processes *processes, struct watch_list *descriptors) {
  int error = 0;
  for (size_t i = 0; i < processes->count && error == 0; i++)
    error = list_descriptors(processes->items[i].pid, descriptors);
  return error;
}

/* Adds the figures, in KiB, of two lines of a file of the process. */
static int add_lines(pid_t pid, const char *name, const char *rss, const char *anonymous,
                     struct watch_sample *sample) {
  char path[64], line[256];
  int error;
  FILE *file;
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  file = fopen(path, "re");
  if (file == NULL) return errno;
  errno = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    const char *figure = strchr(line, ':');
    const size_t len = figure != NULL ? (size_t)(figure - line) : 0;
    uint64_t *to = NULL;
    if (len == strlen(rss) && memcmp(line, rss, len) == 0) to = &sample->rss_bytes;
    if (len == strlen(anonymous) && memcmp(line, anonymous, len) == 0)
      to = &sample->anonymous_bytes;
    if (to != NULL) *to += strtoull(figure + 1, NULL, 10) * 1024;
  }
  error = ferror(file) ? errno : 0;
  fclose(file);
  return error;
}

int watch_processes_measure(const struct watch_processes *processes, bool exact,
                            struct watch_sample *sample) {
  for (size_t i = 0; i < processes->count; i++) {
    const pid_t pid = processes->items[i].pid;
    int error = count_descriptors(pid, &sample->descriptors);
    if (error != 0) return error;
    /* The exact figures are only for those who may trace the process. */
    error = exact ? add_lines(pid, "smaps_rollup", "Rss", "Anonymous", sample) : EACCES;
    if (is_out_of_sight(error)) error = add_lines(pid, "status", "VmRSS", "RssAnon", sample);
    if (error != 0 && !is_out_of_sight(error)) return error;
  }
  return 0;
}
