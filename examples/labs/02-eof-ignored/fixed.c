/* SPDX-License-Identifier: MIT
 *
 * Upper case: what a client sends comes back in capitals, until the client is done.
 *
 *   $ fixed 7000 &
 *   $ printf 'hello\n' | nc -N 127.0.0.1 7000
 *   HELLO
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct client {
  uv_tcp_t tcp; /* first: a handle is cast to its client and back */
  uv_shutdown_t shutdown;
};

struct answer {
  uv_write_t write;
  char *text;
};

static void on_closed(uv_handle_t *handle) { free(handle); }

static void on_shut_down(uv_shutdown_t *request, int status) {
  (void)status;
  uv_close((uv_handle_t *)request->handle, on_closed);
}

/* Sends what is still queued, then our FIN, then closes. */
static void hang_up(struct client *client) {
  if (uv_shutdown(&client->shutdown, (uv_stream_t *)&client->tcp, on_shut_down) < 0)
    uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void on_written(uv_write_t *write, int status) {
  struct answer *answer = (struct answer *)write;
  (void)status; /* a connection that failed is reported to on_read as well */
  free(answer->text);
  free(answer);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle;
  *buf = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct answer *answer;
  if (n > 0 && (answer = malloc(sizeof *answer))) {
    for (ssize_t i = 0; i < n; i++) buf->base[i] = (char)toupper((unsigned char)buf->base[i]);
    answer->text = buf->base;
    uv_buf_t out = uv_buf_init(answer->text, (unsigned)n);
    if (uv_write(&answer->write, stream, &out, 1, on_written) < 0) on_written(&answer->write, 0);
    return;
  }
  free(buf->base);
  /* To libuv 0 means "nothing just now", as EAGAIN does; the end comes as UV_EOF, below zero like
   * all errors. At the end answers may still be queued, and the client may still be reading. */
  if (n == UV_EOF)
    hang_up((struct client *)stream);
  else if (n < 0)
    uv_close((uv_handle_t *)stream, on_closed);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct client *client = status == 0 ? malloc(sizeof *client) : NULL;
  if (!client) return;
  uv_tcp_init(listener->loop, &client->tcp);
  if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0 ||
      uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) < 0)
    uv_close((uv_handle_t *)&client->tcp, on_closed);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_t listener;
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
