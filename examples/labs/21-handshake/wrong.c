/* SPDX-License-Identifier: MIT
 *
 * Upper case, line by line, for a handful of colleagues.
 *
 *   $ wrong 7000 &
 *   $ printf 'hello\n' | nc -N 127.0.0.1 7000
 *   HELLO
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 }; /* room for everybody */

static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument;
  char text[1024];
  ssize_t n;
  while ((n = recv(fd, text, sizeof text, 0)) > 0) {
    for (ssize_t i = 0; i < n; i++) text[i] = (char)toupper((unsigned char)text[i]);
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n) break;
  }
  close(fd);
  return NULL;
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  int yes = 1, fd, listener = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, BACKLOG) < 0)
    return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  while ((fd = accept(listener, NULL, NULL)) >= 0) serve((void *)(intptr_t)fd);
  return perror("accept"), 1;
}
