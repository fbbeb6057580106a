/* SPDX-License-Identifier: MIT
 *
 * What has happened decides the state: `due` says what must be so of a connection, in the words of
 * the lifecycle table's attributes, without naming a state. Deadlines alone cannot be seen coming:
 * where the driver has gone on by itself, a deadline must have been due.
 */
#include "core/invariants.h"

#include <errno.h>

/* ---- reasons ---- */

/* The first reason stays, but an unclean one replaces a clean one. BUG: none. */
static bool stays(fin_reason first, fin_reason then) {
  bool cut_short = fin_reason_clean(first) && !fin_reason_clean(then);
  return then == FIN_REASON_BUG || (first != FIN_REASON_BUG && !cut_short);
}

void subject_blame(struct subject *subject, uint32_t reasons, int error) {
  uint32_t before = subject->reasons;
  subject->reasons = 0;
  for (fin_reason first = 0; first < FIN_REASON_COUNT; first++)
    for (fin_reason then = 0; then < FIN_REASON_COUNT; then++) {
      if (!(before >> first & 1) || !(reasons >> then & 1)) continue;
      subject->reasons |= 1u << (stays(first, then) ? first : then);
      if (!stays(first, then)) subject->errors[then] = error;
    }
}

static fin_reason reason_of(int error) {
  switch (error) {
    case ENOMEM:
    case ENOBUFS:
      return FIN_REASON_NO_MEMORY;
    case ECONNRESET:
    case EPIPE:
    case ENOTCONN:
      return FIN_REASON_PEER_RESET;
    case ETIMEDOUT:
    case EHOSTUNREACH:
      return FIN_REASON_PEER_VANISHED;
    default:
      return FIN_REASON_IO;
  }
}

void subject_failed(struct subject *subject, int error) {
  bool lingers = subject->conn && fin_conn_life(subject->conn) == FIN_ST_LINGER;
  bool late = world_now(subject->world) - subject->born_ms >= subject->limits.open_ms;
  subject->failed = true;
  if (!subject->opened) {
    subject_blame(subject, 1u << (late ? FIN_REASON_OPEN_TIMEOUT : FIN_REASON_NOT_OPENED),
                  late ? 0 : error);
    return;
  }
  if (lingers && socket_all_acked(subject->socket)) return; /* nothing is cut short any more */
  subject_blame(subject, 1u << reason_of(error), error);
}

void subject_closed(struct subject *subject, fin_reason reason) {
  subject->closed = true;
  subject->greet_due = subject->end_due = false;
  if (reason) subject_blame(subject, 1u << reason, 0);
}

/* ---- what has happened ---- */

/* Something has put an end to it. */
static bool cut_off(const struct subject *subject) {
  return subject->aborted || subject->failed || subject->stalled || subject->broken ||
         subject->lingered || subject->timed_out;
}

bool subject_may_hear(const struct subject *subject) {
  return subject->opened && !subject->closed && !cut_off(subject);
}

bool subject_has_voice(const struct subject *subject) {
  bool both_ended = subject->ended && subject->socket->input_ended;
  return subject_may_hear(subject) && (!both_ended || subject->end_due);
}

bool subject_reading(const struct subject *subject) {
  bool held_back = subject->held_back && !subject->owner->handler.full_duplex;
  return subject_has_voice(subject) && (!subject->socket->input_ended || subject->end_due) &&
         !subject->greet_due && !subject->paused && !held_back;
}

uint64_t subject_queued(const struct subject *subject) {
  const struct socket *socket = subject->socket;
  uint64_t sent = socket->taken - (socket->writing ? socket->write_taken : 0);
  return sent < subject->accepted ? subject->accepted - sent : 0;
}

struct due {
  bool over; /* nothing is awaited: the descriptor is closed */
  uint8_t input;
  uint8_t output;
  uint8_t bound;
};

static struct due due_of(const struct subject *subject) {
  const struct socket *socket = subject->socket;
  bool refuses = subject->ended || subject->closed;
  struct due due = {.input = FIN_INPUT_DELIVER, .output = FIN_OUTPUT_ACCEPT};
  due.over = cut_off(subject) || (socket->fin_sent && socket->input_ended);
  if (subject->closed) due.input = FIN_INPUT_DISCARD;
  if (!subject->opened) due.input = FIN_INPUT_HOLD;
  if (socket->input_ended) due.input = FIN_INPUT_NONE;
  if (refuses) due.output = FIN_OUTPUT_FIN;
  if (socket->fin_sent) due.output = FIN_OUTPUT_NONE;
  if (!subject->opened)
    due.bound = FIN_BOUND_OPEN;
  else if (socket->fin_sent)
    due.bound = subject->closed ? FIN_BOUND_LINGER : FIN_BOUND_HALF;
  else if (refuses)
    due.bound = FIN_BOUND_STALL;
  else
    due.bound = subject->fin_seen || socket->input_ended ? FIN_BOUND_HALF : FIN_BOUND_IDLE;
  return due;
}

static bool accounted_for(const struct subject *subject, unsigned state) {
  const struct fin_state_info *info = &fin_states[state];
  struct due due = due_of(subject);
  bool unasked = subject->socket->fin_sent && !subject->ended && !subject->closed;
  bool over = state >= FIN_ST_CLOSING;
  if (unasked || over != due.over) return false;
  return over ||
         (info->input == due.input && info->output == due.output && info->bound == due.bound);
}

/* ---- what must have happened ---- */

static void explain_by_time(struct subject *subject) {
  uint32_t reasons = patience_lost(subject);
  bool half = reasons >> FIN_REASON_HALF_TIMEOUT & 1;
  bool unfinished = half && subject->busy && !subject->ended;
  if (subject->socket->reset) {
    bool reader = patience_lost_with_reader(subject);
    OBEY(no_deadline_comes_early, reader || unfinished, "stalled");
    subject->stalled = true;
    subject_blame(subject,
                  (uint32_t)reader << FIN_REASON_SLOW_READER | (uint32_t)unfinished
                                                                   << FIN_REASON_HALF_TIMEOUT,
                  0);
  } else if (due_of(subject).bound == FIN_BOUND_LINGER) { /* closed, perhaps in on_timer */
    OBEY(no_deadline_comes_early, patience_lost_with_linger(subject, &reasons), "lingered");
    subject->lingered = true;
    subject_blame(subject, reasons, 0);
  } else {
    OBEY(rst_only_when_cut_short, !unfinished, "%s", fin_state_name(subject->state));
    OBEY(no_deadline_comes_early, reasons != 0, "from %s to %s", fin_state_name(subject->state),
         fin_state_name(fin_conn_life(subject->conn)));
    subject->timed_out = !subject->opened;
    subject_closed(subject, FIN_REASON_BUG);
    subject_blame(subject, reasons, 0);
  }
}

/* What could not be kept may have been too long as well. */
static void no_room_for_input(struct subject *subject) {
  bool too_long = subject->reasons >> FIN_REASON_TOO_LONG & 1;
  subject_failed(subject, ENOMEM);
  if (!too_long) return;
  subject->reasons |= 1u << FIN_REASON_NO_MEMORY;
  subject->errors[FIN_REASON_NO_MEMORY] = ENOMEM;
}

static void explain(struct subject *subject, enum cause cause) {
  unsigned state = fin_conn_life(subject->conn);
  if (accounted_for(subject, state)) return;
  if (cause == BY_TIME)
    explain_by_time(subject);
  else if (memory_failed() && state >= FIN_ST_CLOSING)
    no_room_for_input(subject);
  OBEY(the_state_is_what_has_happened, accounted_for(subject, state), "%s, %s%s%s%s%s%s%s%s%s%s%s",
       fin_state_name(state), subject->opened ? "opened " : "",
       subject->fin_seen ? "FIN seen " : "", subject->socket->input_ended ? "FIN read " : "",
       subject->ended ? "ended " : "", subject->closed ? "closed " : "",
       subject->socket->fin_sent ? "FIN sent " : "", subject->lingered ? "lingered " : "",
       subject->stalled ? "stalled " : "", subject->failed ? "failed " : "",
       subject->aborted ? "aborted " : "", subject->broken ? "broken " : "");
}

static void note_drain(struct subject *subject) {
  bool voice = subject_has_voice(subject);
  bool opening = !subject->opened && !subject->closed && !cut_off(subject);
  if (!subject->drain_owed || subject_greet_due(subject)) return;
  if (opening && subject->owner->handler.on_drain) return; /* comes behind on_open */
  OBEY(on_drain_comes_once_when_owed, !subject->owner->handler.on_drain || !voice,
       "it did not come");
  if (opening && !subject->ended && subject->accepted == 0) subject->aborted = true;
  if (voice || opening) subject_closed(subject, FIN_REASON_DRAINED);
  subject->drain_owed = false;
}

/* What the driver does by itself at a turn's end, or with the time. */
static void note_defaults(struct subject *subject, enum cause cause) {
  struct world *world = subject->world;
  /* Without on_writable it cannot be seen when in the turn's end it was let go: others may have
   * written since. */
  bool down = subject_queued(subject) <= subject->limits.output_low;
  bool dirty = subject->conn->dirty;
  bool let_go =
      subject->held_back && subject->opened && (dirty ? fin_conn_reading(subject->conn) : down);
  if (subject_greet_due(subject)) return;
  if (cause == BY_TURN_END) note_drain(subject);
  if (cause == BY_TURN_END && let_go && !subject->owner->handler.on_writable) {
    subject->held_back = false;
    if (!subject->owner->handler.full_duplex) subject->offer_due = true;
    subject->message_ms = world_now(world);
  }
  bool timer_due = subject->timer_set && subject->timer_ms <= world_now(world);
  bool tells_timer = subject->owner->handler.on_timer && subject_has_voice(subject);
  if (cause == BY_TIME && timer_due && subject->opened && !tells_timer) subject->timer_set = false;
  bool kept = subject->offered > subject->consumed;
  bool ends = subject->end_due && subject_reading(subject) && !(subject->offer_due && kept);
  if (cause == BY_TURN_END && ends && !subject->owner->handler.on_end && !subject->conn->end_owed)
    subject_closed(subject, FIN_REASON_BUG);
}

void invariants_catch_up(struct subject *subject) {
  if (!subject->conn || accounted_for(subject, fin_conn_life(subject->conn))) return;
  if (subject->world->telling == BY_TURN_END) note_drain(subject);
  if (subject->world->telling == BY_TIME) explain(subject, BY_TIME);
}

/* ---- at the end of a step ---- */

static void note_progress(struct subject *subject) {
  const struct socket *socket = subject->socket;
  unsigned state = fin_conn_life(subject->conn);
  bool fin_waits = (subject->ended || subject->closed) && !socket->fin_acked;
  bool waits = subject->accepted > socket->acked || fin_waits;
  if (waits && !subject->waits) subject->waits_ms = world_step_ms(subject->world);
  subject->waits = waits;
  if (state != subject->state) subject->state_ms = world_step_ms(subject->world);
  subject->state = state;
  subject->world->tally->states[state]++;
}

static void check_hearing(const struct subject *subject) {
  enum fin_hearing hearing = subject->socket->hearing;
  struct due due = due_of(subject);
  bool wanted = due.input == FIN_INPUT_DISCARD || subject_reading(subject);
  OBEY(input_is_heard_while_wanted, wanted == (hearing == FIN_HEAR_INPUT), "%s, hearing %d",
       fin_state_name(subject->state), hearing);
  bool blind = subject->opened && hearing == FIN_HEAR_NOTHING;
  OBEY(never_blind, !blind, "%s, hearing %d", fin_state_name(subject->state), hearing);
}

static void check_output(const struct subject *subject) {
  const struct socket *socket = subject->socket;
  if (!subject->opened) return;
  OBEY(output_is_under_way, subject_queued(subject) == 0 || socket->writing, "%llu bytes wait",
       (unsigned long long)subject_queued(subject));
  bool flushed = (subject->ended || subject->closed) && subject_queued(subject) == 0;
  OBEY(an_end_sends_its_fin, !flushed || socket->fin_sent, "%s", fin_state_name(subject->state));
}

/* What holds whenever the driver has done all that it owes to this connection. */
static void check_settled(const struct subject *subject) {
  if (subject->state >= FIN_ST_CLOSING) return;
  check_hearing(subject);
  check_output(subject);
  patience_is_armed(subject);
}

static void check_output_sent(const struct subject *subject) {
  const struct socket *socket = subject->socket;
  bool refused = subject->aborted; /* of a write refused for want of memory a part may be out */
  OBEY(output_leaves_in_order, socket->taken <= subject->accepted || refused, "%llu bytes of %llu",
       (unsigned long long)socket->taken, (unsigned long long)subject->accepted);
  OBEY(our_fin_leaves_once_behind_all_output,
       !socket->fin_sent || socket->taken == subject->accepted, "behind %llu bytes of %llu",
       (unsigned long long)socket->taken, (unsigned long long)subject->accepted);
}

static void check_getters(const struct subject *subject) {
  const fin_conn *conn = subject->conn;
  const fin_conn_options *limits = fin_conn_limits(conn), *due = &subject->limits;
  uint32_t age_ms = (uint32_t)(world_now(subject->world) - subject->born_ms);
  check_output_sent(subject);
  OBEY(state_times_add_up, fin_conn_age_ms(conn) == age_ms, "%u ms, not %u ms",
       fin_conn_age_ms(conn), age_ms);
  OBEY(it_is_its_last_handlers,
       fin_conn_context(conn) == subject->owner &&
           fin_conn_handler(conn) == &subject->owner->handler,
       "another's");
  OBEY(it_is_its_last_handlers,
       limits->idle_ms == due->idle_ms && limits->input_max == due->input_max, "other limits");
  if (subject->state >= FIN_ST_CLOSING) return;
  uint64_t waiting = subject->accepted - subject->socket->taken;
  OBEY(output_len_is_true, fin_conn_output_len(conn) == waiting, "%zu, not %llu",
       fin_conn_output_len(conn), (unsigned long long)waiting);
  OBEY(input_is_heard_while_wanted, fin_conn_reading(conn) == subject_reading(subject), "reading");
  OBEY(the_descriptor_is_closed_once, subject->socket->descriptor == FD_OPEN, "while it is used");
}

static void check_gauges(const struct world *world) {
  const fin_server_stats *stats = &world->stage.loop.stats;
  uint32_t in_state[FIN_ST_COUNT] = {0};
  uint32_t alive = 0, dialled = 0, pooled = 0;
  for (unsigned i = 0; i < world->count; i++) {
    const struct subject *subject = &world->subjects[i];
    dialled += subject->dialled;
    if (!subject->alive) continue;
    alive++;
    pooled += !subject->dialled;
    in_state[subject->state]++;
  }
  OBEY(gauges_add_up, stats->connections == alive && world->stage.pooled.live == pooled,
       "%u connections, %u by the loop, %u by the service", alive, stats->connections,
       world->stage.pooled.live);
  uint64_t closed = 0;
  for (unsigned reason = 0; reason < FIN_REASON_COUNT; reason++) closed += stats->closed[reason];
  OBEY(gauges_add_up,
       stats->dialled == dialled && stats->accepted == world->count - dialled &&
           closed == world->count - alive,
       "%llu accepted, %llu dialled, %llu closed", (unsigned long long)stats->accepted,
       (unsigned long long)stats->dialled, (unsigned long long)closed);
  for (unsigned state = 0; state < FIN_ST_COUNT; state++)
    OBEY(gauges_add_up, stats->in_state[state] == in_state[state], "%u in %s", in_state[state],
         fin_state_name(state));
}

void invariants_of_step(struct world *world) {
  enum cause cause = world->telling;
  world->telling = BY_CALLS;
  OBEY(callbacks_do_not_nest, !world->calling && world->depth == 0, "one did not return");
  for (unsigned i = 0; i < world->count; i++) {
    struct subject *subject = &world->subjects[i];
    world->judged = i;
    if (!subject->alive) continue;
    note_defaults(subject, cause);
    explain(subject, cause);
    note_progress(subject);
    check_getters(subject);
    if (!subject->conn->dirty) check_settled(subject);
  }
  check_gauges(world);
  if (memory_failed()) memory_fail_in(0);
  struct fin_io *io = &world->stage.io;
  if (io->worked_ms > 0) world->late_ms = io->now_ms;
  io->worked_ms = io->busy_ms = 0;
  world->tally->steps++;
}

void invariants_at_rest(struct world *world) {
  for (unsigned i = 0; i < world->count; i++) {
    const struct subject *subject = &world->subjects[i];
    world->judged = i;
    if (!subject->alive) continue;
    uint64_t queued = subject_queued(subject);
    OBEY(the_loop_does_not_spin, !subject->conn->dirty, "left dirty");
    bool kept = subject->offered > subject->consumed;
    OBEY(kept_input_is_offered_again, !(subject->offer_due && kept && subject_reading(subject)),
         "%llu bytes", (unsigned long long)(subject->offered - subject->consumed));
    OBEY(on_writable_follows_high_and_low,
         !subject->held_back || queued > subject->limits.output_low || !subject_has_voice(subject),
         "%llu bytes wait", (unsigned long long)queued);
    OBEY(on_timer_comes_when_due,
         !subject->timer_set || subject->timer_ms > world_now(world) ||
             !subject_has_voice(subject) || !subject->owner->handler.on_timer,
         "it did not come");
    OBEY(on_drain_comes_once_when_owed, !subject->drain_owed || !subject->opened,
         "it did not come");
    OBEY(the_descriptor_is_closed_once, subject->state < FIN_ST_CLOSING, "and tells");
    OBEY(on_open_comes_once_and_first, !subject->greet_due, "not after a hand-over");
    OBEY(on_end_comes_once_after_all_input, !subject->end_due || !subject_reading(subject),
         "not after a hand-over");
    patience_at_rest(subject);
  }
}

/* ---- the report ---- */

static void check_reason(const struct subject *subject, const fin_report *report) {
  const struct socket *socket = subject->socket;
  OBEY(the_reason_is_what_has_happened, subject->reasons >> report->reason & 1, "%s, not of %x",
       fin_reason_name(report->reason), subject->reasons);
  OBEY(the_reason_is_what_has_happened, report->reason || subject->broken, "BUG");
  int error = subject->errors[report->reason];
  OBEY(the_reason_is_what_has_happened, report->error == error, "errno %d, not %d", report->error,
       error);
  bool failed_before_fin = subject->failed && subject->opened && !socket->fin_sent;
  bool to_reset = subject->aborted || subject->stalled || subject->broken || failed_before_fin;
  OBEY(rst_only_when_cut_short, socket->reset == to_reset, "%s", to_reset ? "no" : "one");
  bool whole = socket->taken == subject->accepted && socket->fin_sent && !socket->reset;
  bool nothing = !subject->opened && subject->accepted == 0;
  OBEY(clean_means_all_was_sent, whole || nothing || !fin_reason_clean(report->reason),
       "%s, %llu of %llu bytes", fin_reason_name(report->reason), (unsigned long long)socket->taken,
       (unsigned long long)subject->accepted);
}

void invariants_of_report(struct subject *subject, const fin_report *report) {
  const struct socket *socket = subject->socket;
  uint64_t accepted = subject->accepted > socket->taken ? subject->accepted : socket->taken;
  OBEY(on_close_comes_once_and_last, socket->descriptor == FD_GONE, "before the descriptor");
  OBEY(the_state_is_what_has_happened, fin_conn_life(subject->conn) == FIN_ST_CLOSED, "%u",
       fin_conn_life(subject->conn));
  check_reason(subject, report);
  OBEY(the_report_is_true, report->bytes_in == socket->read, "%llu in, not %llu",
       (unsigned long long)report->bytes_in, (unsigned long long)socket->read);
  OBEY(the_report_is_true, report->bytes_accepted == accepted, "%llu accepted, not %llu",
       (unsigned long long)report->bytes_accepted, (unsigned long long)accepted);
  /* Of a write that failed nobody knows how much of it the kernel had taken. */
  bool true_acked = report->bytes_acked == socket->acked_at_close ||
                    (socket->write_failed && report->bytes_acked < socket->acked_at_close);
  OBEY(the_report_is_true, true_acked, "%llu acked, not %llu",
       (unsigned long long)report->bytes_acked, (unsigned long long)socket->acked_at_close);
  uint32_t total_ms = 0;
  for (unsigned state = 0; state < FIN_STATES_MAX; state++) total_ms += report->state_ms[state];
  uint32_t life_ms = (uint32_t)(world_now(subject->world) - subject->born_ms);
  OBEY(state_times_add_up, total_ms == life_ms, "%u ms of %u ms", total_ms, life_ms);
  struct tally *tally = subject->world->tally;
  tally->reasons[report->reason]++;
  tally->resets += socket->reset;
  tally->clean += fin_reason_clean(report->reason);
}
