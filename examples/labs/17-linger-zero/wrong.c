/* SPDX-License-Identifier: MIT
 *
 * The day's report: 60,000 bytes to whoever asks for it in a line, then the end. Each connection is
 * served once and closed here, many thousand times a day.
 *
 *   $ wrong 7000 &
 *   $ echo report | nc 127.0.0.1 7000 | wc -c
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char report[60 * 1000];

static void write_report(void) {
  for (size_t i = 0; i < sizeof report; i++) report[i] = (char)(i % 60 < 59 ? 'a' + i % 26 : '\n');
}

static void send_all(int fd, const char *data, size_t left) {
  ssize_t n;
  for (; left > 0; data += n, left -= (size_t)n)
    if ((n = send(fd, data, left, MSG_NOSIGNAL)) < 0) return;
}

static void hang_up(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0}; /* leave no TIME_WAIT behind */
  shutdown(fd, SHUT_WR);                                /* what was written goes out first */
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
}

static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument;
  char byte = '\0';
  while (byte != '\n' && recv(fd, &byte, 1, 0) == 1) continue;
  if (byte == '\n') send_all(fd, report, sizeof report);
  hang_up(fd);
  return NULL;
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  int yes = 1, fd, listener = socket(AF_INET, SOCK_STREAM, 0);
  write_report();
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
