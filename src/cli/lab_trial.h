/* SPDX-License-Identifier: MIT
 *
 * A program put to the test: run with a lab's players, judged by what the lab says of it.
 */
#ifndef FINALE_CLI_LAB_TRIAL_H
#define FINALE_CLI_LAB_TRIAL_H

#include "lab.h"
#include "lab/cause.h"
#include "lab/judge.h"
#include "lab/run.h"

enum labs_outcome {
  LABS_AS_CLAIMED,
  LABS_NOT_AS_CLAIMED,
  LABS_NOT_TRIED, /* it needs what is not here; `why` tells */
  LABS_NOT_RUN    /* something went wrong, or it was stopped; `why` tells */
};

struct labs_trial {
  const struct labs_entry *entry;
  const struct lab_group *group; /* what it was judged by: broken, fixed, or a service */
  enum labs_outcome outcome;
  struct lab_story story;
  struct lab_judgement judgement;
  struct lab_diagnosis diagnosis;
  bool judged; /* only then these two are of use */
  char why[LAB_ERROR_MAX];
};

struct labs_setting {
  const char *program;
  const struct lab_group *group;
  struct lab_run_options
      run; /* callbacks, rules, delay; expect, group, program, stop are set here */
};

/* Returns the outcome, which is in the trial as well. Release it in any case. */
enum labs_outcome labs_trial_run(struct labs_trial *trial, const struct labs_entry *entry,
                                 const struct labs_setting *setting);
void labs_trial_release(struct labs_trial *trial);

/* Whether the group is a service: judged by its clients as well. */
bool labs_is_service(const struct labs_entry *entry, const struct lab_group *group);

/* Each claim with its verdict; `all`: also those that hold. */
void labs_print_claims(FILE *out, const struct labs_trial *trial, bool all);
void labs_print_cause(FILE *out, const struct labs_trial *trial, bool chinese);

/* Why the program is not as claimed, told from what was seen. */
void labs_explain(FILE *out, const struct labs_trial *trial);

/* ---- a mended program: the bad states are gone, and the service behaves ---- */

struct labs_examination {
  enum labs_outcome outcome;
  unsigned trials;
  size_t open; /* claims that could not be judged */
  bool wire;
};

/* The lab's own run first, then its services; ends with the first that is not as claimed. Tells
 * `out` about each, briefly or with explanations. */
void labs_examine(struct labs_examination *examination, const struct labs_entry *entry,
                  const char *program, const struct lab_run_options *run, FILE *out, bool brief);

/* Builds FILE of the lab's folder, or what `file` is a path of, into `scratch`. False: said to
 * `out`. */
bool labs_build_for(const struct labs_entry *entry, const char *source, const char *scratch,
                    const char *name, char program[PATH_MAX], FILE *out);

/* `lab check --all-broken` and the like: the exit status. */
enum labs_all { LABS_ALL_BROKEN, LABS_ALL_FIXED, LABS_ALL_WRONG };
int labs_check_all(const struct labs *labs, enum labs_all all, unsigned jobs, bool loopback);

#endif
