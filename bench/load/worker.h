/* SPDX-License-Identifier: MIT
 *
 * One thread of a load: an epoll, its share of the connections, and what they have counted. Nothing
 * here is touched by another thread before this one has ended.
 */
#ifndef BENCH_WORKER_H
#define BENCH_WORKER_H

#include <pthread.h>

#include "load/client.h"
#include "load/plan.h"
#include "load/tally.h"

struct worker {
  struct plan *plan;
  struct tally *tally;
  unsigned number;
  pthread_t thread;
  int epoll, wake; /* wake: an eventfd, written to when the phase has changed */

  struct client *clients;
  char *replies;                                 /* their states */
  unsigned client_count, begun, starting, alive; /* starting: begun, and not yet settled */
  struct client *again;                          /* these have more to do than one turn allows */
  uint64_t dialled;

  enum tally_phase phase;
  bool measuring; /* requests are counted now */
  uint64_t now_ns;

  /* With a number of requests: this thread's share that is not yet answered. */
  bool limited;
  uint64_t left, outstanding; /* outstanding: asked and not answered, in all connections */

  /* By a rate. */
  uint64_t start_ns; /* of the schedule; 0: not yet */
  double interval_ns;
  uint64_t turn; /* the next one that is not yet due */
  bool owes;     /* leaving: what was due until then is still asked for */

  /* The next moments of what is done from time to time; 0: never. */
  uint64_t scan_ns, tick_ns, report_ns, leave_ns;

  /* What is counted: since the last report, and in all. */
  unsigned second;
  struct load_counts counts, total;
  struct histogram interval, connect;
  struct tally_news news;
  _Atomic uint64_t connections; /* made since the load began; others may look at it any time */
  struct load_visits visits[LOAD_MANNER_COUNT];
  struct dealer dealer;
  int connect_error;        /* of the first connection that could not be made */
  uint64_t cpu_ns, done_ns; /* done: with its share of requests */

  struct judge judge;
  char buffer[PLAN_RECEIVE_MAX];
};

/* All but the thread. NULL with errno set. */
struct worker *worker_new(struct plan *plan, struct tally *tally, unsigned number);
void worker_free(struct worker *worker);

void *worker_run(void *worker);          /* of pthread_create; returns NULL when all is closed */
void worker_wake(struct worker *worker); /* the tally has news for it */

/* ---- for the clients ---- */

/* How many more requests may be asked for by this client. */
uint64_t worker_may_ask(const struct worker *worker, const struct client *client);

/* When a turn of its client was, or will be, due. */
uint64_t worker_due_ns(const struct worker *worker, uint64_t turn);

/* So many requests have their good replies; UNTIMED: latency is not known. */
#define WORKER_UNTIMED UINT64_MAX
void worker_count_good(struct worker *worker, uint64_t requests, uint64_t latency_ns);

/* One has none; `counter` is one of worker->counts.errors. */
void worker_count_bad(struct worker *worker, uint64_t *counter);

#endif
