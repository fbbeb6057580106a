/* SPDX-License-Identifier: MIT
 *
 * How long is it? A client sends a text and ends; the answer is the number of bytes. A text of more
 * than 4096 bytes is answered at once: too large.
 *
 *   $ broken 7000 &
 *   $ printf 'hello\n' | nc -N 127.0.0.1 7000
 *   6 bytes
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { TEXT_MAX = 4096 };

struct client {
  uv_tcp_t tcp; /* first: a handle is cast to its client and back */
  uv_write_t write;
  uv_shutdown_t shutdown;
  size_t received;
  char answer[32];
  char in[1024];
};

static void on_closed(uv_handle_t *handle) { free(handle); }

static void close_now(struct client *client) {
  if (!uv_is_closing((uv_handle_t *)&client->tcp)) uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void on_shut_down(uv_shutdown_t *request, int status) {
  (void)status;
  close_now((struct client *)request->handle);
}

static void answer(struct client *client) {
  uv_buf_t out = uv_buf_init(client->answer, (unsigned)strlen(client->answer));
  if (uv_write(&client->write, (uv_stream_t *)&client->tcp, &out, 1, NULL) < 0) close_now(client);
}

/* Sends what is still queued, then our FIN, then closes. */
static void hang_up(struct client *client) {
  if (uv_shutdown(&client->shutdown, (uv_stream_t *)&client->tcp, on_shut_down) < 0)
    close_now(client);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  *buf = uv_buf_init(((struct client *)handle)->in, sizeof((struct client *)handle)->in);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  (void)buf;
  if (n == UV_EOF) {
    if (client->received <= TEXT_MAX) {
      snprintf(client->answer, sizeof client->answer, "%zu bytes\n", client->received);
      answer(client);
    }
    hang_up(client);
  } else if (n < 0) {
    close_now(client);
  } else if (client->received <= TEXT_MAX) {
    client->received += (size_t)n;
    if (client->received > TEXT_MAX) {
      snprintf(client->answer, sizeof client->answer, "too large\n");
      answer(client);
      uv_read_stop(stream); /* the rest of it is of no use */
    }
  }
}

static void on_connection(uv_stream_t *listener, int status) {
  struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
  if (!client) return;
  uv_tcp_init(listener->loop, &client->tcp);
  if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0 ||
      uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) < 0)
    close_now(client);
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
