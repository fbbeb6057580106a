/* SPDX-License-Identifier: MIT
 *
 * See files_tree.h.
 */
#include "http/files_tree.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define CHECK(condition) cr_assert((condition), #condition ": %s", strerror(errno))

struct place {
  char path[256];
};

static struct place place_of(const struct tree *tree, const char *name) {
  struct place place;
  int len = snprintf(place.path, sizeof place.path, "%s/%s", tree->root, name);
  cr_assert(len > 0 && (size_t)len < sizeof place.path);
  return place;
}

void tree_begin(struct tree *tree) {
  strcpy(tree->path, "/tmp/finale-files-XXXXXX");
  CHECK(mkdtemp(tree->path) != NULL);
  CHECK(chmod(tree->path, 0755) == 0);
  snprintf(tree->root, sizeof tree->root, "%s/root", tree->path);
  CHECK(mkdir(tree->root, 0755) == 0);
  tree_directory(tree, "../outside");
  tree_text(tree, "../outside/secret", TREE_SECRET);
}

static int remove_it(const char *path, const struct stat *file, int kind, struct FTW *where) {
  (void)file, (void)kind, (void)where;
  return remove(path);
}

void tree_end(struct tree *tree) {
  CHECK(nftw(tree->path, remove_it, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

void tree_directory(const struct tree *tree, const char *name) {
  CHECK(mkdir(place_of(tree, name).path, 0755) == 0);
}

void tree_file(const struct tree *tree, const char *name, const void *data, size_t len) {
  int fd = open(place_of(tree, name).path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  CHECK(fd >= 0);
  CHECK(write(fd, data, len) == (ssize_t)len);
  CHECK(close(fd) == 0);
}

void tree_text(const struct tree *tree, const char *name, const char *text) {
  tree_file(tree, name, text, strlen(text));
}

void tree_link(const struct tree *tree, const char *name, const char *target) {
  CHECK(symlink(target, place_of(tree, name).path) == 0);
}

void tree_fifo(const struct tree *tree, const char *name) {
  CHECK(mkfifo(place_of(tree, name).path, 0644) == 0);
}

void tree_socket(const struct tree *tree, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  snprintf(address.sun_path, sizeof address.sun_path, "%.100s", place_of(tree, name).path);
  CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(close(fd) == 0);
}

void tree_mode(const struct tree *tree, const char *name, unsigned mode) {
  CHECK(chmod(place_of(tree, name).path, mode) == 0);
}

void tree_resize(const struct tree *tree, const char *name, size_t size) {
  CHECK(truncate(place_of(tree, name).path, (off_t)size) == 0);
}

void tree_touch(const struct tree *tree, const char *name, long long seconds, long nanoseconds) {
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
                                    {.tv_sec = (time_t)seconds, .tv_nsec = nanoseconds}};
  CHECK(utimensat(AT_FDCWD, place_of(tree, name).path, times, 0) == 0);
}

void tree_remove(const struct tree *tree, const char *name) {
  CHECK(remove(place_of(tree, name).path) == 0);
}

void tree_without_openat2(int error) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  CHECK(syscall(SYS_openat2, -1, "", NULL, 0) == -1 && errno == error);
}
