/* SPDX-License-Identifier: MIT
 *
 * A full-duplex handler goes on reading while its output waits.
 */
#include "core/rig.h"

static void begin(struct rig *rig) {
  rig_begin(rig, NULL);
  rig->handler.full_duplex = true;
  rig_connect(rig);
  rig->peer->capacity = RIG_LOW;
  rig_write(rig, 2 * RIG_HIGH);
  rig_rest(rig);
}

Test(full_duplex, reads_while_output_waits) {
  struct rig rig;
  begin(&rig);
  cr_assert_gt(fin_conn_output_len(rig.conn), RIG_HIGH);
  cr_assert(fin_conn_reading(rig.conn));
  rig_receive(&rig, 50);
  cr_assert_eq(rig.offered_bytes, 50);
  rig_peer_fin(&rig);
  RIG_IN(&rig, "LAST_FLUSH");
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(full_duplex, is_told_when_output_has_drained) {
  struct rig rig;
  begin(&rig);
  cr_assert_eq(rig.writable, 0);
  for (int i = 0; i < 6; i++) rig_ack(&rig);
  cr_assert_eq(fin_conn_output_len(rig.conn), 0);
  cr_assert_eq(rig.writable, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(full_duplex, pauses_when_it_says_so) {
  struct rig rig;
  begin(&rig);
  fin_conn_pause(rig.conn);
  cr_assert(!fin_conn_reading(rig.conn));
  rig_receive(&rig, 50);
  cr_assert_eq(rig.offered, 0);
  fin_conn_resume(rig.conn);
  rig_rest(&rig);
  cr_assert_eq(rig.offered_bytes, 50);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}
