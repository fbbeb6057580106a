/* SPDX-License-Identifier: MIT
 *
 * A connection's transport on uv_tcp_t: reading through libuv, sending on the descriptor while
 * nothing is queued there, and the one place that closes it.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/uv_io.h"

const size_t fin_stream_size = sizeof(struct fin_stream);

struct fin_write {
  uv_write_t request; /* request.data is the stream, or NULL once its closing has begun */
  size_t len;
};

int fin_io_fd(const struct fin_stream *stream) { return stream->fd; }

int fin_io_open(struct fin_io *io, struct fin_stream *stream, struct fin_conn *conn, int fd) {
  memset(stream, 0, sizeof *stream);
  stream->io = io;
  stream->fd = fd;
  int error = uv_tcp_init(io->loop, &stream->tcp);
  stream->tcp.data = conn;
  return error ? error : uv_tcp_open(&stream->tcp, fd);
}

/* ---- hearing ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  struct fin_io *io = ((struct fin_stream *)handle)->io;
  *buf = uv_buf_init(io->read_buffer, FIN_READ_BUFFER_SIZE);
}

static void on_read(uv_stream_t *tcp, ssize_t count, const uv_buf_t *buf) {
  struct fin_stream *stream = (struct fin_stream *)tcp;
  const struct fin_io_events *tells = stream->io->events;
  struct fin_conn *conn = stream->tcp.data;
  if (count > 0) {
    tells->on_input(conn, buf->base, (size_t)count);
  } else if (count == UV_EOF) {
    /* Before 1.52 libuv reports data followed by RST as data followed by EOF. */
    int error = fin_socket_error(stream->fd);
    stream->input_ended = true;
    if (error)
      tells->on_error(conn, error);
    else
      tells->on_input_end(conn);
  } else if (count < 0) {
    tells->on_error(conn, (int)-count);
  }
}

int fin_io_hear(struct fin_stream *stream, enum fin_hearing hearing) {
  if (stream->hearing == FIN_HEAR_LEAVING) fin_death_watch_remove(stream);
  if (stream->hearing == FIN_HEAR_INPUT) uv_read_stop((uv_stream_t *)&stream->tcp);
  stream->hearing = (uint8_t)hearing;
  switch (hearing) {
    case FIN_HEAR_INPUT:
      return uv_read_start((uv_stream_t *)&stream->tcp, on_alloc, on_read);
    case FIN_HEAR_LEAVING:
      return fin_death_watch_add(stream);
    case FIN_HEAR_NOTHING:
      break;
  }
  return 0;
}

/* ---- sending ---- */

ptrdiff_t fin_io_send(struct fin_stream *stream, const struct iovec *parts, unsigned count) {
  struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count};
  ssize_t sent;
  do {
    sent = count == 1 ? send(stream->fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL)
                      : sendmsg(stream->fd, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : sent;
}

static void on_write(uv_write_t *request, int status) {
  struct fin_write *write = (struct fin_write *)request;
  struct fin_stream *stream = request->data;
  size_t len = write->len;
  fin_release(write);
  if (!stream) return; /* cancelled by the closing */
  stream->write = NULL;
  if (status < 0)
    stream->io->events->on_error(stream->tcp.data, -status);
  else
    stream->io->events->on_written(stream->tcp.data, len);
}

int fin_io_write(struct fin_stream *stream, const struct iovec *parts, unsigned count) {
  struct fin_write *write = fin_alloc(sizeof *write);
  if (!write) return -ENOMEM;
  write->request.data = stream;
  write->len = 0;
  for (unsigned i = 0; i < count; i++) write->len += parts[i].iov_len;
  /* uv_buf_t is laid out as iovec on Unix; libuv copies the array. */
  int error = uv_write(&write->request, (uv_stream_t *)&stream->tcp, (const uv_buf_t *)parts, count,
                       on_write);
  if (error) {
    fin_release(write);
    return error;
  }
  stream->write = write;
  return 0;
}

bool fin_io_writing(const struct fin_stream *stream) {
  return !stream->dialling && stream->write != NULL;
}

size_t fin_io_write_taken(const struct fin_stream *stream) {
  if (!fin_io_writing(stream)) return 0;
  return stream->write->len - uv_stream_get_write_queue_size((const uv_stream_t *)&stream->tcp);
}

/* shutdown(2) and not uv_shutdown: our queue is empty when the FIN is due, so there is nothing to
 * wait for, and nothing that could be pending when the stream is closed. */
int fin_io_send_fin(struct fin_stream *stream) {
  if (shutdown(stream->fd, SHUT_WR)) {
    int error = errno == ENOTCONN ? fin_socket_error(stream->fd) : errno;
    return error ? -error : -ENOTCONN;
  }
  stream->fin_sent = true;
  return 0;
}

size_t fin_io_unacked(const struct fin_stream *stream, bool fin) {
  int unacked = 0;
  if (stream->fd < 0 || ioctl(stream->fd, SIOCOUTQ, &unacked) || unacked <= 0) return 0;
  bool count_fin = fin || !stream->fin_sent; /* SIOCOUTQ counts a FIN as one byte */
  return (size_t)(count_fin ? unacked : unacked - 1);
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle) {
  struct fin_stream *stream = (struct fin_stream *)handle;
  stream->io->events->on_fd_closed(stream->tcp.data);
}

void fin_io_close(struct fin_stream *stream, bool reset) {
  if (stream->dialling) fin_dial_give_up(stream);
  if (stream->hearing == FIN_HEAR_LEAVING) fin_death_watch_remove(stream);
  stream->hearing = FIN_HEAR_NOTHING;
  if (stream->write) stream->write->request.data = NULL;
  stream->write = NULL;
  if (reset && stream->fd >= 0) {
    /* uv_tcp_close_reset refuses where a FIN was sent. */
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  uv_os_fd_t adopted;
  bool by_libuv = uv_fileno((uv_handle_t *)&stream->tcp, &adopted) == 0;
  uv_close((uv_handle_t *)&stream->tcp, on_closed);
  if (!by_libuv && stream->fd >= 0) close(stream->fd); /* fin_io_open had failed */
  stream->fd = -1;
}
