/* SPDX-License-Identifier: MIT
 *
 * What can happen to a connection, and what the table makes of it.
 */
#include "lifecycle/world.h"

#include <string.h>

_Static_assert(sizeof(struct facts) == 24, "facts are compared as memory: no padding");

const char *const move_names[] = {
    "(return)",
    "(handler writes)",
    "(pause)",
    "(resume)",
    "(input arrives)",
    "(output leaves)",
    "(output acknowledged)",
    "(peer's FIN arrives)",
};

const char *const callback_names[] = {"", "on_open", "on_end", "on_close"};

struct facts world_begin(bool idle_forever) {
  struct facts facts;
  memset(&facts, 0, sizeof facts);
  facts.state = FIN_ST_OPENING;
  facts.idle_forever = idle_forever;
  return facts;
}

bool world_over(const struct facts *facts) { return facts->told_close && !facts->callback; }

static bool handler_can(const struct world *world, const struct facts *facts, unsigned move) {
  if (world_over(facts)) return false;
  switch (move) {
    case FIN_EV_END:
    case FIN_EV_CLOSE:
    case FIN_EV_ABORT:
      return true;
    case MOVE_RETURN:
      return facts->callback != NO_CALLBACK;
    case MOVE_WRITE:
      return world->states[facts->state].output == FIN_OUTPUT_ACCEPT &&
             facts->output != OUTPUT_QUEUED;
    case MOVE_PAUSE:
      return !facts->paused;
    case MOVE_RESUME:
      return facts->paused;
    default:
      return false;
  }
}

static bool clock_can(const struct world *world, const struct facts *facts, unsigned move) {
  const struct fin_state_info *state = &world->states[facts->state];

  if (move == FIN_EV_STALLED)
    return state->input != FIN_INPUT_HOLD && state->output != FIN_OUTPUT_NONE &&
           facts->output != OUTPUT_EMPTY;
  switch (state->bound) {
    case FIN_BOUND_NONE:
    case FIN_BOUND_STALL:
      return false;
    case FIN_BOUND_IDLE:
      return !facts->idle_forever;
    default:
      return true;
  }
}

/* Reading goes on while input is discarded, whatever the handler said of pausing before. */
static bool io_can(const struct world *world, const struct facts *facts, unsigned move) {
  const struct fin_state_info *state = &world->states[facts->state];
  bool reading =
      (state->input == FIN_INPUT_DELIVER && !facts->paused) || state->input == FIN_INPUT_DISCARD;

  if (move == FIN_EV_FD_CLOSED) return facts->descriptor == FD_CLOSING;
  if (facts->descriptor != FD_OPEN) return false;
  if (move == FIN_EV_IO_ERROR) return true;
  if (move == FIN_EV_FIN_SENT) /* the driver sends it on the word of the state alone */
    return state->output == FIN_OUTPUT_FIN && state->input != FIN_INPUT_HOLD &&
           facts->output != OUTPUT_QUEUED;
  if (!facts->opened) return move == FIN_EV_READY;
  switch (move) {
    case FIN_EV_PEER_FIN:
      return facts->peer_fin == FIN_UNREAD && reading;
    case FIN_EV_FIN_SEEN:
      return facts->peer_fin == FIN_UNREAD && state->input == FIN_INPUT_DELIVER && facts->paused &&
             !facts->fin_seen_again;
    case MOVE_DELIVER:
      return facts->peer_fin != FIN_READ && state->input == FIN_INPUT_DELIVER && !facts->paused;
    case MOVE_TAKE:
      return facts->output == OUTPUT_QUEUED && state->input != FIN_INPUT_HOLD &&
             state->output != FIN_OUTPUT_NONE;
    case MOVE_ACK:
      return facts->output == OUTPUT_UNACKED;
    case MOVE_LEAVE:
      return facts->peer_fin == FIN_NOT_SENT;
    default:
      return false;
  }
}

bool world_possible(const struct world *world, const struct facts *facts, unsigned move) {
  if (handler_can(world, facts, move)) return true;
  /* A write during a callback tries the socket at once, and that may fail. All else waits. */
  if (facts->callback)
    return move == FIN_EV_IO_ERROR && io_can(world, facts, move) &&
           world->states[facts->state].output == FIN_OUTPUT_ACCEPT;
  if (move == FIN_EV_DEADLINE || move == FIN_EV_STALLED) return clock_can(world, facts, move);
  return io_can(world, facts, move);
}

/* What an event makes true, whatever the table says. What is said once the descriptor is closed is
 * idle talk; so is ABORT once both FINs have passed, for there is nothing left to cut short. */
static void note_event(struct facts *facts, unsigned event) {
  bool held = facts->descriptor == FD_OPEN;

  switch (event) {
    case FIN_EV_READY:
      facts->opened = true;
      break;
    case FIN_EV_FIN_SEEN:
      facts->fin_seen = facts->fin_seen_again = true;
      break;
    case FIN_EV_PEER_FIN:
      facts->peer_fin = FIN_READ;
      break;
    case FIN_EV_FIN_SENT:
      facts->fin_sent = true;
      break;
    case FIN_EV_IO_ERROR:
      facts->failed = true;
      break;
    case FIN_EV_FD_CLOSED:
      facts->descriptor = FD_GONE;
      break;
    case FIN_EV_END:
      facts->ended |= held;
      break;
    case FIN_EV_CLOSE:
      facts->closed |= held;
      break;
    case FIN_EV_ABORT:
      facts->aborted |= held && !(facts->fin_sent && facts->peer_fin == FIN_READ);
      break;
    case FIN_EV_DEADLINE:
      if (facts->closed && facts->fin_sent) facts->lingered = true;
      if (!facts->opened) facts->timed_out = true;
      facts->closed = true;
      break;
    case FIN_EV_STALLED:
      facts->stalled = true;
      break;
    default:
      break;
  }
}

static void perform_one(struct facts *facts, unsigned action) {
  switch (action) {
    case FIN_DO_TELL_OPEN:
      facts->told_open = true;
      facts->callback = IN_ON_OPEN;
      break;
    case FIN_DO_TELL_END:
      facts->told_end = true;
      facts->callback = IN_ON_END;
      break;
    case FIN_DO_SEND_FIN:
      facts->fin_promised = true;
      break;
    case FIN_DO_CLOSE_FD:
    case FIN_DO_RESET_FD:
      facts->reset |= action == FIN_DO_RESET_FD;
      facts->descriptor = FD_CLOSING;
      break;
    case FIN_DO_TELL_CLOSE:
      facts->told_close = true;
      facts->callback = IN_ON_CLOSE;
      break;
    default:
      break;
  }
}

/* In the order of the bits, until a callback runs: the rest waits until it returns. A row taken
 * during a callback does all it has to do at once. */
static void perform(struct world *world, struct facts *facts, unsigned actions) {
  unsigned outer_callback = facts->callback;

  for (unsigned bit = 0; bit < FIN_ACTION_COUNT; bit++) {
    unsigned action = 1u << bit;
    if (!(actions & action)) continue;
    world->broken |= laws_of_action(facts, action);
    perform_one(facts, action);
    if (outer_callback) {
      facts->callback = (uint8_t)outer_callback;
    } else if (facts->callback) {
      facts->actions = (uint8_t)(actions & ~(2 * action - 1));
      return;
    }
  }
}

static bool tell_table(struct world *world, struct facts *facts, unsigned event) {
  const struct fin_step *step = &(*world->table)[facts->state][event];
  struct facts before = *facts;

  if (step->kind == FIN_IMPOSSIBLE) {
    world->broken |= UINT32_C(1) << LAW_what_can_happen_has_a_line;
    return false;
  }
  world->reached[facts->state][event] = true;
  world->broken |= laws_of_event(&before, event);
  note_event(facts, event);
  if (step->kind == FIN_IGNORED) {
    world->broken |= laws_of_ignoring(&before, facts);
    return true;
  }
  world->broken |= laws_of_row(world, &before, event, step);
  facts->state = step->to;
  perform(world, facts, step->actions);
  return true;
}

static void move_without_table(struct world *world, struct facts *facts, unsigned move) {
  unsigned actions = facts->actions;

  world->broken |= laws_of_move(facts, move);
  switch (move) {
    case MOVE_RETURN:
      facts->callback = NO_CALLBACK;
      facts->actions = 0;
      perform(world, facts, actions);
      break;
    case MOVE_WRITE:
      facts->output = OUTPUT_QUEUED;
      break;
    case MOVE_PAUSE:
      facts->paused = true;
      break;
    case MOVE_RESUME:
      facts->paused = facts->fin_seen_again = false;
      break;
    case MOVE_TAKE:
      facts->output = OUTPUT_UNACKED;
      break;
    case MOVE_ACK:
      facts->output = OUTPUT_EMPTY;
      break;
    case MOVE_LEAVE:
      facts->peer_fin = FIN_UNREAD;
      break;
    default:
      break;
  }
}

bool world_step(struct world *world, struct facts *facts, unsigned move) {
  bool has_line = true;

  world->broken = 0;
  if (move < FIN_EV_COUNT)
    has_line = tell_table(world, facts, move);
  else
    move_without_table(world, facts, move);
  if (has_line && !facts->callback) world->broken |= laws_at_rest(world, facts);
  return has_line;
}
