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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 1000 };

static volatile sig_atomic_t ticks;

static void on_tick(int number) {
  (void)number;
  ticks++;
}

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int ms_until(long long end_ms) {
  const long long left_ms = end_ms - now_ms();
  return left_ms > 0 ? (int)left_ms : 0;
}

/* 0, or the errno that says why the connection is not there. */
static int connected(int fd, const struct sockaddr_in *address, long long end_ms) {
  struct pollfd wait = {.fd = fd, .events = POLLOUT};
  struct sockaddr_in own;
  socklen_t size = sizeof own, error_size = sizeof(int);
  int ready, error = 0;
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  /* A signal ends the call, not the attempt (for poll SA_RESTART does not count). */
  do {
    ready = poll(&wait, 1, ms_until(end_ms));
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return ready == 0 ? ETIMEDOUT : errno;
  /* POLLOUT says that the attempt is over; how it went, only SO_ERROR says. */
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size);
  if (error != 0) return error;
  /* Our own port may be the one that we dial: then SYN meets SYN, and we have reached ourselves. */
  getsockname(fd, (struct sockaddr *)&own, &size);
  return memcmp(&own, address, sizeof own) == 0 ? ECONNREFUSED : 0;
}

static void check(const char *host, int port) {
  const long long end_ms = now_ms() + PATIENCE_MS;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  int error = fd < 0 ? errno : connected(fd, &address, end_ms);
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
