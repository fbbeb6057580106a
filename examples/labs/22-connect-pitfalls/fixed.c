/* SPDX-License-Identifier: MIT
 *
 * Which of my servers are up? Connects to each of three, at most a second each, and says: one on
 * port 9 and one on port 45000 of this machine, and the one that is given. A tick twenty times
 * a second keeps the statistics.
 *
 *   $ fixed 10.7.0.2 7000
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };

static volatile sig_atomic_t ticks;

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void on_tick(int number) {
  (void)number;
  ticks++;
}

/* The attempt goes on when a signal wakes us (SA_RESTART does not count for poll): wait for what is
 * left of the time, and do not connect again. */
static int poll_until(struct pollfd *wait, long long end_ms) {
  long long left;
  int ready;
  while ((left = end_ms - now_ms()) > 0)
    if ((ready = poll(wait, 1, (int)left)) >= 0 || errno != EINTR) return ready;
  return 0;
}

/* A port that nobody listens on may be the one our own attempt was given: then SYN meets SYN, and
 * we are connected to ourselves. */
static bool to_itself(int fd, const struct sockaddr_in *address) {
  struct sockaddr_in own;
  socklen_t length = sizeof own;
  return getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
         own.sin_port == address->sin_port && own.sin_addr.s_addr == address->sin_addr.s_addr;
}

/* 0, or the errno that says why the connection is not there. */
static int connected(int fd, const struct sockaddr_in *address) {
  struct pollfd wait = {.fd = fd, .events = POLLOUT};
  int error = 0;
  socklen_t length = sizeof error;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  int ready = poll_until(&wait, now_ms() + PATIENCE_MS);
  if (ready < 0) return errno;
  if (ready == 0) return ETIMEDOUT;
  /* POLLOUT says that the attempt is over; how it went, only SO_ERROR says. */
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
  return error == 0 && to_itself(fd, address) ? ECONNREFUSED : error;
}

static void check(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int error = fd < 0 ? errno : connected(fd, &address);
  printf("%s:%d %s%s\n", host, port, error ? "down: " : "up", error ? strerror(error) : "");
  if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
  struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
  struct itimerval often = {.it_interval.tv_usec = 50 * 1000, .it_value.tv_usec = 50 * 1000};
  if (argc != 3) return fprintf(stderr, "usage: %s HOST PORT\n", argv[0]), 2;
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  check("127.0.0.1", 9);
  check("127.0.0.1", 45000);
  check(argv[1], atoi(argv[2]));
  return 0;
}
