/* SPDX-License-Identifier: MIT
 *
 * Upper case, line by line; a line that begins with '#' is a note, which gets no answer. One line
 * is answered at a time: until an answer has left, no more is read.
 *
 *   $ wrong 7000 &
 *   $ printf '# greeting\nhello\n' | nc -N 127.0.0.1 7000
 *   HELLO
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct client {
  uv_tcp_t tcp; /* first: a handle is cast to its client and back */
  uv_write_t write;
  uv_shutdown_t shutdown;
  uv_timer_t idle;
  size_t used; /* of `in` */
  char in[4096];
  char out[4096];
};

static void next_line(struct client *client);

static void on_idle_closed(uv_handle_t *handle) { free(handle->data); }

static void on_closed(uv_handle_t *handle) {
  uv_close((uv_handle_t *)&((struct client *)handle)->idle, on_idle_closed);
}

static void close_now(struct client *client) {
  if (!uv_is_closing((uv_handle_t *)&client->tcp)) uv_close((uv_handle_t *)&client->tcp, on_closed);
}

/* No client stays for longer than this without a word. */
static void on_idle(uv_timer_t *timer) { close_now(timer->data); }

static void on_shut_down(uv_shutdown_t *request, int status) {
  (void)status;
  close_now((struct client *)request->handle);
}

static void on_written(uv_write_t *write, int status) {
  struct client *client = (struct client *)write->handle;
  if (status < 0)
    close_now(client);
  else
    next_line(client);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct client *client = (struct client *)handle;
  (void)suggested;
  *buf = uv_buf_init(client->in + client->used, (unsigned)(sizeof client->in - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  (void)buf;
  if (n == UV_EOF && uv_shutdown(&client->shutdown, stream, on_shut_down) == 0) return;
  if (n < 0) { /* an error, or UV_ENOBUFS: a line too long */
    close_now(client);
    return;
  }
  client->used += (size_t)n;
  uv_timer_start(&client->idle, on_idle, 1000, 0);
  if (!memchr(client->in, '\n', client->used)) return;
  uv_read_stop(stream);
  next_line(client);
}

/* Answers the first line that waits; without one, reads on. */
static void next_line(struct client *client) {
  uv_stream_t *stream = (uv_stream_t *)&client->tcp;
  char *end;
  while ((end = memchr(client->in, '\n', client->used))) {
    size_t len = (size_t)(end + 1 - client->in);
    for (size_t i = 0; i < len; i++) client->out[i] = (char)toupper((unsigned char)client->in[i]);
    memmove(client->in, end + 1, client->used -= len);
    if (client->out[0] == '#') return;
    uv_buf_t out = uv_buf_init(client->out, (unsigned)len);
    if (uv_write(&client->write, stream, &out, 1, on_written) < 0) close_now(client);
    return;
  }
  uv_read_start(stream, on_alloc, on_read);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
  if (!client) return;
  uv_tcp_init(listener->loop, &client->tcp);
  uv_timer_init(listener->loop, &client->idle);
  client->idle.data = client;
  if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0)
    close_now(client);
  else
    next_line(client);
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
