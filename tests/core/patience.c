/* SPDX-License-Identifier: MIT
 *
 * The laws of time. Progress is what flowed, and when: whoever moves bytes at min_rate, or all that
 * was asked of him, is given more time; whoever does not is given the time that the options name,
 * and at most a quarter more, since progress is looked for four times in its limit.
 */
#include <stdlib.h>

#include "core/invariants.h"

void flow_grew(struct flow *flow, uint64_t ms, uint64_t bytes) {
  if (flow->count > 0 && flow->points[flow->count - 1].ms == ms) flow->count--;
  if (flow->count == FLOW_POINTS) abort();
  flow->points[flow->count++] = (struct flow_point){ms, bytes};
}

/* Bytes that have flowed up to and with that time. */
static uint64_t flowed_by(const struct flow *flow, uint64_t ms) {
  unsigned count = flow->count;
  while (count > 0 && flow->points[count - 1].ms > ms) count--;
  return count > 0 ? flow->points[count - 1].bytes : 0;
}

static uint64_t flowed(const struct flow *flow) {
  return flow->count > 0 ? flow->points[flow->count - 1].bytes : 0;
}

static uint64_t later(uint64_t a, uint64_t b) { return a > b ? a : b; }

static uint64_t look(uint32_t limit_ms) { return limit_ms / 4 + 1; }

/* Stretches end now, and begin at `from_ms` or when bytes flowed after it: number 0, 1, ... False
 * if this one began before. */
static bool stretch(const struct flow *flow, uint64_t from_ms, unsigned number, uint64_t *begin_ms,
                    uint64_t *bytes) {
  const struct flow_point *point = number > 0 ? &flow->points[number - 1] : NULL;
  *begin_ms = point ? point->ms : from_ms;
  *bytes = flowed(flow) - (point ? point->bytes : flowed_by(flow, from_ms));
  return *begin_ms >= from_ms;
}

/* Whether since `from_ms` there was a stretch up to now, of limit_ms at least, in which less flowed
 * than min_rate. */
static bool slow(const struct subject *subject, const struct flow *flow, uint64_t from_ms,
                 uint32_t limit_ms) {
  uint64_t now_ms = world_now(subject->world), rate = subject->limits.min_rate;
  uint64_t begin_ms, bytes;
  for (unsigned i = 0; i <= flow->count; i++) {
    if (!stretch(flow, from_ms, i, &begin_ms, &bytes) || begin_ms + limit_ms > now_ms) continue;
    if (bytes == 0 || bytes * 1000 < rate * (now_ms - begin_ms)) return true;
  }
  return false;
}

/* Whether in each stretch since `from_ms` enough has flowed to be still alive: nothing is needed in
 * the first `free_ms`, then min_rate; and without a byte `dry_ms` are the limit. */
static bool fast(const struct subject *subject, const struct flow *flow, uint64_t from_ms,
                 uint64_t free_ms, uint64_t dry_ms) {
  uint64_t now_ms = world_now(subject->world), rate = subject->limits.min_rate;
  uint64_t begin_ms, bytes;
  for (unsigned i = 0; i <= flow->count; i++) {
    if (!stretch(flow, from_ms, i, &begin_ms, &bytes)) continue;
    uint64_t passed_ms = now_ms - begin_ms;
    if (bytes == 0 && passed_ms >= dry_ms) return false;
    if (passed_ms >= free_ms && bytes * 1000 < rate * (passed_ms - free_ms)) return false;
  }
  return true;
}

/* ---- not before ---- */

/* The rest of a message is waited for. */
static bool awaits_message(const struct subject *subject) {
  return subject->offered > subject->consumed && !subject->busy &&
         fin_states[subject->state].bound == FIN_BOUND_IDLE;
}

static bool lost_with_writer(const struct subject *subject) {
  uint32_t stall_ms = subject->limits.stall_ms;
  uint64_t from_ms = later(subject->message_ms, subject->state_ms);
  return awaits_message(subject) && slow(subject, &subject->read, from_ms, stall_ms);
}

/* Nobody may idle for ever. */
static bool idle_bounded(const struct subject *subject) {
  return subject->limits.idle_ms != FIN_NEVER && !subject->busy;
}

static bool lost_with_idler(const struct subject *subject) {
  const struct socket *socket = subject->socket;
  uint64_t traffic_ms = later(socket->read_ms, socket->taken_ms);
  uint64_t from_ms = later(traffic_ms, later(subject->state_ms, subject->whole_ms));
  return idle_bounded(subject) && subject->accepted == socket->acked &&
         world_now(subject->world) - from_ms >= subject->limits.idle_ms;
}

/* Half-closed, and not waiting for somebody else. */
bool patience_half_bounded(const struct subject *subject) {
  return !subject->busy || !subject->owner->handler.full_duplex;
}

static bool lost_with_half(const struct subject *subject) {
  uint32_t half_ms = subject->limits.half_ms;
  return patience_half_bounded(subject) &&
         slow(subject, &subject->read, subject->state_ms, half_ms) &&
         slow(subject, &subject->acked, subject->state_ms, half_ms);
}

uint32_t patience_lost(const struct subject *subject) {
  uint32_t reasons = 0;
  switch ((enum fin_bound)fin_states[subject->state].bound) {
    case FIN_BOUND_OPEN:
      if (world_now(subject->world) - subject->born_ms >= subject->limits.open_ms)
        reasons |= 1u << FIN_REASON_OPEN_TIMEOUT;
      break;
    case FIN_BOUND_IDLE:
      if (lost_with_writer(subject)) reasons |= 1u << FIN_REASON_SLOW_WRITER;
      if (lost_with_idler(subject)) reasons |= 1u << FIN_REASON_IDLE;
      break;
    case FIN_BOUND_HALF:
      if (lost_with_half(subject)) reasons |= 1u << FIN_REASON_HALF_TIMEOUT;
      break;
    case FIN_BOUND_STALL:
    case FIN_BOUND_LINGER:
    case FIN_BOUND_NONE:
      break;
  }
  return reasons;
}

/* Since when the first byte that is not acknowledged has waited; or our FIN, or nothing. */
static uint64_t oldest_waiting_ms(const struct subject *subject) {
  const struct flow *written = &subject->written;
  for (unsigned i = 0; i < written->count; i++)
    if (written->points[i].bytes > subject->socket->acked) return written->points[i].ms;
  return subject->waits ? subject->waits_ms : world_step_ms(subject->world);
}

bool patience_lost_with_reader(const struct subject *subject) {
  uint32_t stall_ms = subject->limits.stall_ms;
  bool waited = oldest_waiting_ms(subject) + stall_ms <= world_now(subject->world);
  return waited && slow(subject, &subject->acked, subject->state_ms, stall_ms);
}

/* Cut short with output not acknowledged, or with the peer still sending. */
bool patience_lost_with_linger(const struct subject *subject, uint32_t *reasons) {
  const struct world *world = subject->world;
  const struct socket *socket = subject->socket;
  uint64_t now_ms = world_now(world), grace_ms = subject->limits.linger_grace_ms;
  uint64_t quiet_ms = later(later(socket->acked_ms, socket->read_ms), subject->state_ms);
  bool acked = socket_all_acked(socket);
  bool looked = now_ms - socket->read_ms > grace_ms && world->late_ms != now_ms;
  bool still_sending = socket->read_ms >= subject->state_ms && !looked;
  *reasons = 0;
  if (!acked || still_sending) *reasons |= 1u << FIN_REASON_LINGER_CUT;
  if (acked) *reasons |= 1u << FIN_REASON_BUG;
  return (acked && now_ms - quiet_ms >= grace_ms) ||
         now_ms - subject->state_ms >= subject->limits.linger_ms;
}

/* ---- and not after ---- */

static bool output_flows(const struct subject *subject) {
  return subject->opened && fin_states[subject->state].output != FIN_OUTPUT_NONE;
}

static void reader_at_rest(const struct subject *subject, uint64_t from_ms) {
  const struct world *world = subject->world;
  const struct socket *socket = subject->socket;
  uint64_t stall_ms = subject->limits.stall_ms, look_ms = look(subject->limits.stall_ms);
  if (!output_flows(subject) || subject->accepted == socket->acked) return;
  from_ms = later(from_ms, oldest_waiting_ms(subject));
  OBEY(a_state_ends_in_time,
       fast(subject, &subject->acked, from_ms, 2 * stall_ms + look_ms, stall_ms + look_ms),
       "%s, a slow reader since %llu ms", fin_state_name(subject->state),
       (unsigned long long)(world_now(world) - from_ms));
}

static void writer_at_rest(const struct subject *subject, uint64_t from_ms) {
  uint64_t free_ms = subject->limits.stall_ms + look(subject->limits.stall_ms);
  if (!awaits_message(subject) || !subject_reading(subject)) return;
  from_ms = later(from_ms, subject->message_ms);
  OBEY(a_state_ends_in_time, fast(subject, &subject->read, from_ms, free_ms, free_ms),
       "%s, a slow writer", fin_state_name(subject->state));
}

static void idler_at_rest(const struct subject *subject, uint64_t looked_ms) {
  const struct world *world = subject->world;
  const struct socket *socket = subject->socket;
  if (!idle_bounded(subject) || subject->waits) return;
  uint64_t sent_ms = later(socket->taken_ms, socket->told_ms);
  uint64_t traffic_ms = later(later(socket->read_ms, sent_ms), socket->acked_ms);
  uint64_t from_ms = later(traffic_ms, later(subject->state_ms, subject->whole_ms));
  uint64_t until_ms = from_ms + subject->limits.idle_ms;
  uint64_t seen_ms = later(socket->acked_ms, looked_ms) + look(subject->limits.stall_ms);
  OBEY(a_state_ends_in_time, world_now(world) < later(until_ms, seen_ms), "idle for %llu of %u ms",
       (unsigned long long)(world_now(world) - from_ms), subject->limits.idle_ms);
}

static void half_at_rest(const struct subject *subject, uint64_t from_ms) {
  const struct world *world = subject->world;
  uint64_t free_ms = subject->limits.half_ms + look(subject->limits.half_ms);
  if (!patience_half_bounded(subject)) return;
  from_ms = later(from_ms, later(subject->socket->acked_ms, subject->waits_ms));
  from_ms = later(from_ms, subject->whole_ms);
  OBEY(a_state_ends_in_time, fast(subject, &subject->read, from_ms, free_ms, free_ms),
       "%s for %llu ms", fin_state_name(subject->state),
       (unsigned long long)(world_now(world) - subject->state_ms));
}

static void linger_at_rest(const struct subject *subject, uint64_t from_ms) {
  const struct world *world = subject->world;
  const struct socket *socket = subject->socket;
  uint64_t now_ms = world_now(world);
  OBEY(a_state_ends_in_time, now_ms < from_ms + subject->limits.linger_ms, "LINGER");
  uint64_t quiet_ms = later(later(socket->acked_ms, socket->read_ms), from_ms);
  OBEY(a_state_ends_in_time,
       !socket_all_acked(socket) || now_ms - quiet_ms < 2 * subject->limits.linger_grace_ms,
       "LINGER, quiet for %llu ms", (unsigned long long)(now_ms - quiet_ms));
}

void patience_at_rest(const struct subject *subject) {
  const struct world *world = subject->world;
  uint64_t from_ms = later(later(subject->state_ms, world->late_ms), subject->handed_ms);
  reader_at_rest(subject, from_ms);
  switch ((enum fin_bound)fin_states[subject->state].bound) {
    case FIN_BOUND_OPEN:
      OBEY(a_state_ends_in_time, world_now(world) - subject->born_ms < subject->limits.open_ms,
           "OPENING");
      break;
    case FIN_BOUND_IDLE:
      writer_at_rest(subject, from_ms);
      idler_at_rest(subject, from_ms);
      break;
    case FIN_BOUND_HALF:
      half_at_rest(subject, from_ms);
      break;
    case FIN_BOUND_LINGER:
      linger_at_rest(subject, from_ms);
      break;
    case FIN_BOUND_STALL:
    case FIN_BOUND_NONE:
      break;
  }
}

/* ---- what is armed ---- */

/* In how many milliseconds at most the driver must look at the connection; FIN_NEVER: it need not.
 */
static uint64_t promised(const struct subject *subject) {
  const fin_conn_options *limits = &subject->limits;
  uint64_t promised_ms = FIN_NEVER;
  switch ((enum fin_bound)fin_states[subject->state].bound) {
    case FIN_BOUND_OPEN:
      promised_ms = limits->open_ms;
      break;
    case FIN_BOUND_IDLE:
      if (idle_bounded(subject)) promised_ms = later(limits->idle_ms, look(limits->stall_ms));
      break;
    case FIN_BOUND_HALF:
      if (patience_half_bounded(subject)) promised_ms = look(limits->half_ms);
      break;
    case FIN_BOUND_LINGER:
      promised_ms = limits->linger_grace_ms;
      break;
    case FIN_BOUND_STALL:
    case FIN_BOUND_NONE:
      break;
  }
  bool message = awaits_message(subject) && subject_reading(subject);
  bool output = output_flows(subject) && subject->waits;
  if ((message || output) && promised_ms > look(limits->stall_ms))
    promised_ms = look(limits->stall_ms);
  return promised_ms;
}

void patience_is_armed(const struct subject *subject) {
  const struct fin_deadline *deadline = &subject->conn->deadline;
  const struct fin_io *io = &subject->world->stage.io;
  uint64_t promised_ms = promised(subject);
  OBEY(every_wait_has_a_deadline, promised_ms == FIN_NEVER || fin_deadline_set(deadline),
       "%s, none", fin_state_name(subject->state));
  if (!fin_deadline_set(deadline)) return;
  int32_t left_ms = (int32_t)(deadline->due_ms - fin_io_now(io));
  OBEY(every_wait_has_a_deadline, left_ms < 0 || (uint64_t)left_ms <= promised_ms, "%s, in %d ms",
       fin_state_name(subject->state), left_ms);
  bool in_time = io_time_due(io) || (int32_t)(deadline->due_ms - (uint32_t)io->wake_ms) >= 0;
  OBEY(the_loop_wakes_for_deadlines, io->wake_set && in_time, "%s, in %d ms",
       fin_state_name(subject->state), left_ms);
}
