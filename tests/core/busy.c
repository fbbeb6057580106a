/* SPDX-License-Identifier: MIT
 *
 * A busy connection's handler keeps the time: idle_ms and the waiting for the rest of a message do
 * not count, nor does half_ms where it is full-duplex; every other bound does.
 */
#include "core/rig.h"

static size_t keep(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  (void)len;
  return 0;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler keeper = {.on_data = keep, .on_end = stay};

static void begin(struct rig *rig, const fin_handler *does) {
  rig_begin(rig, does);
  rig_connect(rig);
  fin_conn_set_busy(rig->conn, true);
  rig_rest(rig);
}

static void abort_it(struct rig *rig) {
  fin_conn_abort(rig->conn);
  rig_end(rig);
}

Test(busy, may_idle_for_ever) {
  struct rig rig;
  begin(&rig, NULL);
  rig_pass(&rig, 100 * RIG_IDLE_MS);
  RIG_IN(&rig, "OPEN");
  cr_assert(!rig.stage.io.wake_set);
  abort_it(&rig);
}

Test(busy, has_the_whole_idle_time_when_it_is_over) {
  struct rig rig;
  begin(&rig, NULL);
  rig_pass(&rig, 3 * RIG_IDLE_MS + 17);
  fin_conn_set_busy(rig.conn, false);
  rig_leaves_after(&rig, RIG_IDLE_MS);
  RIG_IN(&rig, "LINGER");
  rig_ack(&rig);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "IDLE");
  rig_end(&rig);
}

Test(busy, prolongs_nothing_where_it_was_not) {
  struct rig rig;
  begin(&rig, NULL);
  fin_conn_set_busy(rig.conn, false);
  rig_pass(&rig, RIG_IDLE_MS / 2);
  fin_conn_set_busy(rig.conn, false);
  rig_leaves_after(&rig, RIG_IDLE_MS / 2);
  abort_it(&rig);
}

Test(busy, begins_in_the_midst_of_idling) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_pass(&rig, RIG_IDLE_MS - 1);
  fin_conn_set_busy(rig.conn, true);
  rig_pass(&rig, 1);
  RIG_IN(&rig, "OPEN");
  fin_conn_set_busy(rig.conn, true);
  rig_pass(&rig, RIG_IDLE_MS);
  RIG_IN(&rig, "OPEN");
  abort_it(&rig);
}

Test(busy, may_leave_a_message_incomplete_for_ever) {
  struct rig rig;
  begin(&rig, &keeper);
  rig_receive(&rig, 10);
  rig_pass(&rig, 100 * RIG_STALL_MS);
  RIG_IN(&rig, "OPEN");
  abort_it(&rig);
}

Test(busy, gives_the_rest_of_a_message_its_whole_time_when_it_is_over) {
  struct rig rig;
  begin(&rig, &keeper);
  rig_receive(&rig, 10);
  rig_pass(&rig, 5 * RIG_STALL_MS);
  fin_conn_set_busy(rig.conn, false);
  rig_leaves_after(&rig, RIG_STALL_MS);
  rig_ack(&rig);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "SLOW_WRITER");
  rig_end(&rig);
}

/* ---- every other bound stays ---- */

Test(busy, does_not_excuse_a_slow_reader) {
  struct rig rig;
  begin(&rig, NULL);
  rig_write(&rig, 10);
  rig_leaves_after(&rig, RIG_STALL_MS);
  RIG_REASON(&rig, "SLOW_READER");
  rig_end(&rig);
}

Test(busy, does_not_excuse_half_a_connection) {
  struct rig rig;
  begin(&rig, &keeper);
  rig_peer_fin(&rig);
  RIG_IN(&rig, "PEER_DONE");
  rig_leaves_after(&rig, RIG_HALF_MS);
  cr_assert(rig.peer->reset, "what was begun would pass for the whole");
  RIG_REASON(&rig, "HALF_TIMEOUT");
  rig_end(&rig);
}

/* Not by itself, that is: a full-duplex one waits for another, which has its own deadline. */
Test(busy, half_a_connection_may_wait_for_another) {
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig.handler.full_duplex = true;
  rig_connect(&rig);
  fin_conn_set_busy(rig.conn, true);
  rig_peer_fin(&rig);
  rig_pass(&rig, 10 * RIG_HALF_MS);
  RIG_IN(&rig, "PEER_DONE");
  fin_conn_set_busy(rig.conn, false);
  rig_rest(&rig);
  rig_leaves_after(&rig, RIG_HALF_MS);
  RIG_REASON(&rig, "HALF_TIMEOUT");
  rig_end(&rig);
}

Test(busy, does_not_hold_back_the_timer) {
  struct rig rig;
  begin(&rig, NULL);
  fin_conn_set_timer(rig.conn, 3 * RIG_IDLE_MS);
  rig_pass(&rig, 3 * RIG_IDLE_MS);
  cr_assert_eq(rig.timers, 1);
  abort_it(&rig);
}
