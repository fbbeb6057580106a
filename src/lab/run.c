/* SPDX-License-Identifier: MIT
 *
 * See run.h. Processes: the caller, who collects; the runner; one for each side; the program. All
 * of them tell the caller directly, through one socket.
 */
#include "lab/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/clock.h"
#include "lab/runner.h"

enum {
  TICK_MS = 10,
  LAG_MS = 25,         /* events of several processes are told so late, and so in order */
  LOOK_MS = 3000,      /* for the last look */
  END_MS = 6000,       /* for the runner to end; it has deadlines of its own */
  BUFFER = 1024 * 1024 /* events that wait while a callback takes its time */
};

struct lab_run {
  const struct lab_run_options *options;
  struct lab_story *story;
  struct lab_board *board;
  pid_t runner;                /* 0: reaped */
  int events, orders, over[2]; /* over[1] is closed to end; -1: closed */
  size_t told;                 /* events of the story that on_event has had */
  uint64_t ends_ns;            /* the watching; 0: open */
  unsigned looked;             /* sides */
  bool failed, no_memory;
  char *why;
};

/* ---- events ---- */

static uint32_t watch_ms(const struct lab_run_options *options) {
  return options->watch_ms > 0 ? options->watch_ms : options->expect->run_ms;
}

static void take_point(struct lab_run *run, const struct lab_event *event) {
  const struct lab_point *point = &event->point;
  struct lab_story *story = run->story;
  switch (point->mark) {
    case LAB_READY:
      story->wire = run->board->wire;
      story->server_port = run->board->server_port;
      break;
    case LAB_PLAYED:
      run->ends_ns = event->at_ns + watch_ms(run->options) * LAB_MS;
      break;
    case LAB_ENDED:
      story->exited = true;
      story->status = point->status;
      break;
    case LAB_LOOKED:
      run->looked++;
      break;
    default: /* LAB_FAILED */
      if (!run->failed) snprintf(run->why, LAB_ERROR_MAX, "%s", point->text);
      run->failed = true;
  }
}

static void tell(struct lab_run *run, size_t at) {
  const struct lab_run_options *options = run->options;
  if (options->on_event != NULL) options->on_event(options->context, run, &run->story->events[at]);
}

/* Those that are so old that none before them is to be expected. */
static void tell_until(struct lab_run *run, uint64_t at_ns) {
  while (run->told < run->story->count && run->story->events[run->told].at_ns <= at_ns)
    tell(run, run->told++);
}

static void take(struct lab_run *run, const struct lab_event *event) {
  struct lab_story *story = run->story;
  if (!lab_story_add(story, event)) {
    run->no_memory = true;
    return;
  }
  if (event->kind == LAB_POINT) take_point(run, event);
  size_t at = story->count - 1; /* where it has been put */
  while (story->events[at].at_ns > event->at_ns) at--;
  if (at >= run->told) return;
  run->told++; /* later ones have been told already */
  tell(run, at);
}

/* What does not look like an event was written by a program that found the descriptor. */
static void take_all(struct lab_run *run) {
  struct lab_event event;
  ssize_t len;
  while ((len = recv(run->events, &event, sizeof event, MSG_DONTWAIT | MSG_TRUNC)) != 0) {
    if (len < 0 && errno == EINTR) continue;
    if (len < 0) return;
    if (len == sizeof event && (unsigned)event.kind <= LAB_POINT) take(run, &event);
  }
}

static void wait_for_news(struct lab_run *run, bool input) {
  const bool listens = input && run->options->on_input != NULL;
  struct pollfd polls[] = {
      {.fd = run->events, .events = POLLIN},
      {.fd = listens ? run->options->input : -1, .events = POLLIN},
  };
  poll(polls, 2, TICK_MS); /* a signal: what it wants is in options->stop */
  take_all(run);
  tell_until(run, lab_now() - LAG_MS * LAB_MS);
  if (listens && polls[1].revents != 0) run->options->on_input(run->options->context, run);
}

/* ---- the course of a run ---- */

static bool runner_ended(struct lab_run *run) {
  if (run->runner == 0) return true;
  if (waitpid(run->runner, NULL, WNOHANG) == 0) return false;
  run->runner = 0;
  return true;
}

static bool stopped(const struct lab_run *run) {
  return run->options->stop != NULL && *run->options->stop != 0;
}

static void watch(struct lab_run *run) {
  const uint64_t deadline = lab_now() + (LAB_RUN_ALL_MS - 1000) * LAB_MS;
  while (!run->failed && !run->no_memory && !stopped(run)) {
    const uint64_t now = lab_now();
    if (run->ends_ns != 0 && now >= run->ends_ns) return;
    if (!run->options->step && now >= deadline) return;
    if (runner_ended(run)) {
      snprintf(run->why, LAB_ERROR_MAX, "the process of the wire was killed");
      run->failed = true;
      return;
    }
    wait_for_news(run, true);
  }
  run->story->stopped = stopped(run);
}

static void close_end(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void await_last_look(struct lab_run *run) {
  const uint64_t deadline = lab_now() + LOOK_MS * LAB_MS;
  close_end(&run->over[1]);
  while (run->looked < 2 && !run->failed && lab_now() < deadline && !runner_ended(run)) {
    if (stopped(run) && run->story->server_port == 0) return; /* there is nothing to look at */
    wait_for_news(run, false);
  }
  run->story->ended_ns = lab_now();
}

static void end_runner(struct lab_run *run) {
  const uint64_t deadline = lab_now() + END_MS * LAB_MS;
  close_end(&run->orders);
  while (!runner_ended(run)) {
    if (lab_now() >= deadline) kill(run->runner, SIGKILL); /* its children end with it */
    wait_for_news(run, false);
  }
  take_all(run);
  tell_until(run, UINT64_MAX);
}

/* ---- what is left of it ---- */

static bool keep_counters(struct lab_story *story, const struct lab_board *board) {
  const size_t counts[2] = {board->counters[0].count, board->counters[1].count};
  if (counts[0] + counts[1] == 0) return true;
  story->counters = malloc((counts[0] + counts[1]) * sizeof *story->counters);
  if (story->counters == NULL) return false;
  for (size_t side = 0; side < 2; side++)
    for (size_t i = 0; i < counts[side] && i < LAB_COUNTERS_MAX; i++)
      story->counters[story->counter_count++] = board->counters[side].all[i];
  return true;
}

static bool keep_output(struct lab_story *story, const struct lab_board *board) {
  if (board->output_len == 0) return true;
  story->output = strndup(board->output, board->output_len);
  story->output_len = story->output != NULL ? strlen(story->output) : 0;
  return story->output != NULL;
}

static bool keep(struct lab_run *run) {
  struct lab_story *story = run->story;
  const struct lab_board *board = run->board;
  story->wire = board->wire;
  story->lost_frames = board->lost_frames;
  memcpy(story->why_no_wire, board->why_no_wire, sizeof story->why_no_wire);
  if (keep_counters(story, board) && keep_output(story, board) && !run->no_memory)
    return !run->failed;
  snprintf(run->why, LAB_ERROR_MAX, "no memory for what was seen: a shorter `run:` sees less");
  return false;
}

/* ---- begin and end ---- */

static bool refuse(struct lab_run *run, const char *what) {
  snprintf(run->why, LAB_ERROR_MAX, "%s: %s", what, strerror(errno));
  return false;
}

/* The caller's ends are not for the runner: it could not tell that the caller has closed them. */
static bool begin(struct lab_run *run, const char *calls) {
  int events[2], orders[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, events) != 0)
    return refuse(run, "socketpair");
  run->events = events[0];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, orders) != 0) {
    close(events[1]);
    return refuse(run, "socketpair");
  }
  run->orders = orders[0];
  setsockopt(events[1], SOL_SOCKET, SO_SNDBUF, &(int){BUFFER}, sizeof(int));
  if (pipe2(run->over, O_CLOEXEC) == 0) run->runner = lab_fork();
  const int error = errno;
  if (run->runner == 0 && run->over[0] >= 0) {
    close(run->events);
    close(run->orders);
    close(run->over[1]);
    lab_runner_run(&(struct lab_runner){
        .options = run->options,
        .calls = calls,
        .board = run->board,
        .events = events[1],
        .over = run->over[0],
        .orders = orders[1],
    });
  }
  close(events[1]);
  close(orders[1]);
  errno = error;
  return run->runner > 0 || refuse(run, "fork");
}

static void release(struct lab_run *run) {
  close_end(&run->events);
  close_end(&run->orders);
  close_end(&run->over[0]);
  close_end(&run->over[1]);
  munmap(run->board, sizeof *run->board);
}

bool lab_run(const struct lab_run_options *options, struct lab_story *story,
             char why[LAB_ERROR_MAX]) {
  struct lab_run run = {
      .options = options,
      .story = story,
      .events = -1,
      .orders = -1,
      .over = {-1, -1},
      .why = why,
  };
  const char *calls = options->calls != NULL ? options->calls : lab_calls_path();
  if (calls != NULL && *calls == '\0') calls = NULL;
  *story = (struct lab_story){.began_ns = lab_now()};
  why[0] = '\0';
  run.board =
      mmap(NULL, sizeof *run.board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (run.board == MAP_FAILED) return refuse(&run, "mmap");
  bool ok = begin(&run, calls);
  if (ok) {
    watch(&run);
    await_last_look(&run);
    end_runner(&run);
    ok = keep(&run);
  }
  release(&run);
  return ok;
}

/* ---- from callbacks ---- */

static void order(struct lab_run *run, enum lab_wish wish, uint64_t number) {
  const struct lab_order order = {.wish = wish, .number = number};
  while (send(run->orders, &order, sizeof order, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
}

void lab_run_release(struct lab_run *run, uint64_t number) { order(run, LAB_WISH_RELEASE, number); }

void lab_run_discard(struct lab_run *run, uint64_t number) { order(run, LAB_WISH_DISCARD, number); }

void lab_run_step(struct lab_run *run, bool on) { order(run, LAB_WISH_STEP, on ? 1 : 0); }

void lab_run_end(struct lab_run *run) { run->ends_ns = 1; }
