/* SPDX-License-Identifier: MIT
 *
 * The floor: a server on epoll alone, written by hand and level-triggered, with one buffer, no
 * timeouts and no care for how a connection ends. What cannot be sent at once is waited for, since
 * a server that drops bytes would measure something easier.
 *
 *   raw_epoll [echo|http] [PORT]     prints `listening on 127.0.0.1:PORT`
 *
 * echo: every byte comes back. http: hello.h. Requests that come together are answered together.
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

#include "hello.h"

enum { BATCH = 256, FDS_MAX = 20000, BUFFER_SIZE = 64 * 1024, TOGETHER_MAX = 1024 };

static struct rest { /* what a descriptor could not take yet */
  char *data;
  size_t len;
  bool last; /* then it is closed */
} rests[FDS_MAX];

static struct part { /* of a request that is not all there yet */
  char *data;
  size_t len;
} parts[FDS_MAX];

static int watch(int epoll, int operation, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  return epoll_ctl(epoll, operation, fd, &event);
}

static void drop(int fd) {
  free(rests[fd].data);
  free(parts[fd].data);
  rests[fd] = (struct rest){0};
  parts[fd] = (struct part){0};
  close(fd);
}

static void accept_all(int epoll, int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (fd >= FDS_MAX || watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN)) close(fd);
  }
}

static void answer(int epoll, int fd, const char *data, size_t len) {
  ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) {
    drop(fd);
    return;
  }
  if (sent < 0) sent = 0;
  if ((size_t)sent == len) return;
  struct rest *rest = &rests[fd];
  rest->len = len - (size_t)sent;
  rest->data = malloc(rest->len);
  if (!rest->data) abort();
  memcpy(rest->data, data + sent, rest->len);
  watch(epoll, EPOLL_CTL_MOD, fd, EPOLLOUT);
}

/* The last of the replies is the connection's last; it is closed when all are sent. */
static void answer_last(int epoll, int fd, char *replies, size_t len) {
  last_request = false;
  memcpy(replies + len - HELLO_LEN, last_hello, LAST_HELLO_LEN);
  rests[fd].last = true;
  answer(epoll, fd, replies, len - HELLO_LEN + LAST_HELLO_LEN);
  if (rests[fd].last && !rests[fd].data) drop(fd);
}

static void echo(int epoll, int fd) {
  static char buffer[BUFFER_SIZE];
  ssize_t got = recv(fd, buffer, sizeof buffer, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0)
    drop(fd);
  else
    answer(epoll, fd, buffer, (size_t)got);
}

static void http(int epoll, int fd) {
  static char buffer[BUFFER_SIZE], replies[TOGETHER_MAX * HELLO_LEN];
  struct part *part = &parts[fd];
  if (part->len > 0) memcpy(buffer, part->data, part->len);
  ssize_t got = recv(fd, buffer + part->len, sizeof buffer - part->len, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    drop(fd);
    return;
  }
  const char *at = buffer, *end = buffer + part->len + got;
  size_t len = 0;
  ssize_t one;
  while (at < end && !last_request && (one = request_len(at, end)) != 0) {
    if (one < 0 || len == sizeof replies) {
      drop(fd);
      return;
    }
    at += one;
    memcpy(replies + len, hello, HELLO_LEN);
    len += HELLO_LEN;
  }
  part->len = (size_t)(end - at);
  if (part->len > 0) {
    part->data = realloc(part->data, part->len);
    if (!part->data) abort();
    memcpy(part->data, at, part->len);
  }
  if (last_request)
    answer_last(epoll, fd, replies, len);
  else if (len > 0)
    answer(epoll, fd, replies, len);
}

static void send_rest(int epoll, int fd) {
  struct rest *rest = &rests[fd];
  ssize_t sent = send(fd, rest->data, rest->len, MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) return;
  if (sent < 0 || (rest->last && (size_t)sent == rest->len)) {
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
  void (*serve)(int epoll, int fd) = echo;
  if (argc > 1 && strcmp(argv[1], "http") == 0) serve = http;
  bool chosen = serve == http || (argc > 1 && strcmp(argv[1], "echo") == 0);
  const char *port = argv[chosen ? 2 : 1];

  int listener = listen_on(port ? (uint16_t)atoi(port) : 0);
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
        serve(epoll, fd);
    }
  }
}
