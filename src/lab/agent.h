/* SPDX-License-Identifier: MIT
 *
 * What the two sides of a run are made of: a process that plays its side's scripts, samples its
 * sockets, and has the program under test as its child if that is of this side. And what the
 * processes of a run share.
 */
#ifndef LAB_AGENT_H
#define LAB_AGENT_H

#include "lab/counters.h"
#include "lab/program.h"
#include "lab/run.h"

struct lab_board { /* in memory that all of a run's processes share */
  bool wire;       /* written by the runner, before there are sides */
  char why_no_wire[LAB_WHY_MAX];
  uint64_t lost_frames;            /* written by the runner, at the end */
  struct lab_counters counters[2]; /* written by the sides, before they say LAB_LOOKED */
  uint16_t server_port;            /* written by the side with the listener */
  char output[LAB_OUTPUT_MAX];     /* of the program; written by its side */
  size_t output_len;
};

struct lab_agent {
  enum lab_side side;
  const struct lab_run_options *options;
  const char *calls; /* NULL: not recorded */
  struct lab_board *board;
  int events;  /* a socket that takes lab_events */
  int told;    /* the same for the program's recorder, whose word counts for its calls only */
  int over;    /* becomes readable when it is time for the last look */
  int runner;  /* a socket: a byte comes when the wire stands; takes the ports of connections that
                  are to vanish, and answers each by a byte */
  int door[2]; /* a pipe: the server's side writes its port when it listens, the client's reads it
                */
};

/* Ends by SIGTERM, with all that the program has left. */
_Noreturn void lab_agent_run(const struct lab_agent *agent);

#endif
