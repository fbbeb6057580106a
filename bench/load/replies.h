/* SPDX-License-Identifier: MIT
 *
 * Judging replies: bytes in, verdict out. Each protocol keeps what it knows of the reply under way
 * in some bytes of the connection; all zero: nothing of it has come.
 */
#ifndef BENCH_REPLIES_H
#define BENCH_REPLIES_H

#include "load/load.h"

struct plan;

enum verdict {
  VERDICT_PARTIAL, /* not yet whole */
  VERDICT_GOOD,
  VERDICT_STATUS, /* whole, but not what was wanted: as the errors of load.h have it */
  VERDICT_LENGTH,
  VERDICT_CONTENT, /* and here it makes no sense to read on */
  VERDICT_MALFORMED,
};

enum { JUDGE_LAST_MAX = 16 * 1024 };

struct judge { /* of one thread */
  struct plan *plan;
  bool closes;               /* the server has said that this reply is its last one */
  unsigned status;           /* HTTP's, of the last reply that was looked at */
  size_t last_len;           /* 0: none */
  char last[JUDGE_LAST_MAX]; /* the last good reply: one that is the same is good without a look */
};

struct reply_kind {
  size_t state_size;

  /* Reads on, at most to the end of the reply; returns how far. */
  size_t (*take)(struct judge *judge, void *state, const char *data, size_t len,
                 enum verdict *verdict);

  /* The connection has come to its end: was that the end of the reply? */
  enum verdict (*end)(struct judge *judge, void *state);
};

extern const struct reply_kind load_echo_replies, load_line_replies, load_http_replies;

/* NULL: the protocol has none, or they are not built in. */
const struct reply_kind *load_replies_of(enum load_protocol protocol);

/* Whether a reply's length is that of the first one in all threads, which it may be. */
bool load_length_holds(struct plan *plan, uint64_t len);

#endif
