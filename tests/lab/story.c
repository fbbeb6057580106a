/* SPDX-License-Identifier: MIT
 *
 * The laws of TCP as a story is checked against them, and the order of its events.
 */
#include "lab/story.h"

#include <criterion/criterion.h>

#define NONE FIN_TCP_ANY

/* RFC 9293, figure 5, and CLOSED by reset, timeout or abort from wherever a connection is. */
static const struct {
  fin_tcp_state from;
  fin_tcp_state to[6];
} figure[] = {
    {NONE, {FIN_TCP_LISTEN, FIN_TCP_SYN_SENT, FIN_TCP_SYN_RECV}},
    {FIN_TCP_LISTEN, {FIN_TCP_SYN_RECV, FIN_TCP_SYN_SENT, FIN_TCP_CLOSE}},
    {FIN_TCP_SYN_SENT, {FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED, FIN_TCP_CLOSE}},
    {FIN_TCP_SYN_RECV, {FIN_TCP_ESTABLISHED, FIN_TCP_FIN_WAIT1, FIN_TCP_LISTEN, FIN_TCP_CLOSE}},
    {FIN_TCP_ESTABLISHED, {FIN_TCP_FIN_WAIT1, FIN_TCP_CLOSE_WAIT, FIN_TCP_CLOSE}},
    {FIN_TCP_FIN_WAIT1, {FIN_TCP_FIN_WAIT2, FIN_TCP_CLOSING, FIN_TCP_TIME_WAIT, FIN_TCP_CLOSE}},
    {FIN_TCP_FIN_WAIT2, {FIN_TCP_TIME_WAIT, FIN_TCP_CLOSE}},
    {FIN_TCP_CLOSE_WAIT, {FIN_TCP_LAST_ACK, FIN_TCP_CLOSE}},
    {FIN_TCP_CLOSING, {FIN_TCP_TIME_WAIT, FIN_TCP_CLOSE}},
    {FIN_TCP_LAST_ACK, {FIN_TCP_CLOSE}},
    {FIN_TCP_TIME_WAIT, {FIN_TCP_CLOSE}},
};

static fin_tcp_state plain(fin_tcp_state state) { return state == FIN_TCP_CLOSE ? NONE : state; }

static bool of_the_figure(fin_tcp_state from, fin_tcp_state to) {
  for (size_t i = 0; i < sizeof figure / sizeof *figure; i++) {
    if (figure[i].from != plain(from)) continue;
    for (size_t k = 0; k < 6 && figure[i].to[k] != NONE; k++)
      if (plain(figure[i].to[k]) == plain(to)) return true;
  }
  return false;
}

Test(story, transitions_are_those_of_the_figure) {
  for (unsigned from = 0; from < FIN_TCP_STATE_COUNT; from++) {
    for (unsigned to = 0; to < FIN_TCP_STATE_COUNT; to++) {
      const fin_tcp_state a = (fin_tcp_state)from, b = (fin_tcp_state)to;
      if (plain(a) == plain(b)) continue;
      cr_expect_eq(lab_transition_legal(a, b), of_the_figure(a, b), "%s -> %s",
                   fin_tcp_state_name(a), fin_tcp_state_name(b));
    }
  }
}

Test(story, nothing_is_a_transition_to_itself) {
  for (unsigned state = 0; state < FIN_TCP_STATE_COUNT; state++)
    cr_expect_not(lab_transition_legal((fin_tcp_state)state, (fin_tcp_state)state));
}

Test(story, an_unused_socket_may_go) {
  cr_expect(lab_transition_legal(FIN_TCP_CLOSE, NONE));
  cr_expect(lab_transition_legal(NONE, FIN_TCP_CLOSE));
}

Test(story, what_is_no_state_has_no_transitions) {
  cr_expect_not(lab_transition_legal(FIN_TCP_STATE_COUNT, FIN_TCP_CLOSE));
  cr_expect_not(lab_transition_legal(FIN_TCP_ESTABLISHED, FIN_TCP_STATE_COUNT));
  cr_expect_eq(lab_transition_path(FIN_TCP_STATE_COUNT, FIN_TCP_CLOSE, (fin_tcp_state[4]){0}), -1);
}

static void expect_path(fin_tcp_state from, fin_tcp_state to, int count, const fin_tcp_state *way) {
  fin_tcp_state between[4] = {0};
  const int found = lab_transition_path(from, to, between);
  cr_expect_eq(found, count, "%s -> %s: %d", fin_tcp_state_name(from), fin_tcp_state_name(to),
               found);
  for (int i = 0; i < count && found == count; i++)
    cr_expect_eq(between[i], way[i], "%s", fin_tcp_state_name(between[i]));
}

#define PATH(from, to, count, ...) \
  expect_path(FIN_TCP_##from, FIN_TCP_##to, count, (const fin_tcp_state[]){__VA_ARGS__})

Test(story, the_missing_states_are_inferred) {
  PATH(ESTABLISHED, CLOSE_WAIT, 0, NONE);
  PATH(LISTEN, ESTABLISHED, 1, FIN_TCP_SYN_RECV);
  PATH(SYN_RECV, FIN_WAIT1, 1, FIN_TCP_ESTABLISHED); /* nobody closes what is not accepted */
  PATH(SYN_RECV, LISTEN, 0, NONE);
  PATH(ESTABLISHED, LAST_ACK, 1, FIN_TCP_CLOSE_WAIT);
  PATH(ESTABLISHED, FIN_WAIT2, 1, FIN_TCP_FIN_WAIT1);
  PATH(ESTABLISHED, TIME_WAIT, 1, FIN_TCP_FIN_WAIT1);
  PATH(ESTABLISHED, CLOSING, 1, FIN_TCP_FIN_WAIT1);
  PATH(SYN_SENT, CLOSE_WAIT, 1, FIN_TCP_ESTABLISHED);
  PATH(SYN_RECV, FIN_WAIT2, 2, FIN_TCP_ESTABLISHED, FIN_TCP_FIN_WAIT1);
  PATH(LISTEN, LAST_ACK, 3, FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED, FIN_TCP_CLOSE_WAIT);
  PATH(SYN_SENT, TIME_WAIT, 2, FIN_TCP_ESTABLISHED, FIN_TCP_FIN_WAIT1);
}

/* A client's connection may have begun either way, and what is over does not begin again. */
Test(story, what_is_not_certain_is_not_inferred) {
  PATH(CLOSE, ESTABLISHED, -1, NONE);
  PATH(CLOSE_WAIT, TIME_WAIT, -1, NONE);
  PATH(TIME_WAIT, ESTABLISHED, -1, NONE);
  PATH(LAST_ACK, SYN_SENT, -1, NONE);
  PATH(FIN_WAIT2, CLOSE_WAIT, -1, NONE);
}

Test(story, every_inferred_path_is_legal) {
  for (unsigned from = 0; from < FIN_TCP_STATE_COUNT; from++) {
    for (unsigned to = 0; to < FIN_TCP_STATE_COUNT; to++) {
      fin_tcp_state between[4], last = (fin_tcp_state)from;
      const int count = lab_transition_path(last, (fin_tcp_state)to, between);
      for (int i = 0; i < count; i++) {
        cr_expect(lab_transition_legal(last, between[i]));
        last = between[i];
      }
      if (count > 0) cr_expect(lab_transition_legal(last, (fin_tcp_state)to));
    }
  }
}

Test(story, events_are_in_order_of_time) {
  struct lab_story story = {0};
  const uint64_t times[] = {5, 1, 9, 5, 7, 0};
  for (uint32_t i = 0; i < 6000; i++) {
    const struct lab_event event = {
        .at_ns = times[i % 6] + i / 6 * 3, .kind = LAB_COUNT, .count = {.descriptors = i}};
    cr_assert(lab_story_add(&story, &event));
  }
  cr_assert_eq(story.count, 6000);
  for (size_t i = 1; i < story.count; i++) {
    const struct lab_event *before = &story.events[i - 1], *event = &story.events[i];
    cr_assert_leq(before->at_ns, event->at_ns);
    if (before->at_ns == event->at_ns)
      cr_assert_lt(before->count.descriptors, event->count.descriptors, "as they were added");
  }
  lab_story_release(&story);
  cr_assert_eq(story.count, 0);
  lab_story_release(&story);
}
