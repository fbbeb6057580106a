/* SPDX-License-Identifier: MIT
 *
 * Stories that nobody has lived through, in milliseconds: what the judge, the timeline and the page
 * are given.
 */
#ifndef TESTS_LAB_TALE_H
#define TESTS_LAB_TALE_H

#include "lab/expect.h"
#include "lab/story.h"

enum { TALE_PORT = 40001 }; /* of the first client */

struct tale {
  struct lab_story story;
  struct lab_expect expect;
  uint16_t client_port; /* of what is told next */
  uint64_t segments;
};

/* With a wire, from 0 ms on, for so long. */
void tale_begin(struct tale *tale, unsigned ms);
/* The whole file `expect`; without `title:` and `cause:` it gets some. */
void tale_expect(struct tale *tale, const char *text);
void tale_release(struct tale *tale);

/* A socket comes to a state: Recv-Q and Send-Q 0, owned, no timer. The pointer is good until the
 * next event. */
struct lab_state *tale_state(struct tale *tale, unsigned ms, enum lab_side side, fin_tcp_state from,
                             fin_tcp_state to);
/* Enters the wire, and leaves it 150 ms later unless it is lost. */
struct lab_segment *tale_segment(struct tale *tale, unsigned ms, enum lab_side from, uint8_t flags,
                                 uint32_t len, enum lab_fate fate);
struct lab_call *tale_call(struct tale *tale, unsigned ms, const char *name, int fd,
                           int64_t result);
struct lab_said *tale_said(struct tale *tale, unsigned ms, unsigned player, const char *text);
void tale_count(struct tale *tale, unsigned ms, unsigned descriptors, unsigned invisible);
struct lab_point *tale_point(struct tale *tale, unsigned ms, enum lab_mark mark, const char *text);
void tale_counter(struct tale *tale, enum lab_side side, const char *name, int64_t grew);

/* A client that says hello and leaves, and a server that never closes; or one that does. */
void tale_eof_ignored(struct tale *tale);
void tale_eof_heeded(struct tale *tale);

#endif
