/* SPDX-License-Identifier: MIT */
#include "load/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
  EVENTS_MAX = 256,
  STARTING_MAX = 64, /* on their way at a time: a backlog should hold them */
  SCAN_MS = 100,
  TURNS_MAX = 1000,         /* before it is looked at what has come */
  SHORTEST_SECOND_MS = 100, /* the last one is not divided if less would be left */
};

static const uint64_t ms_ns = 1000 * 1000, second_ns = 1000 * 1000 * 1000;

/* Of what is dealt to all threads in turn. */
static uint64_t share_of(uint64_t all, const struct worker *worker) {
  unsigned threads = worker->plan->options.threads;
  return all / threads + (worker->number < all % threads);
}

/* ---- for the clients ---- */

uint64_t worker_may_ask(const struct worker *worker, const struct client *client) {
  if (worker->phase == TALLY_LEAVING) return worker->owes ? client->due - client->asked : 0;
  if (!worker->limited || worker->phase == TALLY_WARMING) return UINT64_MAX;
  return worker->left > worker->outstanding ? worker->left - worker->outstanding : 0;
}

uint64_t worker_due_ns(const struct worker *worker, uint64_t turn) {
  return worker->start_ns + (uint64_t)((double)turn * worker->interval_ns);
}

/* So many of these count: those that end when the number that was asked for is reached do not. */
static uint64_t take_off(struct worker *worker, uint64_t requests) {
  if (!worker->limited || worker->phase != TALLY_MEASURING) return requests;
  if (requests > worker->left) requests = worker->left;
  worker->left -= requests;
  return requests;
}

/* What was due before the end and is answered after it was seen to wait: its latency counts, but
 * not the reply. Rate and cost are those of the measured time. */
void worker_count_good(struct worker *worker, uint64_t requests, uint64_t latency_ns) {
  worker->news.requests += requests;
  if (worker->owes) histogram_add(&worker->interval, latency_ns);
  if (!worker->measuring) return;
  requests = take_off(worker, requests);
  worker->counts.requests += requests;
  if (requests > 0 && latency_ns != WORKER_UNTIMED) histogram_add(&worker->interval, latency_ns);
}

/* Also while leaving: that a reply was cut off is no less true then. */
void worker_count_bad(struct worker *worker, uint64_t *counter) {
  if (worker->phase != TALLY_WARMING) *counter += take_off(worker, 1);
}

/* ---- phases ---- */

static uint64_t thread_cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

static void tell(struct worker *worker, bool wakes) {
  worker->news.counts = worker->total;
  load_counts_add(&worker->news.counts, &worker->counts);
  tally_tell(worker->tally, worker->number, &worker->news, wakes);
}

/* When the second under way ends; 0: with the load. */
static uint64_t end_of_second(const struct worker *worker) {
  const struct load_options *options = &worker->plan->options;
  uint64_t begin_ns = worker->tally->measure_ns, end_ns = begin_ns + options->duration_ms * ms_ns;
  uint64_t second_end_ns = begin_ns + (worker->second + 1) * second_ns;
  bool is_last = options->requests == 0 && second_end_ns + SHORTEST_SECOND_MS * ms_ns > end_ns;
  return is_last ? 0 : second_end_ns;
}

static void report(struct worker *worker, bool last) {
  struct load_counts counts = worker->counts;
  if (tally_report(worker->tally, worker->second, &worker->counts, &worker->interval, last)) {
    load_counts_add(&worker->total, &counts);
    worker->second++;
    worker->report_ns = end_of_second(worker);
  } else {
    worker->report_ns = worker->now_ns + LOAD_TICK_MS * ms_ns;
  }
}

static void measure(struct worker *worker) {
  worker->measuring = true;
  worker->report_ns = end_of_second(worker);
  worker->left = share_of(worker->plan->options.requests, worker);
  worker->cpu_ns = thread_cpu_ns();
}

static void stop_measuring(struct worker *worker) {
  if (!worker->measuring) return;
  worker->measuring = false;
  worker->cpu_ns = thread_cpu_ns() - worker->cpu_ns;
}

static void be_done(struct worker *worker) {
  stop_measuring(worker);
  worker->done_ns = worker->now_ns;
  worker->news.done = 1;
  tell(worker, true);
}

static bool is_stopped(const struct worker *worker) {
  const volatile sig_atomic_t *stopped = worker->plan->options.stopped;
  return stopped && *stopped;
}

/* By a rate, what was due in the measured time is owed an answer after it: else a stall at its end
 * would not be seen. A number of requests has no end before they are answered. */
static void owe_turns(struct worker *worker) {
  uint64_t end_ns = worker->tally->leave_ns;
  if (!worker->plan->open || worker->limited || worker->start_ns == 0) return;
  worker->owes = true;
  if (end_ns <= worker->start_ns) return;
  uint64_t turns = 1 + (uint64_t)((double)(end_ns - 1 - worker->start_ns) / worker->interval_ns);
  for (unsigned i = 0; i < worker->client_count && i < turns; i++) {
    uint64_t due = 1 + (turns - 1 - i) / worker->client_count;
    if (due > worker->clients[i].due) worker->clients[i].due = due;
  }
}

static void leave(struct worker *worker) {
  const struct load_options *options = &worker->plan->options;
  uint64_t slow_ms = worker->plan->mixed ? load_manners[LOAD_SLOW_READ].slow_ms : 0;
  stop_measuring(worker);
  report(worker, true);
  worker->report_ns = 0;
  /* Until then the scan has found what is late. */
  worker->leave_ns = worker->now_ns + (options->timeout_ms + slow_ms + 2 * SCAN_MS) * ms_ns;
  owe_turns(worker);
  for (unsigned i = 0; i < worker->client_count; i++) client_leave(worker, &worker->clients[i]);
}

static void follow_phase(struct worker *worker) {
  enum tally_phase phase =
      (enum tally_phase)atomic_load_explicit(&worker->tally->phase, memory_order_acquire);
  if (phase == worker->phase) return;
  if (worker->phase == TALLY_WARMING) {
    worker->phase = TALLY_MEASURING;
    measure(worker);
  }
  worker->phase = phase;
  if (phase == TALLY_LEAVING) leave(worker);
}

/* ---- its day ---- */

static void begin_more(struct worker *worker) {
  unsigned max = atomic_load_explicit(&worker->tally->begin_max, memory_order_relaxed);
  uint64_t mine = share_of(max, worker);
  if (mine > worker->client_count) mine = worker->client_count;
  while (worker->begun < mine && worker->starting < STARTING_MAX &&
         worker->phase != TALLY_LEAVING) {
    worker->starting++;
    client_begin(worker, &worker->clients[worker->begun++]);
  }
}

/* Nothing is open, and nobody owes a request. */
static bool has_left(const struct worker *worker) {
  if (worker->phase != TALLY_LEAVING || worker->alive > 0) return false;
  for (unsigned i = 0; i < worker->client_count; i++)
    if (worker_may_ask(worker, &worker->clients[i]) > 0) return false;
  return true;
}

/* The schedule begins when all connections are there; those that are made for one request are not
 * waited for. Threads take turns, so that requests are spread evenly. */
static void take_turns(struct worker *worker) {
  unsigned count = worker->client_count, threads = worker->plan->options.threads;
  if (worker->phase == TALLY_LEAVING) return;
  if (worker->start_ns == 0) {
    if (worker->begun < count || worker->starting > 0) return;
    worker->start_ns = worker->now_ns + (uint64_t)(worker->interval_ns * worker->number / threads);
  }
  for (int i = 0; i < TURNS_MAX && worker_due_ns(worker, worker->turn) <= worker->now_ns; i++)
    client_turn(worker, &worker->clients[worker->turn++ % count]);
}

static void do_timely(struct worker *worker) {
  unsigned count = worker->client_count;
  if (worker->plan->open) take_turns(worker);
  if (worker->tick_ns > 0 && worker->now_ns >= worker->tick_ns) {
    worker->tick_ns = worker->now_ns + LOAD_TICK_MS * ms_ns;
    for (unsigned i = 0; i < count; i++) client_tick(worker, &worker->clients[i]);
  }
  if (worker->now_ns >= worker->scan_ns) {
    worker->scan_ns = worker->now_ns + SCAN_MS * ms_ns;
    for (unsigned i = 0; i < count; i++) client_scan(worker, &worker->clients[i]);
    tell(worker, false);
    if (worker->leave_ns > 0 && is_stopped(worker)) worker->leave_ns = worker->now_ns;
  }
  if (worker->report_ns > 0 && worker->now_ns >= worker->report_ns) report(worker, false);
  if (worker->leave_ns > 0 && worker->now_ns >= worker->leave_ns)
    for (unsigned i = 0; i < count; i++) client_abort(worker, &worker->clients[i]);
}

static uint64_t next_moment(const struct worker *worker) {
  uint64_t next = worker->scan_ns;
  if (worker->again) return 0;
  if (worker->tick_ns > 0 && worker->tick_ns < next) next = worker->tick_ns;
  if (worker->report_ns > 0 && worker->report_ns < next) next = worker->report_ns;
  if (worker->start_ns > 0 && worker->phase != TALLY_LEAVING) {
    uint64_t due_ns = worker_due_ns(worker, worker->turn);
    if (due_ns < next) next = due_ns;
  }
  return next;
}

/* Milliseconds are too coarse for a schedule; kernels before 5.11 have nothing better. */
static int wait_for_events(int epoll, struct epoll_event *events, uint64_t wait_ns) {
  struct timespec wait = {.tv_sec = (time_t)(wait_ns / second_ns),
                          .tv_nsec = (long)(wait_ns % second_ns)};
  int n = epoll_pwait2(epoll, events, EVENTS_MAX, &wait, NULL);
  if (n < 0 && errno == ENOSYS)
    n = epoll_wait(epoll, events, EVENTS_MAX, (int)((wait_ns + ms_ns - 1) / ms_ns));
  return n;
}

static void handle_events(struct worker *worker) {
  struct epoll_event events[EVENTS_MAX];
  if (worker->plan->open) worker->now_ns = load_now_ns();
  uint64_t next = next_moment(worker), wakes;
  int n = wait_for_events(worker->epoll, events, next > worker->now_ns ? next - worker->now_ns : 0);
  worker->now_ns = load_now_ns();
  follow_phase(worker);
  struct client *again = worker->again;
  worker->again = NULL;
  for (int i = 0; i < n; i++) {
    if (events[i].data.ptr)
      client_event(worker, events[i].data.ptr, events[i].events);
    else if (read(worker->wake, &wakes, sizeof wakes) < 0)
      continue;
  }
  for (struct client *next_again; again; again = next_again) {
    next_again = again->again;
    again->listed = false;
    if (again->state == CLIENT_OPEN || again->state == CLIENT_WAITING) client_act(worker, again);
  }
}

void *worker_run(void *arg) {
  struct worker *worker = arg;
  if (worker->plan->open) prctl(PR_SET_TIMERSLACK, 1UL); /* else it may sleep 50 us too long */
  worker->now_ns = load_now_ns();
  worker->scan_ns = worker->now_ns + SCAN_MS * ms_ns;
  worker->tick_ns = worker->plan->mixed ? worker->now_ns : 0;
  follow_phase(worker);
  while (!has_left(worker)) {
    if (worker->begun < worker->client_count) begin_more(worker);
    do_timely(worker);
    handle_events(worker);
    if (worker->measuring && worker->limited && worker->left == 0) be_done(worker);
  }
  load_counts_add(&worker->total, &worker->counts);
  memset(&worker->counts, 0, sizeof worker->counts);
  /* Latencies that were owed are of the last second. */
  tally_report(worker->tally, worker->second, &worker->counts, &worker->interval, true);
  worker->news.gone = 1;
  tell(worker, true);
  return NULL;
}

/* ---- its life ---- */

void worker_wake(struct worker *worker) {
  uint64_t one = 1;
  if (write(worker->wake, &one, sizeof one) < 0) return; /* it has been told already */
}

struct worker *worker_new(struct plan *plan, struct tally *tally, unsigned number) {
  struct worker *worker = calloc(1, sizeof *worker);
  if (!worker) return NULL;
  const struct load_options *options = &plan->options;
  size_t state_size = plan->replies ? plan->replies->state_size : 1;
  *worker =
      (struct worker){.plan = plan, .tally = tally, .number = number, .epoll = -1, .wake = -1};
  worker->judge.plan = plan;
  worker->limited = options->requests > 0;
  unsigned count = worker->client_count = (unsigned)share_of(options->connections, worker);
  if (plan->open) worker->interval_ns = 1e9 * options->connections / (options->rate * count);
  worker->clients = calloc(count, sizeof *worker->clients);
  worker->replies = calloc(count, state_size);
  worker->epoll = epoll_create1(EPOLL_CLOEXEC);
  worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN};
  if (!worker->clients || !worker->replies || worker->epoll < 0 || worker->wake < 0 ||
      epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &event)) {
    worker_free(worker);
    return NULL;
  }
  for (unsigned i = 0; i < count; i++)
    worker->clients[i] = (struct client){.number = i,
                                         .fd = -1,
                                         .reply = worker->replies + i * state_size,
                                         .offset = load_next_request(plan, i * plan->request_len)};
  return worker;
}

void worker_free(struct worker *worker) {
  if (!worker) return;
  int error = errno;
  if (worker->epoll >= 0) close(worker->epoll);
  if (worker->wake >= 0) close(worker->wake);
  free(worker->clients);
  free(worker->replies);
  free(worker);
  errno = error;
}
