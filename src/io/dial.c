/* SPDX-License-Identifier: MIT
 *
 * Dialling: resolves a name and tries its addresses, each for its share of the time that is left.
 *
 * A stream and its dialler part when the stream is connected or closed, or the dialler has failed.
 * The dialler stays until libuv has let go of it, and its io until then: a name that another thread
 * is resolving cannot be called back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "io/uv_io.h"

struct fin_dialler {
  uv_getaddrinfo_t request;
  uv_timer_t timer; /* ends the resolving, or the attempt */
  uv_poll_t poll;   /* of the attempt */
  unsigned held;    /* how many of these libuv has */
  bool resolving;

  struct fin_io *io;
  struct fin_stream *stream; /* NULL: they have parted */
  struct addrinfo *addresses;
  const struct addrinfo *next; /* to be tried; NULL: none is left */
  int fd;                      /* of the attempt, or -1 */
  int error;                   /* of the last one */

  uint64_t due_ms; /* when the time for all of it is up */
  uint32_t dead_peer_after_ms;
  uint32_t user_timeout_ms;
};

static void let_go(struct fin_dialler *dialler) {
  if (--dialler->held > 0) return;
  struct fin_io *io = dialler->io;
  if (dialler->addresses) freeaddrinfo(dialler->addresses);
  fin_release(dialler);
  fin_io_handle_closed(io);
}

/* ---- parting ---- */

static void on_timer_closed(uv_handle_t *timer) { let_go(timer->data); }

static void part(struct fin_dialler *dialler) {
  dialler->stream->dialling = false;
  dialler->stream->write = NULL;
  dialler->stream = NULL;
  uv_close((uv_handle_t *)&dialler->timer, on_timer_closed);
}

static void on_poll_closed(uv_handle_t *poll);

static void drop_attempt(struct fin_dialler *dialler) {
  if (dialler->fd < 0) return;
  if (!uv_is_closing((uv_handle_t *)&dialler->poll))
    uv_close((uv_handle_t *)&dialler->poll, on_poll_closed);
  fin_dial_socket_close(dialler->fd);
  dialler->fd = -1;
}

void fin_dial_give_up(struct fin_stream *stream) {
  struct fin_dialler *dialler = stream->dialler;
  part(dialler);
  drop_attempt(dialler);
  if (dialler->resolving) uv_cancel((uv_req_t *)&dialler->request); /* or it ends in vain */
}

static void fail(struct fin_dialler *dialler, int error) {
  struct fin_stream *stream = dialler->stream;
  fin_dial_give_up(stream);
  stream->io->events->on_error(stream->tcp.data, error);
}

static void succeed(struct fin_dialler *dialler) {
  struct fin_stream *stream = dialler->stream;
  stream->fd = dialler->fd;
  part(dialler);
  int error = uv_tcp_open(&stream->tcp, stream->fd);
  if (error)
    stream->io->events->on_error(stream->tcp.data, -error);
  else
    stream->io->events->on_connected(stream->tcp.data);
}

/* ---- the addresses ---- */

static bool same_address(const struct addrinfo *a, const struct addrinfo *b) {
  return a->ai_addrlen == b->ai_addrlen && memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) == 0;
}

/* A name that several lines of /etc/hosts give may have an address twice. */
static bool came_before(const struct addrinfo *address, const struct addrinfo *all) {
  while (!same_address(all, address)) all = all->ai_next;
  return all != address;
}

static const struct addrinfo *after(const struct addrinfo *address, const struct addrinfo *all) {
  const struct addrinfo *next = address->ai_next;
  while (next && came_before(next, all)) next = next->ai_next;
  return next;
}

/* Of the time that is left, for the next address; 0 if none is. */
static uint64_t share_ms(const struct fin_dialler *dialler) {
  uint64_t now_ms = uv_now(dialler->io->loop);
  uint64_t left_ms = dialler->due_ms > now_ms ? dialler->due_ms - now_ms : 0;
  unsigned count = 0;
  for (const struct addrinfo *address = dialler->next; address;
       address = after(address, dialler->addresses))
    count++;
  return (left_ms + count - 1) / count;
}

/* ---- attempts ---- */

static void end_attempt(struct fin_dialler *dialler, int error) {
  dialler->error = error;
  uv_timer_stop(&dialler->timer);
  /* libuv must not watch a descriptor twice, so the connection takes it when this one is closed. */
  uv_close((uv_handle_t *)&dialler->poll, on_poll_closed);
  if (error) drop_attempt(dialler);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  struct fin_dialler *dialler = poll->data;
  (void)status;
  (void)events;
  int error = fin_dial_outcome(dialler->fd);
  if (error != EINPROGRESS) end_attempt(dialler, error);
}

/* It may have been connected while the process was busy elsewhere. */
static void on_share_over(uv_timer_t *timer) {
  struct fin_dialler *dialler = timer->data;
  int error = fin_dial_outcome(dialler->fd);
  end_attempt(dialler, error == EINPROGRESS ? ETIMEDOUT : error);
}

static int begin_attempt(struct fin_dialler *dialler, const struct addrinfo *address) {
  int fd = fin_dial_socket(address, dialler->dead_peer_after_ms, dialler->user_timeout_ms);
  if (fd < 0) return -fd;
  int error = uv_poll_init(dialler->io->loop, &dialler->poll, fd);
  if (error) {
    fin_dial_socket_close(fd);
    return -error;
  }
  dialler->held++;
  dialler->fd = fd;
  dialler->poll.data = dialler;
  uv_poll_start(&dialler->poll, UV_WRITABLE, on_poll);
  return 0;
}

static void try_next(struct fin_dialler *dialler) {
  while (dialler->next) {
    const struct addrinfo *address = dialler->next;
    uint64_t within_ms = share_ms(dialler);
    if (within_ms == 0) {
      dialler->error = ETIMEDOUT;
      break;
    }
    dialler->next = after(address, dialler->addresses);
    dialler->error = begin_attempt(dialler, address);
    if (dialler->error) continue;
    uv_timer_start(&dialler->timer, on_share_over, within_ms, 0);
    return;
  }
  fail(dialler, dialler->error);
}

static void on_poll_closed(uv_handle_t *poll) {
  struct fin_dialler *dialler = poll->data;
  if (dialler->stream && dialler->error)
    try_next(dialler);
  else if (dialler->stream)
    succeed(dialler);
  let_go(dialler);
}

/* ---- resolving ---- */

static void on_resolving_over(uv_timer_t *timer) { fail(timer->data, ETIMEDOUT); }

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses) {
  struct fin_dialler *dialler = request->data;
  dialler->resolving = false;
  if (status == 0) dialler->addresses = addresses;
  dialler->next = dialler->addresses;
  dialler->error = status == UV_EAI_MEMORY ? ENOMEM : EADDRNOTAVAIL; /* unless an attempt follows */
  if (dialler->stream) try_next(dialler);
  let_go(dialler);
}

static int resolve(struct fin_dialler *dialler, const char *host, const char *service) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  int error =
      uv_getaddrinfo(dialler->io->loop, &dialler->request, on_resolved, host, service, &hints);
  if (error) return error == UV_ENOMEM ? -ENOMEM : -EADDRNOTAVAIL;
  dialler->request.data = dialler;
  dialler->held++;
  dialler->resolving = true;
  return 0;
}

/* ---- the beginning ---- */

static void on_begin(uv_timer_t *timer) { try_next(timer->data); }

/* Nothing is tried before the loop turns, so that failures need not be told before then. */
static int begin(struct fin_dialler *dialler, const struct fin_dial_spec *spec) {
  char service[8];
  snprintf(service, sizeof service, "%u", spec->port);
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
  int error = getaddrinfo(spec->host, service, &hints, &dialler->addresses);
  if (error == EAI_MEMORY) return -ENOMEM;
  if (error) {
    uv_timer_start(&dialler->timer, on_resolving_over, spec->within_ms, 0);
    return resolve(dialler, spec->host, service);
  }
  dialler->next = dialler->addresses;
  return uv_timer_start(&dialler->timer, on_begin, 0, 0);
}

int fin_io_dial(struct fin_io *io, struct fin_stream *stream, struct fin_conn *conn,
                const struct fin_dial_spec *spec) {
  memset(stream, 0, sizeof *stream);
  stream->io = io;
  stream->fd = -1;
  int error = uv_tcp_init(io->loop, &stream->tcp);
  stream->tcp.data = conn;
  if (error) return error;
  struct fin_dialler *dialler = fin_alloc_zeroed(sizeof *dialler);
  if (!dialler) return -ENOMEM;
  stream->dialling = true;
  stream->dialler = dialler;
  uv_timer_init(io->loop, &dialler->timer);
  dialler->timer.data = dialler;
  dialler->held = 1;
  io->handles_open++;
  dialler->io = io;
  dialler->stream = stream;
  dialler->fd = -1;
  dialler->due_ms = uv_now(io->loop) + spec->within_ms;
  dialler->dead_peer_after_ms = spec->dead_peer_after_ms;
  dialler->user_timeout_ms = spec->user_timeout_ms;
  return begin(dialler, spec);
}
