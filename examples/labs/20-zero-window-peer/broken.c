/* SPDX-License-Identifier: MIT
 *
 * Hands out a film of a million bytes: who asks, in a line, gets all of it, and then the end.
 * Viewers who vanish are found out by keepalive.
 *
 *   $ broken 7000 &
 *   $ echo play | nc 127.0.0.1 7000 | wc -c
 */
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct viewer {
  uv_tcp_t tcp; /* first: a handle is cast to its viewer and back */
  uv_write_t write;
  bool asked;
};

static char film[1000 * 1000];

static void on_closed(uv_handle_t *handle) { free(handle); }

static void hang_up(struct viewer *viewer) {
  if (!uv_is_closing((uv_handle_t *)&viewer->tcp)) uv_close((uv_handle_t *)&viewer->tcp, on_closed);
}

static void on_written(uv_write_t *write, int status) {
  if (status < 0) fprintf(stderr, "viewer lost: %s\n", uv_strerror(status));
  hang_up((struct viewer *)write->handle);
}

static void play(struct viewer *viewer) {
  uv_buf_t out = uv_buf_init(film, sizeof film);
  viewer->asked = true;
  if (uv_write(&viewer->write, (uv_stream_t *)&viewer->tcp, &out, 1, on_written) < 0)
    hang_up(viewer);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char room[4096]; /* for all: what is read is looked at and forgotten */
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct viewer *viewer = (struct viewer *)stream;
  if (n > 0 && !viewer->asked && memchr(buf->base, '\n', (size_t)n)) play(viewer);
  if (n == UV_EOF && viewer->asked) return; /* it has asked: the film goes on */
  if (n < 0) hang_up(viewer);
}

static void watch_over(uv_tcp_t *tcp) {
  int fd, memory = 64 * 1024, on = 1, idle_s = 1, interval_s = 1, probes = 2;
  if (uv_fileno((uv_handle_t *)tcp, &fd) < 0) return;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &memory, sizeof memory);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct viewer *viewer = status == 0 ? calloc(1, sizeof *viewer) : NULL;
  if (!viewer) return;
  uv_tcp_init(listener->loop, &viewer->tcp);
  if (uv_accept(listener, (uv_stream_t *)&viewer->tcp) < 0 ||
      uv_read_start((uv_stream_t *)&viewer->tcp, on_alloc, on_read) < 0)
    hang_up(viewer);
  else
    watch_over(&viewer->tcp);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_t listener;
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < sizeof film; i++) film[i] = (char)('a' + i % 26);
  uv_ip4_addr("0.0.0.0", argc > 1 ? atoi(argv[1]) : 0, &address);
  uv_tcp_init(loop, &listener);
  int error = uv_tcp_bind(&listener, (struct sockaddr *)&address, 0);
  if (error == 0) error = uv_listen((uv_stream_t *)&listener, 128, on_connection);
  if (error < 0) return fprintf(stderr, "listen: %s\n", uv_strerror(error)), 1;
  uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
