/* SPDX-License-Identifier: MIT
 *
 * Takes uploads: `PUT SIZE` in a line, then so many bytes. Who may store how much, another machine
 * knows.
 *
 *   $ fixed 7000 &
 *   $ (echo 'PUT 5'; printf hello) | nc 127.0.0.1 7000
 *   201 stored
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { QUOTA = 1000 };

static bool quota_allows(long size) {
  usleep(200 * 1000); /* stands for asking that machine */
  return size <= QUOTA;
}

static void say(int fd, const char *text) { send(fd, text, strlen(text), MSG_NOSIGNAL); }

/* One line without its end; false if there is none. */
static bool read_line(int fd, char *line, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (recv(fd, &line[i], 1, 0) != 1) return false;
    if (line[i] == '\n') return line[i] = '\0', true;
  }
  return false;
}

static bool store(int fd, long size) {
  char body[QUOTA];
  ssize_t n;
  for (long left = size; left > 0; left -= n)
    if ((n = recv(fd, body, (size_t)left, 0)) <= 0) return false;
  return true;
}

/* To close with bytes unread is to reset, and a reset destroys what the client has not read yet: so
 * end our side, and read until the client has seen it; but neither for ever nor without limit. */
static void hang_up(int fd) {
  char rest[4096];
  struct timeval patience = {.tv_sec = 1};
  time_t late = time(NULL) + 10;
  ssize_t n;
  shutdown(fd, SHUT_WR);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (long left = 1 << 24; left > 0 && time(NULL) < late; left -= n)
    if ((n = recv(fd, rest, sizeof rest, 0)) <= 0) break;
  close(fd);
}

static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument;
  char line[64];
  if (read_line(fd, line, sizeof line) && strncmp(line, "PUT ", 4) == 0) {
    long size = strtol(line + 4, NULL, 10);
    if (!quota_allows(size))
      say(fd, "413 too large\n");
    else if (store(fd, size))
      say(fd, "201 stored\n");
  }
  hang_up(fd);
  return NULL;
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  int yes = 1, fd, listener = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 128) < 0)
    return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  while ((fd = accept(listener, NULL, NULL)) >= 0) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0)
      close(fd);
    else
      pthread_detach(thread);
  }
  return perror("accept"), 1;
}
