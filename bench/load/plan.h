/* SPDX-License-Identifier: MIT
 *
 * What all threads of a load share: what to do and in which words. Nobody writes it once it is
 * made, but for the length of the first reply.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdatomic.h>

#include "load/manners.h"
#include "load/replies.h"

#define PLAN_NO_REPLY UINT64_MAX

enum { PLAN_RECEIVE_MAX = 256 * 1024 }; /* what is received at once */

struct plan {
  struct load_options options;
  const struct reply_kind *replies; /* NULL: nothing is said */
  char *requests;                   /* many, one behind the other */
  size_t request_len, requests_len; /* all are of the same length */
  size_t cycle_len; /* from here on they are those from the beginning: where to go on from there */
  struct manner workload;
  bool mixed, open; /* open: by a rate, whether replies come or not */
  bool rotates;     /* connects from several addresses */
  unsigned depth;
  _Atomic uint64_t reply_len; /* of the first reply in any thread */
};

bool load_plan_init(struct plan *plan, const struct load_options *options, char why[LOAD_WHY_MAX]);
void load_plan_fini(struct plan *plan);

/* Where, at or behind this place in the requests, one begins. */
static inline size_t load_next_request(const struct plan *plan, size_t at) {
  if (plan->request_len == 0) return 0;
  return (at + plan->request_len - 1) / plan->request_len * plan->request_len % plan->cycle_len;
}

/* A socket on its way to the target: non-blocking, without Nagle's delay. The number chooses the
 * address that it comes from. A negative errno if that fails at once. */
int load_dial(const struct plan *plan, const struct manner *manner, uint64_t number);

/* "http://127.0.0.1:7000" */
enum { LOAD_TARGET_TEXT_MAX = 512 };
const char *load_target_text(const struct load_target *target, char text[LOAD_TARGET_TEXT_MAX]);

#endif
