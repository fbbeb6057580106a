/* SPDX-License-Identifier: MIT
 *
 * Takes samples while the load runs and until the server has come to rest. A watch that takes long,
 * as among very many sockets, looks less often, so as not to be a load itself.
 */
#include "server/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/watch_parts.h"

enum {
  INTERVAL_MS = 100,
  SHARE = 5,        /* a sample takes at most one part in so many of the time */
  REST_MS = 1000,   /* without a change, with nothing left */
  STUCK_MS = 3000,  /* without a change, with something left */
  IDLE_MS = 1000,   /* for idle CPU */
  UNPAIRED_MAX = 3, /* see is_elsewhere */
};

struct watch {
  struct watch_result result;
  struct watch_place place;
  struct watch_processes processes;
  struct watch_held before, measure, after; /* the same moments as those of the result */
  struct load_observer next;
  size_t capacity;            /* of the series */
  uint64_t begun_ns, next_ns; /* when the watch began; not before this is the next sample taken */
  uint64_t over_ns;           /* when the load was over; 0: not yet */
  uint64_t connections;       /* made so far */
  unsigned paired, unpaired;  /* samples, see is_elsewhere */
};

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- a sample ---- */

static int append(struct watch *watch, const struct watch_sample *sample) {
  struct watch_result *result = &watch->result;
  if (result->series_count == watch->capacity) {
    const size_t capacity = watch->capacity == 0 ? 256 : watch->capacity * 2;
    void *grown = realloc(result->series, capacity * sizeof *sample);
    if (grown == NULL) return ENOMEM;
    result->series = grown;
    watch->capacity = capacity;
  }
  result->series[result->series_count++] = *sample;
  return 0;
}

/* Connections of ours that are established while nothing here is their other end: the port leads
 * elsewhere, as into a container. One such sample may be chance, as tables are read piece by
 * piece. */
static bool is_elsewhere(struct watch *watch, const struct watch_sample *sample) {
  bool any = false;
  for (unsigned state = 0; state < FIN_TCP_STATE_COUNT; state++) {
    for (unsigned holder = 0; holder < FIN_HOLDER_COUNT; holder++) {
      any = any || sample->sockets[state][holder] > 0;
    }
  }
  if (any)
    watch->paired++;
  else if (sample->clients[FIN_TCP_ESTABLISHED] > 0)
    watch->unpaired++;
  return watch->paired == 0 && watch->unpaired >= UNPAIRED_MAX;
}

/* CPU time comes last: the rest takes a while, and right behind it the load begins, or ends, to
 * count. Exact: also looks for new processes. `held` may be NULL; descriptors are listed before the
 * sockets are, so that none is of a connection that came between. */
static int take(struct watch *watch, bool exact, struct watch_sample *sample,
                struct watch_held *held) {
  const uint64_t begun_ns = now_ns();
  int error = 0;
  *sample = (struct watch_sample){.connections = watch->connections};
  if (exact) error = watch_processes_grow(&watch->processes);
  if (held != NULL) watch_held_release(held);
  if (held != NULL && error == 0)
    error = watch_processes_list(&watch->processes, &held->descriptors);
  if (error == 0) error = watch_sockets_count(&watch->place, sample, held);
  if (error == 0) error = watch_processes_measure(&watch->processes, exact, sample);
  watch_processes_look(&watch->processes);
  sample->cpu_ns = watch_processes_cpu_ns(&watch->processes);
  sample->seconds = (double)(now_ns() - watch->begun_ns) / 1e9;
  if (error == 0) error = append(watch, sample);
  if (error == 0 && is_elsewhere(watch, sample)) watch->place.here = false;
  watch->next_ns = begun_ns + SHARE * (now_ns() - begun_ns);
  return error;
}

/* Without it what is said afterwards would not be known. */
static void take_exact(struct watch *watch, struct watch_sample *sample, struct watch_held *held) {
  const int error = take(watch, true, sample, held);
  if (error != 0 && watch->result.error == 0) watch->result.error = error;
}

/* ---- before and during the load ---- */

struct watch *watch_new(const struct load_target *target) {
  struct watch *watch = calloc(1, sizeof *watch);
  bool listening;
  int error;
  if (watch == NULL) return NULL;
  watch->begun_ns = now_ns();
  watch_place_init(&watch->place, target);
  error = watch_processes_find(&watch->processes, &watch->place, &listening);
  if (!listening) watch->place.here = false;
  if (error == 0) error = take(watch, true, &watch->result.before, &watch->before);
  if (error == 0) return watch;
  watch_free(watch);
  errno = error;
  return NULL;
}

static void observe(void *context, const struct load_progress *progress) {
  struct watch *watch = context;
  struct watch_sample sample;
  watch->connections = progress->connections;
  switch (progress->moment) {
    case LOAD_WARM:
      take_exact(watch, &watch->result.warm, NULL);
      break;
    case LOAD_MEASURE:
      take_exact(watch, &watch->result.measure, &watch->measure);
      break;
    case LOAD_TICK: /* a sample that fails is not missed */
      if (now_ns() >= watch->next_ns) take(watch, false, &sample, NULL);
      break;
    case LOAD_MEASURED:
      take_exact(watch, &watch->result.measured, NULL);
      break;
    case LOAD_OVER:
      watch->over_ns = now_ns();
      break;
  }
  if (watch->next.observe != NULL) watch->next.observe(watch->next.context, progress);
}

struct load_observer watch_observer(struct watch *watch, const struct load_observer *next) {
  if (next != NULL) watch->next = *next;
  return (struct load_observer){.context = watch, .observe = observe};
}

const struct watch_sample *watch_latest(const struct watch *watch) {
  const struct watch_result *result = &watch->result;
  return result->series_count > 0 ? &result->series[result->series_count - 1] : NULL;
}

/* ---- afterwards ---- */

/* Until then, or until something has been told to stop. */
static void wait_until(uint64_t when_ns, const volatile sig_atomic_t *stopped) {
  const struct timespec when = {.tv_sec = (time_t)(when_ns / 1000000000),
                                .tv_nsec = (long)(when_ns % 1000000000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) {
    if (stopped != NULL && *stopped) return;
  }
}

/* Everything but TIME_WAIT, which needs nobody and ends by itself. */
static bool is_same(const struct watch_sample *a, const struct watch_sample *b) {
  for (unsigned state = 0; state < FIN_TCP_STATE_COUNT; state++) {
    for (unsigned holder = 0; holder < FIN_HOLDER_COUNT; holder++) {
      if (holder == FIN_HOLDER_TIME_WAIT) continue;
      if (a->sockets[state][holder] != b->sockets[state][holder]) return false;
    }
  }
  return a->descriptors == b->descriptors;
}

static bool is_anything_left(const struct watch_sample *before, const struct watch_sample *now) {
  uint32_t there = 0, here = 0;
  for (unsigned state = 0; state < FIN_TCP_STATE_COUNT; state++) {
    for (unsigned holder = 0; holder < FIN_HOLDER_COUNT; holder++) {
      if (holder == FIN_HOLDER_TIME_WAIT) continue;
      there += before->sockets[state][holder];
      here += now->sockets[state][holder];
    }
  }
  return here > there || now->descriptors > before->descriptors;
}

/* Samples until the server rests, is stuck, or the time is over. */
static void come_to_rest(struct watch *watch, uint64_t deadline_ns,
                         const volatile sig_atomic_t *stopped) {
  struct watch_result *result = &watch->result;
  struct watch_sample last, sample;
  uint64_t changed_ns = watch->over_ns;
  take_exact(watch, &last, NULL);
  while (result->error == 0 && !(stopped != NULL && *stopped)) {
    const uint64_t now = now_ns();
    const uint64_t rest_ms = is_anything_left(&result->before, &last) ? STUCK_MS : REST_MS;
    result->settled = now - changed_ns >= rest_ms * 1000000;
    if (result->settled || now >= deadline_ns) break;
    wait_until(
        now + INTERVAL_MS * 1000000 > watch->next_ns ? now + INTERVAL_MS * 1000000 : watch->next_ns,
        stopped);
    result->error = take(watch, false, &sample, NULL);
    if (!is_same(&last, &sample)) changed_ns = now_ns();
    last = sample;
  }
  result->settle_seconds = (double)(changed_ns - watch->over_ns) / 1e9;
  take_exact(watch, &result->after, &watch->after);
}

static double idle_cpu(struct watch *watch, const volatile sig_atomic_t *stopped) {
  const uint64_t begun_ns = now_ns();
  uint64_t used_ns;
  watch_processes_look(&watch->processes);
  used_ns = watch_processes_cpu_ns(&watch->processes);
  wait_until(begun_ns + (uint64_t)IDLE_MS * 1000000, stopped);
  watch_processes_look(&watch->processes);
  used_ns = watch_processes_cpu_ns(&watch->processes) - used_ns;
  return (double)used_ns / (double)(now_ns() - begun_ns);
}

const struct watch_result *watch_settle(struct watch *watch, uint32_t settle_ms,
                                        const volatile sig_atomic_t *stopped) {
  struct watch_result *result = &watch->result;
  bool listening;
  int error;
  result->settled = false;
  result->idle_cpu = -1;
  if (watch->over_ns == 0) watch->over_ns = now_ns();
  error = watch_processes_find(&watch->processes, &watch->place, &listening);
  if (error != 0 && result->error == 0) result->error = error;
  come_to_rest(watch, watch->over_ns + (uint64_t)settle_ms * 1000000, stopped);
  watch_held_compare(&watch->before, &watch->measure, &watch->after, result);
  result->local = watch->place.here && result->error == 0;
  result->processes = result->local ? (unsigned)watch->processes.count : 0;
  if (result->processes > 0 && settle_ms > 0 && !(stopped != NULL && *stopped)) {
    result->idle_cpu = idle_cpu(watch, stopped);
  }
  return result;
}

void watch_free(struct watch *watch) {
  if (watch == NULL) return;
  free(watch->result.series);
  free(watch->processes.items);
  watch_held_release(&watch->before);
  watch_held_release(&watch->measure);
  watch_held_release(&watch->after);
  free(watch);
}
