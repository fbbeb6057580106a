/* SPDX-License-Identifier: MIT
 *
 * The counter-example of `finale demo`: a line server on libuv put together from what tutorials
 * teach. It is not made to fail: polite clients are served fast and right, and its author has even
 * thought of back-pressure. The four mistakes are marked WRONG; each of them is common, and each is
 * invisible until clients are rude. There is nothing here to copy.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "cli.h"
#include "line_protocol.h"

#define BACKLOG 128
#define HIGH_WATER (32 * 1024)

struct client {
  uv_tcp_t tcp; /* first: a uv_stream_t * is a struct client * */
  char input[LINE_MAX_LEN + LINE_ENDING_MAX];
  size_t input_len;
};

struct reply {
  uv_write_t request;
  char *data;
};

static void on_closed(uv_handle_t *handle) { free(handle); }

static void close_client(struct client *client) {
  if (!uv_is_closing((uv_handle_t *)&client->tcp)) uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle;
  *buf = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);

static void on_written(uv_write_t *request, int status) {
  struct reply *reply = (struct reply *)request;
  uv_stream_t *stream = request->handle;
  free(reply->data);
  free(reply);
  if (status == UV_ECANCELED) return;
  if (status < 0) {
    /* WRONG: "the read callback will notice too". Not while reading is stopped: nothing will ever
     * call us again for this client, and its descriptor stays open until we exit. */
    fprintf(stderr, "write: %s\n", uv_strerror(status));
    return;
  }
  uv_read_start(stream, on_alloc, on_read); /* it has taken the reply: go on with its requests */
}

static void send_reply(struct client *client, const char *data, size_t len) {
  uv_stream_t *stream = (uv_stream_t *)&client->tcp;

  /* Back-pressure: no further requests before the client has taken a reply this large.
   * WRONG: reading goes on in on_written only. A reply that the kernel takes whole, right here in
   * uv_try_write, never comes to on_written: this client is not read again.
   * WRONG: a stopped stream is not polled at all. The FIN of a client that leaves now is not seen,
   * its RST neither: no callback, no timeout, CLOSE_WAIT for as long as we run. */
  if (len > HIGH_WATER) uv_read_stop(stream);

  uv_buf_t buf = uv_buf_init((char *)data, (unsigned)len);
  int sent = uv_try_write(stream, &buf, 1);
  if (sent < 0 && sent != UV_EAGAIN) {
    close_client(client);
    return;
  }
  size_t done = sent > 0 ? (size_t)sent : 0;
  if (done == len) return;

  struct reply *reply = malloc(sizeof *reply);
  reply->data = malloc(len - done);
  memcpy(reply->data, data + done, len - done);
  buf = uv_buf_init(reply->data, (unsigned)(len - done));
  uv_write(&reply->request, stream, &buf, 1, on_written);
}

static void take_byte(struct client *client, char byte) {
  char buffer[LINE_MAX_LEN + 1];
  if (byte != '\n') {
    if (client->input_len < sizeof client->input) client->input[client->input_len++] = byte;
    return;
  }
  size_t len = client->input_len;
  if (len > 0 && client->input[len - 1] == '\r') len--;
  if (len > LINE_MAX_LEN) len = LINE_MAX_LEN;
  struct line_reply reply = line_reply_to(client->input, len, buffer);
  client->input_len = 0;
  send_reply(client, reply.data, reply.len);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  for (ssize_t i = 0; i < nread && !uv_is_closing((uv_handle_t *)stream); i++)
    take_byte(client, buf->base[i]);
  if (nread < 0) {
    if (nread != UV_EOF) fprintf(stderr, "read: %s\n", uv_strerror((int)nread));
    /* WRONG: the end of its requests is not the end of the client. It may still wait for replies;
     * uv_close throws away those that are queued, behind an innocent-looking FIN. */
    close_client(client);
  }
  free(buf->base);
}

static void on_connection(uv_stream_t *server, int status) {
  if (status < 0) {
    fprintf(stderr, "accept: %s\n", uv_strerror(status));
    return;
  }
  struct client *client = malloc(sizeof *client);
  uv_tcp_init(server->loop, &client->tcp);
  client->input_len = 0;
  if (uv_accept(server, (uv_stream_t *)&client->tcp) == 0)
    uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
  else
    close_client(client);
}

int cli_demo_naive(int argc, char **argv) {
  (void)argc;
  (void)argv;
  signal(SIGPIPE, SIG_IGN);
  uv_loop_t *loop = uv_default_loop();
  uv_tcp_t server;
  uv_tcp_init(loop, &server);

  struct sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&server, (const struct sockaddr *)&address, 0);
  int error = uv_listen((uv_stream_t *)&server, BACKLOG, on_connection);
  if (error < 0) {
    cli_fail("the naive server cannot listen: %s", uv_strerror(error));
    return 1;
  }
  int len = sizeof address;
  uv_tcp_getsockname(&server, (struct sockaddr *)&address, &len);
  printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
  fflush(stdout);
  return uv_run(loop, UV_RUN_DEFAULT);
}
