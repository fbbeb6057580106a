/* SPDX-License-Identifier: MIT
 *
 * /proc: which descriptors of which processes are sockets. A process may end at any moment and its
 * number may be used again; nothing here takes that for an error.
 */
#include "observe/census.h"

#ifdef FINALE_HAVE_LIBMNL

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool parse_number(const char *text, int *number) {
  char *end;
  long value;
  if (*text < '0' || *text > '9') return false;
  value = strtol(text, &end, 10);
  if (*end != '\0' || value > INT_MAX) return false;
  *number = (int)value;
  return true;
}

/* The inode of a socket, out of a link as "socket:[1234]"; 0 for anything else. */
static uint64_t socket_inode(int directory, const char *name) {
  static const char prefix[] = "socket:[";
  char link[64];
  const ssize_t len = readlinkat(directory, name, link, sizeof link - 1);
  if (len < 0) return 0;
  link[len] = '\0';
  if (strncmp(link, prefix, sizeof prefix - 1) != 0) return 0;
  return strtoull(link + sizeof prefix - 1, NULL, 10);
}

static void read_name(pid_t pid, char name[16]) {
  char path[32];
  ssize_t len = -1;
  int fd;
  snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) {
    len = read(fd, name, 15);
    close(fd);
  }
  if (len > 0 && name[len - 1] == '\n') len--;
  name[len > 0 ? len : 0] = '\0';
  /* A process names itself: its name must not be able to steer a terminal. */
  for (char *c = name; *c != '\0'; c++) {
    if (*c < ' ' || *c > '~') *c = '?';
  }
}

static int append(struct fin_census_owners *owners, const fin_census_owner *owner) {
  const int error =
      fin_census_grow((void **)&owners->items, owners->count, &owners->capacity, sizeof *owner);
  if (error == 0) owners->items[owners->count++] = *owner;
  return error;
}

/* The descriptors of one process. -ESRCH if it is gone, -EACCES if it may not be read. */
static int read_process(struct fin_census_owners *owners, pid_t pid) {
  fin_census_owner owner = {.pid = pid};
  const struct dirent *entry;
  int error = 0;
  char path[32];
  DIR *directory;
  snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
  directory = opendir(path);
  if (directory == NULL) {
    if (errno == ENOENT || errno == ENOTDIR) return -ESRCH;
    return errno == EPERM ? -EACCES : -errno;
  }
  while (error == 0 && (entry = readdir(directory)) != NULL) {
    if (!parse_number(entry->d_name, &owner.fd)) continue;
    errno = 0;
    owner.inode = socket_inode(dirfd(directory), entry->d_name);
    if (owner.inode == 0) {
      /* The list is open to the process's user, what it leads to only to those who may trace it. */
      if (errno == EACCES || errno == EPERM) error = -EACCES;
      continue;
    }
    if (owner.name[0] == '\0') read_name(pid, owner.name);
    error = append(owners, &owner);
  }
  closedir(directory);
  return error;
}

static int read_processes(struct fin_census_owners *owners, size_t *unseen) {
  const struct dirent *entry;
  int error = 0;
  DIR *directory = opendir("/proc");
  if (directory == NULL) return -errno;
  while (error == 0 && (entry = readdir(directory)) != NULL) {
    pid_t pid;
    if (!parse_number(entry->d_name, &pid)) continue;
    error = read_process(owners, pid);
    if (error == -EACCES) ++*unseen;
    if (error == -EACCES || error == -ESRCH) error = 0;
  }
  closedir(directory);
  return error;
}

int fin_owners_read(struct fin_census_owners *owners, pid_t pid, size_t *unseen) {
  return pid != 0 ? read_process(owners, pid) : read_processes(owners, unseen);
}

bool fin_owner_is_tcp(const fin_census_owner *owner) {
  char path[48], protocol[16];
  ssize_t len;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)owner->pid, owner->fd);
  if (socket_inode(AT_FDCWD, path) != owner->inode) return false;
  /* Sockets tell their protocol as an attribute of their inode: "TCP", "TCPv6", "UNIX", ... */
  len = getxattr(path, "system.sockprotoname", protocol, sizeof protocol - 1);
  if (len < 0) return false;
  protocol[len] = '\0';
  return strcmp(protocol, "TCP") == 0 || strcmp(protocol, "TCPv6") == 0;
}

bool fin_owner_is_here(const fin_census_owner *owner) {
  struct stat here, there;
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/ns/net", (int)owner->pid);
  /* A namespace belongs to a thread, so "self" would not do. */
  if (stat("/proc/thread-self/ns/net", &here) != 0 || stat(path, &there) != 0) return false;
  return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

#endif
