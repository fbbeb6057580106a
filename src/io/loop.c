/* SPDX-License-Identifier: MIT
 *
 * The loop's side of the seam: its time, its turns, its signals, its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/uv_io.h"

/* ---- turns ---- */

static void on_no_sleep(uv_idle_t *idle) { (void)idle; }

/* An active idle handle makes the next poll return at once. */
static void allow_sleep(struct fin_io *io) {
  if (!uv_is_active((uv_handle_t *)&io->turn_end) && !uv_is_active((uv_handle_t *)&io->time_due))
    uv_idle_stop(&io->no_sleep);
}

static void on_turn_end(uv_prepare_t *prepare) {
  struct fin_io *io = prepare->data;
  uv_prepare_stop(prepare);
  io->events->on_turn_end(io->owner);
  allow_sleep(io);
}

void fin_io_ask_turn_end(struct fin_io *io) {
  uv_prepare_start(&io->turn_end, on_turn_end);
  uv_idle_start(&io->no_sleep, on_no_sleep); /* for those asked in the prepare phase itself */
}

/* ---- time ---- */

/* Deadlines are judged after the poll that follows the timer: what a peer sent while the process
 * was busy elsewhere has then been heard. Does not rest on the order of timers and polling within a
 * turn, which differs between libuv versions (1.45 and 1.48 changed it). */
static void on_time_due(uv_check_t *check) {
  struct fin_io *io = check->data;
  uv_check_stop(check);
  io->events->on_time(io->owner);
  allow_sleep(io);
}

static void on_timer(uv_timer_t *timer) {
  struct fin_io *io = timer->data;
  uv_check_start(&io->time_due, on_time_due);
  uv_idle_start(&io->no_sleep, on_no_sleep);
}

uint32_t fin_io_now(const struct fin_io *io) { return (uint32_t)uv_now(io->loop); }

uint32_t fin_io_update_now(struct fin_io *io) {
  uv_update_time(io->loop);
  return fin_io_now(io);
}

void fin_io_wake_at(struct fin_io *io, uint32_t at_ms) {
  int32_t wait_ms = (int32_t)(at_ms - fin_io_now(io));
  uv_timer_start(&io->timer, on_timer, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *signal, int number) {
  struct fin_io *io = signal->data;
  (void)number;
  io->on_signal(io->signal_arg);
}

int fin_io_hear_signals(struct fin_io *io, void (*heard)(void *arg), void *arg) {
  io->on_signal = heard;
  io->signal_arg = arg;
  int error = uv_signal_start(&io->signals[0], on_signal, SIGINT);
  return error ? error : uv_signal_start(&io->signals[1], on_signal, SIGTERM);
}

/* libuv writes with write(2), which raises SIGPIPE on a reset connection. */
static void block_sigpipe(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* ---- beginning and end ---- */

/* A connection on descriptor 0, 1 or 2 would receive what the program prints, and libuv never
 * closes descriptor 0. */
static int occupy_standard_fds(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) return -errno;
  return 0;
}

void fin_io_handle_closed(struct fin_io *io) {
  if (--io->handles_open == 0) io->on_stopped(io->stopped_arg);
}

static void on_handle_closed(uv_handle_t *handle) { fin_io_handle_closed(handle->data); }

static void each_handle(struct fin_io *io, void (*visit)(struct fin_io *, uv_handle_t *)) {
  visit(io, (uv_handle_t *)&io->timer);
  visit(io, (uv_handle_t *)&io->time_due);
  visit(io, (uv_handle_t *)&io->no_sleep);
  visit(io, (uv_handle_t *)&io->turn_end);
  visit(io, (uv_handle_t *)&io->watch);
  visit(io, (uv_handle_t *)&io->signals[0]);
  visit(io, (uv_handle_t *)&io->signals[1]);
}

static void adopt_handle(struct fin_io *io, uv_handle_t *handle) {
  handle->data = io;
  io->handles_open++;
}

static void close_handle(struct fin_io *io, uv_handle_t *handle) {
  (void)io;
  uv_close(handle, on_handle_closed);
}

void fin_io_stop(struct fin_io *io, void (*stopped)(void *arg), void *arg) {
  io->on_stopped = stopped;
  io->stopped_arg = arg;
  each_handle(io, close_handle);
  close(io->watch_fd);
}

void fin_io_free(struct fin_io *io) {
  if (!io) return;
  if (io->owns_loop) uv_loop_close(&io->own_loop);
  fin_release(io->read_buffer);
  fin_release(io);
}

enum { LOOP_DESCRIPTORS = 8 }; /* libuv's first loop takes fewer, and aborts where there are none */

static int try_descriptors(void) {
  int fds[LOOP_DESCRIPTORS], count = 0, error = 0;
  while (count < LOOP_DESCRIPTORS && !error) {
    fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fds[count] < 0)
      error = -errno;
    else
      count++;
  }
  while (count > 0) close(fds[--count]);
  return error;
}

/* Everything that can fail, before the first handle is in the loop. */
static int open_resources(struct fin_io *io, uv_loop_t *loop) {
  int error = occupy_standard_fds();
  if (error) return error;
  io->read_buffer = fin_alloc(FIN_READ_BUFFER_SIZE);
  if (!io->read_buffer) return -ENOMEM;
  io->owns_loop = !loop;
  io->loop = loop ? loop : &io->own_loop;
  if (io->owns_loop) error = try_descriptors();
  if (io->owns_loop && !error) error = uv_loop_init(&io->own_loop);
  if (error) {
    io->owns_loop = false;
    return error;
  }
  return fin_death_watch_open(io);
}

struct fin_io *fin_io_new(struct uv_loop_s *loop, const struct fin_io_events *events, void *owner) {
  struct fin_io *io = fin_alloc_zeroed(sizeof *io);
  if (!io) {
    errno = ENOMEM;
    return NULL;
  }
  io->events = events;
  io->owner = owner;
  int error = open_resources(io, loop);
  if (error) {
    fin_io_free(io);
    errno = -error;
    return NULL;
  }
  uv_timer_init(io->loop, &io->timer);
  uv_check_init(io->loop, &io->time_due);
  uv_idle_init(io->loop, &io->no_sleep);
  uv_prepare_init(io->loop, &io->turn_end);
  uv_signal_init(io->loop, &io->signals[0]);
  uv_signal_init(io->loop, &io->signals[1]);
  each_handle(io, adopt_handle);
  block_sigpipe();
  return io;
}

void fin_io_run(struct fin_io *io) { uv_run(io->loop, UV_RUN_DEFAULT); }
