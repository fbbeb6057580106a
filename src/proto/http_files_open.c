/* SPDX-License-Identifier: MIT
 *
 * Opening a file that must lie below a directory. Linux 5.6 can see to that itself; elsewhere, and
 * where a sandbox forbids openat2, the way is walked one directory at a time, and no symbolic link
 * is followed at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/http_files_parts.h"

#ifdef SYS_openat2
#include <linux/openat2.h>
#endif
#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

/* Neither a FIFO without a writer nor a device makes us wait, or our terminal. */
enum { READING = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, RACES_MAX = 8 };

/* -ENOSYS: not here. */
static int open_beneath(int root, const char *name) {
#ifdef SYS_openat2
  const struct open_how how = {.flags = READING,
                               .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  long fd;
  int races = 0;
  /* EAGAIN: something was renamed while a ".." within a symbolic link was looked at. */
  do fd = syscall(SYS_openat2, root, name, &how, sizeof how);
  while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++races < RACES_MAX)));
  return fd < 0 ? -errno : (int)fd;
#else
  (void)root, (void)name;
  return -ENOSYS;
#endif
}

static int open_one(int directory, const char *name, size_t len, int flags) {
  char segment[NAME_MAX + 1];
  int fd;
  if (len >= sizeof segment) return -ENAMETOOLONG;
  memcpy(segment, name, len);
  segment[len] = '\0';
  if (strcmp(segment, "..") == 0) return -EXDEV;
  do fd = openat(directory, segment, flags | O_NOFOLLOW);
  while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

static int walk(int root, const char *name) {
  int directory = root;
  for (;;) {
    size_t len = strcspn(name, "/");
    bool last = name[len] == '\0';
    int fd = open_one(directory, name, len, last ? READING : O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory != root) close(directory);
    if (fd < 0 || last) return fd;
    directory = fd;
    name += len + 1;
  }
}

int fin_http_files_open(int root, const char *name) {
  int fd = open_beneath(root, name);
  return fd == -ENOSYS || fd == -EPERM ? walk(root, name) : fd;
}
