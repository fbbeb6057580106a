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
  char *requests;                   /* one request many times, one behind the other */
  size_t request_len, requests_len;
  struct manner workload;
  bool mixed, open; /* open: by a rate, whether replies come or not */
  bool rotates;     /* connects from several addresses */
  unsigned depth;
  _Atomic uint64_t reply_len; /* of the first reply in any thread */
};

bool load_plan_init(struct plan *plan, const struct load_options *options, char why[LOAD_WHY_MAX]);
void load_plan_fini(struct plan *plan);

/* A socket on its way to the target: non-blocking, without Nagle's delay. The number chooses the
 * address that it comes from. A negative errno if that fails at once. */
int load_dial(const struct plan *plan, const struct manner *manner, uint64_t number);

/* "http://127.0.0.1:7000" */
enum { LOAD_TARGET_TEXT_MAX = 512 };
const char *load_target_text(const struct load_target *target, char text[LOAD_TARGET_TEXT_MAX]);

#endif
