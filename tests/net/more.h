/* SPDX-License-Identifier: MIT
 *
 * More of net.h: clients that do not wait for the server to accept them, other processes, and the
 * time that this one has worked.
 */
#ifndef TESTS_NET_MORE_H
#define TESTS_NET_MORE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/net.h"

/* Connects a socket to 127.0.0.1. Returns once the kernels have shaken hands: it waits in the
 * server's backlog then. -1 and errno if it is refused. `socket` becomes non-blocking. */
static inline int dial_with(int socket, uint16_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, (struct sockaddr *)&to, sizeof to)) return -1;
  return fcntl(socket, F_SETFL, O_NONBLOCK) ? -1 : socket;
}

static inline int dial(uint16_t port) {
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(peer >= 0, "socket: %s", strerror(errno));
  cr_assert(dial_with(peer, port) == peer, "connect: %s", strerror(errno));
  return peer;
}

/* Whether a connection to the port is refused. */
static inline bool refused(uint16_t port) {
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(peer >= 0, "socket: %s", strerror(errno));
  bool is_refused = dial_with(peer, port) < 0 && errno == ECONNREFUSED;
  close(peer);
  return is_refused;
}

/* Milliseconds that this process has used the processor for. */
static inline unsigned cpu_ms(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (unsigned)(used.tv_sec * 1000 + used.tv_nsec / 1000000);
}

/* Turns the loop for a while. Only to show that something does not happen. */
static inline void turn_for(struct net *net, unsigned ms) {
  uint64_t begun = net_now_ms();
  while (net_now_ms() - begun < ms) net_turn(net, 10);
}

static inline fin_server_stats stats_of(const struct net *net) {
  fin_server_stats stats;
  fin_server_stats_read(net->server, &stats);
  return stats;
}

/* ---- another process ---- */

struct child {
  pid_t pid;
  int pipe; /* what it writes to `tell`; the child's own end in the child */
};

enum { CHILD_SECONDS_MAX = 40 };

/* Forks; before there is a loop. In the child pid is 0: it must leave with _exit, and is killed if
 * it does not within CHILD_SECONDS_MAX. */
static inline struct child child_new(void) {
  int ends[2];
  cr_assert(pipe2(ends, O_CLOEXEC) == 0);
  struct child child = {.pid = fork()};
  cr_assert(child.pid >= 0, "fork: %s", strerror(errno));
  child.pipe = ends[child.pid == 0];
  close(ends[child.pid != 0]);
  if (child.pid == 0) alarm(CHILD_SECONDS_MAX);
  return child;
}

/* Reads exactly `len` bytes; false if the child has left before. */
static inline bool child_hear(const struct child *child, void *data, size_t len) {
  size_t done = 0;
  while (done < len) {
    ssize_t count = read(child->pipe, (char *)data + done, len - done);
    if (count <= 0) return false;
    done += (size_t)count;
  }
  return true;
}

/* For the child: leaves on failure. */
static inline void child_tell(const struct child *child, const void *data, size_t len) {
  if (write(child->pipe, data, len) != (ssize_t)len) _exit(99);
}

/* Waits for its end: what it left with, or minus the signal that killed it. */
static inline int child_end(struct child *child) {
  int status = 0;
  close(child->pipe);
  cr_assert(waitpid(child->pid, &status, 0) == child->pid, "waitpid: %s", strerror(errno));
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#endif
