/* SPDX-License-Identifier: MIT
 *
 * For tests of the watch: an echo server in a process of its own, with a fault, and a load on it of
 * which every step is said.
 *
 *   struct watched watched;
 *   watched_begin(&watched, &(struct fault){.keep_every = 100});
 *   watched_load(&watched, 500);
 *   watched_settle(&watched);                       watched.report is complete
 *   cr_expect(watched_gate(&watched, "leftover.close_wait==5"));
 *   watched_end(&watched);
 */
#ifndef TESTS_WATCHED_H
#define TESTS_WATCHED_H

#include "report/report.h"
#include "support/leftover.h"

enum { WATCHED_SETTLE_MS = 10000 };

struct fault {            /* all zero: a good server */
  unsigned keep_every;    /* one connection in so many is not closed at the peer's FIN */
  unsigned keep_first;    /* so many, and then no more */
  unsigned lose_every;    /* at one in so many a descriptor is left open that is no socket */
  unsigned close_late_ms; /* after the peer's FIN */
  bool close_first;       /* behind the reply, without waiting for the peer's FIN */
  bool spin;              /* from the first FIN on */
  bool never_accept;
  bool work_elsewhere; /* from the first FIN on a worker, forked then, burns and holds */
  bool end;            /* the process does, after having burned, at the first FIN */
};

enum { FAULT_BURN_MS = 100, FAULT_HOLD = 7 }; /* CPU time, descriptors */

struct watched {
  struct leftover_baseline baseline;
  pid_t server;
  struct load_target target;
  struct watch *watch;
  struct load_observer observer;
  struct load_options options;
  struct load_result load;
  const struct watch_result *result;
  struct report report;
  uint64_t connections;
};

/* Binds a port of this address and listens. */
int watched_listen(const char *address, struct load_target *target);
void watched_serve(struct watched *watched, int listener, const struct fault *fault);

/* All of these: a server on 127.0.0.1, and a watch of it. */
void watched_begin(struct watched *watched, const struct fault *fault);
void watched_watch(struct watched *watched); /* of watched->target */

void watched_tell(struct watched *watched, enum load_moment moment);
int watched_connect(struct watched *watched); /* and has its one byte answered */
int watched_dial(const struct load_target *target);
bool watched_answers(int fd);
/* Visits of the warm-up, WARM told before. */
void watched_warm(struct watched *watched, unsigned visits);
/* Visits, with every moment told: MEASURE before, and WARM if there was none, a TICK after each
 * tenth part, MEASURED and OVER behind. */
void watched_load(struct watched *watched, unsigned visits);
void watched_settle(struct watched *watched);
bool watched_gate(const struct watched *watched, const char *text); /* parses and checks */
bool watched_knows(const struct watched *watched, const char *key, double *value);

/* Ends the server, and asserts that this process has nothing left. */
void watched_end(struct watched *watched);

#endif
