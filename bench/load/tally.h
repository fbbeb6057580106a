/* SPDX-License-Identifier: MIT
 *
 * What the threads of a load tell each other: the phase, which the one that runs them sets, and
 * what they have counted, second by second.
 */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <pthread.h>
#include <stdatomic.h>

#include "load/load.h"

enum tally_phase { TALLY_WARMING, TALLY_MEASURING, TALLY_LEAVING };

struct tally_news {          /* of one thread, or of all */
  struct load_counts counts; /* since measuring began */
  uint64_t requests;         /* answered since the load began */
  unsigned settled;          /* connections that are there (idle: answered), or have failed once */
  unsigned done;             /* threads that have no more requests to make */
  unsigned gone;             /* threads that have closed all connections */
};

struct tally {
  _Atomic int phase;
  _Atomic unsigned begin_max; /* so many connections may be begun in all */
  uint64_t measure_ns;        /* when measuring began: before the phase says so */
  uint64_t leave_ns;          /* and when it ended */

  pthread_mutex_t lock;
  pthread_cond_t changed;

  /* Under the lock. */
  unsigned threads;
  struct tally_news *news;   /* of each thread */
  bool unheard;              /* something has changed since the last wait */
  unsigned second, reported; /* which second is counted, and how many have reported it */
  struct load_counts counts; /* of it */
  struct histogram interval;
};

struct tally *tally_new(unsigned threads); /* NULL: no memory */
void tally_free(struct tally *tally);

uint64_t load_now_ns(void); /* of CLOCK_MONOTONIC */
void load_counts_add(struct load_counts *to, const struct load_counts *from);

/* ---- for the threads ---- */

/* `wakes`: the one that runs them should look at it now. */
void tally_tell(struct tally *tally, unsigned thread, const struct tally_news *news, bool wakes);

/* Takes over and clears what one has counted in this second. False: others have yet to report the
 * one before; try again soon. `last`: there is no more to come. */
bool tally_report(struct tally *tally, unsigned second, struct load_counts *counts,
                  struct histogram *interval, bool last);

/* ---- for the one that runs them ---- */

/* The second that all threads have reported, or, with `last`, what has been reported since: it goes
 * into `second`, but for its length, and into `total`. False: not yet. */
bool tally_collect(struct tally *tally, bool last, struct load_second *second,
                   struct histogram *total);

/* Waits until something changes, at most to this moment. */
void tally_wait(struct tally *tally, uint64_t until_ns);

struct tally_news tally_look(struct tally *tally);

#endif
