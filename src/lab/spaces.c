/* SPDX-License-Identifier: MIT
 *
 * See spaces.h.
 */
#include "lab/spaces.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/netlink.h"

static const struct {
  const char *inner, *address; /* the interface that leads to it; its own address */
} sides[2] = {
    [LAB_CLIENT] = {"client", LAB_CLIENT_ADDRESS},
    [LAB_SERVER] = {"server", LAB_SERVER_ADDRESS},
};
static const char outer[] = "eth0"; /* of both sides */

enum { PREFIX = 24 };

/* Half as many TIME-WAITs are allowed, see tcp_child_ehash_entries in the kernel's ip-sysctl. */
#define BUCKETS "4096"

/* ---- why not ---- */

static long number_in(const char *path) {
  char text[32] = "";
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  long number = -1;
  if (fd < 0) return -1;
  if (read(fd, text, sizeof text - 1) > 0 && sscanf(text, "%ld", &number) != 1) number = -1;
  close(fd);
  return number;
}

static bool filtered(void) {
  char line[128];
  bool found = false;
  FILE *status = fopen("/proc/self/status", "re");
  if (status == NULL) return false;
  while (!found && fgets(line, sizeof line, status) != NULL)
    found = strncmp(line, "Seccomp:\t2", 10) == 0;
  fclose(status);
  return found;
}

/* Who is likely to have said so. */
static const char *suspect(int error) {
  switch (error) {
    case ENOSPC:
    case EUSERS:
      return "the limit is user.max_*_namespaces";
    case ENOSYS:
    case EOPNOTSUPP:
      return "this kernel has none";
    case EINVAL:
      return "this kernel, or threads";
    case EPERM:
    case EACCES:
      if (number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        return "AppArmor";
      if (number_in("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        return "kernel.unprivileged_userns_clone=0";
      return filtered() ? "seccomp, as in containers" : "this system";
    default:
      return "this system";
  }
}

static bool refuse(char *why, const char *what, int error) {
  snprintf(why, LAB_WHY_MAX,
           "%s refused: %s (%s). No wire then: loopback, where only states that stay are judged",
           what, strerror(error), suspect(error));
  return false;
}

/* ---- namespaces ---- */

static int write_file(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  ssize_t written;
  int error;
  if (fd < 0) return -errno;
  written = write(fd, text, strlen(text));
  error = written == (ssize_t)strlen(text) ? 0 : written < 0 ? -errno : -EIO;
  close(fd);
  return error;
}

/* Everybody stays who he is: what a server finds about its user is what it would find outside.
 * Without `deny` no group may be mapped, see user_namespaces(7). */
static int map_ids(uid_t user, gid_t group) {
  char map[64];
  int error = write_file("/proc/self/setgroups", "deny");
  if (error != 0) return error;
  snprintf(map, sizeof map, "%u %u 1", user, user);
  error = write_file("/proc/self/uid_map", map);
  if (error != 0) return error;
  snprintf(map, sizeof map, "%u %u 1", group, group);
  return write_file("/proc/self/gid_map", map);
}

/* Into a network namespace of its own; into a user namespace before, unless it is root. */
static int leave(struct lab_spaces *spaces, const char **what) {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  *what = "network namespace";
  if (unshare(CLONE_NEWNET) == 0) return 0;
  if (errno != EPERM) return -errno;
  *what = "user namespace";
  if (unshare(CLONE_NEWUSER) != 0) return -errno;
  spaces->user_space = true;
  *what = "user namespace's ids";
  const int error = map_ids(user, group);
  if (error != 0) return error;
  *what = "network namespace";
  return unshare(CLONE_NEWNET) == 0 ? 0 : -errno;
}

static int hold_net(int *net) {
  *net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  return *net >= 0 ? 0 : -errno;
}

static int enter_net(int net) { return setns(net, CLONE_NEWNET) == 0 ? 0 : -errno; }

static int make_space(struct lab_spaces *spaces, int *net, const char **what) {
  int error = leave(spaces, what);
  if (error != 0) return error;
  *what = "loopback interface";
  error = lab_link_up("lo");
  return error == 0 ? hold_net(net) : error;
}

/* The wire's first: what it says of its children holds for the sides. They get tables of their own
 * instead of parts of the machine's, which may have 262,144 buckets, each of them visited by every
 * look of a sampler: 6 ms (Linux 6.18). Before Linux 6.1 there is no such setting. */
static int make_spaces(struct lab_spaces *spaces, const char **what) {
  int error = make_space(spaces, &spaces->wire, what);
  for (int side = 0; side < 2 && error == 0; side++) {
    write_file("/proc/sys/net/ipv4/tcp_child_ehash_entries", BUCKETS);
    error = make_space(spaces, &spaces->net[side], what);
    if (error == 0) error = enter_net(spaces->wire);
  }
  return error;
}

static int join_side(struct lab_spaces *spaces, enum lab_side side, const char **what) {
  int error, back;
  *what = "veth pair";
  error = lab_link_pair(sides[side].inner, outer, spaces->net[side]);
  if (error == 0) error = enter_net(spaces->net[side]);
  if (error != 0) return error;
  *what = "checksums in software";
  error = lab_link_plain_frames(outer);
  if (error == 0) {
    *what = "address of an interface";
    error = lab_link_address(outer, sides[side].address, PREFIX);
  }
  if (error == 0) error = lab_link_up(outer);
  back = enter_net(spaces->wire);
  if (error == 0) error = back;
  if (error == 0) error = lab_link_up(sides[side].inner);
  spaces->inner[side] = (int)if_nametoindex(sides[side].inner);
  return error;
}

static bool make(struct lab_spaces *spaces, char *why) {
  const char *what = "";
  int error;
  *spaces = (struct lab_spaces){.net = {-1, -1}, .wire = -1};
  error = make_spaces(spaces, &what);
  if (error == 0) error = join_side(spaces, LAB_CLIENT, &what);
  if (error == 0) error = join_side(spaces, LAB_SERVER, &what);
  if (error == 0) return true;
  lab_spaces_release(spaces);
  return refuse(why, what, -error);
}

/* There is no way back out of a user namespace: a child goes first, and tells. */
static bool try_first(char *why) {
  struct lab_spaces spaces;
  int told[2];
  ssize_t len;
  pid_t child;
  if (pipe2(told, O_CLOEXEC) != 0) return refuse(why, "pipe", errno);
  child = lab_fork();
  if (child == 0) {
    if (!make(&spaces, why) && write(told[1], why, strlen(why) + 1) < 0) _exit(1);
    _exit(0);
  }
  const int error = errno;
  close(told[1]);
  if (child < 0) {
    close(told[0]);
    return refuse(why, "fork", error);
  }
  why[0] = '\0';
  do {
    len = read(told[0], why, LAB_WHY_MAX - 1);
  } while (len < 0 && errno == EINTR);
  close(told[0]);
  while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
  return len == 0;
}

bool lab_spaces_enter(struct lab_spaces *spaces, char why[LAB_WHY_MAX]) {
  return try_first(why) && make(spaces, why);
}

void lab_spaces_release(struct lab_spaces *spaces) {
  int *const nets[] = {&spaces->net[LAB_CLIENT], &spaces->net[LAB_SERVER], &spaces->wire};
  for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
    if (*nets[i] >= 0) close(*nets[i]);
    *nets[i] = -1;
  }
}

/* /proc/sys/net is that of the namespace one is in. */
bool lab_spaces_sysctl(const struct lab_spaces *spaces, enum lab_side side, const char *name,
                       const char *value, char why[LAB_WHY_MAX]) {
  static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
  char path[96];
  int error, back;
  if (*name == '\0' || name[strspn(name, letters)] != '\0' || strlen(name) > 48) {
    snprintf(why, LAB_WHY_MAX, "sysctl \"%.48s\": a name like tcp_fin_timeout is wanted", name);
    return false;
  }
  error = enter_net(spaces->net[side]);
  if (error == 0) {
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/%s", name);
    error = write_file(path, value);
    if (error == -ENOENT) {
      snprintf(path, sizeof path, "/proc/sys/net/core/%s", name);
      error = write_file(path, value);
    }
  }
  back = enter_net(spaces->wire);
  if (error == 0) error = back;
  if (error == 0) return true;
  snprintf(why, LAB_WHY_MAX, "sysctl %s = %.32s: %s", name, value,
           error == -ENOENT ? "this kernel has none of that name" : strerror(-error));
  return false;
}
