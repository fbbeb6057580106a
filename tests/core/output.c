/* SPDX-License-Identifier: MIT
 *
 * Output: whole, in order, our FIN behind it; corked within a turn, held back when there is too
 * much. The scripted kernel compares every byte that it takes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/rig.h"

/* ---- everything leaves, then our FIN ---- */

static void leaves_through(size_t capacity, size_t take_max, size_t len) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.limits.output_high = RIG_OUTPUT_MAX;
  rig_connect(&rig);
  rig.peer->capacity = capacity;
  rig.peer->take_max = take_max;
  for (size_t done = 0; done < RIG_OUTPUT_MAX / 4; done += len) {
    cr_assert_eq(rig_write(&rig, len), 0);
    if (done % 3 == 0) rig_ack(&rig);
  }
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  for (unsigned rounds = 0; !rig.peer->fin_sent; rounds++) {
    cr_assert(rounds < 200 * 1000);
    rig_ack(&rig);
  }
  cr_assert_eq(rig.peer->taken, rig.accepted_bytes);
  rig_ack(&rig);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "CLOSED");
  cr_assert_eq(rig.report.bytes_accepted, rig.accepted_bytes);
  cr_assert_eq(rig.report.bytes_acked, rig.accepted_bytes);
  rig_end(&rig);
}

Test(output, leaves_through_a_wide_door) { leaves_through(1024 * 1024, SIZE_MAX, 1000); }
Test(output, leaves_through_a_narrow_door) { leaves_through(700, SIZE_MAX, 1000); }
Test(output, leaves_by_the_byte) { leaves_through(1, SIZE_MAX, 999); }
Test(output, leaves_in_short_sends) { leaves_through(64 * 1024, 7, 4001); }
Test(output, leaves_in_large_writes) { leaves_through(5000, 4999, 20 * 1024); }
Test(output, leaves_in_tiny_writes) { leaves_through(3000, SIZE_MAX, 3); }

/* ---- corking ---- */

static size_t answer_in_three_parts(fin_conn *conn, const char *data, size_t len) {
  struct rig *rig = rig_of(conn);
  (void)data;
  for (int i = 0; i < 3; i++) cr_assert_eq(rig_write(rig, 100), 0);
  cr_assert_eq(rig->peer->sends, 0);
  cr_assert_eq(fin_conn_output_len(conn), 300);
  return len;
}

Test(cork, what_a_callback_writes_leaves_together_when_it_returns) {
  static const fin_handler answerer = {.on_data = answer_in_three_parts};
  struct rig rig;
  rig_begin(&rig, &answerer);
  rig_connect(&rig);
  peer_send(rig.peer, 1);
  socket_tell(rig.peer, NEWS_INPUT, SIZE_MAX);
  cr_assert_eq(rig.peer->sends, 1);
  cr_assert_eq(rig.peer->taken, 300);
  cr_assert_eq(fin_conn_output_len(rig.conn), 0);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(cork, what_is_written_elsewhere_leaves_at_the_turns_end) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  for (int i = 0; i < 3; i++) cr_assert_eq(rig_write(&rig, 100), 0);
  cr_assert_eq(rig.peer->sends, 0);
  rig_rest(&rig);
  cr_assert_eq(rig.peer->sends, 1);
  cr_assert_eq(rig.peer->taken, 300);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(cork, large_amounts_leave_at_once_behind_what_waits) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  cr_assert_eq(rig_write(&rig, 100), 0);
  cr_assert_eq(rig_write(&rig, 20 * 1024), 0);
  cr_assert_eq(rig.peer->sends, 1);
  cr_assert_eq(rig.peer->taken, 100 + 20 * 1024);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

/* ---- back-pressure ---- */

Test(back_pressure, stops_reading_from_high_to_low) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = 1;
  rig_write(&rig, RIG_HIGH + 1); /* one byte leaves */
  rig_rest(&rig);
  rig_receive(&rig, 10);
  cr_assert(!fin_conn_reading(rig.conn));
  cr_assert_eq(rig.offered + rig.writable, 0);
  rig.peer->capacity = RIG_HIGH - RIG_LOW;
  rig_ack(&rig);
  cr_assert_gt(fin_conn_output_len(rig.conn), 0);
  rig.peer->capacity = RIG_HIGH;
  rig_ack(&rig);
  cr_assert(fin_conn_reading(rig.conn));
  cr_assert_eq(rig.writable, 1);
  cr_assert_eq(rig.offered_bytes, 10);
  rig_rest(&rig);
  cr_assert_eq(rig.writable, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(back_pressure, does_not_begin_at_high) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = 1;
  rig_write(&rig, RIG_HIGH);
  cr_assert(fin_conn_reading(rig.conn));
  rig_ack(&rig);
  cr_assert_eq(rig.writable, 0);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

/* An ended output drains by itself: whoever sends us more is heard. */
Test(back_pressure, ends_with_an_end) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = 1;
  rig_write(&rig, RIG_HIGH * 2);
  rig_receive(&rig, 10);
  cr_assert_eq(rig.offered, 0);
  fin_conn_end(rig.conn);
  rig_rest(&rig);
  cr_assert_eq(rig.offered_bytes, 10);
  cr_assert_eq(rig.writable, 0);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

/* As protocols do that take one message after another, for as long as the connection reads. */
static size_t write_and_keep(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  if (rig_of(conn)->offered > 1) return len;
  rig_write(rig_of(conn), RIG_HIGH * 2);
  return 0;
}

Test(back_pressure, that_ends_with_an_end_offers_what_was_kept) {
  static const fin_handler writer = {.on_data = write_and_keep};
  struct rig rig;
  rig_begin(&rig, &writer);
  rig_connect(&rig);
  rig.peer->capacity = 1;
  rig_receive(&rig, 10);
  rig_peer_fin(&rig);
  RIG_IN(&rig, "PEER_LEAVING");
  cr_assert_eq(rig.offered, 1);
  fin_conn_end(rig.conn);
  rig_rest(&rig);
  cr_assert_eq(rig.offered, 2);
  RIG_IN(&rig, "LAST_FLUSH");
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

static void write_more(fin_conn *conn) {
  struct rig *rig = rig_of(conn);
  if (rig->accepted_bytes < 100 * RIG_HIGH) rig_write(rig, RIG_HIGH + 1);
}

Test(back_pressure, paces_a_handler_that_writes_in_on_writable) {
  static const fin_handler pump = {.on_writable = write_more};
  struct rig rig;
  rig_begin(&rig, &pump);
  rig_connect(&rig);
  rig.peer->capacity = 300;
  write_more(rig.conn);
  for (int i = 0; i < 1000 && rig.peer->acked < 100 * RIG_HIGH; i++) rig_ack(&rig);
  cr_assert_geq(rig.peer->acked, 100 * RIG_HIGH);
  cr_assert_eq(rig.peer->acked, rig.accepted_bytes);
  cr_assert_eq(rig.writable, 100);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

/* ---- refused ---- */

static void is_refused_after(void (*say)(fin_conn *)) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  say(rig.conn);
  cr_assert_eq(rig_write(&rig, 1), -EPIPE);
  rig_rest(&rig);
  if (rig.conn) cr_assert_eq(rig_write(&rig, 0), -EPIPE);
  if (rig.conn) fin_conn_abort(rig.conn);
  rig_end(&rig);
}

static void close_politely(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_CLOSED); }

Test(refusal, after_end) { is_refused_after(fin_conn_end); }
Test(refusal, after_close) { is_refused_after(close_politely); }
Test(refusal, after_abort) { is_refused_after(fin_conn_abort); }

Test(refusal, of_more_than_output_max_ends_with_rst) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = 1;
  cr_assert_eq(rig_write(&rig, RIG_OUTPUT_MAX), 0);
  rig_rest(&rig);
  cr_assert_eq(rig_write(&rig, 2), -ENOBUFS); /* only one has left */
  cr_assert_eq(rig_write(&rig, 1), -EPIPE);
  rig_rest(&rig);
  RIG_REASON(&rig, "OUTPUT_FULL");
  cr_assert_eq(rig.report.error, ENOBUFS);
  cr_assert(rig.peer->reset);
  rig_end(&rig);
}

/* ---- taken data ---- */

static unsigned released;

static void count_release(void *arg, const void *data) {
  (void)arg;
  free((void *)(uintptr_t)data);
  released++;
}

static int take(struct rig *rig, size_t len) {
  char *data = malloc(len);
  cr_assert(data);
  memcpy(data, pattern(rig->peer->shift, rig->accepted_bytes), len);
  int error = fin_conn_write_take(rig->conn, data, len, count_release, NULL);
  if (!error) rig->accepted_bytes += len;
  return error;
}

Test(take, is_released_when_it_has_left) {
  struct rig rig;
  released = 0;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = 60;
  cr_assert_eq(take(&rig, 50), 0);
  cr_assert_eq(take(&rig, 50), 0);
  cr_assert_eq(released, 0);
  rig_rest(&rig);
  cr_assert_eq(released, 1);
  rig_ack(&rig);
  cr_assert_eq(released, 2);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(take, is_released_when_it_is_dropped_or_refused) {
  struct rig rig;
  released = 0;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = 1;
  cr_assert_eq(take(&rig, 50), 0);
  rig_rest(&rig);
  cr_assert_eq(take(&rig, RIG_OUTPUT_MAX), -ENOBUFS);
  cr_assert_eq(released, 1);
  cr_assert_eq(take(&rig, 1), -EPIPE);
  cr_assert_eq(released, 2);
  rig_rest(&rig);
  cr_assert_eq(released, 3);
  rig_end(&rig);
}

Test(take, keeps_its_place_among_more_parts_than_one_send_has) {
  struct rig rig;
  released = 0;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  for (int i = 0; i < 100; i++) cr_assert_eq(take(&rig, 3), 0);
  cr_assert_eq(rig_write(&rig, 20 * 1024), 0);
  rig_rest(&rig);
  cr_assert_eq(rig.peer->taken, 300 + 20 * 1024);
  cr_assert_eq(released, 100);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}
