/* SPDX-License-Identifier: MIT
 *
 * One run of a lab: the program under test, the players around it, and what was seen of them. All
 * of it happens in processes of its own, which end before lab_run returns, and with the caller
 * whatever ends that one; so the caller stays in its namespaces and may run one lab after another.
 */
#ifndef LAB_RUN_H
#define LAB_RUN_H

#include <signal.h>

#include "lab/expect.h"
#include "lab/story.h"

#define LAB_DELAY_AS_EXPECTED UINT32_MAX

enum { LAB_RUN_ALL_MS = 20 * 1000 };

struct lab_run; /* one that goes on */

struct lab_run_options {
  const struct lab_expect *expect;
  const struct lab_group
      *group;          /* a service's clients, and servers if it has some; NULL: the lab's */
  const char *program; /* under test: a path */
  const char *calls;   /* calls.so; NULL: lab_calls_path(), "": calls are not recorded */
  bool loopback;       /* also where a wire could be had */
  uint32_t delay_ms;   /* or LAB_DELAY_AS_EXPECTED */
  const struct lab_rule *rules; /* in front of the lab's; as many as fit */
  size_t rule_count;
  uint32_t watch_ms; /* instead of `run:`; 0: as long as that says */
  bool step;         /* segments wait for lab_run_release; then nothing has a deadline */

  /* Called by lab_run, in the caller's process. Events come in order of time, but for a few that
   * become known late. */
  void (*on_event)(void *context, struct lab_run *run, const struct lab_event *event);
  void (*on_input)(void *context, struct lab_run *run); /* `input` can be read */
  int input;                                            /* used if on_input is set */
  void *context;

  const volatile sig_atomic_t *stop; /* NULL, or ends the run when it is not 0 */
};

/* Runs until `run:` after the clients' last step (a program that is the client itself: after its
 * start), at most LAB_RUN_ALL_MS. False: it could not be run, and `why` tells; needs_wire without a
 * wire is such a case too. What was seen until then is in the story in both cases. The story must
 * be empty before, and released after. */
bool lab_run(const struct lab_run_options *options, struct lab_story *story,
             char why[LAB_ERROR_MAX]);

/* ---- from callbacks ---- */

/* Segments that are held, by number; 0: the one that is held longest. */
void lab_run_release(struct lab_run *run, uint64_t number);
void lab_run_discard(struct lab_run *run, uint64_t number);
void lab_run_step(struct lab_run *run, bool on);
void lab_run_end(struct lab_run *run); /* as if its time were over */

/* The recorder of calls: beside the command, or where it was installed; NULL: neither. */
const char *lab_calls_path(void);

#endif
