/* SPDX-License-Identifier: MIT
 *
 * What people say about CLOSE_WAIT, each as an experiment: a program of a lab, players, what must
 * be seen for our answer to stand, and the measure that is taken from the story.
 */
#ifndef FINALE_CLI_LAB_CLAIMS_H
#define FINALE_CLI_LAB_CLAIMS_H

#include "lab_trial.h"

struct labs_claim {
  const char *claim;   /* as it is found on the web */
  const char *verdict; /* ours, if the experiment comes out as `expect` says */
  const char *lab, *program;
  const char *expect; /* from `sysctl:` on; what must be seen is its `fixed:` */
  bool killed;        /* the program is, by SIGKILL, two seconds behind the clients' last step */
  void (*measure)(const struct lab_story *story, FILE *out);
};

extern const struct labs_claim labs_claims[];
extern const size_t labs_claim_count;

#endif
