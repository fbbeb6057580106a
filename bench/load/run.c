/* SPDX-License-Identifier: MIT
 *
 * A load from its beginning to its end: the threads, the phases that they go through, and what is
 * told of it meanwhile.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load/ramp.h"
#include "load/worker.h"

enum { TICK_MS = 100, TICKS = 10 }; /* so many in a second */

static const uint64_t ms_ns = 1000 * 1000;

struct run {
  const struct load_observer *observer;
  struct load_result *result;
  struct plan plan;
  struct tally *tally;
  struct worker **workers;
  unsigned running; /* threads begun */
  bool warm;        /* LOAD_WARM has been told */
  uint64_t start_ns, tick_ns;
  size_t series_room;
  uint64_t ticks[TICKS], requests[TICKS]; /* when, and how many until then */
  unsigned tick;
};

/* ---- telling ---- */

/* Over the last second. */
static double rate_of(struct run *run, uint64_t now_ns, uint64_t requests) {
  unsigned oldest = run->tick < TICKS ? 0 : run->tick % TICKS;
  uint64_t since_ns = run->ticks[oldest], before = run->requests[oldest];
  if (run->tick == 0 || now_ns <= since_ns) return 0;
  return (double)(requests - before) / (double)(now_ns - since_ns) * 1e9;
}

/* What a server still holds is compared with it: news that are up to 100 ms old would not do. */
static uint64_t connections_made(const struct run *run) {
  uint64_t sum = 0;
  for (unsigned i = 0; i < run->running; i++)
    sum += atomic_load_explicit(&run->workers[i]->connections, memory_order_relaxed);
  return sum;
}

static void observe(struct run *run, enum load_moment moment) {
  const struct load_result *result = run->result;
  uint64_t now_ns = load_now_ns();
  struct tally_news news = tally_look(run->tally);
  struct load_progress progress = {
      .moment = moment,
      .seconds = (double)(now_ns - run->start_ns) / 1e9,
      .warming = run->tally->phase == TALLY_WARMING,
      .counts = news.counts,
      .connections = connections_made(run),
      .rate = rate_of(run, now_ns, news.requests),
  };
  if (result->series_count > 0) progress.p99_ns = result->series[result->series_count - 1].p99_ns;
  if (moment == LOAD_TICK) {
    run->ticks[run->tick % TICKS] = now_ns;
    run->requests[run->tick++ % TICKS] = news.requests;
  }
  if (run->observer && run->observer->observe)
    run->observer->observe(run->observer->context, &progress);
}

/* ---- the series ---- */

/* Without memory there is no series, but everything else. */
static void keep(struct run *run, const struct load_second *second) {
  struct load_result *result = run->result;
  if (result->series_count == run->series_room) {
    size_t room = run->series_room * 2 + 16;
    struct load_second *series = realloc(result->series, room * sizeof *series);
    if (!series) return;
    result->series = series;
    run->series_room = room;
  }
  result->series[result->series_count++] = *second;
}

static void collect(struct run *run) {
  struct load_second second = {.seconds = 1};
  while (tally_collect(run->tally, false, &second, &run->result->latency)) keep(run, &second);
}

static void collect_last(struct run *run) {
  collect(run);
  struct load_second last;
  tally_collect(run->tally, true, &last, &run->result->latency);
  last.seconds = run->result->seconds - (double)run->result->series_count;
  if (last.seconds > 0) keep(run, &last);
}

/* ---- phases ---- */

static void enter(struct run *run, enum tally_phase phase) {
  atomic_store_explicit(&run->tally->phase, (int)phase, memory_order_release);
  for (unsigned i = 0; i < run->running; i++) worker_wake(run->workers[i]);
}

static void be_warm(struct run *run) {
  if (run->warm) return;
  run->warm = true;
  observe(run, LOAD_WARM);
  atomic_store(&run->tally->begin_max, run->plan.options.connections);
  for (unsigned i = 0; i < run->running; i++) worker_wake(run->workers[i]);
}

/* The observer looks at the server, which takes it a moment, while the load goes on: at both ends
 * just before the counting begins, and ends. So what it sees and what is counted cover the same
 * time. */
static void measure(struct run *run) {
  be_warm(run);
  observe(run, LOAD_MEASURE);
  run->tally->measure_ns = load_now_ns();
  enter(run, TALLY_MEASURING);
}

static void leave(struct run *run) {
  observe(run, LOAD_MEASURED);
  run->tally->leave_ns = load_now_ns();
  enter(run, TALLY_LEAVING);
}

static bool is_stopped(const struct run *run) {
  const volatile sig_atomic_t *stopped = run->plan.options.stopped;
  return stopped && *stopped;
}

/* Without a mix idle has no fixed time to begin in. */
static bool is_idle(const struct run *run) {
  return run->plan.options.workload == LOAD_IDLE_WORKLOAD && !run->plan.mixed;
}

static unsigned first_idle(const struct run *run) {
  return run->plan.options.connections > LOAD_IDLE_WARM ? LOAD_IDLE_WARM : 0;
}

/* When the phase ends, if nothing ends it before. */
static uint64_t end_of_phase(const struct run *run) {
  const struct load_options *options = &run->plan.options;
  switch (atomic_load(&run->tally->phase)) {
    case TALLY_WARMING:
      return is_idle(run) ? UINT64_MAX : run->start_ns + options->warmup_ms * ms_ns;
    case TALLY_MEASURING:
      return options->requests > 0 ? UINT64_MAX
                                   : run->tally->measure_ns + options->duration_ms * ms_ns;
    default:
      return UINT64_MAX;
  }
}

static void advance(struct run *run, uint64_t now_ns) {
  struct tally_news news = tally_look(run->tally);
  bool is_time = now_ns >= end_of_phase(run) || is_stopped(run);
  if (run->tally->phase == TALLY_WARMING) {
    if (is_idle(run) && news.settled >= first_idle(run)) be_warm(run);
    if (is_time || (is_idle(run) && news.settled == run->plan.options.connections)) measure(run);
  } else if (run->tally->phase == TALLY_MEASURING) {
    if (is_time || news.done == run->running) leave(run);
  }
}

static void conduct(struct run *run) {
  while (tally_look(run->tally).gone < run->running) {
    uint64_t end_ns = end_of_phase(run);
    tally_wait(run->tally, end_ns < run->tick_ns ? end_ns : run->tick_ns);
    collect(run);
    advance(run, load_now_ns());
    uint64_t now_ns = load_now_ns();
    if (now_ns < run->tick_ns) continue;
    observe(run, LOAD_TICK);
    run->tick_ns += TICK_MS * ms_ns;
    if (run->tick_ns <= now_ns) run->tick_ns = now_ns + TICK_MS * ms_ns;
  }
}

/* ---- threads ---- */

static bool say_why(char why[LOAD_WHY_MAX], const char *what, int error) {
  snprintf(why, LOAD_WHY_MAX, "%s: %s", what, strerror(error));
  return false;
}

static unsigned open_descriptors(void) {
  DIR *directory = opendir("/proc/self/fd");
  unsigned count = 0;
  if (!directory) return 0;
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

static bool have_descriptors(const struct run *run, char why[LOAD_WHY_MAX]) {
  const struct load_options *options = &run->plan.options;
  struct rlimit limit;
  unsigned long need = open_descriptors() + options->connections + 2 * options->threads + 16UL;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need) return true;
  snprintf(why, LOAD_WHY_MAX,
           "%u connections need %lu descriptors, and %lu are allowed; raise that with 'ulimit -n "
           "%lu', or ask for fewer connections",
           options->connections, need, (unsigned long)limit.rlim_cur, need);
  return false;
}

static bool begin_thread(struct run *run, struct worker *worker, char why[LOAD_WHY_MAX]) {
  pthread_attr_t attributes;
  int cpu = run->plan.options.first_cpu;
  pthread_attr_init(&attributes);
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    cpu += (int)worker->number;
    if (cpu < CPU_SETSIZE) CPU_SET((size_t)cpu, &set);
    pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
  }
  int error = pthread_create(&worker->thread, &attributes, worker_run, worker);
  pthread_attr_destroy(&attributes);
  if (error == EINVAL && cpu >= 0) {
    snprintf(why, LOAD_WHY_MAX,
             "there is no processor %d to run a thread on; ask for fewer threads, or let them run "
             "anywhere",
             cpu);
    return false;
  }
  if (error != 0) return say_why(why, "cannot begin a thread", error);
  run->running++;
  return true;
}

static bool begin_threads(struct run *run, char why[LOAD_WHY_MAX]) {
  unsigned threads = run->plan.options.threads;
  for (unsigned i = 0; i < threads; i++)
    if (!(run->workers[i] = worker_new(&run->plan, run->tally, i)))
      return say_why(why, "cannot begin the load", errno);
  atomic_store(&run->tally->begin_max, is_idle(run) ? first_idle(run) : 0);
  run->start_ns = load_now_ns();
  run->tick_ns = run->start_ns + TICK_MS * ms_ns;
  if (!is_idle(run)) be_warm(run);
  if (!is_idle(run) && run->plan.options.warmup_ms == 0) measure(run);
  for (unsigned i = 0; i < threads; i++)
    if (!begin_thread(run, run->workers[i], why)) {
      enter(run, TALLY_LEAVING);
      return false;
    }
  return true;
}

/* ---- the result ---- */

static void sum_up(struct run *run) {
  struct load_result *result = run->result;
  uint64_t end_ns = run->tally->leave_ns, last_ns = 0;
  for (unsigned i = 0; i < run->running; i++) {
    const struct worker *worker = run->workers[i];
    load_counts_add(&result->counts, &worker->total);
    histogram_merge(&result->connect, &worker->connect);
    result->cpu_ns += worker->cpu_ns;
    if (result->connect_error == 0) result->connect_error = worker->connect_error;
    if (worker->done_ns > last_ns) last_ns = worker->done_ns;
    for (int j = 0; j < LOAD_MANNER_COUNT; j++) {
      result->visits[j].visits += worker->visits[j].visits;
      result->visits[j].whole += worker->visits[j].whole;
      result->visits[j].truncated += worker->visits[j].truncated;
      result->visits[j].lost += worker->visits[j].lost;
    }
  }
  result->connections = connections_made(run);
  if (tally_look(run->tally).done == run->running) end_ns = last_ns;
  if (end_ns > run->tally->measure_ns)
    result->seconds = (double)(end_ns - run->tally->measure_ns) / 1e9;
  collect_last(run);
}

static bool run_all(struct run *run, char why[LOAD_WHY_MAX]) {
  unsigned threads = run->plan.options.threads;
  run->tally = tally_new(threads);
  run->workers = calloc(threads, sizeof *run->workers);
  if (!run->tally || !run->workers) return say_why(why, "cannot begin the load", ENOMEM);
  bool begun = begin_threads(run, why);
  if (begun) conduct(run);
  for (unsigned i = 0; i < run->running; i++) pthread_join(run->workers[i]->thread, NULL);
  if (begun) sum_up(run);
  if (begun) observe(run, LOAD_OVER);
  return begun;
}

bool load_run(const struct load_options *options, const struct load_observer *observer,
              struct load_result *result, char why[LOAD_WHY_MAX]) {
  if (options->workload == LOAD_RAMP_WORKLOAD && !load_is_mixed(options))
    return load_ramp(options, observer, result, why);
  struct run run = {.observer = observer, .result = result};
  memset(result, 0, sizeof *result);
  if (!load_plan_init(&run.plan, options, why)) return false;
  bool good = have_descriptors(&run, why) && run_all(&run, why);
  for (unsigned i = 0; run.workers && i < run.plan.options.threads; i++)
    worker_free(run.workers[i]);
  free(run.workers);
  tally_free(run.tally);
  load_plan_fini(&run.plan);
  return good;
}
