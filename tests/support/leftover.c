/* SPDX-License-Identifier: MIT
 *
 * See leftover.h. Sockets are told apart by inode, so that one closed too many cannot hide one
 * closed too few.
 */
#include "support/leftover.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <finale/observe.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

size_t leftover_descriptors(void) {
  size_t count = 0;
  const struct dirent *entry;
  DIR *directory = opendir("/proc/self/fd");
  cr_assert(directory != NULL, "/proc/self/fd: %s", strerror(errno));
  while ((entry = readdir(directory)) != NULL) count += entry->d_name[0] != '.';
  closedir(directory);
  return count - 1; /* the one that read the list */
}

/* NULL without libmnl. */
static fin_census *own_census(void) {
  fin_census *census = fin_census_take(&(fin_census_query){.pid = getpid()});
  cr_assert(census != NULL || errno == ENOTSUP, "census: %s", strerror(errno));
  return census;
}

static bool known(const struct leftover_baseline *baseline, uint64_t inode) {
  for (size_t i = 0; i < baseline->inode_count; i++) {
    if (baseline->inodes[i] == inode) return true;
  }
  return false;
}

static void remember(struct leftover_baseline *baseline, uint64_t inode) {
  cr_assert(baseline->inode_count < LEFTOVER_SOCKETS_MAX, "too many sockets before the test");
  baseline->inodes[baseline->inode_count++] = inode;
}

struct leftover_baseline leftover_begin(void) {
  struct leftover_baseline baseline = {.descriptors = leftover_descriptors()};
  fin_census *census = own_census();
  for (size_t i = 0; census != NULL && i < census->row_count; i++) {
    remember(&baseline, census->rows[i].inode);
  }
  for (size_t i = 0; census != NULL && i < census->invisible_count; i++) {
    remember(&baseline, census->invisible[i].inode);
  }
  fin_census_free(census);
  return baseline;
}

static void list_row(const fin_census_row *row) {
  char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
  inet_ntop(row->family, row->local, local, sizeof local);
  inet_ntop(row->family, row->remote, remote, sizeof remote);
  fprintf(stderr, "leftover: fd %d %s %s:%u -> %s:%u Recv-Q %u Send-Q %u\n", row->owners[0].fd,
          fin_tcp_state_name(row->state), local, (unsigned)row->local_port, remote,
          (unsigned)row->remote_port, (unsigned)row->recv_queue, (unsigned)row->send_queue);
}

static void list_descriptors(void) {
  for (int fd = 0; fd < 1 << 16; fd++) {
    char path[32], link[256];
    ssize_t len;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    len = readlink(path, link, sizeof link);
    if (len > 0) fprintf(stderr, "leftover: fd %d is %.*s\n", fd, (int)len, link);
  }
}

size_t leftover_count(const struct leftover_baseline *baseline, bool list) {
  const size_t descriptors = leftover_descriptors();
  size_t count = 0;
  fin_census *census = own_census();
  for (size_t i = 0; census != NULL && i < census->row_count; i++) {
    if (known(baseline, census->rows[i].inode)) continue;
    count++;
    if (list) list_row(&census->rows[i]);
  }
  for (size_t i = 0; census != NULL && i < census->invisible_count; i++) {
    if (known(baseline, census->invisible[i].inode)) continue;
    count++;
    if (list)
      fprintf(stderr, "leftover: fd %d is an invisible TCP socket\n", census->invisible[i].fd);
  }
  fin_census_free(census);
  if (descriptors != baseline->descriptors) {
    const size_t others = descriptors > baseline->descriptors ? descriptors - baseline->descriptors
                                                              : baseline->descriptors - descriptors;
    if (others > count) count = others;
    if (list) {
      fprintf(stderr, "leftover: %zu descriptors, %zu before\n", descriptors,
              baseline->descriptors);
      list_descriptors();
    }
  }
  return count;
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void leftover_end_within(const struct leftover_baseline *baseline, unsigned within_ms) {
  const uint64_t deadline = now_ms() + within_ms;
  const struct timespec pause = {.tv_nsec = 5000000};
  while (leftover_count(baseline, false) > 0 && now_ms() < deadline) nanosleep(&pause, NULL);
  {
    const size_t count = leftover_count(baseline, true);
    cr_assert(count == 0, "%zu sockets or descriptors left over after %u ms, listed on stderr",
              count, within_ms);
  }
}

void leftover_end(const struct leftover_baseline *baseline) {
  leftover_end_within(baseline, LEFTOVER_WITHIN_MS);
}
