/* SPDX-License-Identifier: MIT
 *
 * The weather: whoever asks, in a line of any words, is told once, and that is all.
 *
 *   $ wrong 7000 &
 *   $ echo 'what is it like?' | nc 127.0.0.1 7000
 *   12 degrees, light rain
 */
#include <netinet/tcp.h>
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
  bool told;
};

static char weather[] = "12 degrees, light rain\n";

static void on_closed(uv_handle_t *handle) { free(handle); }

static void hang_up(struct client *client) {
  if (!uv_is_closing((uv_handle_t *)&client->tcp)) uv_close((uv_handle_t *)&client->tcp, on_closed);
}

/* The answer and our FIN are on their way. The client has the last word: on_read hears it. */
static void on_shut_down(uv_shutdown_t *shutdown, int status) {
  if (status < 0) hang_up((struct client *)shutdown->handle);
}

static void tell(struct client *client) {
  uv_stream_t *stream = (uv_stream_t *)&client->tcp;
  uv_buf_t out = uv_buf_init(weather, sizeof weather - 1);
  client->told = true;
  if (uv_write(&client->write, stream, &out, 1, NULL) < 0 ||
      uv_shutdown(&client->shutdown, stream, on_shut_down) < 0)
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
  if (n < 0)
    hang_up(client);
  else if (!client->told && memchr(buf->base, '\n', (size_t)n))
    tell(client);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
  int fd, lifetime = 1;
  if (!client) return;
  uv_tcp_init(listener->loop, &client->tcp);
  if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0 ||
      uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) < 0)
    hang_up(client);
  /* FIN_WAIT2 shall last a second, whatever tcp_fin_timeout says. */
  else if (uv_fileno((uv_handle_t *)&client->tcp, &fd) == 0)
    setsockopt(fd, IPPROTO_TCP, TCP_LINGER2, &lifetime, sizeof lifetime);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_t listener;
  signal(SIGPIPE, SIG_IGN);
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
