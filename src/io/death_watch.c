/* SPDX-License-Identifier: MIT
 *
 * The death-watch: hears of a peer's leaving while its connection is not being read.
 *
 * libuv drops a stream from polling when reading stops and after EOF, so that neither FIN nor RST
 * is reported from then on (libuv#3449). One epoll descriptor of our own per loop, itself watched
 * by one uv_poll_t, holds the sockets in question. Edge-triggered: each change is told once, and an
 * add made after the peer left tells at once.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "io/uv_io.h"

enum { BATCH = 64 };

static void tell(struct fin_stream *stream, uint32_t events) {
  const struct fin_io_events *tells = stream->io->events;
  struct fin_conn *conn = stream->tcp.data;
  int error = events & (EPOLLERR | EPOLLHUP) ? fin_socket_error(stream->fd) : 0;
  if (error)
    tells->on_error(conn, error);
  else if (!stream->input_ended) /* HUP without an error: both FINs, the peer's still unread */
    tells->on_fin_seen(conn);
}

static void on_watch(uv_poll_t *poll, int status, int unused) {
  struct fin_io *io = poll->data;
  (void)status;
  (void)unused;
  struct epoll_event events[BATCH];
  int count;
  do {
    count = epoll_wait(io->watch_fd, events, BATCH, 0);
    for (int i = 0; i < count; i++) {
      /* An earlier one of this batch may have ended the watching of this one; its memory stays
       * until the loop's closing phase. */
      struct fin_stream *stream = events[i].data.ptr;
      if (stream->hearing == FIN_HEAR_LEAVING) tell(stream, events[i].events);
    }
  } while (count == BATCH);
}

int fin_death_watch_open(struct fin_io *io) {
  io->watch_fd = epoll_create1(EPOLL_CLOEXEC);
  if (io->watch_fd < 0) return -errno;
  int error = uv_poll_init(io->loop, &io->watch, io->watch_fd);
  if (error) {
    close(io->watch_fd);
    return error;
  }
  return uv_poll_start(&io->watch, UV_READABLE, on_watch);
}

int fin_death_watch_add(struct fin_stream *stream) {
  /* After EOF only ERR and HUP are news; they are always reported. */
  uint32_t leaving = stream->input_ended ? 0 : EPOLLRDHUP;
  struct epoll_event event = {.events = leaving | EPOLLET, .data.ptr = stream};
  return epoll_ctl(stream->io->watch_fd, EPOLL_CTL_ADD, stream->fd, &event) ? -errno : 0;
}

void fin_death_watch_remove(struct fin_stream *stream) {
  struct epoll_event unused = {0};
  epoll_ctl(stream->io->watch_fd, EPOLL_CTL_DEL, stream->fd, &unused);
}
