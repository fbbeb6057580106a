/* SPDX-License-Identifier: MIT
 *
 * News. "publish TEXT" sends TEXT to every subscriber, "subscribe" makes one of a client, for as
 * long as the client keeps its side open. Subscribers that have gone are found by keepalive.
 */
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct client {
  uv_tcp_t tcp; /* first: a handle is cast to its client and back; `data` is set: a subscriber */
  uv_shutdown_t shutdown;
  size_t used;
  char in[512];
};

struct news {
  uv_write_t write;
  char text[512];
};

static void on_closed(uv_handle_t *handle) { free(handle); }

static void close_now(uv_handle_t *handle) {
  if (!uv_is_closing(handle)) uv_close(handle, on_closed);
}

static void on_shut_down(uv_shutdown_t *request, int status) {
  (void)status;
  close_now((uv_handle_t *)request->handle);
}

static void on_written(uv_write_t *write, int status) {
  if (status < 0) close_now((uv_handle_t *)write->handle);
  free(write);
}

static void tell(uv_stream_t *stream, const char *text) {
  struct news *news = malloc(sizeof *news);
  if (!news) return;
  int len = snprintf(news->text, sizeof news->text, "%s\n", text);
  uv_buf_t out = uv_buf_init(news->text, (unsigned)len);
  if (uv_write(&news->write, stream, &out, 1, on_written) < 0) free(news);
}

static void tell_subscriber(uv_handle_t *handle, void *text) {
  if (handle->data && !uv_is_closing(handle)) tell((uv_stream_t *)handle, text);
}

static void keepalive(uv_tcp_t *tcp) {
  uv_os_fd_t fd;
  if (uv_tcp_keepalive(tcp, 1, 1) < 0 || uv_fileno((uv_handle_t *)tcp, &fd) < 0) return;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){1}, sizeof(int));
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(unsigned){2000}, sizeof(unsigned));
}

static void on_line(uv_stream_t *stream, char *line) {
  if (strcmp(line, "subscribe") == 0) {
    stream->data = stream;
    keepalive((uv_tcp_t *)stream);
    uv_read_stop(stream); /* from now on only we speak */
    tell(stream, "subscribed");
  } else if (strncmp(line, "publish ", 8) == 0) {
    uv_walk(stream->loop, tell_subscriber, line + 8);
    tell(stream, "published");
  }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct client *client = (struct client *)handle;
  (void)suggested;
  *buf = uv_buf_init(client->in + client->used, (unsigned)(sizeof client->in - client->used));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct client *client = (struct client *)stream;
  char *end;
  (void)buf;
  if (n < 0) { /* the end; an error, UV_ENOBUFS for a line too long */
    if (n != UV_EOF || uv_shutdown(&client->shutdown, stream, on_shut_down) < 0)
      close_now((uv_handle_t *)stream);
    return;
  }
  client->used += (size_t)n;
  while ((end = memchr(client->in, '\n', client->used))) {
    *end = '\0';
    on_line(stream, client->in);
    client->used -= (size_t)(end + 1 - client->in);
    memmove(client->in, end + 1, client->used);
  }
}

static void on_connection(uv_stream_t *listener, int status) {
  struct client *client = status == 0 ? calloc(1, sizeof *client) : NULL;
  if (!client) return;
  uv_tcp_init(listener->loop, &client->tcp);
  if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0 ||
      uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read) < 0)
    close_now((uv_handle_t *)&client->tcp);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  struct sockaddr_in address;
  int length = sizeof address;
  uv_tcp_t listener = {.data = NULL};
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
