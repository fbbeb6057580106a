/* SPDX-License-Identifier: MIT
 *
 * Input: offered whole and in order, kept where it was not consumed, and never too much of it.
 */
#include "core/rig.h"

enum { MESSAGE = 12 };

static size_t limit;    /* of what sip consumes in one call */
static size_t consumed; /* in all */

static size_t sip(fin_conn *conn, const char *data, size_t len) {
  struct rig *rig = rig_of(conn);
  cr_assert_eq(consumed + len, rig->peer->read);
  cr_assert(pattern_equal(~rig->peer->shift, consumed, data, len));
  size_t some = len < limit ? len : limit;
  consumed += some;
  return some;
}

/* Arrives in pieces of `piece`, is consumed in sips of at most `limit`, one each time. */
static void arrives_and_is_sipped(size_t piece) {
  static const fin_handler sipper = {.on_data = sip};
  struct rig rig;
  consumed = 0;
  rig_begin(&rig, &sipper);
  rig_connect(&rig);
  for (size_t sent = 0; sent < MESSAGE; sent += piece)
    rig_receive(&rig, piece < MESSAGE - sent ? piece : MESSAGE - sent);
  while (consumed < MESSAGE) { /* what is left is offered after each pause */
    unsigned offered = rig.offered;
    fin_conn_pause(rig.conn);
    rig_rest(&rig);
    cr_assert_eq(rig.offered, offered);
    fin_conn_resume(rig.conn);
    rig_rest(&rig);
    cr_assert_eq(rig.offered, offered + 1);
  }
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "PEER_ENDED");
  cr_assert_eq(rig.report.bytes_in, MESSAGE);
  rig_end(&rig);
}

Test(input, comes_whole_however_it_is_cut_and_consumed) {
  for (size_t piece = 1; piece <= MESSAGE; piece++)
    for (limit = 1; limit <= MESSAGE; limit++) arrives_and_is_sipped(piece);
}

/* ---- kept input ---- */

static size_t keep_and_pause(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  if (rig_of(conn)->offered > 1) return len;
  fin_conn_pause(conn);
  return 0;
}

static const fin_handler pauser = {.on_data = keep_and_pause, .on_timer = fin_conn_resume};

Test(kept_input, is_offered_after_a_resume_in_on_timer) {
  struct rig rig;
  rig_begin(&rig, &pauser);
  rig_connect(&rig);
  rig_receive(&rig, 5);
  fin_conn_set_timer(rig.conn, 10);
  rig_pass(&rig, 9);
  cr_assert_eq(rig.offered, 1);
  rig_pass(&rig, 1);
  cr_assert_eq(rig.offered, 2);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(kept_input, is_offered_before_the_peers_fin_is_told) {
  struct rig rig;
  rig_begin(&rig, &pauser);
  rig_connect(&rig);
  rig_receive(&rig, 5);
  peer_send(rig.peer, 7);
  rig_peer_fin(&rig);
  fin_conn_set_timer(rig.conn, 10);
  rig_pass(&rig, 10);
  cr_assert_eq(rig.offered, 3);
  cr_assert_eq(rig.offered_bytes, 5 + 5 + 7);
  RIG_REASON(&rig, "PEER_ENDED");
  rig_end(&rig);
}

static size_t take_one_and_yield(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  fin_conn_pause(conn);
  fin_conn_resume(conn);
  return len > 0;
}

Test(kept_input, is_offered_next_turn_to_who_pauses_and_resumes_in_on_data) {
  static const fin_handler yielder = {.on_data = take_one_and_yield};
  struct rig rig;
  rig_begin(&rig, &yielder);
  rig_connect(&rig);
  peer_send(rig.peer, 5);
  socket_tell(rig.peer, NEWS_INPUT, SIZE_MAX);
  cr_assert_eq(rig.offered, 1); /* others have their turn in between */
  rig_rest(&rig);
  cr_assert_eq(rig.offered, 5);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(kept_input, is_dropped_by_close) {
  struct rig rig;
  rig_begin(&rig, &pauser);
  rig_connect(&rig);
  rig_receive(&rig, 5);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_receive(&rig, 5);
  fin_conn_resume(rig.conn);
  rig_rest(&rig);
  cr_assert_eq(rig.offered, 1);
  rig_peer_fin(&rig);
  cr_assert_eq(rig.report.bytes_in, 10);
  rig_end(&rig);
}

/* ---- too much ---- */

static size_t keep_all(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data, (void)len;
  return 0;
}

static const fin_handler keeper = {.on_data = keep_all};

Test(input_max, ends_who_consumes_nothing_of_it) {
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig_connect(&rig);
  rig_receive(&rig, RIG_INPUT_MAX - 1);
  RIG_IN(&rig, "OPEN");
  rig_receive(&rig, 1);
  RIG_IN(&rig, "LINGER");
  rig_receive(&rig, 1);
  cr_assert_eq(rig.offered, 2);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "TOO_LONG");
  rig_end(&rig);
}

Test(input_max, spares_who_has_paused) {
  struct rig rig;
  rig_begin(&rig, &pauser);
  rig_connect(&rig);
  rig_receive(&rig, RIG_INPUT_MAX);
  RIG_IN(&rig, "OPEN");
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

static size_t take_a_third(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len / 3 + 1;
}

/* More is read only when less is kept. */
Test(input_max, offers_again_to_who_consumes_some_of_it) {
  static const fin_handler sipper = {.on_data = take_a_third};
  struct rig rig;
  rig_begin(&rig, &sipper);
  rig_connect(&rig);
  peer_send(rig.peer, RIG_INPUT_MAX * 4);
  socket_tell(rig.peer, NEWS_INPUT, RIG_INPUT_MAX * 3);
  cr_assert_eq(rig.offered, 1);
  cr_assert(!(socket_ready(rig.peer) >> NEWS_INPUT & 1));
  rig_rest(&rig); /* of 300, 199 and 132; 87 are few enough; of 187 and 124 */
  cr_assert_eq(rig.offered, 5);
  RIG_IN(&rig, "OPEN");
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

static size_t claim_more(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len + 1;
}

Test(contract, consuming_more_than_was_offered_is_a_bug) {
  static const fin_handler claimer = {.on_data = claim_more};
  struct rig rig;
  rig_begin(&rig, &claimer);
  rig_connect(&rig);
  rig_receive(&rig, 5);
  RIG_REASON(&rig, "BUG");
  cr_assert(rig.peer->reset);
  rig_end(&rig);
}
