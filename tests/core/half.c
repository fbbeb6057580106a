/* SPDX-License-Identifier: MIT
 *
 * half_ms to the millisecond: half-closed either way, and what counts as progress there.
 */
#include "core/rig.h"

static size_t keep_one(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len - 1;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler sipper = {.on_data = keep_one};
static const fin_handler stayer = {.on_end = stay};

/* How often the driver looks for progress, and how much is enough at each look. */
enum {
  LOOK_STALL = RIG_STALL_MS / 4 + 1,
  LOOK_HALF = RIG_HALF_MS / 4 + 1,
  ENOUGH_HALF = 2 * LOOK_HALF * RIG_MIN_RATE / 1000
};

/* The peer follows our FIN at once. */
static void follow(struct rig *rig) {
  rig_ack(rig);
  rig_peer_fin(rig);
}

Test(half, bounds_a_handler_that_stays_after_the_peers_fin) {
  struct rig rig;
  rig_begin(&rig, &stayer);
  rig_connect(&rig);
  rig_pass(&rig, 777);
  rig_peer_fin(&rig);
  RIG_IN(&rig, "PEER_DONE");
  rig_leaves_after(&rig, RIG_HALF_MS);
  RIG_REASON(&rig, "HALF_TIMEOUT");
  cr_assert(rig.peer->fin_sent && !rig.peer->reset);
  rig_end(&rig);
}

Test(half, is_prolonged_by_output_that_is_acknowledged) {
  struct rig rig;
  rig_begin(&rig, &stayer);
  rig_connect(&rig);
  rig_peer_fin(&rig);
  for (int i = 0; i < 5; i++) {
    rig_pass(&rig, RIG_HALF_MS - 1);
    RIG_IN(&rig, "PEER_DONE");
    rig_write(&rig, 10);
    rig_rest(&rig);
    rig_ack(&rig);
  }
  rig_pass(&rig, RIG_HALF_MS + LOOK_STALL);
  RIG_REASON(&rig, "HALF_TIMEOUT");
  rig_end(&rig);
}

Test(half, bounds_a_peer_that_does_not_end) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_end(rig.conn);
  rig_rest(&rig);
  RIG_IN(&rig, "SEND_DONE");
  rig_leaves_after(&rig, RIG_HALF_MS);
  RIG_IN(&rig, "LINGER");
  follow(&rig);
  RIG_REASON(&rig, "HALF_TIMEOUT");
  rig_end(&rig);
}

Test(half, is_prolonged_by_input_at_min_rate) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_end(rig.conn);
  for (int i = 0; i < 50; i++) {
    rig_receive(&rig, ENOUGH_HALF);
    rig_pass(&rig, LOOK_HALF);
    RIG_IN(&rig, "SEND_DONE");
  }
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "ENDED");
  rig_end(&rig);
}

Test(half, is_not_prolonged_by_small_messages) {
  struct rig rig;
  rig_begin(&rig, &sipper);
  rig_connect(&rig);
  fin_conn_end(rig.conn);
  rig_rest(&rig);
  for (int i = 0; i < 3; i++) {
    rig_receive(&rig, 2);
    rig_pass(&rig, 1000);
  }
  rig_receive(&rig, 2);
  rig_leaves_after(&rig, RIG_HALF_MS - 3000);
  follow(&rig);
  RIG_REASON(&rig, "HALF_TIMEOUT");
  rig_end(&rig);
}

Test(half, is_not_prolonged_by_pauses) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_end(rig.conn);
  rig_rest(&rig);
  for (int i = 0; i < 3; i++) {
    fin_conn_pause(rig.conn);
    rig_pass(&rig, 1000);
    fin_conn_resume(rig.conn);
    rig_rest(&rig);
  }
  rig_leaves_after(&rig, RIG_HALF_MS - 3000);
  follow(&rig);
  RIG_REASON(&rig, "HALF_TIMEOUT");
  rig_end(&rig);
}

Test(half, begins_when_the_peers_fin_is_seen_behind_unread_input) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_pause(rig.conn);
  rig_receive(&rig, 10);
  rig_pass(&rig, 777);
  RIG_IN(&rig, "OPEN");
  rig_peer_fin(&rig);
  RIG_IN(&rig, "PEER_LEAVING");
  rig_leaves_after(&rig, RIG_HALF_MS);
  RIG_REASON(&rig, "HALF_TIMEOUT"); /* the unread input is dropped, then both FINs are there */
  cr_assert(rig.peer->fin_sent && !rig.peer->reset);
  cr_assert_eq(rig.offered, 0);
  cr_assert_eq(rig.report.bytes_in, 10);
  rig_end(&rig);
}

Test(half, ends_with_a_resume) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  fin_conn_pause(rig.conn);
  rig_receive(&rig, 10);
  rig_peer_fin(&rig);
  rig_pass(&rig, RIG_HALF_MS - 1);
  fin_conn_resume(rig.conn);
  rig_rest(&rig);
  cr_assert_eq(rig.offered_bytes, 10);
  RIG_REASON(&rig, "PEER_ENDED");
  rig_end(&rig);
}
