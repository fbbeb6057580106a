/* SPDX-License-Identifier: MIT
 *
 * Calls from outside of the connection's own callbacks take effect when the turn ends; what the io
 * tells before that finds the connection between two states. And calls on one connection from
 * callbacks of another.
 */
#include <errno.h>

#include "core/rig.h"

static bool is_ready(const struct socket *socket, enum news news) {
  return socket_ready(socket) >> news & 1;
}

static void stay(fin_conn *conn) { (void)conn; }

/* ---- pausing ---- */

Test(pause, from_outside_stops_input_that_is_there_already) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  peer_send(rig.peer, 10);
  fin_conn_pause(rig.conn);
  cr_assert(!is_ready(rig.peer, NEWS_INPUT));
  rig_rest(&rig);
  cr_assert_eq(rig.offered, 0);
  fin_conn_resume(rig.conn);
  rig_rest(&rig);
  cr_assert_eq(rig.offered_bytes, 10);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(pause, from_outside_keeps_on_end_for_later) {
  static const fin_handler stayer = {.on_end = stay};
  struct rig rig;
  rig_begin(&rig, &stayer);
  rig_connect(&rig);
  peer_send_fin(rig.peer);
  fin_conn_pause(rig.conn);
  rig_rest(&rig);
  RIG_IN(&rig, "PEER_LEAVING");
  cr_assert_eq(rig.ended, 0);
  fin_conn_resume(rig.conn);
  rig_rest(&rig);
  RIG_IN(&rig, "PEER_DONE");
  cr_assert_eq(rig.ended, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(pause, by_back_pressure_stops_input_that_is_there_already) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  peer_send(rig.peer, 10);
  cr_assert_eq(rig_write(&rig, RIG_HIGH + 1), 0);
  cr_assert(!fin_conn_reading(rig.conn));
  cr_assert(!is_ready(rig.peer, NEWS_INPUT));
  rig_rest(&rig); /* all of it leaves */
  cr_assert_eq(rig.offered_bytes, 10);
  cr_assert_eq(rig.writable, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(pause, and_resume_in_one_turn_leave_things_as_they_were) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  peer_send(rig.peer, 10);
  fin_conn_pause(rig.conn);
  fin_conn_resume(rig.conn);
  rig_rest(&rig);
  cr_assert_eq(rig.offered_bytes, 10);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

/* What the system refuses then is an end like any other. */
Test(pause, that_fails_closes) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.stage.io.faults[FAULT_HEAR] = ENOMEM;
  fin_conn_pause(rig.conn);
  RIG_IN(&rig, "CLOSING");
  rig_rest(&rig);
  RIG_REASON(&rig, "NO_MEMORY");
  rig_end(&rig);
}

Test(pause, hears_of_a_reset) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_pause(rig.conn);
  rig_receive(&rig, 10);
  peer_fail(rig.peer, ECONNRESET);
  rig_rest(&rig);
  RIG_REASON(&rig, "PEER_RESET");
  rig_end(&rig);
}

Test(pause, hears_of_a_reset_after_the_peers_fin) {
  static const fin_handler stayer = {.on_end = stay};
  struct rig rig;
  rig_begin(&rig, &stayer);
  rig_connect(&rig);
  rig_peer_fin(&rig);
  peer_fail(rig.peer, ECONNRESET);
  rig_rest(&rig);
  RIG_REASON(&rig, "PEER_RESET");
  rig_end(&rig);
}

/* ---- the peer's FIN is seen when nobody waits for it any more ---- */

static void sees_the_fin_after(void (*say)(fin_conn *), const char *state) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_pause(rig.conn);
  rig_receive(&rig, 10);
  peer_send_fin(rig.peer);
  cr_assert(is_ready(rig.peer, NEWS_FIN_SEEN));
  say(rig.conn);
  RIG_IN(&rig, state);
  socket_tell(rig.peer, NEWS_FIN_SEEN, 0);
  rig_ack(&rig);
  if (rig.conn) fin_conn_abort(rig.conn);
  rig_end(&rig);
}

static void close_politely(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_CLOSED); }

Test(fin_seen, after_close) { sees_the_fin_after(close_politely, "FLUSHING"); }
Test(fin_seen, after_end) { sees_the_fin_after(fin_conn_end, "ENDING"); }
Test(fin_seen, after_resume) { sees_the_fin_after(fin_conn_resume, "OPEN"); }

Test(fin_seen, after_close_behind_our_fin) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_pause(rig.conn);
  fin_conn_end(rig.conn);
  rig_receive(&rig, 10);
  RIG_IN(&rig, "SEND_DONE");
  peer_send_fin(rig.peer);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  RIG_IN(&rig, "LINGER");
  socket_tell(rig.peer, NEWS_FIN_SEEN, 0);
  rig_rest(&rig);
  RIG_REASON(&rig, "ENDED");
  rig_end(&rig);
}

Test(fin_seen, again_and_again) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_pause(rig.conn);
  rig_receive(&rig, 10);
  rig_peer_fin(&rig);
  RIG_IN(&rig, "PEER_LEAVING");
  rig.peer->edge = true;
  rig_rest(&rig);
  RIG_IN(&rig, "PEER_LEAVING");
  fin_conn_end(rig.conn);
  rig_rest(&rig); /* both FINs are there: the death-watch tells once more */
  RIG_IN(&rig, "SEND_DONE");
  fin_conn_resume(rig.conn);
  rig_rest(&rig);
  RIG_REASON(&rig, "ENDED");
  cr_assert_eq(rig.offered_bytes, 10);
  rig_end(&rig);
}

/* ---- two connections ---- */

static fin_conn *other;

static size_t act_on_other(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  if (other && other != conn) fin_conn_close(other, FIN_REASON_PROTOCOL);
  if (other && other != conn) fin_conn_abort(conn);
  return len;
}

Test(two, may_close_each_other_in_callbacks) {
  static const fin_handler killer = {.on_data = act_on_other};
  struct rig rig;
  rig_begin(&rig, &killer);
  rig_connect(&rig);
  other = rig.conn;
  struct socket *second = io_socket(&rig.stage.io);
  cr_assert(stage_accept(&rig.stage, second));
  peer_send(rig.peer, 5);
  peer_send(second, 5);
  socket_tell(second, NEWS_INPUT, SIZE_MAX);
  cr_assert_eq(fin_conn_life(other), (unsigned)FIN_ST_FLUSHING);
  rig_rest(&rig);
  cr_assert_eq(rig.closed, 1);
  cr_assert_eq(rig.report.reason, FIN_REASON_ABORTED);
  cr_assert_eq(rig.offered, 1); /* the other's input was discarded */
  cr_assert_eq(fin_conn_life(other), (unsigned)FIN_ST_LINGER);
  peer_send_fin(rig.peer);
  rig_rest(&rig);
  cr_assert_eq(rig.closed, 2);
  cr_assert_eq(rig.report.reason, FIN_REASON_PROTOCOL);
  stage_end(&rig.stage);
}
