/* SPDX-License-Identifier: MIT
 *
 * For tests that run a whole lab: programs built on the way, and questions to the story.
 */
#ifndef TESTS_LAB_PLAYED_H
#define TESTS_LAB_PLAYED_H

#include "lab/run.h"

struct played {
  char directory[64], program[80];
  struct lab_expect expect;
  struct lab_run_options options; /* filled by played_begin; change it before played_run */
  struct lab_story story;
  char why[LAB_ERROR_MAX];
};

/* `source`: a file of the tree, as "examples/labs/02-eof-ignored/broken.c", or C text, which has a
 * '\n'. `expect` likewise. Flags are for the compiler; NULL: none. */
void played_begin(struct played *played, const char *source, const char *flags, const char *expect);
void played_run(struct played *played); /* skips the test where a wire is needed and refused */
void played_end(struct played *played);

/* The states that a side's n-th connection, from 0, has entered, as "SYN-SENT ESTAB FIN-WAIT-1",
 * with "gone" at the end if it is. Checks that each step is legal. */
const char *played_way(const struct played *played, enum lab_side side, size_t nth);
/* What is known last of it; NULL: there was none. */
const struct lab_state *played_last(const struct played *played, enum lab_side side, size_t nth);

/* The calls of the program on TCP sockets: "accept read write eof close". */
const char *played_calls(const struct played *played);
int64_t played_grew(const struct played *played, enum lab_side side, const char *counter);
unsigned played_descriptors(const struct played *played); /* more than before the clients came */
bool played_failed(const struct played *played);          /* some step of a client */

#endif
