/* SPDX-License-Identifier: MIT
 *
 * What a server holds while it is under load, and what it keeps afterwards: its sockets by state
 * and holder as the kernel counts them, its descriptors, memory and CPU time. A server on another
 * machine cannot be seen: then only our own sockets are counted (`local` is false). Of one that
 * belongs to somebody else only the sockets are seen (`processes` is 0).
 */
#ifndef BENCH_WATCH_H
#define BENCH_WATCH_H

#include <finale/observe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/load.h"

struct watch_sample {
  double seconds;       /* since the watch began */
  uint64_t connections; /* that the load had made by then */
  /* Of the server: local port; no LISTEN; nothing under ANY. */
  uint32_t sockets[FIN_TCP_STATE_COUNT][FIN_HOLDER_COUNT];
  uint32_t clients[FIN_TCP_STATE_COUNT];       /* the other ends, where they are here */
  uint32_t descriptors;                        /* open in the server's processes */
  uint64_t rss_bytes, anonymous_bytes, cpu_ns; /* of all of them */
};

struct watch_result {
  bool local;         /* the server is on this machine: its sockets are seen */
  unsigned processes; /* with the listening socket, and what they have started; 0: not seen */
  int error;          /* errno of what could not be read: then `local` is false as well */
  /* From before the load until nothing changed: ten a second, fewer if one takes more than 20 ms (a
   * fifth of the time is the most that a watch takes), and those below. */
  struct watch_sample *series;
  size_t series_count;
  /* after: when nothing changed any more. CPU time is read last, at the boundary itself. */
  struct watch_sample before, warm, measure, measured, after;
  /* Of what is left `after`, what was left over already when measuring began: the same sockets and
   * descriptors, then no longer established. */
  uint32_t kept_sockets, kept_descriptors;
  double settle_seconds; /* from the end of the load to the last change */
  bool settled;          /* nothing changed any more before the deadline */
  double idle_cpu; /* of one processor, afterwards, for a second: 0 to 1 and more; -1: not seen */
};

/* What was not there before, never below 0: owned sockets, LISTEN left out; those owned in a state;
 * those of a holder; descriptors. */
uint32_t watch_left_owned(const struct watch_result *result);
uint32_t watch_left_in(const struct watch_result *result, fin_tcp_state state);
uint32_t watch_left_held(const struct watch_result *result, fin_holder holder);
uint32_t watch_left_descriptors(const struct watch_result *result);
/* The slope of that: the larger of sockets and descriptors left, without those that were left over
 * already when measuring began, for 1,000 connections that have ended since. */
double watch_left_per_1000(const struct watch_result *result);

struct watch;

/* Before the load. NULL with errno: the census cannot be taken. */
struct watch *watch_new(const struct load_target *target);

/* For load_run: takes samples; call `next`'s observe too if that is not NULL. */
struct load_observer watch_observer(struct watch *watch, const struct load_observer *next);

/* The sample taken last; NULL if none was. Valid until the next one. */
const struct watch_sample *watch_latest(const struct watch *watch);

/* After the load: goes on until nothing the server holds has changed for a second and nothing of
 * the load is left, or nothing for three seconds, or settle_ms are over; then looks at idle CPU for
 * a second. With settle_ms 0 it does neither: `after` is what is there now. `stopped` as in
 * load_options. The result lives as long as the watch. */
const struct watch_result *watch_settle(struct watch *watch, uint32_t settle_ms,
                                        const volatile sig_atomic_t *stopped);
void watch_free(struct watch *watch);

#endif
