/* SPDX-License-Identifier: MIT
 *
 * How long is it? Each line is answered with the number of its bytes. On epoll, edge-triggered: the
 * kernel wakes us once for what is new, and not again for what is still there.
 *
 *   $ broken 7000 &
 *   $ printf 'hello\n' | nc -N 127.0.0.1 7000
 *   6 bytes
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
  int fd;
  size_t line; /* bytes of the line that is under way */
};

static void drop(struct client *client) {
  close(client->fd); /* epoll forgets it with that */
  free(client);
}

static void count(struct client *client, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    client->line++;
    if (text[i] != '\n') continue;
    dprintf(client->fd, "%zu bytes\n", client->line);
    client->line = 0;
  }
}

static void on_readable(struct client *client) {
  char text[64];
  ssize_t n = read(client->fd, text, sizeof text);
  if (n > 0)
    count(client, text, (size_t)n);
  else if (n == 0 || (errno != EAGAIN && errno != EINTR))
    drop(client);
}

static void on_connection(int epoll, int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  struct client *client = fd >= 0 ? calloc(1, sizeof *client) : NULL;
  if (!client) {
    if (fd >= 0) close(fd);
    return;
  }
  client->fd = fd;
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = client};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) drop(client);
}

int main(int argc, char **argv) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
  signal(SIGPIPE, SIG_IGN);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 128) < 0)
    return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    if (epoll_wait(epoll, &event, 1, -1) <= 0) continue;
    if (event.data.ptr)
      on_readable(event.data.ptr);
    else
      on_connection(epoll, listener);
  }
}
