/* SPDX-License-Identifier: MIT
 *
 * Accepting. When descriptors run out the clients that wait are not left to wait: a descriptor held
 * in reserve lets each be accepted and closed, and accepting rests for a while.
 */
#include "io/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/uv_io.h"

enum {
  REST_MIN_MS = 100, /* doubles up to the maximum while there is no room */
  REST_MAX_MS = 1000,
  SHED_MAX = 1024 /* in one go */
};

struct fin_acceptor {
  uv_poll_t poll;
  uv_timer_t rest;
  int fd;
  int reserve_fd;
  unsigned budget;
  uint32_t rest_ms;
  bool held;
  const struct fin_acceptor_events *events;
  void *owner;
  unsigned handles_open;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static int open_reserve(void) { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

static int accept_one(const struct fin_acceptor *acceptor) {
  int fd;
  do {
    fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    /* accept(2): errors of the connection itself are to be treated as no connection */
  } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED || errno == EPROTO));
  return fd;
}

static void listen_on(struct fin_acceptor *acceptor) {
  bool resting = uv_is_active((uv_handle_t *)&acceptor->rest);
  if (acceptor->held || resting)
    uv_poll_stop(&acceptor->poll);
  else
    uv_poll_start(&acceptor->poll, UV_READABLE, on_poll);
}

static void on_rested(uv_timer_t *timer) {
  struct fin_acceptor *acceptor = timer->data;
  /* Somebody else may have been faster when it was given up for a moment. */
  if (acceptor->reserve_fd < 0) acceptor->reserve_fd = open_reserve();
  listen_on(acceptor);
}

static void rest(struct fin_acceptor *acceptor) {
  uv_timer_start(&acceptor->rest, on_rested, acceptor->rest_ms, 0);
  acceptor->rest_ms = acceptor->rest_ms < REST_MAX_MS / 2 ? acceptor->rest_ms * 2 : REST_MAX_MS;
  listen_on(acceptor);
  acceptor->events->on_pause(acceptor->owner);
}

static bool no_room(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

/* No descriptor is left: answers those who wait by closing, through the one in reserve. */
static void shed(struct fin_acceptor *acceptor) {
  unsigned count = 0;
  if (acceptor->reserve_fd >= 0) close(acceptor->reserve_fd);
  for (; count < SHED_MAX; count++) {
    int fd = accept_one(acceptor);
    if (fd < 0) break;
    close(fd);
  }
  acceptor->reserve_fd = open_reserve();
  acceptor->events->on_shed(acceptor->owner, count);
}

/* At most `most` connections. */
static void accept_some(struct fin_acceptor *acceptor, unsigned most) {
  for (unsigned i = 0; i < most && !acceptor->held; i++) {
    int fd = accept_one(acceptor);
    if (fd < 0 && errno == EAGAIN) return;
    if (fd < 0) {
      if (no_room(errno)) shed(acceptor);
      rest(acceptor);
      return;
    }
    if (!acceptor->events->on_accept(acceptor->owner, fd)) {
      close(fd);
      acceptor->events->on_shed(acceptor->owner, 1);
      rest(acceptor);
      return;
    }
    acceptor->rest_ms = REST_MIN_MS;
  }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  struct fin_acceptor *acceptor = poll->data;
  (void)status;
  (void)events;
  accept_some(acceptor, acceptor->budget);
}

void fin_acceptor_hold(struct fin_acceptor *acceptor, bool hold) {
  if (acceptor->held == hold) return;
  acceptor->held = hold;
  listen_on(acceptor);
}

struct fin_acceptor *fin_acceptor_new(struct fin_io *io, int fd, unsigned budget,
                                      const struct fin_acceptor_events *events, void *owner) {
  struct fin_acceptor *acceptor = fin_alloc_zeroed(sizeof *acceptor);
  int error = acceptor ? uv_poll_init(io->loop, &acceptor->poll, fd) : -ENOMEM;
  if (error) {
    fin_release(acceptor);
    close(fd);
    errno = -error;
    return NULL;
  }
  uv_timer_init(io->loop, &acceptor->rest);
  acceptor->poll.data = acceptor->rest.data = acceptor;
  acceptor->handles_open = 2;
  acceptor->fd = fd;
  acceptor->reserve_fd = open_reserve();
  acceptor->budget = budget;
  acceptor->rest_ms = REST_MIN_MS;
  acceptor->events = events;
  acceptor->owner = owner;
  listen_on(acceptor);
  return acceptor;
}

static void on_handle_closed(uv_handle_t *handle) {
  struct fin_acceptor *acceptor = handle->data;
  if (--acceptor->handles_open > 0) return;
  const struct fin_acceptor_events *events = acceptor->events;
  void *owner = acceptor->owner;
  fin_release(acceptor);
  events->on_closed(owner);
}

/* How many connections wait in a listener's backlog: tcpi_unacked, of a listening socket. */
static unsigned backlog_now(int fd) {
  struct tcp_info info = {0};
  socklen_t len = sizeof info;
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_unacked;
}

void fin_acceptor_close(struct fin_acceptor *acceptor) {
  /* Closing a listener resets those in its backlog, whom the kernel has told that they are
   * connected. Held back, they are over the limit and stay so. */
  accept_some(acceptor, backlog_now(acceptor->fd));
  uv_close((uv_handle_t *)&acceptor->poll, on_handle_closed);
  uv_close((uv_handle_t *)&acceptor->rest, on_handle_closed);
  close(acceptor->fd);
  if (acceptor->reserve_fd >= 0) close(acceptor->reserve_fd);
}
