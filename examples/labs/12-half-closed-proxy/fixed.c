/* SPDX-License-Identifier: MIT
 *
 * A proxy: each connection is led to one other server, and bytes go both ways.
 *
 *   $ fixed 7000 127.0.0.1 7001
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct leg {
  uv_tcp_t tcp; /* first: a handle is cast to its leg; `data` is the pair */
  struct leg *other;
  uv_write_t write; /* of what this leg has received, to the other one */
  uv_shutdown_t shutdown;
  bool ended; /* nothing more comes from here */
  char bytes[16384];
};

struct pair {
  struct leg client, upstream;
  uv_connect_t connect;
  uv_timer_t half; /* runs while one has ended and the other has not */
  int open;        /* handles that are not closed */
};

enum { HALF_MS = 1000 };
static struct sockaddr_in upstream;

static void on_closed(uv_handle_t *handle) {
  struct pair *pair = handle->data;
  if (--pair->open == 0) free(pair);
}

static void close_both(struct pair *pair) {
  if (uv_is_closing((uv_handle_t *)&pair->client.tcp)) return;
  uv_close((uv_handle_t *)&pair->client.tcp, on_closed);
  uv_close((uv_handle_t *)&pair->upstream.tcp, on_closed);
  uv_close((uv_handle_t *)&pair->half, on_closed);
}

static void on_shut_down(uv_shutdown_t *request, int status) { (void)request, (void)status; }

static void on_half_timeout(uv_timer_t *half) { close_both(half->data); }

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct leg *leg = (struct leg *)handle;
  (void)suggested;
  *buf = uv_buf_init(leg->bytes, sizeof leg->bytes);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);
static void on_written(uv_write_t *write, int status) {
  struct leg *to = (struct leg *)write->handle;
  uv_timer_again(&((struct pair *)to->tcp.data)->half); /* it moves: from now, if it runs */
  if (status < 0 || uv_read_start((uv_stream_t *)&to->other->tcp, on_alloc, on_read) < 0)
    close_both(to->tcp.data);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct leg *leg = (struct leg *)stream;
  uv_stream_t *to = (uv_stream_t *)&leg->other->tcp;
  if (n > 0) {
    uv_buf_t out = uv_buf_init(buf->base, (unsigned)n);
    uv_read_stop(stream); /* until that has left */
    if (uv_write(&leg->write, to, &out, 1, on_written) < 0) close_both(stream->data);
  } else if (n == UV_EOF) {
    leg->ended = true;
    /* An end is passed on, like the bytes before it; and what is left may not last for ever. */
    if (leg->other->ended || uv_shutdown(&leg->shutdown, to, on_shut_down) < 0)
      close_both(stream->data);
    uv_timer_start(&((struct pair *)stream->data)->half, on_half_timeout, HALF_MS, HALF_MS);
  } else if (n < 0) {
    close_both(stream->data);
  }
}

static void on_connected(uv_connect_t *connect, int status) {
  struct pair *pair = connect->data;
  if (status < 0 || uv_read_start((uv_stream_t *)&pair->client.tcp, on_alloc, on_read) < 0 ||
      uv_read_start((uv_stream_t *)&pair->upstream.tcp, on_alloc, on_read) < 0)
    close_both(pair);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct pair *pair = status == 0 ? calloc(1, sizeof *pair) : NULL;
  if (!pair) return;
  pair->client.other = &pair->upstream;
  pair->upstream.other = &pair->client;
  uv_tcp_init(listener->loop, &pair->client.tcp);
  uv_tcp_init(listener->loop, &pair->upstream.tcp);
  uv_timer_init(listener->loop, &pair->half);
  pair->open = 3;
  pair->client.tcp.data = pair->upstream.tcp.data = pair->connect.data = pair->half.data = pair;
  if (uv_accept(listener, (uv_stream_t *)&pair->client.tcp) < 0 ||
      uv_tcp_connect(&pair->connect, &pair->upstream.tcp, (struct sockaddr *)&upstream,
                     on_connected) < 0)
    close_both(pair);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_t listener;
  if (argc < 4) return fprintf(stderr, "usage: %s PORT HOST UPSTREAM_PORT\n", argv[0]), 2;
  uv_ip4_addr("0.0.0.0", atoi(argv[1]), &address);
  int error = uv_ip4_addr(argv[2], atoi(argv[3]), &upstream);
  uv_tcp_init(loop, &listener);
  if (error == 0) error = uv_tcp_bind(&listener, (struct sockaddr *)&address, 0);
  if (error == 0) error = uv_listen((uv_stream_t *)&listener, 128, on_connection);
  if (error < 0) return fprintf(stderr, "listen: %s\n", uv_strerror(error)), 1;
  uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length);
  printf("listening on 0.0.0.0:%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
