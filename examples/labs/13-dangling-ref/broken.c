/* SPDX-License-Identifier: MIT
 *
 * A chat room: every line goes to everybody who is there, to the speaker too. A member is closed
 * and freed when nobody refers to it any more.
 *
 *   $ broken 7000 &
 *   $ nc 127.0.0.1 7000
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct member {
  uv_tcp_t tcp;        /* first: a handle is cast to its member and back */
  unsigned references; /* the room's, the reader's, one for each line on its way out */
  struct member *next;
};

struct line {
  uv_write_t write;
  struct member *to;
  char text[];
};

static struct member *room;

static void on_closed(uv_handle_t *handle) { free(handle); }

static void release(struct member *member) {
  if (--member->references == 0) uv_close((uv_handle_t *)&member->tcp, on_closed);
}

static void enter(struct member *member) {
  member->references++;
  member->next = room;
  room = member;
}

static void on_written(uv_write_t *write, int status) {
  struct line *line = (struct line *)write;
  (void)status; /* on_read hears of a connection that failed */
  release(line->to);
  free(line);
}

static void tell(struct member *member, const char *text, size_t length) {
  struct line *line = malloc(sizeof *line + length);
  if (!line) return;
  memcpy(line->text, text, length);
  line->to = member;
  member->references++;
  uv_buf_t out = uv_buf_init(line->text, (unsigned)length);
  if (uv_write(&line->write, (uv_stream_t *)&member->tcp, &out, 1, on_written) < 0)
    on_written(&line->write, 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)handle;
  *buf = uv_buf_init(malloc(suggested), (unsigned)suggested);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct member *self = (struct member *)stream;
  if (n > 0)
    for (struct member *member = room; member; member = member->next)
      tell(member, buf->base, (size_t)n);
  free(buf->base);
  if (n < 0) {
    uv_read_stop(stream);
    release(self); /* the reader's; lines on their way out still go out */
  }
}

static void on_connection(uv_stream_t *listener, int status) {
  struct member *member = status == 0 ? calloc(1, sizeof *member) : NULL;
  if (!member) return;
  uv_tcp_init(listener->loop, &member->tcp);
  member->references = 1; /* the reader's */
  if (uv_accept(listener, (uv_stream_t *)&member->tcp) < 0 ||
      uv_read_start((uv_stream_t *)&member->tcp, on_alloc, on_read) < 0)
    release(member);
  else
    enter(member);
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
