/* SPDX-License-Identifier: MIT
 *
 * Lingering: how long a closed connection waits for the peer's FIN, by time, by bytes, and by what
 * is acknowledged.
 */
#include <errno.h>

#include "core/rig.h"

static void begin_lingering(struct rig *rig) {
  rig_begin(rig, NULL);
  rig_connect(rig);
  rig_pass(rig, 77);
  fin_conn_close(rig->conn, FIN_REASON_CLOSED);
  rig_rest(rig);
  RIG_IN(rig, "LINGER");
}

Test(linger, ends_with_the_peers_fin) {
  struct rig rig;
  begin_lingering(&rig);
  rig_ack(&rig);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "CLOSED");
  cr_assert_eq(rig.closed_ms, 77);
  rig_end(&rig);
}

Test(linger, is_cut_at_linger_ms_if_nothing_is_acknowledged) {
  struct rig rig;
  begin_lingering(&rig);
  rig_leaves_after(&rig, RIG_LINGER_MS);
  RIG_REASON(&rig, "LINGER_CUT");
  cr_assert(!rig.peer->reset);
  rig_end(&rig);
}

Test(linger, is_absolute) {
  struct rig rig;
  begin_lingering(&rig);
  for (int i = 0; i < RIG_LINGER_MS / 50 - 1; i++) {
    rig_pass(&rig, 50);
    rig_receive(&rig, 1);
    rig_ack(&rig);
    RIG_IN(&rig, "LINGER");
  }
  rig_receive(&rig, 1);
  rig_leaves_after(&rig, 50);
  RIG_REASON(&rig, "LINGER_CUT");
  rig_end(&rig);
}

static void is_over_soon(struct rig *rig) {
  rig_pass(rig, RIG_GRACE_MS - 1);
  RIG_IN(rig, "LINGER");
  rig_pass(rig, RIG_GRACE_MS + 1); /* acknowledgements are looked for once a grace */
  RIG_REASON(rig, "CLOSED");
}

Test(linger, ends_a_grace_after_the_acknowledgement) {
  struct rig rig;
  begin_lingering(&rig);
  rig_pass(&rig, 555);
  rig_ack(&rig);
  is_over_soon(&rig);
  rig_end(&rig);
}

Test(linger, ends_a_grace_after_the_last_input) {
  struct rig rig;
  begin_lingering(&rig);
  rig_ack(&rig);
  for (int i = 0; i < 10; i++) {
    rig_pass(&rig, RIG_GRACE_MS - 1);
    rig_receive(&rig, 1);
  }
  is_over_soon(&rig);
  cr_assert_eq(rig.offered, 0);
  cr_assert_eq(rig.report.bytes_in, 10);
  rig_end(&rig);
}

/* A timer that the handler had set wakes the connection although nobody hears of it any more. */
Test(linger, has_its_grace_whatever_wakes_it) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 90);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_rest(&rig);
  rig_pass(&rig, 80);
  rig_ack(&rig);
  is_over_soon(&rig);
  cr_assert_eq(rig.timers, 0);
  rig_end(&rig);
}

static void close_now(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_CLOSED); }

/* The deadline is judged in the same moment in which the FIN is promised. */
Test(linger, waits_for_the_fin_of_a_close_in_on_timer) {
  static const fin_handler closer = {.on_timer = close_now};
  struct rig rig;
  rig_begin(&rig, &closer);
  rig_connect(&rig);
  fin_conn_set_timer(rig.conn, 90);
  rig_pass(&rig, 90);
  RIG_IN(&rig, "LINGER");
  rig_pass(&rig, RIG_GRACE_MS * 3);
  RIG_IN(&rig, "LINGER"); /* the FIN is not acknowledged */
  rig_ack(&rig);
  is_over_soon(&rig);
  rig_end(&rig);
}

Test(linger, is_bounded_by_bytes) {
  struct rig rig;
  begin_lingering(&rig);
  rig_receive(&rig, RIG_LINGER_BYTES);
  RIG_IN(&rig, "LINGER");
  rig_receive(&rig, 1);
  RIG_REASON(&rig, "LINGER_CUT");
  rig_end(&rig);
}

Test(linger, counts_the_bytes_dropped_while_flushing) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_write(&rig, 100 * 1024);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_receive(&rig, RIG_LINGER_BYTES * 2);
  RIG_IN(&rig, "FLUSHING"); /* output still goes */
  rig_ack(&rig);
  rig_ack(&rig);
  RIG_IN(&rig, "LINGER");
  rig_receive(&rig, 1);
  RIG_REASON(&rig, "LINGER_CUT");
  cr_assert_eq(rig.peer->taken, 100 * 1024);
  cr_assert_eq(rig.offered, 0);
  rig_end(&rig);
}

Test(linger, takes_a_reset_well_when_all_is_acknowledged) {
  struct rig rig;
  begin_lingering(&rig);
  rig_ack(&rig);
  peer_fail(rig.peer, ECONNRESET);
  rig_rest(&rig);
  RIG_REASON(&rig, "CLOSED");
  cr_assert_eq(rig.report.error, 0);
  rig_end(&rig);
}

Test(linger, reports_a_reset_before_that) {
  struct rig rig;
  begin_lingering(&rig);
  peer_fail(rig.peer, ECONNRESET);
  rig_rest(&rig);
  RIG_REASON(&rig, "PEER_RESET");
  cr_assert_eq(rig.report.error, ECONNRESET);
  rig_end(&rig);
}
