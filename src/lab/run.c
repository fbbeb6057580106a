/* SPDX-License-Identifier: MIT
 *
 * See run.h. Processes: the caller, who collects; the runner; one for each side; the program. All
 * of them tell the caller directly, through one socket.
 */
#include "lab/run.h"

#include <ctype.h>
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
  LAG_MS = 25,           /* events of several processes are told so late, and so in order */
  EVENTS_AT_ONCE = 4096, /* of one socket, before there is a look at the time */
  LOOK_MS = 3000,        /* for the last look */
  END_MS = 6000,         /* for the runner to end; it has deadlines of its own */
  BUFFER = 1024 * 1024   /* events that wait while a callback takes its time */
};

struct lab_run {
  const struct lab_run_options *options;
  struct lab_story *story;
  struct lab_board *board;
  pid_t runner;        /* 0: reaped */
  int events, told;    /* of our processes; of the program's recorder */
  int orders, over[2]; /* over[1] is closed to end; -1: closed */
  size_t shown;        /* events of the story that on_event has had */
  uint64_t ends_ns;    /* the watching; 0: open */
  unsigned looked;     /* sides */
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

static void show(struct lab_run *run, size_t at) {
  const struct lab_run_options *options = run->options;
  if (options->on_event != NULL) options->on_event(options->context, run, &run->story->events[at]);
}

/* Those that are so old that none before them is to be expected. */
static void show_until(struct lab_run *run, uint64_t at_ns) {
  while (run->shown < run->story->count && run->story->events[run->shown].at_ns <= at_ns)
    show(run, run->shown++);
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
  if (at >= run->shown) return;
  run->shown++; /* later ones have been shown already */
  show(run, at);
}

/* The recorder's descriptor is the program's, too, which may write to it whatever it likes. */
static bool is_call(const struct lab_run *run, const struct lab_event *event) {
  const char *const name = event->call.name;
  const size_t len = strnlen(name, sizeof event->call.name);
  if (event->kind != LAB_CALL || len == sizeof event->call.name) return false;
  for (size_t i = 0; i < len; i++)
    if (isalnum((unsigned char)name[i]) == 0) return false;
  return event->at_ns >= run->story->began_ns && event->at_ns <= lab_now();
}

/* False: there is no more. */
static bool take_some(struct lab_run *run, int socket) {
  struct lab_event event;
  for (int i = 0; i < EVENTS_AT_ONCE; i++) {
    const ssize_t len = recv(socket, &event, sizeof event, MSG_DONTWAIT | MSG_TRUNC);
    if (len < 0 && errno == EINTR) continue;
    if (len <= 0) return false;
    if (len == sizeof event && (socket == run->events || is_call(run, &event))) take(run, &event);
  }
  return true;
}

static void wait_for_news(struct lab_run *run, bool input) {
  const bool listens = input && run->options->on_input != NULL;
  struct pollfd polls[] = {
      {.fd = run->events, .events = POLLIN},
      {.fd = run->told, .events = POLLIN},
      {.fd = listens ? run->options->input : -1, .events = POLLIN},
  };
  poll(polls, 3, TICK_MS); /* a signal: what it wants is in options->stop */
  take_some(run, run->events);
  take_some(run, run->told);
  show_until(run, lab_now() - LAG_MS * LAB_MS);
  if (listens && polls[2].revents != 0) run->options->on_input(run->options->context, run);
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
  shutdown(run->told, SHUT_RD); /* a program that has got away says no more */
  while (take_some(run, run->events) || take_some(run, run->told)) continue;
  show_until(run, UINT64_MAX);
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

static bool open_pair(int *ours, int *theirs) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return false;
  setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &(int){BUFFER}, sizeof(int));
  *ours = pair[0];
  *theirs = pair[1];
  return true;
}

/* The caller's ends are not for the runner: it could not tell that the caller has closed them. */
static void begin_runner(struct lab_run *run, struct lab_runner *runner) {
  run->runner = lab_fork();
  if (run->runner != 0) return;
  close(run->events);
  close(run->told);
  close(run->orders);
  close(run->over[1]);
  runner->over = run->over[0];
  lab_runner_run(runner);
}

static bool begin(struct lab_run *run, const char *calls) {
  struct lab_runner runner = {.options = run->options,
                              .calls = calls,
                              .board = run->board,
                              .events = -1,
                              .told = -1,
                              .orders = -1};
  const bool open = open_pair(&run->events, &runner.events) &&
                    open_pair(&run->told, &runner.told) &&
                    open_pair(&run->orders, &runner.orders) && pipe2(run->over, O_CLOEXEC) == 0;
  if (open) begin_runner(run, &runner);
  const int error = errno;
  close_end(&runner.events);
  close_end(&runner.told);
  close_end(&runner.orders);
  errno = error;
  return run->runner > 0 || refuse(run, open ? "fork" : "too few descriptors");
}

static void release(struct lab_run *run) {
  close_end(&run->events);
  close_end(&run->told);
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
      .told = -1,
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
