/* SPDX-License-Identifier: MIT
 *
 * The scripted kernel, and the driver's calls into it.
 */
#include "core/scripted_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/laws.h"

struct fin_stream {
  struct socket *socket;
};

const size_t fin_stream_size = sizeof(struct fin_stream);

const char *const news_names[NEWS_COUNT] = {"connected", "input",   "input end",
                                            "fin seen",  "error",   "write error",
                                            "taking",    "written", "fd closed"};

/* ---- bytes ---- */

static void check_output(const struct socket *socket, const char *data, size_t len,
                         uint64_t position, enum law law) {
  if (!socket->checks_output || pattern_equal(socket->shift, position, data, len)) return;
  law_broken(law, "%zu bytes from %llu on", len, (unsigned long long)position);
}

/* ---- sockets and peers ---- */

void io_init(struct fin_io *io, const struct fin_io_events *events, void *owner, uint64_t now_ms) {
  memset(io, 0, sizeof *io);
  io->events = events;
  io->owner = owner;
  io->now_ms = now_ms;
}

struct socket *io_socket(struct fin_io *io) {
  if (io->count == SOCKETS_MAX) abort();
  struct socket *socket = &io->sockets[io->count++];
  socket->io = io;
  socket->capacity = 64 * 1024;
  socket->take_max = SIZE_MAX;
  return socket;
}

int socket_fd(const struct socket *socket) { return (int)(socket - socket->io->sockets); }

uint16_t socket_port(const struct socket *socket) { return (uint16_t)(1 + socket_fd(socket)); }

void peer_accept(struct socket *socket) {
  if (socket->error || socket->descriptor != FD_OPEN) return;
  socket->connected = socket->dialling;
}

void peer_send(struct socket *socket, size_t len) {
  if (socket->peer_fin || socket->error || socket->descriptor != FD_OPEN) return;
  socket->arrived += len;
}

void peer_send_fin(struct socket *socket) {
  if (socket->peer_fin || socket->error || socket->descriptor != FD_OPEN) return;
  socket->peer_fin = true;
  socket->edge = true;
}

void peer_ack(struct socket *socket, uint64_t len) {
  uint64_t out = socket->taken - socket->acked;
  if (socket->error || socket->descriptor != FD_OPEN) return;
  if (len > 0 && (out > 0 || (socket->fin_sent && !socket->fin_acked)))
    socket->acked_ms = socket->io->now_ms;
  if (len > out && socket->fin_sent) socket->fin_acked = true;
  socket->acked += len < out ? len : out;
}

void peer_ack_all(struct socket *socket) { peer_ack(socket, UINT64_MAX); }

void peer_fail(struct socket *socket, int error) {
  if (socket->error || socket->descriptor != FD_OPEN) return;
  socket->error = error;
  socket->arrived = socket->read;
  socket->edge = true;
}

bool socket_all_acked(const struct socket *socket) {
  return socket->acked == socket->taken && (socket->fin_acked || !socket->fin_sent);
}

static size_t room_of(const struct socket *socket) {
  size_t held = (size_t)(socket->taken - socket->acked);
  return held < socket->capacity ? socket->capacity - held : 0;
}

/* ---- telling ---- */

unsigned socket_ready(const struct socket *socket) {
  if (socket->descriptor == FD_CLOSING) return 1u << NEWS_FD_CLOSED;
  if (socket->descriptor != FD_OPEN || !socket->conn) return 0;
  unsigned ready = 0;
  if (socket->dialling)
    return (unsigned)(socket->error != 0) << NEWS_ERROR | (unsigned)socket->connected
                                                              << NEWS_CONNECTED;
  if (socket->error) {
    bool watched = socket->hearing == FIN_HEAR_LEAVING && socket->edge;
    if (socket->hearing == FIN_HEAR_INPUT || watched) ready |= 1u << NEWS_ERROR;
    if (socket->writing) ready |= 1u << NEWS_WRITE_ERROR;
    return ready;
  }
  if (socket->hearing == FIN_HEAR_INPUT) {
    if (socket->read < socket->arrived)
      ready |= 1u << NEWS_INPUT;
    else if (socket->peer_fin && !socket->input_ended)
      ready |= 1u << NEWS_INPUT_END;
  }
  if (socket->hearing == FIN_HEAR_LEAVING && socket->edge && socket->peer_fin &&
      !socket->input_ended)
    ready |= 1u << NEWS_FIN_SEEN;
  if (socket->writing && socket->write_taken == socket->write_len)
    ready |= 1u << NEWS_WRITTEN;
  else if (socket->writing && room_of(socket) > 0)
    ready |= 1u << NEWS_TAKING;
  return ready;
}

bool io_any_ready(const struct fin_io *io) {
  for (unsigned i = 0; i < io->count; i++)
    if (socket_ready(&io->sockets[i])) return true;
  return false;
}

static void note_failure(struct socket *socket, int error) {
  if (!socket->failed) socket->failed = error;
  if (socket->io->on_failure) socket->io->on_failure(socket, error);
}

static void tell_input(struct socket *socket, size_t most) {
  size_t len = (size_t)(socket->arrived - socket->read);
  if (len > most) len = most;
  if (len > PATTERN_MAX) len = PATTERN_MAX;
  char *copy = malloc(len); /* so that use past its end or after the call is seen */
  if (!copy) abort();
  const char *from =
      socket->input ? socket->input + socket->read : pattern(~socket->shift, socket->read);
  memcpy(copy, from, len);
  socket->read += len;
  socket->read_ms = socket->io->now_ms;
  socket->io->events->on_input(socket->conn, copy, len);
  free(copy);
}

static void take(struct socket *socket, const char *data, size_t len) {
  if (socket->on_taken) socket->on_taken(socket, data, len);
  socket->taken += len;
}

/* `len` bytes of the write in flight, behind those that have been taken. */
static void take_written(struct socket *socket, size_t len) {
  size_t before = socket->write_taken;
  socket->write_taken += len;
  for (unsigned i = 0; len > 0; i++) {
    const struct iovec *part = &socket->parts[i];
    size_t skipped = before < part->iov_len ? before : part->iov_len;
    size_t some = part->iov_len - skipped < len ? part->iov_len - skipped : len;
    if (some > 0) take(socket, (const char *)part->iov_base + skipped, some);
    before -= skipped;
    len -= some;
  }
}

/* Takes from the write in flight what there is room for. */
static void take_more(struct socket *socket, size_t most) {
  size_t some = socket->write_len - socket->write_taken, room = room_of(socket);
  if (some > room) some = room;
  size_t least = socket->write_len / 64 + 1; /* in a time that tests can wait for */
  if (most > socket->take_max) most = socket->take_max;
  if (most < least) most = least;
  if (some > most) some = most;
  if (some == 0) return;
  take_written(socket, some);
  socket->taken_ms = socket->io->now_ms;
}

static void check_write(const struct socket *socket) {
  uint64_t position = socket->write_begin;
  for (unsigned i = 0; i < socket->part_count; i++) {
    const struct iovec *part = &socket->parts[i];
    check_output(socket, part->iov_base, part->iov_len, position, LAW_bytes_in_flight_stay);
    position += part->iov_len;
  }
}

void socket_tell(struct socket *socket, enum news news, size_t most) {
  const struct fin_io_events *events = socket->io->events;
  struct fin_conn *conn = socket->conn;
  switch (news) {
    case NEWS_CONNECTED:
      socket->dialling = socket->connected = false;
      events->on_connected(conn);
      break;
    case NEWS_INPUT:
      tell_input(socket, most);
      break;
    case NEWS_INPUT_END:
      socket->input_ended = true;
      events->on_input_end(conn);
      break;
    case NEWS_FIN_SEEN:
      socket->edge = false;
      events->on_fin_seen(conn);
      break;
    case NEWS_WRITE_ERROR:
      socket->writing = false;
      socket->write_failed = true;
      note_failure(socket, socket->error);
      events->on_error(conn, socket->error);
      break;
    case NEWS_ERROR:
      socket->edge = false;
      note_failure(socket, socket->error);
      events->on_error(conn, socket->error);
      break;
    case NEWS_TAKING:
      take_more(socket, most);
      break;
    case NEWS_WRITTEN:
      check_write(socket);
      socket->writing = false;
      socket->told_ms = socket->io->now_ms;
      events->on_written(conn, socket->write_len);
      break;
    case NEWS_FD_CLOSED:
      socket->descriptor = FD_GONE;
      socket->conn = NULL;
      events->on_fd_closed(conn);
      break;
    case NEWS_COUNT:
      break;
  }
}

bool io_time_due(const struct fin_io *io) { return io->wake_set && io->wake_ms <= io->now_ms; }

void io_tell_time(struct fin_io *io) {
  io->wake_set = false;
  io->events->on_time(io->owner);
}

void io_tell_turn_end(struct fin_io *io) {
  io->turn_end_asked = false;
  io->events->on_turn_end(io->owner);
}

/* ---- io.h: the loop ---- */

uint32_t fin_io_now(const struct fin_io *io) { return (uint32_t)io->now_ms; }

uint32_t fin_io_update_now(struct fin_io *io) {
  io->now_ms += io->busy_ms;
  io->worked_ms += io->busy_ms;
  io->busy_ms = 0;
  return fin_io_now(io);
}

void fin_io_wake_at(struct fin_io *io, uint32_t at_ms) {
  int32_t wait_ms = (int32_t)(at_ms - fin_io_now(io));
  io->wake_set = true;
  io->wake_ms = io->now_ms + (uint32_t)(wait_ms > 0 ? wait_ms : 0);
}

void fin_io_ask_turn_end(struct fin_io *io) { io->turn_end_asked = true; }

/* ---- io.h: the stream ---- */

#define AGREED(condition, ...) OBEY(the_transport_is_used_as_agreed, condition, __VA_ARGS__)

/* The fault ordered for this call, as a negative errno; 0: none. */
static int fault(struct socket *socket, enum fault kind) {
  int error = socket->io->faults[kind];
  if (!error) return 0;
  if (socket->io->skips[kind] > 0) {
    socket->io->skips[kind]--;
    return 0;
  }
  socket->io->faults[kind] = 0;
  if (error != EAGAIN) note_failure(socket, error);
  return -error;
}

static struct socket *usable(struct fin_stream *stream, const char *what) {
  struct socket *socket = stream->socket;
  AGREED(socket && socket->descriptor == FD_OPEN, "%s after close", what);
  AGREED(!socket->open_failed, "%s after a failed open", what);
  AGREED(!socket->dialling, "%s before it is connected", what);
  return socket;
}

static int open_with(struct fin_stream *stream, struct fin_conn *conn, struct socket *socket,
                     enum fault kind) {
  AGREED(socket->descriptor == FD_UNUSED, "opened twice");
  socket->descriptor = FD_OPEN;
  socket->conn = conn;
  stream->socket = socket;
  int error = fault(socket, kind);
  if (error) socket->open_failed = true;
  return error;
}

int fin_io_open(struct fin_io *io, struct fin_stream *stream, struct fin_conn *conn, int fd) {
  return open_with(stream, conn, &io->sockets[fd], FAULT_OPEN);
}

int fin_io_dial(struct fin_io *io, struct fin_stream *stream, struct fin_conn *conn,
                const struct fin_dial_spec *spec) {
  struct socket *socket = &io->sockets[spec->port - 1];
  int error = open_with(stream, conn, socket, FAULT_DIAL);
  socket->dialling = !error;
  socket->spec = *spec;
  return error;
}

int fin_io_hear(struct fin_stream *stream, enum fin_hearing hearing) {
  struct socket *socket = usable(stream, "hear");
  AGREED(hearing != FIN_HEAR_INPUT || !socket->input_ended, "reading past the end");
  int error = fault(socket, FAULT_HEAR);
  socket->hearing = error ? FIN_HEAR_NOTHING : hearing;
  /* Adding to the death-watch tells of what is there already. */
  if (hearing == FIN_HEAR_LEAVING) socket->edge = socket->peer_fin || socket->error;
  return error;
}

static size_t len_of(const struct iovec *parts, unsigned count) {
  size_t len = 0;
  for (unsigned i = 0; i < count; i++) len += parts[i].iov_len;
  return len;
}

static void may_send(const struct socket *socket, const struct iovec *parts, unsigned count) {
  AGREED(!socket->writing, "a send while a write is in flight");
  AGREED(count > 0 && len_of(parts, count) > 0, "a send of nothing");
  OBEY(our_fin_leaves_once_behind_all_output, !socket->fin_sent, "a send behind our FIN");
}

ptrdiff_t fin_io_send(struct fin_stream *stream, const struct iovec *parts, unsigned count) {
  struct socket *socket = usable(stream, "send");
  may_send(socket, parts, count);
  int error = fault(socket, FAULT_SEND);
  if (error) return error;
  if (socket->error) {
    note_failure(socket, socket->error);
    return -socket->error;
  }
  size_t room = room_of(socket), taken = 0;
  if (room > socket->take_max) room = socket->take_max;
  for (unsigned i = 0; i < count && room > 0; i++) {
    size_t some = parts[i].iov_len < room ? parts[i].iov_len : room;
    check_output(socket, parts[i].iov_base, some, socket->taken, LAW_output_leaves_in_order);
    take(socket, parts[i].iov_base, some);
    taken += some;
    room -= some;
  }
  if (taken == 0) return -EAGAIN;
  socket->sends++;
  socket->taken_ms = socket->io->now_ms;
  return (ptrdiff_t)taken;
}

int fin_io_write(struct fin_stream *stream, const struct iovec *parts, unsigned count) {
  struct socket *socket = usable(stream, "write");
  may_send(socket, parts, count);
  AGREED(count <= SOCKET_PARTS_MAX, "%u parts", count);
  int error = fault(socket, FAULT_WRITE);
  if (error) return error;
  memcpy(socket->parts, parts, count * sizeof *parts);
  socket->part_count = count;
  socket->write_len = len_of(parts, count);
  socket->write_taken = 0;
  socket->write_begin = socket->taken;
  socket->writing = true;
  check_write(socket);
  if (!socket->error) take_more(socket, SIZE_MAX); /* libuv tries at once, and tells later */
  return 0;
}

bool fin_io_writing(const struct fin_stream *stream) {
  return stream->socket && stream->socket->writing;
}

size_t fin_io_write_taken(const struct fin_stream *stream) {
  return fin_io_writing(stream) ? stream->socket->write_taken : 0;
}

int fin_io_send_fin(struct fin_stream *stream) {
  struct socket *socket = usable(stream, "send_fin");
  AGREED(!socket->writing, "a FIN while a write is in flight");
  OBEY(our_fin_leaves_once_behind_all_output, !socket->fin_sent, "a second FIN");
  int error = fault(socket, FAULT_SEND_FIN);
  if (error) return error;
  if (socket->error) {
    note_failure(socket, socket->error);
    return -socket->error;
  }
  socket->fin_sent = true;
  if (socket->peer_fin) socket->edge = true; /* HUP: both directions have ended */
  return 0;
}

size_t fin_io_unacked(const struct fin_stream *stream, bool fin) {
  const struct socket *socket = stream->socket;
  if (!socket || socket->descriptor != FD_OPEN) return 0;
  bool fin_out = socket->fin_sent && !socket->fin_acked;
  return (size_t)(socket->taken - socket->acked) + (fin && fin_out);
}

void fin_io_close(struct fin_stream *stream, bool reset) {
  struct socket *socket = stream->socket;
  OBEY(the_descriptor_is_closed_once, socket && socket->descriptor == FD_OPEN, "closed again");
  socket->descriptor = FD_CLOSING;
  socket->dialling = false;
  socket->reset = reset;
  socket->hearing = FIN_HEAR_NOTHING;
  socket->writing = false;
  socket->acked_at_close = socket->acked;
}

int fin_io_fd(const struct fin_stream *stream) {
  const struct socket *socket = stream->socket;
  bool held = socket && socket->descriptor == FD_OPEN && !socket->dialling;
  return held ? socket_fd(socket) : -1;
}
