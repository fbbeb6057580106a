/* SPDX-License-Identifier: MIT
 *
 * Reports of loads that nobody has run, for what prints them.
 */
#ifndef TESTS_BENCH_MADE_UP_H
#define TESTS_BENCH_MADE_UP_H

#include "report/report.h"

/* X(name, what is special about it) */
#define MADE_UPS(X) \
  X(clean, "ten seconds of keep-alive in which the server stalls once; nothing is left over") \
  X(rude, "a mix of visits, with errors of every kind; sockets of many states are left over") \
  X(second, "a load of less than a second, in which the watch took one sample") \
  X(silent, "nothing was answered, and nothing was watched") \
  X(gaps, "seconds without any answer among the others") \
  X(remote, "a server on another machine, in an open loop") \
  X(ramp, "the run at the rate that a ramp has found; it was not waited for the server") \
  X(hour, "an hour, in more steps and samples than a page has places") \
  X(hostile, "a target and a command that try to be more than text")

enum made_up {
#define MADE_UP_ENUM(name, text) MADE_UP_##name,
  MADE_UPS(MADE_UP_ENUM)
#undef MADE_UP_ENUM
      MADE_UP_COUNT
};

const char *made_up_name(enum made_up which);
struct report *made_up_new(enum made_up which);
void made_up_free(struct report *report);

#endif
