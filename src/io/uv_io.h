/* SPDX-License-Identifier: MIT
 *
 * The libuv back end's own types. Included by src/io alone.
 */
#ifndef FIN_UV_IO_H
#define FIN_UV_IO_H

#include <uv.h>

#include "io/acceptor.h"
#include "io/io.h"
#include "io/socket.h"

enum { FIN_READ_BUFFER_SIZE = 256 * 1024 }; /* one per loop; streams of data profit up to here */

struct fin_io {
  uv_loop_t *loop;
  uv_loop_t own_loop;
  bool owns_loop;
  const struct fin_io_events *events;
  void *owner;
  char *read_buffer;

  uv_timer_t timer;    /* the next deadline */
  uv_check_t time_due; /* fires the deadlines after the poll that follows the timer */
  uv_idle_t no_sleep;  /* active: the loop does not sleep in its next poll */
  uv_prepare_t turn_end;
  uv_poll_t watch; /* the death-watch's epoll descriptor */
  int watch_fd;
  uv_signal_t signals[2];
  void (*on_signal)(void *arg);
  void *signal_arg;

  unsigned handles_open; /* of the above, and diallers; until fin_io_stop is done */
  void (*on_stopped)(void *arg);
  void *stopped_arg;
};

struct fin_dialler;
struct fin_write;

struct fin_stream {
  uv_tcp_t tcp; /* tcp.data is the connection */
  struct fin_io *io;
  union {
    struct fin_write *write;     /* in flight, or NULL */
    struct fin_dialler *dialler; /* while dialling */
  };
  int fd;          /* -1 before it is connected and once it is closed */
  uint8_t hearing; /* enum fin_hearing */
  bool input_ended;
  bool fin_sent;
  bool dialling;
};

/* ---- death_watch.c ---- */

int fin_death_watch_open(struct fin_io *io);
int fin_death_watch_add(struct fin_stream *stream);
void fin_death_watch_remove(struct fin_stream *stream);

/* ---- dial.c ---- */

/* Parts the stream from its dialler; what that has begun is undone. */
void fin_dial_give_up(struct fin_stream *stream);

/* ---- loop.c ---- */

/* One of handles_open is closed. */
void fin_io_handle_closed(struct fin_io *io);

#endif
