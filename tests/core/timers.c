/* SPDX-License-Identifier: MIT
 *
 * The handler's timer, and the drain: both come once, to those who can still hear of them.
 */
#include "core/rig.h"

static void set_again(fin_conn *conn) { fin_conn_set_timer(conn, 300); }
static void stay(fin_conn *conn) { (void)conn; }

Test(timer, comes_once_when_it_is_due) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 1000);
  rig_pass(&rig, 999);
  cr_assert_eq(rig.timers, 0);
  rig_pass(&rig, 1);
  cr_assert_eq(rig.timers, 1);
  rig_pass(&rig, 5000);
  cr_assert_eq(rig.timers, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(timer, comes_in_the_next_turn_if_it_is_due_at_once) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 0);
  cr_assert_eq(rig.timers, 0);
  rig_rest(&rig);
  cr_assert_eq(rig.timers, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(timer, that_is_cancelled_costs_no_look_at_the_clock) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 10);
  rig.stage.io.busy_ms = 7;
  fin_conn_set_timer(rig.conn, FIN_NEVER);
  cr_assert_eq(rig.stage.io.busy_ms, 7);
  rig_pass(&rig, 100);
  cr_assert_eq(rig.timers, 0);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(timer, is_replaced_by_an_earlier_and_by_a_later_one) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 1000);
  rig_pass(&rig, 100);
  fin_conn_set_timer(rig.conn, 200);
  rig_pass(&rig, 199);
  fin_conn_set_timer(rig.conn, 3000);
  rig_pass(&rig, 2999);
  cr_assert_eq(rig.timers, 0);
  rig_pass(&rig, 1);
  cr_assert_eq(rig.timers, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(timer, is_cancelled_by_never) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 1000);
  rig_pass(&rig, 500);
  fin_conn_set_timer(rig.conn, FIN_NEVER);
  rig_pass(&rig, 5000);
  cr_assert_eq(rig.timers, 0);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(timer, can_be_set_again_in_its_callback) {
  static const fin_handler ticker = {.on_timer = set_again};
  struct rig rig;
  rig_begin(&rig, &ticker);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 300);
  rig_pass(&rig, 3000);
  cr_assert_eq(rig.timers, 10);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(timer, is_no_traffic) {
  static const fin_handler ticker = {.on_timer = set_again};
  struct rig rig;
  rig_begin(&rig, &ticker);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 300);
  rig_leaves_after(&rig, RIG_IDLE_MS);
  rig_ack(&rig);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "IDLE");
  cr_assert_eq(rig.timers, (RIG_IDLE_MS - 1) / 300);
  rig_end(&rig);
}

Test(timer, comes_after_our_end_and_after_the_peers) {
  static const fin_handler stayer = {.on_end = stay};
  struct rig rig;
  rig_begin(&rig, &stayer);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 300);
  rig_peer_fin(&rig);
  rig_pass(&rig, 300);
  cr_assert_eq(rig.timers, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
  rig_begin(&rig, &stayer);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 300);
  fin_conn_end(rig.conn);
  rig_pass(&rig, 300);
  cr_assert_eq(rig.timers, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(timer, does_not_come_after_close) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 300);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_pass(&rig, RIG_LINGER_MS);
  cr_assert_eq(rig.timers, 0);
  rig_end(&rig);
}

/* A process that was stopped finds everything due at once. */
Test(timer, comes_late_after_a_jump) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 300);
  rig_rest(&rig);
  rig.stage.io.now_ms += 5000;
  rig_rest(&rig);
  cr_assert_eq(rig.timers, 1);
  RIG_IN(&rig, "OPEN");
  rig_leaves_after(&rig, RIG_IDLE_MS - 5000);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

static void work_long_and_write(fin_conn *conn) {
  struct rig *rig = rig_of(conn);
  rig->stage.io.busy_ms = 7;
  fin_conn_set_timer(conn, 100);
  cr_assert_eq(rig_write(rig, 10), 0);
}

/* The loop's time moves while a deadline is being judged. */
Test(timer, counts_from_the_time_that_really_is) {
  static const fin_handler worker = {.on_timer = work_long_and_write};
  struct rig rig;
  rig_begin(&rig, &worker);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 100);
  rig_pass(&rig, 100);
  cr_assert_eq(rig.timers, 1);
  RIG_IN(&rig, "OPEN");
  rig_ack(&rig);
  rig_pass(&rig, 99);
  cr_assert_eq(rig.timers, 1);
  rig_pass(&rig, 1);
  cr_assert_eq(rig.timers, 2);
  RIG_IN(&rig, "OPEN");
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(timer, is_capped_where_times_would_wrap) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.limits.idle_ms = FIN_NEVER;
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, FIN_NEVER - 1);
  rig_pass(&rig, FIN_TIME_MAX_MS - 1);
  cr_assert_eq(rig.timers, 0);
  rig_pass(&rig, 1);
  cr_assert_eq(rig.timers, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

/* ---- the drain ---- */

Test(drain, closes_politely_by_default) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_write(&rig, 100);
  stage_drain(&rig.stage);
  RIG_IN(&rig, "OPEN");
  rig_rest(&rig);
  RIG_IN(&rig, "LINGER");
  rig_ack(&rig);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "DRAINED");
  cr_assert_eq(rig.report.bytes_acked, 100);
  rig_end(&rig);
}

Test(drain, is_told_once_and_left_to_the_handler) {
  static const fin_handler finisher = {.on_drain = stay};
  struct rig rig;
  rig_begin(&rig, &finisher);
  rig_connect(&rig);
  stage_drain(&rig.stage);
  rig_pass(&rig, 1000);
  cr_assert_eq(rig.drained, 1);
  RIG_IN(&rig, "OPEN");
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(drain, closes_whoever_does_not_hear_of_it) {
  static const fin_handler finisher = {.on_end = stay};
  struct rig rig;
  rig_begin(&rig, &finisher);
  rig.conn = stage_dial(&rig.stage, rig.peer);
  stage_drain(&rig.stage);
  rig_rest(&rig);
  RIG_REASON(&rig, "DRAINED");
  cr_assert_eq(rig.drained, 0);
  rig_end(&rig);
}

Test(drain, leaves_alone_who_is_closing) {
  static const fin_handler finisher = {.on_drain = stay};
  struct rig rig;
  rig_begin(&rig, &finisher);
  rig_connect(&rig);
  fin_conn_close(rig.conn, FIN_REASON_PROTOCOL);
  stage_drain(&rig.stage);
  rig_rest(&rig);
  cr_assert_eq(rig.drained, 0);
  RIG_IN(&rig, "LINGER");
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "PROTOCOL");
  rig_end(&rig);
}
