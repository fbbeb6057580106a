/* SPDX-License-Identifier: MIT
 *
 * Whether a story is as a lab claims: a verdict for each claim, with what was seen, so that who
 * reads a failure knows what to look for. The claims are explained in examples/labs/README.md.
 */
#ifndef LAB_JUDGE_H
#define LAB_JUDGE_H

#include <stdio.h>

#include "lab/expect.h"
#include "lab/life.h"
#include "lab/story.h"

/* X(name, text) */
#define LAB_VERDICTS(X) \
  X(HOLDS, "holds") \
  X(FAILS, "fails") \
  X(OPEN, "not judged") /* the finding says why: there was no wire, or the run was stopped */

enum lab_verdict {
#define LAB_VERDICT_ENUM(name, text) LAB_##name,
  LAB_VERDICTS(LAB_VERDICT_ENUM)
#undef LAB_VERDICT_ENUM
};

const char *lab_verdict_name(enum lab_verdict verdict);

enum { LAB_SEEN_MAX = 320 };

struct lab_finding {
  const struct lab_claim *claim; /* claim->source is the line as it was written */
  enum lab_verdict verdict;
  char seen[LAB_SEEN_MAX]; /* "the server's CLOSE-WAIT lasted 0.2 s, with Recv-Q 7; ..." */
};

/* A transition that TCP does not have (RFC 9293, figure 5): a mistake of ours or of the kernel. */
struct lab_breach {
  const struct lab_event *event; /* a LAB_STATE */
  fin_tcp_state from;            /* what the socket was before, as far as the story tells */
  char text[160];
};

struct lab_judgement {
  struct lab_finding *findings; /* in the order of the claims */
  size_t count;
  size_t verdicts[3]; /* how many, by verdict */

  /* What a service is judged by besides its claims: each client has done all its steps. */
  struct lab_finding clients; /* claim is NULL */

  struct lab_breach *breaches;
  size_t breach_count;
};

/* `group` is broken, fixed or a service of `expect`. Both and the story must outlive the judgement.
 * False: no memory, and nothing is to be released. */
bool lab_judge(const struct lab_story *story, const struct lab_expect *expect,
               const struct lab_group *group, struct lab_judgement *judgement);
void lab_judgement_release(struct lab_judgement *judgement);

/* ---- for the parts of the judge ---- */

struct lab_case {
  const struct lab_story *story;
  const struct lab_expect *expect;
  const struct lab_players *clients; /* those that ran */
  struct lab_lives lives;
};

/* see, stay, never, gone, order, connections. */
bool lab_judge_states(const struct lab_case *it, const struct lab_claim *claim,
                      struct lab_finding *finding);

/* Puts printf's text behind what is in `text`, as much as fits. */
void lab_say(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "0.25 s", "4.2 s". */
const char *lab_seconds(uint64_t ns, char text[24]);
/* "the server's", "the client's" */
const char *lab_whose(enum lab_side side);

#endif
