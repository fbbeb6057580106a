/* SPDX-License-Identifier: MIT
 *
 * A text comes back in capitals, all of it when the client has ended.
 *
 *   $ wrong 7000 &
 *   $ printf 'hello\nworld\n' | nc -N 127.0.0.1 7000
 *   HELLO
 *   WORLD
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { TEXT_MAX = 1 << 20 };

struct client {
  uv_tcp_t tcp; /* first: a handle is cast to its client and back */
  uv_write_t write;
  uv_shutdown_t shutdown;
  size_t used;
  char text[TEXT_MAX];
};

static void on_closed(uv_handle_t *handle) { free(handle); }

static void close_now(struct client *client) {
  if (!uv_is_closing((uv_handle_t *)&client->tcp)) uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void on_shut_down(uv_shutdown_t *request, int status) {
  if (status < 0) close_now((struct client *)request->handle);
}

/* The text, and our FIN behind it. */
static void answer(struct client *client) {
  uv_stream_t *stream = (uv_stream_t *)&client->tcp;
  uv_buf_t out = uv_buf_init(client->text, (unsigned)client->used);
  for (size_t i = 0; i < client->used; i++)
    client->text[i] = (char)toupper((unsigned char)client->text[i]);
  if (uv_write(&client->write, stream, &out, 1, NULL) < 0 ||
      uv_shutdown(&client->shutdown, stream, on_shut_down) < 0)
    close_now(client);
  close_now(client); /* that was all */
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct client *client = (struct client *)handle;
  (void)suggested;
  *buf = uv_buf_init(client->text + client->used, (unsigned)(TEXT_MAX - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  (void)buf;
  if (n > 0)
    client->used += (size_t)n;
  else if (n == UV_EOF)
    answer(client);
  else if (n < 0)
    close_now(client); /* an error, or UV_ENOBUFS: a text too long */
}

static void on_connection(uv_stream_t *listener, int status) {
  struct client *client = status == 0 ? malloc(sizeof *client) : NULL;
  if (!client) return;
  client->used = 0;
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
