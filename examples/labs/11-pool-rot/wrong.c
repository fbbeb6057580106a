/* SPDX-License-Identifier: MIT
 *
 * A client that keeps its connections: after an answer they go to a pool, for the next question.
 * It asks two questions at once, has nothing to do for a while, asks a third, and idles again.
 *
 *   $ wrong 127.0.0.1 7000
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { POOL_MAX = 8 };

static struct sockaddr_in server = {.sin_family = AF_INET};
static struct pollfd pool[POOL_MAX]; /* connections that nobody uses just now */
static nfds_t pooled;

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) == 0) return fd;
  perror("connect");
  exit(1);
}

static int take(void) { return pooled > 0 ? pool[--pooled].fd : dial(); }

static void give_back(int fd) {
  if (pooled < POOL_MAX)
    pool[pooled++] = (struct pollfd){.fd = fd, .events = POLLIN};
  else
    close(fd);
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nothing to do. */
static void idle(long ms) {
  for (long end = now_ms() + ms, left = ms; left > 0; left = end - now_ms())
    poll(NULL, 0, (int)left);
}

static int ask(const char *question) {
  int fd = take();
  while (dprintf(fd, "%s\n", question) < 0) { /* the server has closed it: take the next */
    close(fd);
    fd = take();
  }
  return fd;
}

static void hear(int fd, const char *question) {
  char text[128];
  size_t used = 0;
  ssize_t n = 1;
  while (n > 0 && (used == 0 || text[used - 1] != '\n')) {
    n = read(fd, text + used, sizeof text - used);
    if (n > 0) used += (size_t)n;
  }
  if (n > 0) {
    printf("%s: %.*s", question, (int)used, text);
    give_back(fd);
  } else {
    printf("%s: lost\n", question);
    close(fd);
  }
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc < 3 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) return 2;
  server.sin_port = htons((uint16_t)atoi(argv[2]));
  signal(SIGPIPE, SIG_IGN);

  int one = ask("one"), two = ask("two");
  hear(one, "one");
  hear(two, "two");
  idle(3000);
  hear(ask("three"), "three");
  for (;;) idle(1000);
}
