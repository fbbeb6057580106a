/* SPDX-License-Identifier: MIT
 *
 * The floor: an echo server on epoll alone, written by hand and level-triggered, with one buffer,
 * no timeouts and no care for how a connection ends. What cannot be sent at once is waited for,
 * since an echo that drops bytes would measure something easier.
 *
 *   raw_epoll [PORT]     prints `listening on 127.0.0.1:PORT`
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 256, FDS_MAX = 20000, BUFFER_SIZE = 64 * 1024 };

static struct rest { /* what a descriptor could not take yet */
  char *data;
  size_t len;
} rests[FDS_MAX];

static int watch(int epoll, int operation, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  return epoll_ctl(epoll, operation, fd, &event);
}

static void drop(int fd) {
  free(rests[fd].data);
  rests[fd] = (struct rest){0};
  close(fd);
}

static void accept_all(int epoll, int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (fd >= FDS_MAX || watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN)) close(fd);
  }
}

static void echo(int epoll, int fd) {
  static char buffer[BUFFER_SIZE];
  ssize_t got = recv(fd, buffer, sizeof buffer, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    drop(fd);
    return;
  }
  ssize_t sent = send(fd, buffer, (size_t)got, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) {
    drop(fd);
    return;
  }
  if (sent < 0) sent = 0;
  if (sent == got) return;
  struct rest *rest = &rests[fd];
  rest->len = (size_t)(got - sent);
  rest->data = malloc(rest->len);
  if (!rest->data) abort();
  memcpy(rest->data, buffer + sent, rest->len);
  watch(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT);
}

static void send_rest(int epoll, int fd) {
  struct rest *rest = &rests[fd];
  ssize_t sent = send(fd, rest->data, rest->len, MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) return;
  if (sent < 0) {
    drop(fd);
    return;
  }
  rest->len -= (size_t)sent;
  memmove(rest->data, rest->data + sent, rest->len);
  if (rest->len > 0) return;
  free(rest->data);
  rest->data = NULL;
  watch(epoll, EPOLL_CTL_MOD, fd, EPOLLIN);
}

static int listen_on(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  socklen_t len = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, len) || listen(fd, 4096) ||
      getsockname(fd, (struct sockaddr *)&address, &len)) {
    perror("raw_epoll");
    exit(2);
  }
  printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int argc, char **argv) {
  int listener = listen_on(argc > 1 ? (uint16_t)atoi(argv[1]) : 0);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN);
  struct epoll_event events[BATCH];
  for (;;) {
    int count = epoll_wait(epoll, events, BATCH, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener)
        accept_all(epoll, fd);
      else if (rests[fd].data)
        send_rest(epoll, fd);
      else
        echo(epoll, fd);
    }
  }
}
