/* SPDX-License-Identifier: MIT
 *
 * The random application's handler: callbacks that check that they may come, and then let it call
 * what it feels like.
 */
#include <stdlib.h>
#include <string.h>

#include "core/invariants.h"

/* ---- whose it is ---- */

void subject_begin_with(struct subject *subject, const struct owner *owner,
                        const fin_conn_options *limits) {
  subject->owner = owner;
  subject->limits = *limits;
  subject->number = ++subject->world->last_number;
  subject->state_known = false;
}

void subject_handed_over(struct subject *subject, const struct owner *owner,
                         const fin_conn_options *limits) {
  struct tally *tally = subject->world->tally;
  tally->handed_over++;
  tally->handed_again += subject->handed_over;
  /* Without on_writable it cannot be seen whether it was let go. */
  if (!subject->owner->handler.on_writable) subject->held_back = subject->conn->blocked;
  subject_begin_with(subject, owner, limits);
  subject->handed_over = true;
  subject->greet_due = subject->opened;
  subject->end_due = subject->socket->input_ended;
  subject->told_open = subject->told_end = false;
  subject->paused = subject->busy = subject->timer_set = false;
  if (subject_queued(subject) > limits->output_high) subject->held_back = true;
  subject->offer_due = true;
  subject->handed_ms = subject->whole_ms = world_now(subject->world);
}

/* Without on_open it cannot be seen when the new owner's time begins. */
bool subject_greet_due(struct subject *subject) {
  bool unseen = !subject->owner->handler.on_open && !subject->conn->greet_owed;
  if (subject->greet_due && unseen) {
    subject->message_ms = world_now(subject->world);
    subject->greet_due = false;
  }
  return subject->greet_due;
}

/* ---- callbacks ---- */

static struct subject *find(struct world *world, fin_conn *conn) {
  for (unsigned i = 0; i < world->count; i++)
    if (world->subjects[i].conn == conn) return &world->subjects[i];
  struct subject *begun = world->begun;
  OBEY(on_close_comes_once_and_last, begun && !begun->conn, "a callback of an unknown connection");
  begun->conn = conn;
  return begun;
}

/* The state of an owner's time with a connection: its number, then zeros as before. */
static void check_state(struct subject *subject, const unsigned char *state, uint64_t number) {
  size_t size = subject->owner->handler.state_size;
  uint64_t is;
  memcpy(&is, state, sizeof is);
  OBEY(the_handlers_state_is_its_own, (uintptr_t)state % 16 == 0, "not aligned");
  OBEY(the_handlers_state_is_its_own, is == number, "changed");
  for (size_t i = sizeof is; i < size && !subject->state_known; i++)
    OBEY(the_handlers_state_is_its_own, state[i] == 0, "not zeroed");
}

static void check_own(struct subject *subject) {
  unsigned char *state = fin_conn_state(subject->conn);
  check_state(subject, state, subject->state_known ? subject->number : 0);
  memcpy(state, &subject->number, sizeof subject->number);
  subject->state_known = true;
}

static struct subject *enter(fin_conn *conn, const char *name) {
  const struct owner *owner = fin_conn_context(conn);
  struct world *world = owner->world;
  struct subject *subject = find(world, conn);
  OBEY(no_call_runs_a_callback, world->depth == 0, "%s", name);
  OBEY(callbacks_do_not_nest, !world->calling, "%s", name);
  OBEY(on_close_comes_once_and_last, !subject->told_close, "%s after on_close", name);
  OBEY(it_is_its_last_handlers, owner == subject->owner, "%s", name);
  check_own(subject);
  world->calling = subject;
  return subject;
}

/* The beginning of every callback but on_open and on_close. */
static struct subject *enter_open(fin_conn *conn, const char *name) {
  struct subject *subject = enter(conn, name);
  bool had_open = subject->told_open || !subject->owner->handler.on_open;
  OBEY(on_open_comes_once_and_first, subject->opened && had_open && !subject_greet_due(subject),
       "%s before it", name);
  OBEY(after_close_only_on_close_comes, subject_may_hear(subject), "%s", name);
  return subject;
}

static void act_and_leave(struct subject *subject) {
  struct world *world = subject->world;
  /* What it hands over, and hands over again, leaves it its state until it returns. */
  uint64_t number = subject->number, is;
  const void *state = fin_conn_state(subject->conn);
  while (world_chance(world, world->temper.acting) && world->budget > 0) {
    bool self = world_chance(world, 56);
    application_act(world, self ? subject : &world->subjects[world_below(world, world->count)]);
  }
  memcpy(&is, state, sizeof is);
  OBEY(the_handlers_state_is_its_own, is == number, "gone within a callback");
  world->calling = NULL;
}

static void on_open(fin_conn *conn) {
  struct subject *subject = enter(conn, "on_open");
  world_trace(subject->world, subject, "on_open");
  OBEY(on_open_comes_once_and_first, subject->opened && !subject->told_open, "again, or not open");
  OBEY(after_close_only_on_close_comes, subject_may_hear(subject), "on_open");
  subject->told_open = true;
  subject->world->tally->greeted += subject->greet_due;
  if (subject->greet_due) subject->message_ms = world_now(subject->world);
  subject->greet_due = false;
  act_and_leave(subject);
}

static size_t some_of(struct world *world, size_t len) {
  if (world_below(world, 4096) < world->temper.breaking) return len + 1 + world_below(world, 9);
  if (world->budget == 0) return len;
  if (world_chance(world, world->temper.consuming)) return len;
  return world_chance(world, 24) ? 0 : world_below(world, len + 1);
}

/* The handler returns `consumed` of `len` bytes offered, of which the first `kept` are not new. */
static void note_consumed(struct subject *subject, size_t consumed, size_t len, size_t kept) {
  struct world *world = subject->world;
  if (fin_conn_life(subject->conn) >= FIN_ST_CLOSING) return;
  if (consumed > len) {
    subject->broken = true;
    subject->reasons = 1u << FIN_REASON_BUG;
    return;
  }
  subject->consumed += consumed;
  if (consumed < len && (consumed > 0 || kept == 0)) subject->message_ms = world_now(world);
  /* Resumed within the call, it has seen all there is. */
  if (consumed == 0 && kept == len && !subject->greet_due) subject->offer_due = false;
  if (len - consumed < subject->limits.input_max) return;
  if (consumed > 0)
    subject->offer_due = true;
  else if (subject_reading(subject))
    subject_closed(subject, FIN_REASON_TOO_LONG);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct subject *subject = enter_open(conn, "on_data");
  struct world *world = subject->world;
  struct socket *socket = subject->socket;
  world_trace(world, subject, "on_data %zu bytes", len);
  OBEY(on_end_comes_once_after_all_input, !subject->told_end, "on_data after it");
  OBEY(input_is_not_offered_while_paused, !subject->paused, "paused");
  const fin_handler *handler = &subject->owner->handler;
  bool let_go = !handler->on_writable && subject_queued(subject) <= subject->limits.output_low;
  if (let_go && subject->held_back) subject->message_ms = world_now(world);
  if (let_go) subject->held_back = false;
  OBEY(input_is_not_offered_while_paused, !subject->held_back || handler->full_duplex,
       "%llu bytes wait", (unsigned long long)subject_queued(subject));
  world->tally->full_duplex += subject->held_back;
  OBEY(input_is_offered_in_order, len > 0 && subject->consumed + len == socket->read,
       "%zu bytes from %llu on, %llu read", len, (unsigned long long)subject->consumed,
       (unsigned long long)socket->read);
  OBEY(input_is_offered_in_order, pattern_equal(~socket->shift, subject->consumed, data, len),
       "%zu other bytes", len);
  if (subject->offered == socket->read) world->tally->offered_again++;
  size_t kept = (size_t)(subject->offered - subject->consumed);
  subject->offered = socket->read;
  subject->offer_due = false;
  act_and_leave(subject);
  size_t consumed = some_of(world, len);
  note_consumed(subject, consumed, len, kept);
  world_trace(world, subject, "consumed %zu", consumed);
  return consumed;
}

static void on_end(fin_conn *conn) {
  struct subject *subject = enter_open(conn, "on_end");
  struct socket *socket = subject->socket;
  world_trace(subject->world, subject, "on_end");
  OBEY(on_end_comes_once_after_all_input, !subject->told_end, "again");
  OBEY(on_end_comes_once_after_all_input, socket->input_ended, "before the peer's FIN");
  OBEY(on_end_comes_once_after_all_input, subject->offered == socket->arrived,
       "%llu bytes not offered", (unsigned long long)(socket->arrived - subject->offered));
  OBEY(on_end_comes_once_after_all_input, !subject->paused, "paused");
  bool kept = subject->offered > subject->consumed;
  OBEY(kept_input_is_offered_again, !subject->offer_due || !kept, "not before on_end");
  subject->told_end = true;
  subject->world->tally->handed_end += subject->end_due;
  subject->end_due = false;
  act_and_leave(subject);
}

static void on_writable(fin_conn *conn) {
  struct subject *subject = enter_open(conn, "on_writable");
  struct world *world = subject->world;
  world_trace(world, subject, "on_writable");
  OBEY(on_writable_follows_high_and_low, subject->held_back, "not held back");
  OBEY(on_writable_follows_high_and_low, subject_queued(subject) <= subject->limits.output_low,
       "%llu bytes wait", (unsigned long long)subject_queued(subject));
  subject->held_back = false;
  if (!subject->owner->handler.full_duplex) subject->offer_due = true;
  subject->message_ms = world_now(world);
  world->tally->on_writable++;
  act_and_leave(subject);
}

static void on_timer(fin_conn *conn) {
  struct subject *subject = enter_open(conn, "on_timer");
  world_trace(subject->world, subject, "on_timer");
  OBEY(on_timer_comes_when_due,
       subject->timer_set && subject->timer_ms <= world_now(subject->world), "not due");
  subject->timer_set = false;
  subject->world->tally->on_timer++;
  act_and_leave(subject);
}

static void on_drain(fin_conn *conn) {
  struct subject *subject = enter_open(conn, "on_drain");
  world_trace(subject->world, subject, "on_drain");
  OBEY(on_drain_comes_once_when_owed, subject->drain_owed, "not owed");
  subject->drain_owed = false;
  subject->world->tally->on_drain++;
  act_and_leave(subject);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct subject *subject = enter(conn, "on_close");
  world_trace(subject->world, subject, "on_close %s", fin_reason_name(report->reason));
  subject->told_close = true;
  invariants_of_report(subject, report);
  act_and_leave(subject);
  subject->conn = NULL;
  subject->alive = false;
}

static void owner_begin(struct world *world, struct owner *owner) {
  size_t state_size = sizeof(uint64_t) + world_below(world, STATE_MAX);
  owner->world = world;
  owner->handler = (fin_handler){.state_size = state_size, .on_data = on_data};
  fin_handler *handler = &owner->handler;
  handler->full_duplex = world_chance(world, 16);
  if (world_chance(world, 56)) handler->on_open = on_open;
  if (world_chance(world, 44)) handler->on_end = on_end;
  if (world_chance(world, 48)) handler->on_writable = on_writable;
  if (world_chance(world, 56)) handler->on_timer = on_timer;
  if (world_chance(world, 32)) handler->on_drain = on_drain;
  if (world_chance(world, 60)) handler->on_close = on_close;
}

void application_begin(struct world *world) {
  for (unsigned i = 0; i < OWNERS; i++) owner_begin(world, &world->owners[i]);
}
