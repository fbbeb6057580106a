/* SPDX-License-Identifier: MIT
 *
 * Lines come back in capitals. A line that begins with "report" is first looked up in a data base,
 * which takes a while.
 *
 *   $ wrong 7000 &
 *   $ printf 'hello\n' | nc -N 127.0.0.1 7000
 *   HELLO
 */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct client {
  uv_tcp_t tcp; /* first: a handle is cast to its client and back */
  uv_write_t write;
  uv_work_t work;
  uv_shutdown_t shutdown;
  size_t used;
  char line[1024];
};

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_closed(uv_handle_t *handle) { free(handle); }

static void close_now(struct client *client) { uv_close((uv_handle_t *)&client->tcp, on_closed); }

static void on_shut_down(uv_shutdown_t *request, int status) {
  (void)status;
  close_now((struct client *)request->handle);
}

static void on_written(uv_write_t *write, int status) {
  struct client *client = (struct client *)write->handle;
  client->used = 0;
  if (status < 0 || uv_read_start(write->handle, on_alloc, on_read) < 0) close_now(client);
}

/* The question to the data base. */
static void look_up(uv_work_t *work) {
  (void)work;
  sleep(4);
}

static void answer(uv_work_t *work, int status) {
  struct client *client = (struct client *)((char *)work - offsetof(struct client, work));
  uv_buf_t out = uv_buf_init(client->line, (unsigned)client->used);
  (void)status;
  for (size_t i = 0; i < client->used; i++)
    client->line[i] = (char)toupper((unsigned char)client->line[i]);
  if (uv_write(&client->write, (uv_stream_t *)&client->tcp, &out, 1, on_written) < 0)
    close_now(client);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct client *client = (struct client *)handle;
  (void)suggested;
  *buf = uv_buf_init(client->line + client->used, (unsigned)(sizeof client->line - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  if (n == UV_EOF && uv_shutdown(&client->shutdown, stream, on_shut_down) == 0) return;
  if (n < 0) {
    close_now(client);
    return;
  }
  client->used += (size_t)n;
  if (!memchr(buf->base, '\n', (size_t)n)) return;
  uv_read_stop(stream); /* until this one is answered */
  if (client->used >= 6 && memcmp(client->line, "report", 6) == 0) look_up(&client->work);
  answer(&client->work, 0);
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
  if (error == 0) error = uv_listen((uv_stream_t *)&listener, 4096, on_connection);
  if (error < 0) return fprintf(stderr, "listen: %s\n", uv_strerror(error)), 1;
  uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
