/* SPDX-License-Identifier: MIT
 *
 * A counter-example: libuv as many services have it. It is not made to fail: polite clients are
 * served fast and right, requests may come in pieces, and reading pauses while a client does not
 * take its replies. Its mistakes are marked WRONG, each with what becomes of it; each is common,
 * and invisible until clients are rude. There is nothing here to copy.
 *
 *   naive echo|http [PORT]: every byte comes back, or hello.h
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "hello.h"

enum { BACKLOG = 4096, SEND_BUFFER = 64 * 1024, HIGH_WATER = 64 * 1024 };

struct client {
  uv_tcp_t tcp;    /* first: a uv_stream_t * is a struct client * */
  bool http, last; /* last: closed when all is sent */
  char *part;      /* of a request that is not all there yet */
  size_t part_len;
};

struct reply {
  uv_write_t request; /* first: a uv_write_t * is a struct reply * */
  uv_buf_t buf;
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

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int status) {
  struct client *client = (struct client *)request->handle;
  uv_stream_t *stream = request->handle;
  free(((struct reply *)request)->buf.base);
  free(request);
  if (status == UV_ECANCELED) return; /* closed over it */
  if (status < 0) {
    /* WRONG: "the read callback will notice too". Not while reading is stopped: nothing calls us
     * for this client again, and its descriptor stays open. */
    fprintf(stderr, "write: %s\n", uv_strerror(status));
  } else if (client->last) {
    if (uv_stream_get_write_queue_size(stream) == 0) drop(stream);
  } else if (uv_stream_get_write_queue_size(stream) <= HIGH_WATER) {
    uv_read_start(stream, on_alloc, on_read);
  }
}

/* `data` is from malloc, and given away. */
static void answer(uv_stream_t *stream, char *data, size_t len) {
  struct reply *reply = need(malloc(sizeof *reply));
  reply->buf = uv_buf_init(data, (unsigned)len);
  uv_write(&reply->request, stream, &reply->buf, 1, on_written);
  if (uv_stream_get_write_queue_size(stream) > HIGH_WATER) uv_read_stop(stream);
}

/* Answers what is there; the rest is kept until more comes. */
static void on_requests(struct client *client, const char *data, size_t len) {
  uv_stream_t *stream = (uv_stream_t *)&client->tcp;
  client->part = need(realloc(client->part, client->part_len + len));
  memcpy(client->part + client->part_len, data, len);
  client->part_len += len;
  const char *at = client->part, *end = at + client->part_len;
  ssize_t one = 0;
  for (; at < end && !client->last && (one = request_len(at, end)) > 0; at += one) {
    client->last = last_request;
    last_request = false;
    answer(stream, need(strdup(client->last ? last_hello : hello)),
           client->last ? (size_t)LAST_HELLO_LEN : HELLO_LEN);
  }
  if (client->last) uv_read_stop(stream);
  if (one < 0) drop(stream);
  client->part_len = (size_t)(end - at);
  memmove(client->part, at, client->part_len);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  if (got > 0 && !client->http) {
    answer(stream, buf->base, (size_t)got);
    return;
  }
  if (got > 0) {
    on_requests(client, buf->base, (size_t)got);
  } else if (got == UV_EOF && client->part_len > 0) {
    /* WRONG: "the rest of the request may still come". Behind a FIN nothing comes: this client is
     * never heard of again, and its socket is in CLOSE_WAIT for as long as we run. */
  } else if (got == UV_EOF) {
    /* WRONG: the end of its requests is not the end of the client, which may still wait for
     * replies. uv_close throws away those that are queued: they end cut off, behind an innocent
     * FIN. */
    drop(stream);
  } else if (got < 0) {
    /* WRONG: said, and no more. libuv does not close for us, nor call again: what a client has
     * reset is in no list of sockets, and its descriptor stays open. */
    fprintf(stderr, "read: %s\n", uv_strerror((int)got));
  }
  free(buf->base);
}

static void on_connection(uv_stream_t *server, int status) {
  if (status < 0) return;
  struct client *client = need(calloc(1, sizeof *client));
  uv_stream_t *stream = (uv_stream_t *)&client->tcp;
  client->http = server->data != NULL;
  uv_tcp_init(server->loop, &client->tcp);
  if (uv_accept(server, stream) < 0 || uv_read_start(stream, on_alloc, on_read) < 0) drop(stream);
  uv_tcp_nodelay(&client->tcp, 1);
  /* As often, to save memory. Else the kernel takes megabytes over loopback, as it does in no
   * network: output would never wait here. */
  uv_send_buffer_size((uv_handle_t *)stream, &(int){SEND_BUFFER});
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t server;
  uv_tcp_init(loop, &server);
  server.data = argc > 1 && strcmp(argv[1], "http") == 0 ? &server : NULL;

  struct sockaddr_in address;
  int len = sizeof address;
  uv_ip4_addr("127.0.0.1", argc > 2 ? atoi(argv[2]) : 0, &address);
  uv_tcp_bind(&server, (const struct sockaddr *)&address, 0);
  int error = uv_listen((uv_stream_t *)&server, BACKLOG, on_connection);
  if (error == 0) error = uv_tcp_getsockname(&server, (struct sockaddr *)&address, &len);
  if (error < 0) {
    fprintf(stderr, "naive: %s\n", uv_strerror(error));
    return 2;
  }
  printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
