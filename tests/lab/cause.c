/* SPDX-License-Identifier: MIT
 *
 * The evidence that each cause leaves, as little of it as may be; and the way from a story to it.
 */
#include "lab/cause.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lab/tale.h"

struct lead {
  enum lab_cause cause;
  enum lab_side side;
  struct lab_leftover sockets[2];
  struct lab_evidence evidence;
};

/* X(state, holder, for_ms, more) */
#define KEPT(in, ...) \
  { .here = true, .state = FIN_TCP_##in, .holder = FIN_HOLDER_OWNED, .for_ms = 2000, __VA_ARGS__ }

static const struct lead leads[] = {
    {LAB_CAUSE_NONE, LAB_SERVER, {{0}}, {0}},
    {LAB_CAUSE_NONE, LAB_CLIENT, {{.here = true, .state = FIN_TCP_TIME_WAIT}}, {0}},
    {LAB_CAUSE_NONE, LAB_SERVER, {KEPT(ESTABLISHED, .timer = FIN_TCP_TIMER_KEEPALIVE)}, {0}},
    {LAB_CAUSE_EOF_IGNORED, LAB_SERVER, {KEPT(CLOSE_WAIT, .eof_read = LAB_YES)}, {0}},
    {LAB_CAUSE_READ_STOPPED, LAB_SERVER, {KEPT(CLOSE_WAIT, .recv_queue = 1)}, {0}},
    {LAB_CAUSE_FIN_BEHIND_DATA,
     LAB_SERVER,
     {KEPT(ESTABLISHED, .recv_queue = 4096, .peer = FIN_TCP_FIN_WAIT1, .peer_send_queue = 9000)},
     {0}},
    {LAB_CAUSE_PARTIAL_READ, LAB_SERVER, {KEPT(CLOSE_WAIT, .recv_queue = 7, .bytes_read = 4)}, {0}},
    {LAB_CAUSE_BLOCKED_LOOP, LAB_SERVER, {{0}}, {.pause_ms = 3000, .backlog_most = 3}},
    {LAB_CAUSE_NEVER_ACCEPTED,
     LAB_SERVER,
     {{.here = true, .state = FIN_TCP_CLOSE_WAIT, .holder = FIN_HOLDER_QUEUED, .for_ms = 2000}},
     {.backlog = 1}},
    {LAB_CAUSE_FORK_INHERIT,
     LAB_SERVER,
     {KEPT(CLOSE_WAIT, .recv_queue = 1, .closed = LAB_YES)},
     {.forks = 1, .calls_known = true}},
    {LAB_CAUSE_SHUTDOWN_NO_CLOSE,
     LAB_SERVER,
     {{.state = FIN_TCP_LAST_ACK, .ended = LAB_YES, .closed = LAB_NO}},
     {.invisible = 1}},
    {LAB_CAUSE_KEEPALIVE_MIRAGE,
     LAB_SERVER,
     {KEPT(CLOSE_WAIT, .recv_queue = 1, .timer = FIN_TCP_TIMER_KEEPALIVE)},
     {.keepalives = 4}},
    {LAB_CAUSE_KEEPALIVE_MIRAGE, LAB_SERVER, {{0}}, {.keepalives = 4, .invisible = 1}},
    {LAB_CAUSE_POOL_ROT, LAB_CLIENT, {KEPT(CLOSE_WAIT, .recv_queue = 1, .made = true)}, {0}},
    {LAB_CAUSE_HALF_CLOSED_PROXY,
     LAB_SERVER,
     {KEPT(CLOSE_WAIT, .eof_read = LAB_YES), KEPT(ESTABLISHED, .made = true)},
     {0}},
    {LAB_CAUSE_FIN_WAIT2_OWNED, LAB_SERVER, {KEPT(FIN_WAIT2, .peer = FIN_TCP_CLOSE_WAIT)}, {0}},
    {LAB_CAUSE_UNREAD_DATA_RST, LAB_SERVER, {{0}}, {.aborts_on_close = 1, .peer_failed = true}},
    {LAB_CAUSE_PENDING_WRITE, LAB_SERVER, {{0}}, {.cut_short = true, .peer_failed = true}},
    {LAB_CAUSE_LINGER_ZERO,
     LAB_SERVER,
     {{0}},
     {.aborts_on_data = 1, .peer_failed = true, .resets = 1}},
    {LAB_CAUSE_TIME_WAIT_PORTS,
     LAB_CLIENT,
     {{.here = true, .state = FIN_TCP_TIME_WAIT}},
     {.no_port = 1}},
    {LAB_CAUSE_VANISHED_PEER, LAB_SERVER, {KEPT(ESTABLISHED, .recv_queue = 0)}, {.vanished = true}},
    {LAB_CAUSE_ZERO_WINDOW_PEER,
     LAB_SERVER,
     {KEPT(ESTABLISHED, .send_queue = 9000, .timer = FIN_TCP_TIMER_PERSIST)},
     {0}},
    {LAB_CAUSE_FULL_BACKLOG, LAB_SERVER, {{0}}, {.overflows = 3, .backlog_most = 2}},
    {LAB_CAUSE_CONNECT_PITFALLS, LAB_CLIENT, {{.used_unopened = LAB_YES}}, {0}},
    {LAB_CAUSE_CONNECT_PITFALLS,
     LAB_CLIENT,
     {{.made = true, .state = FIN_TCP_SYN_SENT, .closed = LAB_YES, .for_ms = 50}},
     {0}},
    {LAB_CAUSE_NONE, LAB_SERVER, {{0}}, {.repeated_fins = 2, .lost_acks = 1}},
    {LAB_CAUSE_NONE, LAB_SERVER, {{0}}, {.no_descriptor = 9}},
    {LAB_CAUSE_NONE, LAB_SERVER, {{0}}, {.aborts_on_data = 1}},
    {LAB_CAUSE_LOST_LAST_ACK,
     LAB_SERVER,
     {KEPT(LAST_ACK, .timer = FIN_TCP_TIMER_RETRANSMIT)},
     {.repeated_fins = 2, .lost_acks = 1}},
    {LAB_CAUSE_EMFILE, LAB_SERVER, {{0}}, {.no_descriptor = 9, .peer_failed = true}},
    {LAB_CAUSE_UNKNOWN,
     LAB_SERVER,
     {{.here = true, .state = FIN_TCP_LAST_ACK, .holder = FIN_HOLDER_ORPHAN, .for_ms = 5000}},
     {0}},
};

Test(cause, each_is_named_by_what_it_leaves) {
  bool named[LAB_CAUSE_COUNT] = {false};
  for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
    struct lab_leftover sockets[2] = {leads[i].sockets[0], leads[i].sockets[1]};
    struct lab_evidence evidence = leads[i].evidence;
    struct lab_diagnosis diagnosis;
    evidence.side = leads[i].side;
    evidence.sockets = sockets;
    evidence.count = sockets[1].state != 0 ? 2 : 1;
    lab_diagnose(&evidence, &diagnosis);
    cr_assert_gt(diagnosis.count, 0);
    const struct lab_opinion *best = &diagnosis.opinions[0];
    cr_expect_eq(best->cause, leads[i].cause, "%zu: %s taken for %s", i,
                 lab_cause_name(leads[i].cause), lab_cause_name(best->cause));
    cr_expect_gt(best->reason_count, 0, "%s without a reason", lab_cause_name(best->cause));
    named[best->cause] = true;
    for (size_t k = 1; k < diagnosis.count; k++) {
      cr_expect_leq(diagnosis.opinions[k].weight, diagnosis.opinions[k - 1].weight);
      named[diagnosis.opinions[k].cause] = true;
    }
  }
  for (unsigned cause = 0; cause < LAB_CAUSE_COUNT; cause++)
    cr_expect(named[cause], "nothing leads to %s", lab_cause_name((enum lab_cause)cause));
}

Test(cause, each_has_its_words) {
  for (unsigned i = 0; i < LAB_CAUSE_COUNT; i++) {
    const enum lab_cause cause = (enum lab_cause)i;
    cr_expect_eq(lab_cause_find(lab_cause_name(cause)), cause);
    cr_expect_gt(strlen(lab_cause_english(cause)), 10);
    cr_expect_gt(strlen(lab_cause_chinese(cause)), 10);
  }
  cr_expect_eq(lab_cause_find("no such cause"), LAB_CAUSE_COUNT);
}

static void expect_cause(struct tale *tale, enum lab_cause cause, const char *reason) {
  struct lab_evidence evidence;
  struct lab_diagnosis diagnosis;
  char all[2048] = "";
  cr_assert(lab_evidence_read(&tale->story, LAB_SERVER, &evidence));
  lab_diagnose(&evidence, &diagnosis);
  const struct lab_opinion *best = &diagnosis.opinions[0];
  for (size_t i = 0; i < best->reason_count; i++) {
    strcat(all, best->reasons[i]);
    strcat(all, "\n");
  }
  cr_expect_eq(best->cause, cause, "%s", lab_cause_name(best->cause));
  cr_expect_not_null(strstr(all, reason), "\"%s\" is not in: %s", reason, all);
  lab_evidence_release(&evidence);
  tale_release(tale);
}

Test(cause, of_a_story_in_which_nobody_closes) {
  struct tale tale;
  tale_eof_ignored(&tale);
  expect_cause(&tale, LAB_CAUSE_EOF_IGNORED, "read(9) = EOF, and no close(9) since");
}

Test(cause, of_a_story_in_which_all_is_well) {
  struct tale tale;
  tale_eof_heeded(&tale);
  expect_cause(&tale, LAB_CAUSE_NONE, "no socket and no descriptor was left over");
}

Test(cause, of_a_story_in_which_a_child_has_it) {
  struct tale tale;
  tale_eof_ignored(&tale);
  tale_call(&tale, 900, "fork", -1, 33);
  tale_call(&tale, 901, "close", 9, 0);
  expect_cause(&tale, LAB_CAUSE_FORK_INHERIT, "the child has a copy");
}

/* A port that is used again: the close before was of another connection. */
Test(cause, calls_belong_to_one_life_of_a_port) {
  struct tale tale;
  tale_begin(&tale, 5000);
  for (unsigned ms = 0; ms < 2000; ms += 1000) {
    tale_state(&tale, ms, LAB_SERVER, FIN_TCP_LISTEN, FIN_TCP_SYN_RECV);
    tale_call(&tale, ms + 9, "accept", 9, 9);
    tale_state(&tale, ms + 10, LAB_SERVER, FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED);
    tale_state(&tale, ms + 20, LAB_SERVER, FIN_TCP_ESTABLISHED, FIN_TCP_CLOSE_WAIT)->fd = 9;
    tale_call(&tale, ms + 21, "eof", 9, 0);
    if (ms > 0) break;
    tale_call(&tale, ms + 22, "close", 9, 0);
    tale_state(&tale, ms + 23, LAB_SERVER, FIN_TCP_CLOSE_WAIT, FIN_TCP_LAST_ACK);
    tale_state(&tale, ms + 24, LAB_SERVER, FIN_TCP_LAST_ACK, FIN_TCP_ANY);
  }
  expect_cause(&tale, LAB_CAUSE_EOF_IGNORED, "no close(9) since");
}
