/* SPDX-License-Identifier: MIT
 *
 * One line comes back in capitals. The client says goodbye first, and the server follows.
 *
 *   $ broken 7000 &
 *   $ printf 'hello\n' | nc -N 127.0.0.1 7000
 *   HELLO
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct client {
  uv_tcp_t tcp; /* first: a handle is cast to its client and back */
  uv_write_t write;
  uv_shutdown_t shutdown;
  bool we_ended, peer_ended;
  size_t used;
  char line[256]; /* the answer too, then; what comes behind it goes to `rest` */
  char rest[256];
};

static void on_closed(uv_handle_t *handle) { free(handle); }

static void close_now(struct client *client) {
  if (!uv_is_closing((uv_handle_t *)&client->tcp)) uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void on_shut_down(uv_shutdown_t *request, int status) {
  struct client *client = (struct client *)request->handle;
  client->we_ended = true;
  if (status < 0 || client->peer_ended) close_now(client);
}

/* Our FIN, behind whatever is still queued. */
static void end(struct client *client) {
  if (uv_is_writable((uv_stream_t *)&client->tcp) &&
      uv_shutdown(&client->shutdown, (uv_stream_t *)&client->tcp, on_shut_down) < 0)
    close_now(client);
}

static void answer(struct client *client) {
  uv_buf_t out = uv_buf_init(client->line, (unsigned)client->used);
  for (size_t i = 0; i < client->used; i++)
    client->line[i] = (char)toupper((unsigned char)client->line[i]);
  if (uv_write(&client->write, (uv_stream_t *)&client->tcp, &out, 1, NULL) < 0) close_now(client);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct client *client = (struct client *)handle;
  (void)suggested;
  if (memchr(client->line, '\n', client->used))
    *buf = uv_buf_init(client->rest, sizeof client->rest);
  else
    *buf = uv_buf_init(client->line + client->used, (unsigned)(sizeof client->line - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  if (n > 0 && buf->base != client->rest) {
    client->used += (size_t)n;
    if (memchr(buf->base, '\n', (size_t)n)) answer(client);
  } else if (n == UV_EOF) {
    client->peer_ended = true;
    if (client->we_ended) close_now(client);
    end(client);
  } else if (n < 0) {
    close_now(client); /* a line too long (UV_ENOBUFS), a reset */
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
