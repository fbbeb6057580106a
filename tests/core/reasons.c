/* SPDX-License-Identifier: MIT
 *
 * What close and abort say is reported, also when something has been said before.
 */
#include "core/rig.h"

static void end_then_close(fin_conn *conn) {
  fin_conn_end(conn);
  fin_conn_close(conn, FIN_REASON_PROTOCOL);
}

Test(reasons, close_after_end_says_what_went_wrong) {
  static const fin_handler ender = {.on_end = end_then_close};
  struct rig rig;
  rig_begin(&rig, &ender);
  rig_connect(&rig);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "PROTOCOL");
  cr_assert(!rig.peer->reset);
  rig_end(&rig);
}

static void closed_twice(fin_reason first, fin_reason then, const char *reported) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_close(rig.conn, first);
  fin_conn_close(rig.conn, then);
  rig_rest(&rig);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_ack(&rig);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, reported);
  rig_end(&rig);
}

Test(reasons, the_first_of_a_kind_stays_and_an_unclean_one_counts_most) {
  closed_twice(FIN_REASON_CLOSED, FIN_REASON_DRAINED, "CLOSED");
  closed_twice(FIN_REASON_CLOSED, FIN_REASON_PROTOCOL, "PROTOCOL");
  closed_twice(FIN_REASON_PROTOCOL, FIN_REASON_CLOSED, "PROTOCOL");
  closed_twice(FIN_REASON_PROTOCOL, FIN_REASON_TOO_LONG, "PROTOCOL");
}

Test(reasons, what_is_said_of_a_closed_descriptor_does_not_count) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_abort(rig.conn);
  fin_conn_close(rig.conn, FIN_REASON_PROTOCOL);
  rig_rest(&rig);
  RIG_REASON(&rig, "ABORTED");
  rig_end(&rig);
}
