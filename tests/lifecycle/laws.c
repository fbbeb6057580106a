/* SPDX-License-Identifier: MIT
 *
 * The laws, said of facts: what has happened decides what must be so. Nothing here names a state.
 */
#include "lifecycle/world.h"

#include <string.h>

const char *const law_names[LAW_COUNT] = {
#define LAW(name, text) #name,
#include "lifecycle/laws.def"
};

const char *const law_texts[LAW_COUNT] = {
#define LAW(name, text) text,
#include "lifecycle/laws.def"
};

#define BREAKS(name, condition) ((condition) ? UINT32_C(1) << LAW_##name : 0)

/* What may be expected of a connection, given what has happened to it. */
struct due {
  uint8_t input;  /* enum fin_input */
  uint8_t output; /* enum fin_output */
  uint8_t bound;  /* enum fin_bound */
  bool close;     /* the descriptor: nothing is awaited */
  bool reset;     /* ...with RST */
};

static bool cut_short(const struct facts *facts) {
  return facts->aborted || facts->stalled || (facts->failed && facts->opened && !facts->fin_sent);
}

static uint8_t due_input(const struct facts *facts) {
  if (!facts->opened) return FIN_INPUT_HOLD;
  if (facts->peer_fin == FIN_READ) return FIN_INPUT_NONE;
  return facts->closed ? FIN_INPUT_DISCARD : FIN_INPUT_DELIVER;
}

static uint8_t due_output(const struct facts *facts) {
  if (facts->fin_sent) return FIN_OUTPUT_NONE;
  return facts->ended || facts->closed ? FIN_OUTPUT_FIN : FIN_OUTPUT_ACCEPT;
}

static uint8_t due_bound(const struct facts *facts) {
  if (!facts->opened) return FIN_BOUND_OPEN;
  if (facts->fin_sent) return facts->closed ? FIN_BOUND_LINGER : FIN_BOUND_HALF;
  if (facts->ended || facts->closed) return FIN_BOUND_STALL;
  return facts->fin_seen || facts->peer_fin == FIN_READ ? FIN_BOUND_HALF : FIN_BOUND_IDLE;
}

static struct due due(const struct facts *facts) {
  struct due due = {FIN_INPUT_NONE, FIN_OUTPUT_NONE, FIN_BOUND_NONE, true, false};

  due.reset = cut_short(facts);
  if (due.reset || facts->failed || facts->lingered || facts->timed_out) return due;
  if (facts->fin_sent && facts->peer_fin == FIN_READ) return due;
  due.input = due_input(facts);
  due.output = due_output(facts);
  due.bound = due_bound(facts);
  due.close = false;
  return due;
}

/* What is at hand to end the wait when nobody moves: the clock, or our own FIN. */
static bool wait_is_bounded(const struct world *world, const struct facts *facts) {
  return world_possible(world, facts, FIN_EV_DEADLINE) ||
         world_possible(world, facts, FIN_EV_STALLED) ||
         world_possible(world, facts, FIN_EV_FIN_SENT);
}

static uint32_t bounds_at_rest(const struct world *world, const struct facts *facts) {
  bool bounded = facts->descriptor != FD_OPEN || wait_is_bounded(world, facts);
  bool peer_left = facts->fin_seen || facts->peer_fin == FIN_READ;

  return BREAKS(every_wait_is_bounded, !bounded && !facts->idle_forever) |
         BREAKS(the_peers_fin_starts_a_deadline, !bounded && peer_left);
}

uint32_t laws_at_rest(const struct world *world, const struct facts *facts) {
  const struct fin_state_info *state = &world->states[facts->state];
  struct due expected = due(facts);
  bool held = facts->descriptor == FD_OPEN;
  bool wrong_input = state->input != expected.input;
  bool discards = state->input == FIN_INPUT_DISCARD || expected.input == FIN_INPUT_DISCARD;
  bool promised = facts->ended || facts->closed;

  return bounds_at_rest(world, facts) |
         BREAKS(on_open_comes_once_and_first,
                facts->opened && !facts->told_open && !facts->closed) |
         BREAKS(on_end_comes_once_with_the_peers_fin,
                facts->peer_fin == FIN_READ && !facts->told_end && !facts->closed) |
         BREAKS(on_close_comes_once_and_last, (facts->descriptor == FD_GONE) != facts->told_close) |
         BREAKS(input_comes_until_close_or_the_peers_fin, wrong_input && !discards) |
         BREAKS(input_after_close_is_discarded, wrong_input && discards) |
         BREAKS(end_and_close_promise_one_fin, !expected.close && promised != facts->fin_promised) |
         BREAKS(output_is_accepted_until_a_fin_is_promised, state->output != expected.output) |
         BREAKS(the_descriptor_is_closed_when_nothing_is_awaited, held == expected.close) |
         BREAKS(rst_when_our_fin_would_lie, !held && facts->reset != expected.reset) |
         BREAKS(the_bound_names_what_is_awaited, state->bound != expected.bound);
}

uint32_t laws_of_row(const struct world *world, const struct facts *facts, unsigned event,
                     const struct fin_step *row) {
  const struct fin_state_info *from = &world->states[facts->state];
  const struct fin_state_info *to = &world->states[row->to];
  bool tells = row->actions & (FIN_DO_TELL_OPEN | FIN_DO_TELL_END | FIN_DO_TELL_CLOSE);
  bool silent = fin_events[event].source == FIN_FROM_HANDLER || facts->callback;
  bool promises = row->actions & FIN_DO_SEND_FIN;
  bool refuses = from->output == FIN_OUTPUT_ACCEPT && to->output == FIN_OUTPUT_FIN;

  return BREAKS(every_state_is_entered_once, row->to <= facts->state) |
         BREAKS(no_call_runs_a_callback, tells && silent) |
         BREAKS(input_never_comes_back, from->input > to->input) |
         BREAKS(output_never_comes_back, from->output > to->output) |
         BREAKS(end_and_close_promise_one_fin, promises != refuses);
}

static uint32_t laws_of_closing(const struct facts *facts) {
  bool healthy = facts->opened && !facts->failed;
  bool peer_done = facts->peer_fin == FIN_READ || facts->lingered;

  return BREAKS(a_polite_close_drops_no_output, healthy && facts->output == OUTPUT_QUEUED) |
         BREAKS(closing_waits_for_our_fin, healthy && !facts->fin_sent) |
         BREAKS(closing_waits_for_the_peers_fin, healthy && !peer_done);
}

uint32_t laws_of_action(const struct facts *facts, unsigned action) {
  bool held = facts->descriptor == FD_OPEN;
  bool closed = facts->closed || facts->aborted;
  bool may_reset = cut_short(facts);

  switch (action) {
    case FIN_DO_TELL_OPEN:
      return BREAKS(on_open_comes_once_and_first, !facts->opened || facts->told_open) |
             BREAKS(on_close_comes_once_and_last, facts->told_close) |
             BREAKS(after_close_only_on_close_comes, closed);
    case FIN_DO_TELL_END:
      return BREAKS(on_open_comes_once_and_first, !facts->told_open) |
             BREAKS(on_end_comes_once_with_the_peers_fin,
                    facts->told_end || facts->peer_fin != FIN_READ) |
             BREAKS(on_close_comes_once_and_last, facts->told_close) |
             BREAKS(after_close_only_on_close_comes, closed);
    case FIN_DO_SEND_FIN:
      return BREAKS(end_and_close_promise_one_fin, facts->fin_promised || !held);
    case FIN_DO_CLOSE_FD:
      return BREAKS(the_descriptor_is_closed_once, !held) |
             BREAKS(rst_when_our_fin_would_lie, may_reset) | laws_of_closing(facts);
    case FIN_DO_RESET_FD:
      return BREAKS(the_descriptor_is_closed_once, !held) |
             BREAKS(rst_when_our_fin_would_lie, !may_reset);
    case FIN_DO_TELL_CLOSE:
      return BREAKS(on_close_comes_once_and_last, held || facts->told_close);
    default:
      return 0;
  }
}

uint32_t laws_of_event(const struct facts *facts, unsigned event) {
  bool may_leave = facts->opened && facts->fin_promised && !facts->fin_sent;

  return BREAKS(our_fin_leaves_once, event == FIN_EV_FIN_SENT && !may_leave);
}

uint32_t laws_of_move(const struct facts *facts, unsigned move) {
  bool held = facts->descriptor == FD_OPEN;
  bool closed = facts->closed || facts->aborted;

  switch (move) {
    case MOVE_WRITE:
      return BREAKS(output_is_accepted_until_a_fin_is_promised, facts->fin_promised || !held);
    case MOVE_DELIVER:
      return BREAKS(on_open_comes_once_and_first, !facts->told_open) |
             BREAKS(after_close_only_on_close_comes, closed);
    default:
      return 0;
  }
}

uint32_t laws_of_ignoring(const struct facts *before, const struct facts *after) {
  struct due then = due(before);
  struct due now = due(after);

  return BREAKS(what_is_ignored_does_not_matter, memcmp(&then, &now, sizeof now) != 0);
}
