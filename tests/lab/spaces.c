/* SPDX-License-Identifier: MIT
 *
 * Namespaces: what is set in them, what is said where they are refused.
 */
#include "lab/spaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/within.h"

static struct lab_spaces spaces;
static char why[LAB_WHY_MAX];

static ino_t net_inode(void) {
  struct stat at;
  within_check(stat("/proc/self/ns/net", &at) == 0, "%s", strerror(errno));
  return at.st_ino;
}

static bool read_file(const char *path, char *text, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t len = fd >= 0 ? read(fd, text, size - 1) : -1;
  if (fd >= 0) close(fd);
  text[len > 0 ? len : 0] = '\0';
  return len > 0;
}

static void write_file(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  within_check(fd >= 0 && write(fd, text, strlen(text)) > 0, "%s: %s", path, strerror(errno));
  close(fd);
}

static long sysctl(enum lab_side side, const char *path) {
  char text[32];
  within_check(setns(spaces.net[side], CLONE_NEWNET) == 0, "%s", strerror(errno));
  within_check(read_file(path, text, sizeof text), "%s", path);
  within_check(setns(spaces.wire, CLONE_NEWNET) == 0, "%s", strerror(errno));
  return strtol(text, NULL, 10);
}

static void enter(void) { within_enter(&spaces); }

WITHIN(spaces, settings_are_of_one_side) {
  static const char name[] = "tcp_fin_timeout", path[] = "/proc/sys/net/ipv4/tcp_fin_timeout";
  enter();
  const long before = sysctl(LAB_CLIENT, path);
  within_check(before != 3, "%ld", before);
  within_check(lab_spaces_sysctl(&spaces, LAB_SERVER, name, "3", why), "%s", why);
  within_check(sysctl(LAB_SERVER, path) == 3, "%ld", sysctl(LAB_SERVER, path));
  within_check(sysctl(LAB_CLIENT, path) == before, "%ld", sysctl(LAB_CLIENT, path));
  within_check(lab_spaces_sysctl(&spaces, LAB_SERVER, "somaxconn", "7", why), "%s", why);
  within_check(sysctl(LAB_SERVER, "/proc/sys/net/core/somaxconn") == 7, "of net.core");
  within_check(lab_spaces_sysctl(&spaces, LAB_CLIENT, "ip_local_port_range", "40000 40009", why),
               "%s", why);
}

/* A look at tables that are the machine's is slow. Before Linux 6.1 there are no others. */
WITHIN(spaces, the_sides_have_tables_of_their_own) {
  static const char path[] = "/proc/sys/net/ipv4/tcp_ehash_entries";
  enter();
  if (access(path, F_OK) != 0) return;
  within_check(sysctl(LAB_CLIENT, path) == 4096, "%ld", sysctl(LAB_CLIENT, path));
  within_check(sysctl(LAB_SERVER, path) == 4096, "%ld", sysctl(LAB_SERVER, path));
}

WITHIN(spaces, wrong_settings_are_refused) {
  static const struct {
    const char *name, *value, *named;
  } wrong[] = {
      {"", "1", "like tcp_fin_timeout"},
      {"../core/somaxconn", "1", "like tcp_fin_timeout"},
      {"tcp_fin_timeout ", "1", "like tcp_fin_timeout"},
      {"TCP_FIN", "1", "like tcp_fin_timeout"},
      {"tcp_fun_timeout", "1", "none of that name"},
      {"tcp_fin_timeout", "soon", "tcp_fin_timeout = soon: Invalid argument"},
  };
  enter();
  const ino_t before = net_inode();
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    within_check(!lab_spaces_sysctl(&spaces, LAB_CLIENT, wrong[i].name, wrong[i].value, why),
                 "\"%s\"", wrong[i].name);
    within_check(strstr(why, wrong[i].named) != NULL, "\"%s\": %s", wrong[i].name, why);
  }
  within_check(net_inode() == before, "in another namespace");
}

static void count_inodes(const pid_t *children, ino_t *inodes) {
  for (size_t i = 0; i < 2; i++) {
    char path[64];
    struct stat at;
    snprintf(path, sizeof path, "/proc/%d/ns/net", children[i]);
    inodes[i] = stat(path, &at) == 0 ? at.st_ino : 0;
  }
}

WITHIN(spaces, children_are_on_their_sides) {
  pid_t children[2];
  ino_t found[2];
  int told[2];
  char byte;
  enter();
  within_check(pipe(told) == 0, "%s", strerror(errno));
  for (unsigned side = 0; side < 2; side++) {
    children[side] = lab_fork_side(&spaces, (enum lab_side)side);
    if (children[side] == 0) {
      if (write(told[1], "", 1) != 1) _exit(1);
      for (;;) pause();
    }
    within_check(children[side] > 0 && read(told[0], &byte, 1) == 1, "%s", strerror(errno));
  }
  count_inodes(children, found);
  within_check(found[0] != 0 && found[1] != 0 && found[0] != found[1] && found[0] != net_inode() &&
                   found[1] != net_inode(),
               "%lu, %lu", (unsigned long)found[0], (unsigned long)found[1]);
}

WITHIN(spaces, nobody_needs_a_user_namespace_and_root_none) {
  enter();
  within_check(spaces.user_space == (geteuid() != 0), "%d", spaces.user_space);
}

/* ---- refusals ---- */

static void expect_refusal(const char *what, const char *whose) {
  const ino_t before = net_inode();
  const uid_t user = geteuid();
  within_check(!lab_spaces_enter(&spaces, why), "entered");
  within_check(strstr(why, what) != NULL && strstr(why, whose) != NULL, "%s", why);
  within_check(strstr(why, "loopback") != NULL && strlen(why) < LAB_WHY_MAX - 1, "%s", why);
  within_check(net_inode() == before && geteuid() == user, "not where it was");
  const pid_t child = lab_fork_side(NULL, LAB_CLIENT); /* all goes on without */
  if (child == 0) _exit(0);
  within_check(child > 0, "%s", strerror(errno));
}

/* unshare(2) gives EPERM, as in most containers. */
WITHIN(spaces, a_filter_is_named) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    within_skip("no filters here: %s", strerror(errno));
  expect_refusal("user namespace refused: Operation not permitted", "seccomp");
}

/* Within a user namespace of its own, whose limits it may set. */
static void limit(const char *path, const char *to) {
  char map[32];
  snprintf(map, sizeof map, "0 %u 1", geteuid());
  if (unshare(CLONE_NEWUSER) != 0) within_skip("no user namespaces: %s", strerror(errno));
  write_file("/proc/self/uid_map", map);
  write_file(path, to);
}

WITHIN(spaces, a_limit_of_network_namespaces_is_named) {
  limit("/proc/sys/user/max_net_namespaces", "0");
  expect_refusal("network namespace refused: No space left", "user.max_");
}

WITHIN(spaces, what_fails_half_way_is_as_if_it_had_not_begun) {
  limit("/proc/sys/user/max_net_namespaces", "2");
  expect_refusal("network namespace refused: No space left", "user.max_");
}
