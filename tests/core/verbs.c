/* SPDX-License-Identifier: MIT
 *
 * What the random application calls, and what it may expect of each call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/invariants.h"

enum { WRITE_MAX = 300 * 1024 };

/* ---- writing ---- */

/* Data that fin_conn_write_take was given. */
struct take {
  struct subject *subject;
  void *data;
  uint64_t end; /* its end's position in the output; 0 until it is accepted */
  bool released;
};

static void on_release(void *arg, const void *data) {
  struct take *take = arg;
  struct subject *subject = take->subject;
  OBEY(taken_data_is_released_once, data == take->data && !take->released, "released twice");
  bool sent = take->end <= subject->accepted - subject_queued(subject);
  bool dropped = subject->socket->descriptor != FD_OPEN;
  OBEY(taken_data_is_released_once, !take->end || sent || dropped, "before it was sent");
  subject->world->takes--;
  if (!take->end) {
    take->released = true;
    return;
  }
  free(take->data);
  free(take);
}

static void *copy_of(const char *data, size_t len) {
  char *copy = malloc(len > 0 ? len : 1);
  if (!copy) abort();
  memcpy(copy, data, len);
  return copy;
}

static int write_take(struct subject *subject, const char *data, size_t len) {
  struct take *take = calloc(1, sizeof *take);
  if (!take) abort();
  take->subject = subject;
  take->data = copy_of(data, len);
  subject->world->takes++;
  int error = fin_conn_write_take(subject->conn, take->data, len, on_release, take);
  OBEY(taken_data_is_released_once, take->released == (error || len == 0), "%zu bytes, result %d",
       len, error);
  if (take->released) {
    free(take->data);
    free(take);
  } else {
    take->end = subject->accepted + len;
  }
  return error;
}

static int write_copy(struct subject *subject, const char *data, size_t len) {
  if (len > 4096) return fin_conn_write(subject->conn, data, len);
  char *copy = copy_of(data, len); /* is gone at once, as the handler's own may be */
  int error = fin_conn_write(subject->conn, copy, len);
  free(copy);
  return error;
}

/* What a write may have: the kernel has taken the rest. */
static size_t room_of(const struct subject *subject) {
  uint64_t waits = subject->accepted - subject->socket->taken;
  uint64_t most = subject->limits.output_max;
  return waits < most ? (size_t)(most - waits) : 0;
}

static size_t some_len(struct world *world, const struct subject *subject) {
  const fin_conn_options *limits = &subject->limits;
  size_t room = room_of(subject), len;
  switch (world_below(world, 16)) {
    case 0:
      len = room;
      break;
    case 1:
      len = limits->output_high + world_below(world, 2);
      break;
    case 2:
      len = 16 * 1024 - 1 + world_below(world, 2);
      break;
    default:
      len = random_size(&world->random, world->temper.write_bits);
      break;
  }
  if (len > room) len = room + world_chance(world, 2); /* more than fits ends it */
  return len < WRITE_MAX ? len : WRITE_MAX;
}

static void check_refusal(const struct subject *subject, size_t len, size_t room, bool ended,
                          int error) {
  bool failed_now = !ended && fin_conn_life(subject->conn) >= FIN_ST_CLOSING;
  switch (error) {
    case 0:
      OBEY(output_is_refused_once_ended, !ended, "accepted %zu bytes", len);
      OBEY(writes_are_refused_for_a_reason, len <= room, "accepted %zu bytes over", len - room);
      break;
    case -EPIPE:
      OBEY(output_is_refused_once_ended, ended || failed_now, "refused %zu bytes", len);
      break;
    case -ENOBUFS:
      OBEY(writes_are_refused_for_a_reason, !ended && len > room, "ENOBUFS, %zu of %zu", len, room);
      break;
    case -ENOMEM:
      OBEY(writes_are_refused_for_a_reason, !ended && memory_failed(), "ENOMEM");
      break;
    default:
      OBEY(writes_are_refused_for_a_reason, false, "%d", error);
  }
}

/* Who is refused for want of room or memory is reset. */
static void note_refused(struct subject *subject, int error) {
  struct tally *tally = subject->world->tally;
  tally->refused++;
  if (error == -EPIPE) return;
  if (error == -ENOMEM) tally->without_memory++;
  subject->aborted = true;
  subject_blame(subject, 1u << (error == -ENOMEM ? FIN_REASON_NO_MEMORY : FIN_REASON_OUTPUT_FULL),
                -error);
}

static bool may_write(const struct subject *subject) {
  return fin_states[fin_conn_life(subject->conn)].output == FIN_OUTPUT_ACCEPT;
}

static void do_write(struct subject *subject, size_t len, bool take) {
  struct world *world = subject->world;
  bool ended = !may_write(subject);
  bool said = subject->ended || subject->closed || subject->aborted || subject->failed;
  OBEY(output_is_refused_once_ended, ended || !said, "%s after the end",
       fin_state_name(fin_conn_life(subject->conn)));
  size_t room = room_of(subject);
  const char *data = pattern(subject->socket->shift, subject->accepted);
  int error = take ? write_take(subject, data, len) : write_copy(subject, data, len);
  world_trace(world, subject, "%s %zu bytes: %d", take ? "write_take" : "write", len, error);
  check_refusal(subject, len, room, ended, error);
  if (error) note_refused(subject, error);
  if (error || len == 0) return;
  subject->accepted += len;
  flow_grew(&subject->written, world_now(world), subject->accepted);
  if (subject_queued(subject) > subject->limits.output_high) subject->held_back = true;
  *(take ? &world->tally->takes : &world->tally->writes) += 1;
}

/* ---- the verbs ---- */

static bool counts(const struct subject *subject, enum fin_event event) {
  return fin_lifecycle[fin_conn_life(subject->conn)][event].kind == FIN_ROW;
}

/* Who closes what is only being dialled, for nothing, gives it up. */
static bool in_vain(const struct subject *subject) {
  return !subject->opened && !subject->ended && !subject->closed && subject->accepted == 0;
}

static void do_end(struct subject *subject) {
  bool row = counts(subject, FIN_EV_END);
  fin_conn_end(subject->conn);
  subject->world->tally->ends++;
  world_trace(subject->world, subject, "end");
  if (!row) return;
  subject->ended = true;
  if (subject->held_back && !subject->owner->handler.full_duplex) subject->offer_due = true;
  subject->held_back = false;
  subject_blame(subject, 1u << FIN_REASON_ENDED, 0);
}

static void do_close(struct subject *subject, fin_reason reason) {
  bool held = fin_conn_life(subject->conn) < FIN_ST_CLOSING, vain = in_vain(subject);
  bool known = reason > FIN_REASON_BUG && reason < FIN_REASON_COUNT;
  fin_conn_close(subject->conn, reason);
  subject->world->tally->closes++;
  world_trace(subject->world, subject, "close %s", fin_reason_name(reason));
  if (!held) return;
  if (vain) subject->aborted = true;
  subject_closed(subject, known ? reason : FIN_REASON_CLOSED);
}

static void do_abort(struct subject *subject) {
  bool row = counts(subject, FIN_EV_ABORT);
  fin_conn_abort(subject->conn);
  subject->world->tally->aborts++;
  world_trace(subject->world, subject, "abort");
  if (!row) return;
  subject->aborted = true;
  subject_blame(subject, 1u << FIN_REASON_ABORTED, 0);
}

static void do_pause(struct subject *subject) {
  fin_conn_pause(subject->conn);
  subject->paused = true;
  world_trace(subject->world, subject, "pause");
}

static void do_resume(struct subject *subject) {
  fin_conn_resume(subject->conn);
  world_trace(subject->world, subject, "resume");
  if (!subject->paused) return;
  subject->paused = false;
  subject->offer_due = true;
  subject->message_ms = world_now(subject->world);
}

static void do_set_timer(struct subject *subject) {
  struct world *world = subject->world;
  bool never = world_chance(world, 8);
  if (world_chance(world, 4)) world->stage.io.busy_ms = world_below(world, 20);
  uint32_t after_ms =
      never ? FIN_NEVER : (uint32_t)random_size(&world->random, world->temper.time_bits);
  fin_conn_set_timer(subject->conn, after_ms);
  world_trace(world, subject, "set_timer %d", (int)after_ms);
  subject->timer_set = !never;
  subject->timer_ms = world_now(world) + after_ms;
}

static void do_set_busy(struct subject *subject) {
  bool busy = world_chance(subject->world, 32);
  fin_conn_set_busy(subject->conn, busy);
  world_trace(subject->world, subject, busy ? "busy" : "not busy");
  if (subject->busy && !busy) subject->whole_ms = subject->message_ms = world_now(subject->world);
  subject->busy = busy;
  subject->world->tally->busy += busy;
}

static void do_hand_over(struct subject *subject) {
  struct world *world = subject->world;
  const struct owner *owner = &world->owners[world_below(world, OWNERS)];
  fin_handler dumb = owner->handler;
  fin_conn_options limits = subject->limits;
  bool ended = !may_write(subject), other_limits = world_chance(world, 24);
  bool wrong_handler = world_chance(world, 2), wrong_limits = world_chance(world, 2);
  if (other_limits) temper_choose_limits(world, &limits);
  if (wrong_handler) dumb.on_data = NULL;
  if (wrong_limits) limits.stall_ms = FIN_NEVER;
  int error =
      fin_conn_hand_over(subject->conn, wrong_handler ? &dumb : &owner->handler,
                         (void *)(uintptr_t)owner, other_limits || wrong_limits ? &limits : NULL);
  world_trace(world, subject, "hand over to %d: %d", (int)(owner - world->owners), error);
  bool wrong = wrong_handler || wrong_limits;
  bool expected = error == (ended   ? -EPIPE
                            : wrong ? -EINVAL
                                    : 0) ||
                  (error == -ENOMEM && !ended && !wrong && memory_failed());
  OBEY(it_is_its_last_handlers, expected, "result %d", error);
  if (!error) subject_handed_over(subject, owner, &limits);
}

/* More parts than one send can have, then what may be sent at once. */
static void write_many(struct subject *subject) {
  for (unsigned i = 0; i < 70 && may_write(subject); i++) do_write(subject, 1 + i % 3, true);
  if (may_write(subject)) do_write(subject, WRITE_MAX / 16, false);
}

static void do_verb(struct subject *subject, enum verb verb) {
  struct world *world = subject->world;
  invariants_catch_up(subject);
  world->depth++;
  switch (verb) {
    case VERB_WRITE:
      do_write(subject, some_len(world, subject), false);
      break;
    case VERB_TAKE:
      do_write(subject, some_len(world, subject), true);
      if (world_chance(world, 2)) write_many(subject);
      break;
    case VERB_END:
      do_end(subject);
      break;
    case VERB_CLOSE:
      do_close(subject, (fin_reason)world_below(world, FIN_REASON_COUNT + 2));
      break;
    case VERB_ABORT:
      do_abort(subject);
      break;
    case VERB_PAUSE:
      do_pause(subject);
      break;
    case VERB_RESUME:
      do_resume(subject);
      break;
    case VERB_SET_TIMER:
      do_set_timer(subject);
      break;
    case VERB_SET_BUSY:
      do_set_busy(subject);
      break;
    case VERB_HAND_OVER:
      do_hand_over(subject);
      break;
    case VERB_COUNT:
      break;
  }
  world->depth--;
}

void application_act(struct world *world, struct subject *subject) {
  if (!subject->conn || world->budget == 0) return;
  world->budget--;
  /* Those that end it are rarer, so that there is a life before. */
  static const enum verb verbs[] = {
      VERB_WRITE,  VERB_WRITE,  VERB_WRITE,  VERB_TAKE,      VERB_PAUSE,     VERB_RESUME,
      VERB_RESUME, VERB_RESUME, VERB_RESUME, VERB_PAUSE,     VERB_SET_TIMER, VERB_END,
      VERB_CLOSE,  VERB_ABORT,  VERB_WRITE,  VERB_SET_TIMER, VERB_SET_BUSY,  VERB_HAND_OVER};
  enum verb verb = verbs[world_below(world, sizeof verbs / sizeof verbs[0])];
  bool ends = verb == VERB_END || verb == VERB_CLOSE || verb == VERB_ABORT;
  if (ends && !world_chance(world, world->temper.ending)) return;
  if (world->temper.verbs >> verb & 1) do_verb(subject, verb);
}

void application_close(struct world *world, struct subject *subject) {
  world->depth++;
  do_close(subject, FIN_REASON_CLOSED);
  world->depth--;
}
