/* SPDX-License-Identifier: MIT
 *
 * Hands out a file of 400,000 bytes: who asks, in a line, gets all of it, and then the end.
 *
 *   $ wrong 7000 &
 *   $ echo please | nc 127.0.0.1 7000 | wc -c
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct client {
  uv_tcp_t tcp; /* first: a handle is cast to its client and back */
  uv_write_t write;
  uv_shutdown_t shutdown;
  bool asked;
};

static char file[400 * 1000];

static void on_closed(uv_handle_t *handle) { free(handle); }

static void hang_up(struct client *client) {
  if (!uv_is_closing((uv_handle_t *)&client->tcp)) uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void on_written(uv_write_t *write, int status) {
  (void)write;
  if (status < 0) fprintf(stderr, "write: %s\n", uv_strerror(status));
}

static void hand_out(struct client *client) {
  uv_buf_t out = uv_buf_init(file, sizeof file);
  client->asked = true;
  uv_write(&client->write, (uv_stream_t *)&client->tcp, &out, 1, on_written);
  uv_shutdown(&client->shutdown, (uv_stream_t *)&client->tcp, NULL); /* flushes what is queued */
  hang_up(client);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char room[4096]; /* for all: what is read is looked at and forgotten */
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(room, sizeof room);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  if (n > 0 && !client->asked && memchr(buf->base, '\n', (size_t)n)) hand_out(client);
  if (n == UV_EOF && client->asked) return; /* no more questions: the answer is on its way */
  if (n < 0) hang_up(client);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
  int memory = 64 * 1024; /* for each connection, in the kernel */
  if (!client) return;
  uv_tcp_init(listener->loop, &client->tcp);
  if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0 ||
      uv_send_buffer_size((uv_handle_t *)&client->tcp, &memory) < 0 ||
      uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) < 0)
    hang_up(client);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_t listener;
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < sizeof file; i++) file[i] = (char)('a' + i % 26);
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
