/* SPDX-License-Identifier: MIT
 *
 * The seam between the driver of a connection and the system. The libuv back end (stream.c, dial.c,
 * loop.c, death_watch.c, acceptor.c) implements it; tests/core implements it again with a script
 * and a virtual clock. uv.h stays behind it.
 *
 * Nothing here but fin_io_run calls back before it returns. After fin_io_close a stream makes one
 * more call, on_fd_closed; cancelled writes are swallowed.
 */
#ifndef FIN_IO_H
#define FIN_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct fin_conn;
struct fin_io;     /* what the streams of one loop share */
struct fin_stream; /* one connection's transport, in memory of the connection's */
struct uv_loop_s;

/* What the back end reports. `conn` is the pointer given to fin_io_open. */
struct fin_io_events {
  void (*on_connected)(struct fin_conn *conn); /* after fin_io_dial */
  void (*on_input)(struct fin_conn *conn, const char *data, size_t len);
  void (*on_input_end)(struct fin_conn *conn);
  void (*on_fin_seen)(struct fin_conn *conn); /* while watching: FIN behind unread input */
  void (*on_written)(struct fin_conn *conn, size_t len); /* the write in flight is done */
  void (*on_error)(struct fin_conn *conn, int error);    /* a positive errno; the stream is dead */
  void (*on_fd_closed)(struct fin_conn *conn);
  void (*on_time)(void *owner);     /* the time of fin_io_wake_at came, pending input was heard */
  void (*on_turn_end)(void *owner); /* asked for by fin_io_ask_turn_end, before the loop sleeps */
};

/* ---- the loop ---- */

/* NULL and errno. `loop` NULL: a loop of its own. */
struct fin_io *fin_io_new(struct uv_loop_s *loop, const struct fin_io_events *events, void *owner);

/* Begins to close what the io holds in the loop; calls stopped(arg) once all is closed, after which
 * fin_io_free. All streams must be closed. */
void fin_io_stop(struct fin_io *io, void (*stopped)(void *arg), void *arg);
void fin_io_free(struct fin_io *io);

/* Runs a loop of our own until fin_io_stop is done. */
void fin_io_run(struct fin_io *io);

/* Calls heard(arg) at each SIGINT and SIGTERM. 0 or a negative errno. */
int fin_io_hear_signals(struct fin_io *io, void (*heard)(void *arg), void *arg);

/* The loop's time in milliseconds. It wraps: only differences mean something. */
uint32_t fin_io_now(const struct fin_io *io);
uint32_t fin_io_update_now(struct fin_io *io); /* asks the system; else it is as of the turn */
void fin_io_wake_at(struct fin_io *io, uint32_t at_ms); /* replaces the time set before */
void fin_io_ask_turn_end(struct fin_io *io);

/* ---- the stream ---- */

extern const size_t fin_stream_size;

/* Takes a connected descriptor. 0, or a negative errno: then the stream is good for nothing but
 * fin_io_close, which closes the descriptor. */
int fin_io_open(struct fin_io *io, struct fin_stream *stream, struct fin_conn *conn, int fd);

struct fin_dial_spec {
  const char *host;
  uint16_t port;
  uint32_t within_ms; /* for all addresses together */
  uint32_t dead_peer_after_ms;
  uint32_t user_timeout_ms;
};

/* Makes a connection instead: resolves the host and tries its addresses one after the other, each
 * for its share of the time that is left. on_connected or on_error (of the last attempt) follows;
 * the latter also when the time is up. Until then nothing but fin_io_close and the questions below
 * may be asked of the stream. 0, or a negative errno as in fin_io_open. */
int fin_io_dial(struct fin_io *io, struct fin_stream *stream, struct fin_conn *conn,
                const struct fin_dial_spec *spec);

/* What to hear of the peer: its input, or only its leaving (the death-watch), or nothing. */
enum fin_hearing { FIN_HEAR_NOTHING, FIN_HEAR_INPUT, FIN_HEAR_LEAVING };
int fin_io_hear(struct fin_stream *stream, enum fin_hearing hearing);

/* Hands bytes to the kernel at once: how many it took, or a negative errno (-EAGAIN: none). Not
 * while a write is in flight. */
ptrdiff_t fin_io_send(struct fin_stream *stream, const struct iovec *parts, unsigned count);

/* Sends all of `parts` as the peer takes them; on_written or on_error follows. The bytes (not the
 * array) must stay until then. One at a time. */
int fin_io_write(struct fin_stream *stream, const struct iovec *parts, unsigned count);
bool fin_io_writing(const struct fin_stream *stream);
size_t fin_io_write_taken(const struct fin_stream *stream); /* bytes of it the kernel has so far */

/* Our FIN, behind what was sent. 0 or a negative errno. */
int fin_io_send_fin(struct fin_stream *stream);

/* Bytes taken by the kernel that the peer has not acknowledged; `fin` counts our FIN as one. */
size_t fin_io_unacked(const struct fin_stream *stream, bool fin);

/* The only place that closes a connection's descriptor. `reset`: with RST. */
void fin_io_close(struct fin_stream *stream, bool reset);

/* The descriptor, or -1 once closed. */
int fin_io_fd(const struct fin_stream *stream);

#endif
