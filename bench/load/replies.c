/* SPDX-License-Identifier: MIT */
#include "load/replies.h"

#include <string.h>

#include "load/plan.h"

const struct reply_kind *load_replies_of(enum load_protocol protocol) {
  switch (protocol) {
#ifdef FINALE_HAVE_HTTP
    case LOAD_HTTP:
      return &load_http_replies;
#endif
    case LOAD_ECHO:
      return &load_echo_replies;
    case LOAD_LINE:
      return &load_line_replies;
    default:
      return NULL;
  }
}

bool load_length_holds(struct plan *plan, uint64_t len) {
  uint64_t first = atomic_load_explicit(&plan->reply_len, memory_order_relaxed);
  if (first == len || plan->options.any_length) return true;
  if (first != PLAN_NO_REPLY) return false;
  return atomic_compare_exchange_strong(&plan->reply_len, &first, len) || first == len;
}

static enum verdict never_the_end(struct judge *judge, void *state) {
  (void)judge, (void)state;
  return VERDICT_PARTIAL;
}

/* ---- echo ---- */

/* The state is how much of the message has come back. */
static size_t take_echo(struct judge *judge, void *state, const char *data, size_t len,
                        enum verdict *verdict) {
  const struct plan *plan = judge->plan;
  size_t *got = state, missing = plan->request_len - *got;
  if (len > missing) len = missing;
  if (memcmp(data, plan->requests + *got, len) != 0) {
    *verdict = VERDICT_CONTENT;
    return len;
  }
  *got = len == missing ? 0 : *got + len;
  *verdict = *got == 0 ? VERDICT_GOOD : VERDICT_PARTIAL;
  return len;
}

const struct reply_kind load_echo_replies = {
    .state_size = sizeof(size_t), .take = take_echo, .end = never_the_end};

/* ---- line ---- */

/* The state is how much of the line has come. */
static size_t take_line(struct judge *judge, void *state, const char *data, size_t len,
                        enum verdict *verdict) {
  size_t *got = state;
  const char *end = memchr(data, '\n', len);
  *verdict = VERDICT_PARTIAL;
  if (end) len = (size_t)(end + 1 - data);
  *got += len;
  if (end) {
    *verdict = load_length_holds(judge->plan, *got) ? VERDICT_GOOD : VERDICT_LENGTH;
    *got = 0;
  }
  return len;
}

const struct reply_kind load_line_replies = {
    .state_size = sizeof(size_t), .take = take_line, .end = never_the_end};
