/* SPDX-License-Identifier: MIT
 *
 * What begins anew when a connection is handed over, what stays, and when it is not handed over.
 */
#include <errno.h>
#include <string.h>

#include "core/heir.h"

static struct heir first, second;

static void stay(fin_conn *conn) { (void)conn; }

/* ---- what begins anew, and what does not ---- */

Test(inheritance, ends_the_timer_the_pause_and_the_business) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 10);
  fin_conn_pause(rig.conn);
  fin_conn_set_busy(rig.conn, true);
  rig_receive(&rig, 10);
  give(rig.conn, &first);
  rig_pass(&rig, 20);
  HEARD(&first, "open data 10 ");
  rig_pass(&rig, RIG_IDLE_MS);
  HEIR_IN(&first, "LINGER");
  heir_end(&rig, &first);
}

Test(inheritance, has_the_whole_idle_time) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_pass(&rig, RIG_IDLE_MS - 1);
  give(rig.conn, &first);
  rig_pass(&rig, RIG_IDLE_MS - 1);
  HEIR_IN(&first, "OPEN");
  rig_pass(&rig, 1);
  HEIR_IN(&first, "LINGER");
  heir_end(&rig, &first);
}

Test(inheritance, tells_the_heir_when_output_has_drained) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = RIG_LOW;
  rig_write(&rig, 2 * RIG_HIGH);
  rig_rest(&rig);
  give(rig.conn, &first);
  rig_receive(&rig, 10);
  HEARD(&first, "open ");
  for (int i = 0; i < 6; i++) rig_ack(&rig);
  HEARD(&first, "open writable data 10 ");
  cr_assert_eq(rig.writable, 0);
  heir_end(&rig, &first);
}

Test(inheritance, has_the_heirs_bounds) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_options limits = {.idle_ms = 500};
  cr_assert_eq(fin_conn_hand_over(rig.conn, &heirs, &first, &limits), 0);
  cr_assert_eq(fin_conn_limits(rig.conn)->idle_ms, 500);
  cr_assert_eq(fin_conn_limits(rig.conn)->stall_ms, 30 * 1000);
  rig_pass(&rig, 499);
  give(rig.conn, &second);
  cr_assert_eq(fin_conn_limits(rig.conn)->idle_ms, 500, "the bounds stay");
  rig_pass(&rig, 500);
  HEIR_IN(&second, "LINGER");
  heir_end(&rig, &second);
}

/* As it has bounds of its own for what was written before. */
Test(inheritance, of_what_is_being_dialled_begins_with_on_open) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.conn = stage_dial(&rig.stage, rig.peer);
  rig_write(&rig, RIG_HIGH + 1);
  const fin_conn_options limits = {.output_low = RIG_HIGH + 1, .open_ms = 2 * RIG_OPEN_MS};
  first.conn = rig.conn;
  cr_assert_eq(fin_conn_hand_over(rig.conn, &heirs, &first, &limits), 0);
  rig_pass(&rig, RIG_OPEN_MS);
  HEARD(&first, "");
  peer_accept(rig.peer);
  rig_rest(&rig);
  HEARD(&first, "open writable ");
  heir_end(&rig, &first);
}

Test(inheritance, leaves_the_drain_owed) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  stage_drain(&rig.stage);
  give(rig.conn, &first);
  rig_rest(&rig);
  HEARD(&first, "open drain ");
  cr_assert_eq(rig.drained, 0);
  heir_end(&rig, &first);
}

Test(inheritance, has_state_of_the_heirs_own) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  give(rig.conn, &first);
  const unsigned char *state = fin_conn_state(rig.conn);
  cr_assert_eq((uintptr_t)state % 16, 0);
  for (unsigned i = 0; i < HEIRS_STATE; i++) cr_assert_eq(state[i], 0);
  memset(fin_conn_state(rig.conn), 1, HEIRS_STATE);
  rig_rest(&rig);
  cr_assert_eq(fin_conn_state(first.conn), state);
  cr_assert_eq(state[HEIRS_STATE - 1], 1);
  heir_end(&rig, &first);
}

/* ---- an heir that never comes to it ---- */

Test(inheritance, of_what_is_then_closed_has_on_close_alone) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_receive(&rig, 10);
  give(rig.conn, &first);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_ack(&rig);
  rig_peer_fin(&rig);
  HEARD(&first, "close");
  heir_end(&rig, &first);
}

Test(inheritance, of_what_is_then_reset_has_on_close_alone) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  give(rig.conn, &first);
  peer_fail(rig.peer, ECONNRESET);
  socket_tell(rig.peer, NEWS_ERROR, 0);
  rig_rest(&rig);
  HEARD(&first, "close");
  cr_assert_eq(first.report.reason, FIN_REASON_PEER_RESET);
  heir_end(&rig, &first);
}

/* ---- failure ---- */

Test(inheritance, that_fails_changes_nothing) {
  static const fin_handler deaf = {.on_open = stay};
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  const fin_conn_options wrong = {.linger_ms = FIN_NEVER};
  fin_conn_set_timer(rig.conn, 10);
  fin_conn_pause(rig.conn);
  cr_assert_eq(fin_conn_hand_over(rig.conn, NULL, NULL, NULL), -EINVAL);
  cr_assert_eq(fin_conn_hand_over(rig.conn, &deaf, NULL, NULL), -EINVAL);
  cr_assert_eq(fin_conn_hand_over(rig.conn, &heirs, NULL, &wrong), -EINVAL);
  memory_fail_in(1);
  cr_assert_eq(fin_conn_hand_over(rig.conn, &heirs, NULL, NULL), -ENOMEM);
  cr_assert_eq(fin_conn_handler(rig.conn), &rig.handler);
  rig_receive(&rig, 10);
  rig_pass(&rig, 10);
  cr_assert_eq(rig.timers, 1);
  cr_assert_eq(rig.offered, 0);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(inheritance, is_refused_once_output_has_ended) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_end(rig.conn);
  cr_assert_eq(fin_conn_hand_over(rig.conn, &heirs, NULL, NULL), -EPIPE);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  cr_assert_eq(fin_conn_hand_over(rig.conn, &heirs, NULL, NULL), -EPIPE);
  fin_conn_abort(rig.conn);
  cr_assert_eq(fin_conn_hand_over(rig.conn, &heirs, NULL, NULL), -EPIPE);
  rig_end(&rig);
}
