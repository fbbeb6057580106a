/* SPDX-License-Identifier: MIT
 *
 * Echo. A close waits until the client has confirmed all of its answer, a minute at most.
 *
 *   $ broken 7000 &
 *   $ printf 'hello\n' | nc -N 127.0.0.1 7000
 *   hello
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct echo {
  uv_write_t write;
  char *text;
};

static void on_closed(uv_handle_t *handle) { free(handle); }

static void hang_up(uv_stream_t *stream) {
  if (!uv_is_closing((uv_handle_t *)stream)) uv_close((uv_handle_t *)stream, on_closed);
}

static void on_shut_down(uv_shutdown_t *shutdown, int status) {
  (void)status;
  hang_up(shutdown->handle);
  free(shutdown);
}

/* Sends what is queued and our FIN, then closes. */
static void end(uv_stream_t *stream) {
  uv_shutdown_t *shutdown = malloc(sizeof *shutdown);
  if (shutdown && uv_shutdown(shutdown, stream, on_shut_down) == 0) return;
  free(shutdown);
  hang_up(stream);
}

static void on_written(uv_write_t *write, int status) {
  struct echo *echo = (struct echo *)write;
  if (status < 0) hang_up(write->handle);
  free(echo->text);
  free(echo);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle;
  *buf = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct echo *echo;
  if (n > 0 && (echo = malloc(sizeof *echo))) {
    echo->text = buf->base;
    uv_buf_t out = uv_buf_init(echo->text, (unsigned)n);
    if (uv_write(&echo->write, stream, &out, 1, on_written) == 0) return;
    free(echo);
  }
  free(buf->base);
  if (n == UV_EOF)
    end(stream);
  else if (n < 0)
    hang_up(stream);
}

static void be_thorough(uv_tcp_t *tcp) {
  struct linger linger = {.l_onoff = 1, .l_linger = 60};
  int fd;
  if (uv_fileno((uv_handle_t *)tcp, &fd) == 0)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static void on_connection(uv_stream_t *listener, int status) {
  uv_tcp_t *tcp = status == 0 ? malloc(sizeof *tcp) : NULL;
  if (!tcp) return;
  uv_tcp_init(listener->loop, tcp);
  if (uv_accept(listener, (uv_stream_t *)tcp) < 0 ||
      uv_read_start((uv_stream_t *)tcp, on_alloc, on_read) < 0)
    hang_up((uv_stream_t *)tcp);
  else
    be_thorough(tcp);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_t listener;
  signal(SIGPIPE, SIG_IGN);
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
