/* SPDX-License-Identifier: MIT
 *
 * The process between lab_run and the two sides: it leaves for namespaces of its own, is the wire
 * there, and the sides' parent.
 */
#ifndef LAB_RUNNER_H
#define LAB_RUNNER_H

#include "lab/agent.h"

/* What lab_run asks of it. */
enum lab_wish { LAB_WISH_RELEASE, LAB_WISH_DISCARD, LAB_WISH_STEP };

struct lab_order {
  enum lab_wish wish;
  uint64_t number; /* of a segment; of LAB_WISH_STEP: on or off */
};

struct lab_runner {
  const struct lab_run_options *options;
  const char *calls;
  struct lab_board *board;
  int events, told, over; /* as of lab_agent */
  int orders;             /* a socket: takes lab_orders; when the other end is closed, all ends */
};

_Noreturn void lab_runner_run(const struct lab_runner *runner);

#endif
