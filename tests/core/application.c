/* SPDX-License-Identifier: MIT
 *
 * The random application's handler: callbacks that check that they may come, and then let it call
 * what it feels like.
 */
#include <stdlib.h>
#include <string.h>

#include "core/invariants.h"

static struct subject *find(struct world *world, fin_conn *conn) {
  for (unsigned i = 0; i < world->count; i++)
    if (world->subjects[i].conn == conn) return &world->subjects[i];
  struct subject *begun = world->begun;
  OBEY(on_close_comes_once_and_last, begun && !begun->conn, "a callback of an unknown connection");
  begun->conn = conn;
  return begun;
}

struct own {
  const struct subject *subject;
  uint64_t stamp;
};

static void check_own(struct subject *subject) {
  struct own *own = fin_conn_state(subject->conn);
  OBEY(the_handlers_state_is_its_own, (uintptr_t)own % 16 == 0, "not aligned");
  if (!own->subject && own->stamp == 0) {
    own->subject = subject;
    own->stamp = subject->world->seed;
  }
  OBEY(the_handlers_state_is_its_own, own->subject == subject && own->stamp == subject->world->seed,
       "changed");
}

static struct subject *enter(fin_conn *conn, const char *name) {
  struct world *world = fin_conn_context(conn);
  struct subject *subject = find(world, conn);
  OBEY(no_call_runs_a_callback, world->depth == 0, "%s", name);
  OBEY(callbacks_do_not_nest, !world->calling, "%s", name);
  OBEY(on_close_comes_once_and_last, !subject->told_close, "%s after on_close", name);
  check_own(subject);
  world->calling = subject;
  return subject;
}

/* The beginning of every callback but on_open and on_close. */
static struct subject *enter_open(fin_conn *conn, const char *name) {
  struct subject *subject = enter(conn, name);
  bool had_open = subject->told_open || !subject->world->handler.on_open;
  OBEY(on_open_comes_once_and_first, subject->opened && had_open, "%s before it", name);
  OBEY(after_close_only_on_close_comes, subject_may_hear(subject), "%s", name);
  return subject;
}

static void act_and_leave(struct subject *subject) {
  struct world *world = subject->world;
  while (world_chance(world, world->temper.acting) && world->budget > 0) {
    bool self = world_chance(world, 56);
    application_act(world, self ? subject : &world->subjects[world_below(world, world->count)]);
  }
  world->calling = NULL;
}

static void on_open(fin_conn *conn) {
  struct subject *subject = enter(conn, "on_open");
  world_trace(subject->world, subject, "on_open");
  OBEY(on_open_comes_once_and_first, subject->opened && !subject->told_open, "again, or not open");
  OBEY(after_close_only_on_close_comes, subject_may_hear(subject), "on_open");
  subject->told_open = true;
  act_and_leave(subject);
}

static size_t some_of(struct world *world, size_t len) {
  if (world_below(world, 4096) < world->temper.breaking) return len + 1 + world_below(world, 9);
  if (world->budget == 0) return len;
  if (world_chance(world, world->temper.consuming)) return len;
  return world_chance(world, 24) ? 0 : world_below(world, len + 1);
}

/* The handler returns `consumed` of `len` bytes offered, of which it had seen the first `seen`. */
static void note_consumed(struct subject *subject, size_t consumed, size_t len, size_t seen) {
  struct world *world = subject->world;
  if (fin_conn_life(subject->conn) >= FIN_ST_CLOSING) return;
  if (consumed > len) {
    subject->broken = true;
    subject->reasons = 1u << FIN_REASON_BUG;
    return;
  }
  subject->consumed += consumed;
  if (consumed < len && (consumed > 0 || seen == 0)) subject->message_ms = world_now(world);
  /* Resumed within the call, it has seen all there is. */
  if (consumed == 0 && seen == len) subject->offer_due = false;
  if (len - consumed < world->limits.input_max) return;
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
  bool let_go = !world->handler.on_writable && subject_queued(subject) <= world->limits.output_low;
  if (let_go && subject->held_back) subject->message_ms = world_now(world);
  if (let_go) subject->held_back = false;
  OBEY(input_is_not_offered_while_paused, !subject->held_back, "%llu bytes wait",
       (unsigned long long)subject_queued(subject));
  OBEY(input_is_offered_in_order, len > 0 && subject->consumed + len == socket->read,
       "%zu bytes from %llu on, %llu read", len, (unsigned long long)subject->consumed,
       (unsigned long long)socket->read);
  OBEY(input_is_offered_in_order, pattern_equal(~socket->shift, subject->consumed, data, len),
       "%zu other bytes", len);
  if (subject->offered == socket->read) world->tally->offered_again++;
  size_t seen = (size_t)(subject->offered - subject->consumed);
  subject->offered = socket->read;
  subject->offer_due = false;
  act_and_leave(subject);
  size_t consumed = some_of(world, len);
  note_consumed(subject, consumed, len, seen);
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
  act_and_leave(subject);
}

static void on_writable(fin_conn *conn) {
  struct subject *subject = enter_open(conn, "on_writable");
  struct world *world = subject->world;
  world_trace(world, subject, "on_writable");
  OBEY(on_writable_follows_high_and_low, subject->held_back, "not held back");
  OBEY(on_writable_follows_high_and_low, subject_queued(subject) <= world->limits.output_low,
       "%llu bytes wait", (unsigned long long)subject_queued(subject));
  subject->held_back = false;
  subject->offer_due = true;
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

void application_begin(struct world *world) {
  world->handler = (fin_handler){.state_size = sizeof(struct own), .on_data = on_data};
  fin_handler *handler = &world->handler;
  if (world_chance(world, 56)) handler->on_open = on_open;
  if (world_chance(world, 44)) handler->on_end = on_end;
  if (world_chance(world, 48)) handler->on_writable = on_writable;
  if (world_chance(world, 56)) handler->on_timer = on_timer;
  if (world_chance(world, 32)) handler->on_drain = on_drain;
  if (world_chance(world, 60)) handler->on_close = on_close;
}
