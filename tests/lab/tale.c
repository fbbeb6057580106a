/* SPDX-License-Identifier: MIT
 *
 * See tale.h.
 */
#include "lab/tale.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_BEFORE = 7 }; /* when all clocks began */

static const uint64_t began = SECOND_BEFORE * UINT64_C(1000000000);

static uint64_t at(unsigned ms) { return began + ms * UINT64_C(1000000); }

static struct lab_event *add(struct tale *tale, unsigned ms, enum lab_kind kind) {
  struct lab_story *story = &tale->story;
  const struct lab_event event = {.at_ns = at(ms), .kind = kind};
  cr_assert(lab_story_add(story, &event));
  for (size_t i = story->count; i-- > 0;)
    if (story->events[i].at_ns == event.at_ns) return &story->events[i];
  return NULL;
}

void tale_begin(struct tale *tale, unsigned ms) {
  *tale = (struct tale){.client_port = TALE_PORT};
  tale->story.began_ns = began;
  tale->story.ended_ns = at(ms);
  tale->story.wire = true;
  tale->story.server_port = 7000;
}

void tale_expect(struct tale *tale, const char *text) {
  char error[LAB_ERROR_MAX], *whole;
  const bool titled = strstr(text, "title:") != NULL;
  cr_assert_gt(asprintf(&whole, "%s%s",
                        titled ? "" : "title: A tale\ntitle.zh: A tale\ncause: none\n", text),
               0);
  lab_expect_release(&tale->expect);
  const bool good = lab_expect_parse("expect", whole, strlen(whole), &tale->expect, error);
  cr_assert(good, "%s", error);
  free(whole);
}

void tale_release(struct tale *tale) {
  lab_story_release(&tale->story);
  lab_expect_release(&tale->expect);
}

struct lab_state *tale_state(struct tale *tale, unsigned ms, enum lab_side side, fin_tcp_state from,
                             fin_tcp_state to) {
  struct lab_state *state = &add(tale, ms, LAB_STATE)->state;
  *state = (struct lab_state){.side = side,
                              .source = LAB_SAMPLED,
                              .client_port = tale->client_port,
                              .server_port = 7000,
                              .from = from,
                              .to = to,
                              .holder = FIN_HOLDER_OWNED,
                              .fd = -1};
  return state;
}

struct lab_segment *tale_segment(struct tale *tale, unsigned ms, enum lab_side from, uint8_t flags,
                                 uint32_t len, enum lab_fate fate) {
  const struct lab_segment segment = {.number = ++tale->segments,
                                      .from = from,
                                      .fate = fate,
                                      .flags = flags,
                                      .client_port = tale->client_port,
                                      .server_port = 7000,
                                      .window = 502,
                                      .seq = 1,
                                      .ack = 1,
                                      .len = len};
  struct lab_segment *told = &add(tale, ms, LAB_SEGMENT)->segment;
  *told = segment;
  if (fate == LAB_DROPPED) return told;
  told = &add(tale, ms + 150, LAB_SEGMENT)->segment;
  *told = segment;
  told->leaves = true;
  return told;
}

struct lab_call *tale_call(struct tale *tale, unsigned ms, const char *name, int fd,
                           int64_t result) {
  struct lab_call *call = &add(tale, ms, LAB_CALL)->call;
  *call = (struct lab_call){
      .pid = 2, .fd = fd, .result = result, .client_port = tale->client_port, .server_port = 7000};
  snprintf(call->name, sizeof call->name, "%s", name);
  return call;
}

struct lab_said *tale_said(struct tale *tale, unsigned ms, unsigned player, const char *text) {
  struct lab_said *said = &add(tale, ms, LAB_SAID)->said;
  *said = (struct lab_said){
      .side = LAB_CLIENT, .player = player, .line = 9, .client_port = tale->client_port};
  snprintf(said->text, sizeof said->text, "%s", text);
  return said;
}

void tale_count(struct tale *tale, unsigned ms, unsigned descriptors, unsigned invisible) {
  add(tale, ms, LAB_COUNT)->count =
      (struct lab_count){.descriptors = descriptors, .invisible = invisible};
}

struct lab_point *tale_point(struct tale *tale, unsigned ms, enum lab_mark mark, const char *text) {
  struct lab_point *point = &add(tale, ms, LAB_POINT)->point;
  *point = (struct lab_point){.mark = mark, .side = LAB_SERVER};
  snprintf(point->text, sizeof point->text, "%s", text);
  return point;
}

void tale_counter(struct tale *tale, enum lab_side side, const char *name, int64_t grew) {
  struct lab_story *story = &tale->story;
  story->counters = realloc(story->counters, (story->counter_count + 1) * sizeof *story->counters);
  cr_assert_not_null(story->counters);
  story->counters[story->counter_count] = (struct lab_counter){.side = side, .grew = grew};
  snprintf(story->counters[story->counter_count++].name, sizeof story->counters->name, "%s", name);
}

/* ---- two stories ---- */

enum { FIN = 1, SYN = 2, ACK = 16 };

static void handshake(struct tale *tale) {
  struct lab_state *state;
  tale_state(tale, 0, LAB_SERVER, FIN_TCP_ANY, FIN_TCP_LISTEN)->client_port = 0;
  tale_count(tale, 1, 1, 0);
  tale_point(tale, 2, LAB_READY, "");
  tale_segment(tale, 10, LAB_CLIENT, SYN, 0, LAB_PASSED);
  tale_state(tale, 12, LAB_CLIENT, FIN_TCP_ANY, FIN_TCP_SYN_SENT)->timer = FIN_TCP_TIMER_RETRANSMIT;
  state = tale_state(tale, 163, LAB_SERVER, FIN_TCP_LISTEN, FIN_TCP_SYN_RECV);
  state->holder = FIN_HOLDER_QUEUED;
  tale_segment(tale, 161, LAB_SERVER, SYN | ACK, 0, LAB_PASSED);
  tale_state(tale, 314, LAB_CLIENT, FIN_TCP_SYN_SENT, FIN_TCP_ESTABLISHED);
  tale_said(tale, 313, 1, "connect");
  tale_segment(tale, 312, LAB_CLIENT, ACK, 0, LAB_PASSED);
  tale_said(tale, 315, 1, "send \"hello\\n\"");
  tale_segment(tale, 316, LAB_CLIENT, ACK, 6, LAB_PASSED);
  tale_call(tale, 463, "accept", 9, 9);
  state = tale_state(tale, 464, LAB_SERVER, FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED);
  snprintf(state->owner, sizeof state->owner, "broken");
  state->fd = 9;
  tale_count(tale, 464, 2, 0);
  tale_call(tale, 467, "read", 9, 6);
  tale_call(tale, 468, "write", 9, 6);
  tale_segment(tale, 469, LAB_SERVER, ACK, 6, LAB_PASSED);
  tale_said(tale, 620, 1, "read \"HELLO\\n\"");
  struct lab_said *said = tale_said(tale, 621, 1, "close");
  said->last = true;
  tale_point(tale, 622, LAB_PLAYED, "");
  tale_segment(tale, 622, LAB_CLIENT, FIN | ACK, 0, LAB_PASSED);
  tale_state(tale, 625, LAB_CLIENT, FIN_TCP_ESTABLISHED, FIN_TCP_FIN_WAIT1)->holder =
      FIN_HOLDER_ORPHAN;
  tale_call(tale, 774, "eof", 9, 0);
}

void tale_eof_ignored(struct tale *tale) {
  struct lab_state *state;
  tale_begin(tale, 5600);
  handshake(tale);
  state = tale_state(tale, 776, LAB_SERVER, FIN_TCP_ESTABLISHED, FIN_TCP_CLOSE_WAIT);
  snprintf(state->owner, sizeof state->owner, "broken");
  state->fd = 9;
  tale_segment(tale, 815, LAB_SERVER, ACK, 0, LAB_PASSED);
  state = tale_state(tale, 968, LAB_CLIENT, FIN_TCP_FIN_WAIT1, FIN_TCP_FIN_WAIT2);
  state->holder = FIN_HOLDER_ORPHAN;
  state->timer = FIN_TCP_TIMER_TIME_WAIT;
  state->timer_ms = 3000;
  state = tale_state(tale, 3970, LAB_CLIENT, FIN_TCP_FIN_WAIT2, FIN_TCP_ANY);
  state->source = LAB_KERNEL;
  state->holder = FIN_HOLDER_ANY;
  tale_count(tale, 5599, 2, 0);
}

void tale_eof_heeded(struct tale *tale) {
  struct lab_state *state;
  tale_begin(tale, 3600);
  handshake(tale);
  tale_call(tale, 775, "close", 9, 0);
  state = tale_state(tale, 775, LAB_SERVER, FIN_TCP_ESTABLISHED, FIN_TCP_CLOSE_WAIT);
  state->source = LAB_INFERRED;
  tale_segment(tale, 776, LAB_SERVER, FIN | ACK, 0, LAB_PASSED);
  state = tale_state(tale, 777, LAB_SERVER, FIN_TCP_CLOSE_WAIT, FIN_TCP_LAST_ACK);
  state->holder = FIN_HOLDER_ORPHAN;
  state->send_queue = 1;
  tale_count(tale, 777, 1, 0);
  state = tale_state(tale, 928, LAB_CLIENT, FIN_TCP_FIN_WAIT1, FIN_TCP_TIME_WAIT);
  state->holder = FIN_HOLDER_TIME_WAIT;
  state->timer = FIN_TCP_TIMER_TIME_WAIT;
  state->timer_ms = 60000;
  tale_segment(tale, 927, LAB_CLIENT, ACK, 0, LAB_PASSED);
  state = tale_state(tale, 1079, LAB_SERVER, FIN_TCP_LAST_ACK, FIN_TCP_ANY);
  state->source = LAB_KERNEL;
  state->holder = FIN_HOLDER_ANY;
  tale_count(tale, 3599, 1, 0);
}
