/* SPDX-License-Identifier: MIT
 *
 * What a server made of some bytes, with a request of known answer, the canary, behind them: how
 * many requests it saw, and where they ended. An outcome in a document is a list of
 *
 *   200 "body"    a reply, and its body if that matters; 4xx: any of a class; any: any at all
 *   canary        last: then the canary was answered, as a request of its own
 *   closed        last: then the server closed, the canary unanswered
 *   waits         last: nothing more came
 *
 * With none of the last three it may be either `canary` or `closed`.
 */
#ifndef TEST_HTTP_OUTCOME_H
#define TEST_HTTP_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "support/http_case.h"

enum http_outcome_end {
  HTTP_OUTCOME_EITHER,
  HTTP_OUTCOME_CANARY,
  HTTP_OUTCOME_CLOSED,
  HTTP_OUTCOME_WAITS,
};

enum { HTTP_OUTCOME_REPLIES_MAX = 6, HTTP_OUTCOME_BODY_MAX = 64 };

struct http_outcome_reply {
  unsigned status, span; /* of statuses: 400 and 1, 400 and 100, 200 and 400 */
  bool has_body;
  char body[HTTP_OUTCOME_BODY_MAX + 1]; /* a longer one is cut */
};

struct http_outcome {
  struct http_outcome_reply replies[HTTP_OUTCOME_REPLIES_MAX];
  size_t reply_count;
  enum http_outcome_end end;
  bool foreign; /* something came that is no reply of HTTP/1.1 */
  bool half;    /* the last reply was cut short: it is not counted */
};

/* Reads what a document says; false if that is no outcome. */
bool http_outcome_parse(struct http_outcome *outcome, const char *text);

/* What has been received so far; 1xx is left out. True once nothing more is waited for: the
 * canary's answer is there, or something foreign, or `ended`. `first_bodiless`: the first request
 * is HEAD. */
bool http_outcome_read(struct http_outcome *seen, const char *data, size_t len,
                       const char *canary_body, bool first_bodiless, bool ended);

/* Whether what was seen is one of the outcomes that the case accepts. */
bool http_outcome_accepted(const struct http_outcome *seen, const struct http_case *of);

/* As in a document, with the bodies of replies of success if `bodies`. */
void http_outcome_print(const struct http_outcome *outcome, bool bodies, char *text, size_t size);

#endif
