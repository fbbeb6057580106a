/* SPDX-License-Identifier: MIT
 *
 * Deadlines to the millisecond: when each state ends by itself, and what counts as progress.
 */
#include <errno.h>

#include "core/rig.h"

static size_t keep_all(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data, (void)len;
  return 0;
}

/* Each delivery ends one message and begins the next. */
static size_t keep_one(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len - 1;
}

static const fin_handler keeper = {.on_data = keep_all};
static const fin_handler sipper = {.on_data = keep_one};

/* How often the driver looks for progress, and how much is enough at each look. */
enum { LOOK_STALL = RIG_STALL_MS / 4 + 1, ENOUGH_STALL = 2 * LOOK_STALL * RIG_MIN_RATE / 1000 };

/* The peer follows our FIN at once. */
static void follow(struct rig *rig) {
  rig_ack(rig);
  rig_peer_fin(rig);
}

/* ---- idle_ms ---- */

Test(idle, ends_politely_at_idle_ms) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_leaves_after(&rig, RIG_IDLE_MS);
  RIG_IN(&rig, "LINGER");
  cr_assert(rig.peer->fin_sent);
  follow(&rig);
  RIG_REASON(&rig, "IDLE");
  cr_assert_eq(rig.report.state_ms[FIN_ST_OPEN], RIG_IDLE_MS);
  rig_end(&rig);
}

Test(idle, begins_again_with_input) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  for (int i = 0; i < 3; i++) {
    rig_pass(&rig, RIG_IDLE_MS - 1);
    rig_receive(&rig, 1);
  }
  rig_leaves_after(&rig, RIG_IDLE_MS);
  follow(&rig);
  RIG_REASON(&rig, "IDLE");
  rig_end(&rig);
}

static void begins_again_with_output(size_t len) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  for (int i = 0; i < 3; i++) {
    rig_pass(&rig, RIG_IDLE_MS - 1);
    cr_assert_eq(rig_write(&rig, len), 0);
    rig_rest(&rig);
    rig_ack(&rig);
  }
  rig_leaves_after(&rig, RIG_IDLE_MS);
  follow(&rig);
  RIG_REASON(&rig, "IDLE");
  rig_end(&rig);
}

Test(idle, begins_again_with_output) { begins_again_with_output(1); }
Test(idle, begins_again_with_output_that_is_sent_at_once) { begins_again_with_output(20 * 1024); }

Test(idle, never_comes_if_it_need_not) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.limits.idle_ms = FIN_NEVER;
  rig_connect(&rig);
  rig_pass(&rig, UINT64_C(100) * 24 * 3600 * 1000); /* the clock wraps twice */
  RIG_IN(&rig, "OPEN");
  cr_assert(!rig.stage.io.wake_set);
  rig_receive(&rig, 1);
  fin_conn_set_timer(rig.conn, 5);
  rig_pass(&rig, 4);
  cr_assert_eq(rig.timers, 0);
  rig_pass(&rig, 1);
  cr_assert_eq(rig.timers, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(idle, counts_from_the_opening_not_from_the_dialling) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.limits.idle_ms = RIG_OPEN_MS;
  rig.stage.pooled.service.limits = rig.limits;
  stage_dial(&rig.stage, rig.peer);
  rig_pass(&rig, RIG_OPEN_MS - 1);
  peer_accept(rig.peer);
  rig_rest(&rig);
  RIG_IN(&rig, "OPEN");
  rig_leaves_after(&rig, RIG_OPEN_MS);
  follow(&rig);
  RIG_REASON(&rig, "IDLE");
  rig_end(&rig);
}

/* ---- open_ms ---- */

Test(opening, ends_at_open_ms) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.conn = stage_dial(&rig.stage, rig.peer);
  RIG_IN(&rig, "OPENING");
  rig_leaves_after(&rig, RIG_OPEN_MS);
  RIG_REASON(&rig, "OPEN_TIMEOUT");
  cr_assert_eq(rig.opened, 0);
  rig_end(&rig);
}

Test(opening, holds_output_and_an_end_until_it_is_open) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.conn = stage_dial(&rig.stage, rig.peer);
  cr_assert_eq(rig_write(&rig, 20 * 1024), 0);
  fin_conn_end(rig.conn);
  rig_rest(&rig);
  RIG_IN(&rig, "OPENING_END");
  cr_assert_eq(rig_write(&rig, 1), -EPIPE);
  cr_assert_eq(rig.peer->taken, 0);
  peer_accept(rig.peer);
  rig_rest(&rig);
  RIG_IN(&rig, "SEND_DONE");
  cr_assert_eq(rig.opened, 1);
  cr_assert_eq(rig.peer->taken, 20 * 1024);
  follow(&rig);
  RIG_REASON(&rig, "ENDED");
  rig_end(&rig);
}

/* ---- stall_ms: output ---- */

Test(stall, ends_at_stall_ms_what_makes_no_progress) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_pass(&rig, 777);
  rig_write(&rig, 10);
  rig_leaves_after(&rig, RIG_STALL_MS);
  RIG_REASON(&rig, "SLOW_READER");
  cr_assert(rig.peer->reset);
  cr_assert_eq(rig.report.bytes_acked, 0);
  rig_end(&rig);
}

Test(stall, takes_over_from_idle_while_output_waits) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.limits.idle_ms = RIG_STALL_MS / 2;
  rig_connect(&rig);
  rig_write(&rig, 10);
  rig_leaves_after(&rig, RIG_STALL_MS);
  RIG_REASON(&rig, "SLOW_READER");
  rig_end(&rig);
}

Test(stall, spares_who_reads_at_min_rate) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_write(&rig, 200 * 1024);
  for (int i = 0; i < 100; i++) {
    rig_pass(&rig, LOOK_STALL);
    RIG_IN(&rig, "OPEN");
    peer_ack(rig.peer, ENOUGH_STALL);
  }
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(stall, ends_who_reads_a_byte_a_second) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_write(&rig, 200 * 1024);
  for (int i = 0; i < 3 && rig.conn; i++) {
    rig_pass(&rig, 1000);
    peer_ack(rig.peer, 1);
  }
  RIG_REASON(&rig, "SLOW_READER");
  cr_assert_eq(rig.closed_ms, RIG_STALL_MS);
  rig_end(&rig);
}

/* Whenever the driver looks there is something under way, and it is never much. */
Test(stall, spares_who_is_sent_little_over_a_long_way) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_write(&rig, 1);
  for (int i = 0; i < 300; i++) {
    rig_pass(&rig, 167);
    RIG_IN(&rig, "OPEN");
    uint64_t out = rig.peer->taken;
    rig_write(&rig, 1);
    rig_rest(&rig);
    peer_ack(rig.peer, out - rig.peer->acked); /* what was sent before */
  }
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

static void bounds_what_was_said(void (*say)(fin_conn *), const char *state) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_write(&rig, 100 * 1024); /* more than the kernel takes */
  rig_pass(&rig, 100);
  say(rig.conn);
  rig_rest(&rig);
  RIG_IN(&rig, state);
  rig_leaves_after(&rig, RIG_STALL_MS);
  RIG_REASON(&rig, "SLOW_READER");
  cr_assert(rig.peer->reset && !rig.peer->fin_sent);
  rig_end(&rig);
}

static void close_politely(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_CLOSED); }

Test(stall, bounds_ending) { bounds_what_was_said(fin_conn_end, "ENDING"); }
Test(stall, bounds_flushing) { bounds_what_was_said(close_politely, "FLUSHING"); }

Test(stall, bounds_last_flush) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = 100;
  rig_write(&rig, RIG_HIGH);
  rig_pass(&rig, 100);
  rig_peer_fin(&rig);
  RIG_IN(&rig, "LAST_FLUSH");
  rig_leaves_after(&rig, RIG_STALL_MS);
  RIG_REASON(&rig, "SLOW_READER");
  rig_end(&rig);
}

/* ---- stall_ms: input ---- */

Test(message, ends_at_stall_ms_without_progress) {
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig_connect(&rig);
  rig_pass(&rig, 777);
  rig_receive(&rig, 3);
  rig_leaves_after(&rig, RIG_STALL_MS);
  follow(&rig);
  RIG_REASON(&rig, "SLOW_WRITER");
  rig_end(&rig);
}

Test(message, is_not_prolonged_by_a_byte_a_second) {
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig_connect(&rig);
  rig_receive(&rig, 3);
  rig_pass(&rig, 1000);
  rig_receive(&rig, 1);
  rig_leaves_after(&rig, RIG_STALL_MS - 1000);
  follow(&rig);
  RIG_REASON(&rig, "SLOW_WRITER");
  rig_end(&rig);
}

Test(message, may_take_long_at_min_rate) {
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig.limits.input_max = 100 * 1024;
  rig_connect(&rig);
  for (int i = 0; i < 50; i++) {
    rig_receive(&rig, ENOUGH_STALL);
    rig_pass(&rig, LOOK_STALL);
    RIG_IN(&rig, "OPEN");
  }
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(message, has_its_whole_time_each) {
  struct rig rig;
  rig_begin(&rig, &sipper);
  rig_connect(&rig);
  for (int i = 0; i < 5; i++) {
    rig_receive(&rig, 2);
    rig_pass(&rig, RIG_STALL_MS - 1);
    RIG_IN(&rig, "OPEN");
  }
  rig_receive(&rig, 2);
  rig_leaves_after(&rig, RIG_STALL_MS);
  follow(&rig);
  RIG_REASON(&rig, "SLOW_WRITER");
  rig_end(&rig);
}

/* The peer is not blamed for what it could not send. */
Test(message, has_its_whole_time_after_a_pause) {
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig_connect(&rig);
  rig_receive(&rig, 3);
  rig_pass(&rig, 100);
  fin_conn_pause(rig.conn);
  rig_pass(&rig, RIG_STALL_MS * 3);
  fin_conn_resume(rig.conn);
  rig_rest(&rig);
  cr_assert_eq(rig.offered, 2);
  rig_leaves_after(&rig, RIG_STALL_MS);
  follow(&rig);
  RIG_REASON(&rig, "SLOW_WRITER");
  rig_end(&rig);
}

Test(message, has_its_whole_time_after_back_pressure) {
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig_connect(&rig);
  rig.peer->capacity = 1;
  rig_receive(&rig, 3);
  rig_write(&rig, RIG_HIGH + 1);
  for (int i = 0; i < 6; i++) { /* slowly, but at more than the rate */
    rig_pass(&rig, LOOK_STALL);
    rig.peer->capacity = 100;
    rig_ack(&rig);
    RIG_IN(&rig, "OPEN");
    cr_assert(!fin_conn_reading(rig.conn));
  }
  rig.peer->capacity = RIG_HIGH;
  rig_ack(&rig);
  rig_ack(&rig);
  cr_assert(fin_conn_reading(rig.conn));
  cr_assert_eq(rig.offered, 2);
  rig_leaves_after(&rig, RIG_STALL_MS);
  follow(&rig);
  RIG_REASON(&rig, "SLOW_WRITER");
  rig_end(&rig);
}

/* The kept input is not judged while what is left of us is output, nor does it keep the loop awake.
 */
Test(message, does_not_spin_while_ending) {
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig_connect(&rig);
  rig_receive(&rig, 3);
  rig_write(&rig, 200 * 1024);
  fin_conn_end(rig.conn);
  rig_rest(&rig);
  for (int i = 0; i < 20; i++) {
    rig_pass(&rig, LOOK_STALL);
    RIG_IN(&rig, "ENDING");
    peer_ack(rig.peer, ENOUGH_STALL);
  }
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}
