/* SPDX-License-Identifier: MIT
 *
 * Lines come back in capitals; "bye" ends the connection, and "save" has a child process write all
 * that is in memory to the disk, which takes a while, as the parent goes on serving.
 *
 *   $ wrong 7000 &
 *   $ printf 'hello\nbye\n' | nc 127.0.0.1 7000
 *   HELLO
 *   BYE
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WATCHED_MAX = 64, LINE_MAX_BYTES = 128 };

static struct pollfd watched[WATCHED_MAX]; /* the listener first, then the clients */
static char lines[WATCHED_MAX][LINE_MAX_BYTES];
static size_t used[WATCHED_MAX], count;

static void save(void) {
  if (fork() != 0) return;
  sleep(20); /* a big file, a slow disk */
  _exit(0);
}

/* False: the connection has ended. */
static bool answer(int fd, char *line, size_t len) {
  if (len == 5 && memcmp(line, "save\n", 5) == 0) save();
  bool bye = len == 4 && memcmp(line, "bye\n", 4) == 0;
  for (size_t i = 0; i < len; i++) line[i] = (char)toupper((unsigned char)line[i]);
  return write(fd, line, len) == (ssize_t)len && !bye;
}

static bool serve(size_t at) {
  int fd = watched[at].fd;
  char *line = lines[at], *end;
  ssize_t n = read(fd, line + used[at], LINE_MAX_BYTES - used[at]);
  if (n <= 0) return false; /* the end, an error, or a line too long */
  used[at] += (size_t)n;
  while ((end = memchr(line, '\n', used[at]))) {
    size_t len = (size_t)(end + 1 - line);
    if (!answer(fd, line, len)) return false;
    memmove(line, end + 1, used[at] -= len);
  }
  return true;
}

static void hang_up(size_t at) {
  close(watched[at].fd);
  count--;
  watched[at] = watched[count];
  memmove(lines[at], lines[count], used[at] = used[count]);
}

static void welcome(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC); /* not for the child */
  if (fd < 0) return;
  if (count == WATCHED_MAX) {
    close(fd);
    return;
  }
  watched[count] = (struct pollfd){.fd = fd, .events = POLLIN};
  used[count++] = 0;
}

int main(int argc, char **argv) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN); /* no child is waited for */
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 128) < 0)
    return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  watched[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (;;) {
    if (poll(watched, count, -1) <= 0) continue;
    for (size_t at = count; --at > 0;)
      if (watched[at].revents && !serve(at)) hang_up(at);
    if (watched[0].revents) welcome(listener);
  }
}
