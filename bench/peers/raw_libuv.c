/* SPDX-License-Identifier: MIT
 *
 * libuv as its tutorials have it: a buffer from malloc for every read, a write request and a copy
 * of the reply from malloc for every write, both freed when it is done. No timeouts, no care for
 * how a connection ends, nor for a client that does not read.
 *
 *   raw_libuv echo|http [PORT]       prints `listening on 127.0.0.1:PORT`
 *
 * echo: every byte comes back. http: hello.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hello.h"

enum { BACKLOG = 4096 };

struct client {
  uv_tcp_t tcp; /* first: a uv_stream_t * is a struct client * */
  char *part;   /* of a request that is not all there yet */
  size_t part_len;
};

struct reply {
  uv_write_t request; /* first: a uv_write_t * is a struct reply * */
  uv_buf_t buf;
  bool last; /* the connection is closed behind it */
};

static void *need(void *memory) {
  if (!memory) abort();
  return memory;
}

static void on_closed(uv_handle_t *handle) {
  struct client *client = (struct client *)handle;
  free(client->part);
  free(client);
}

static void drop(uv_stream_t *stream) {
  if (!uv_is_closing((uv_handle_t *)stream)) uv_close((uv_handle_t *)stream, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle;
  *buf = uv_buf_init(need(malloc(suggested)), (unsigned)suggested);
}

static void on_written(uv_write_t *request, int status) {
  struct reply *reply = (struct reply *)request;
  if (status < 0 || reply->last) drop(request->handle);
  free(reply->buf.base);
  free(reply);
}

/* `data` is from malloc, and given away. */
static void answer(uv_stream_t *stream, char *data, size_t len, bool last) {
  struct reply *reply = need(malloc(sizeof *reply));
  reply->buf = uv_buf_init(data, (unsigned)len);
  reply->last = last;
  uv_write(&reply->request, stream, &reply->buf, 1, on_written);
}

static void on_echo(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
  if (got > 0) {
    answer(stream, buf->base, (size_t)got, false);
    return;
  }
  if (got < 0) drop(stream);
  free(buf->base);
}

/* Whether it was the last one. */
static bool answer_hello(uv_stream_t *stream) {
  bool last = last_request;
  last_request = false;
  size_t len = last ? (size_t)LAST_HELLO_LEN : HELLO_LEN;
  char *data = need(malloc(len));
  memcpy(data, last ? last_hello : hello, len);
  answer(stream, data, len, last);
  return last;
}

static void on_http(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  if (got < 0) drop(stream);
  if (got > 0) {
    client->part = need(realloc(client->part, client->part_len + (size_t)got));
    memcpy(client->part + client->part_len, buf->base, (size_t)got);
    client->part_len += (size_t)got;
    const char *at = client->part, *end = at + client->part_len;
    ssize_t one = 0;
    bool last = false;
    for (; at < end && !last && (one = request_len(at, end)) > 0; at += one)
      last = answer_hello(stream);
    if (last) uv_read_stop(stream);
    client->part_len = (size_t)(end - at);
    memmove(client->part, at, client->part_len);
    if (one < 0) drop(stream);
  }
  free(buf->base);
}

static void on_connection(uv_stream_t *server, int status) {
  if (status < 0) return;
  struct client *client = need(calloc(1, sizeof *client));
  uv_read_cb on_read = server->data ? on_http : on_echo;
  uv_tcp_init(server->loop, &client->tcp);
  uv_tcp_nodelay(&client->tcp,
                 1); /* tutorials forget it; ten replies would wait for the first's ACK */
  if (uv_accept(server, (uv_stream_t *)&client->tcp) < 0 ||
      uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) < 0)
    drop((uv_stream_t *)&client->tcp);
}

int main(int argc, char **argv) {
  bool http = argc > 1 && strcmp(argv[1], "http") == 0;
  if (!http && (argc < 2 || strcmp(argv[1], "echo") != 0)) {
    fprintf(stderr, "usage: raw_libuv echo|http [PORT]\n");
    return 2;
  }
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t server;
  uv_tcp_init(loop, &server);
  server.data = http ? &server : NULL;

  struct sockaddr_in address;
  int len = sizeof address;
  uv_ip4_addr("127.0.0.1", argc > 2 ? atoi(argv[2]) : 0, &address);
  uv_tcp_bind(&server, (const struct sockaddr *)&address, 0);
  int error = uv_listen((uv_stream_t *)&server, BACKLOG, on_connection);
  if (error == 0) error = uv_tcp_getsockname(&server, (struct sockaddr *)&address, &len);
  if (error < 0) {
    fprintf(stderr, "raw_libuv: %s\n", uv_strerror(error));
    return 2;
  }
  printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
