/* SPDX-License-Identifier: MIT
 *
 * From one handler to another: the heir hears all that is still to be heard, on_open first, and the
 * one before it hears nothing more.
 */
#include <errno.h>
#include <string.h>

#include "core/heir.h"

static struct heir first, second;

/* ---- in the callbacks of the handler before ---- */

static size_t give_the_rest(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  (void)len;
  give(conn, &first);
  cr_assert(!fin_conn_reading(conn));
  return 3;
}

static void give_away(fin_conn *conn) { give(conn, &first); }
static void stay(fin_conn *conn) { (void)conn; }

static size_t keep(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  (void)len;
  return 0;
}

Test(hand_over, gives_what_was_not_consumed) {
  static const fin_handler giver = {.on_data = give_the_rest};
  struct rig rig;
  rig_begin(&rig, &giver);
  rig_connect(&rig);
  rig_receive(&rig, 10);
  HEARD(&first, "open data 7 ");
  rig_receive(&rig, 5);
  HEARD(&first, "open data 7 data 5 ");
  cr_assert_eq(rig.offered, 1);
  fin_conn_close(first.conn, FIN_REASON_CLOSED);
  rig_ack(&rig);
  rig_peer_fin(&rig);
  HEARD(&first, "open data 7 data 5 close");
  cr_assert_eq(first.report.reason, FIN_REASON_CLOSED);
  cr_assert_eq(first.report.bytes_in, 15);
  heir_end(&rig, &first);
}

Test(hand_over, gives_what_was_offered_before_and_kept) {
  static const fin_handler keeper = {.on_data = keep};
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig_connect(&rig);
  rig_receive(&rig, 10);
  rig_pass(&rig, 100);
  give(rig.conn, &first);
  rig_rest(&rig);
  HEARD(&first, "open data 10 ");
  heir_end(&rig, &first);
}

Test(hand_over, in_on_open_comes_to_an_on_open) {
  static const fin_handler giver = {.on_open = give_away};
  struct rig rig;
  rig_begin(&rig, &giver);
  rig_connect(&rig);
  rig_receive(&rig, 10);
  HEARD(&first, "open data 10 ");
  heir_end(&rig, &first);
}

Test(hand_over, comes_with_output_that_still_leaves) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_write(&rig, 10);
  give(rig.conn, &first);
  rig_rest(&rig);
  cr_assert_eq(rig.peer->taken, 10);
  rig_write(&rig, 5);
  rig_rest(&rig);
  cr_assert_eq(rig.peer->taken, 15);
  heir_end(&rig, &first);
}

/* ---- again ---- */

static size_t give_twice(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  unsigned char *mine = fin_conn_state(conn);
  memset(mine, 7, 16);
  give(conn, &first);
  memset(fin_conn_state(conn), 8, HEIRS_STATE);
  give(conn, &second);
  memset(fin_conn_state(conn), 9, HEIRS_STATE);
  cr_assert_eq(mine[0], 7);
  cr_assert_eq(mine[15], 7);
  return len;
}

Test(hand_over, twice_in_one_callback_gives_to_the_last) {
  static const fin_handler giver = {.state_size = 16, .on_data = give_twice};
  struct rig rig;
  rig_begin(&rig, &giver);
  rig_connect(&rig);
  rig_receive(&rig, 10);
  HEARD(&first, "");
  HEARD(&second, "open ");
  first.conn = NULL;
  heir_end(&rig, &second);
}

static size_t heir_gives(fin_conn *conn, const char *data, size_t len) {
  unsigned char *mine = fin_conn_state(conn);
  (void)data;
  memset(mine, 5, HEIRS_STATE);
  give(conn, &second);
  for (unsigned i = 0; i < HEIRS_STATE; i++) cr_assert_eq(mine[i], 5);
  return len - 1;
}

Test(hand_over, by_an_heir_leaves_it_its_state_until_it_returns) {
  static const fin_handler giver = {.on_data = heir_gives};
  struct rig rig;
  rig_begin(&rig, NULL);
  first.does = &giver;
  rig_connect(&rig);
  give(rig.conn, &first);
  rig_receive(&rig, 10);
  HEARD(&first, "open data 10 ");
  HEARD(&second, "open data 1 ");
  heir_end(&rig, &second);
}

static void give_on(fin_conn *conn) { give(conn, &second); }

Test(hand_over, in_the_on_open_of_one_goes_on) {
  static const fin_handler giver = {.on_open = give_on};
  struct rig rig;
  rig_begin(&rig, NULL);
  first.does = &giver;
  rig_connect(&rig);
  give(rig.conn, &first);
  stage_drain(&rig.stage);
  rig_receive(&rig, 10);
  HEARD(&first, "open ");
  HEARD(&second, "open drain data 10 ");
  heir_end(&rig, &second);
}

Test(hand_over, gives_back_the_memory_of_those_before) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  give(rig.conn, &first);
  rig_rest(&rig);
  size_t live = memory_live();
  for (int i = 0; i < 5; i++) {
    give(rig.conn, &first);
    give(rig.conn, &first);
    rig_rest(&rig);
  }
  cr_assert_eq(memory_live(), live);
  heir_end(&rig, &first);
}

/* ---- outside of callbacks ---- */

Test(hand_over, lets_no_input_come_before_on_open) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  peer_send(rig.peer, 10);
  give(rig.conn, &first);
  cr_assert(!fin_conn_reading(rig.conn));
  cr_assert_eq(socket_ready(rig.peer), 0);
  rig_rest(&rig);
  HEARD(&first, "open data 10 ");
  heir_end(&rig, &first);
}

Test(hand_over, lets_no_timer_come_before_on_open) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig_pass(&rig, 10);
  fin_conn_set_timer(rig.conn, 5);
  rig_rest(&rig);
  rig.stage.io.now_ms += 5;
  give(rig.conn, &first);
  fin_conn_set_timer(rig.conn, 0);
  io_tell_time(&rig.stage.io);
  rig_pass(&rig, 1);
  HEARD(&first, "open timer ");
  heir_end(&rig, &first);
}

static void give_with_timer(fin_conn *conn) {
  give(conn, &first);
  fin_conn_set_timer(conn, 10);
}

Test(hand_over, keeps_a_timer_for_the_heir) {
  static const fin_handler giver = {.on_end = give_with_timer};
  struct rig rig;
  rig_begin(&rig, &giver);
  rig_connect(&rig);
  rig_peer_fin(&rig);
  rig_pass(&rig, 9);
  HEARD(&first, "open end ");
  rig_pass(&rig, 1);
  HEARD(&first, "open end timer ");
  heir_end(&rig, &first);
}

Test(hand_over, while_dialling_has_one_on_open) {
  struct rig rig;
  rig_begin(&rig, NULL);
  fin_conn *conn = stage_dial(&rig.stage, rig.peer);
  give(conn, &first);
  give(conn, &second);
  rig_pass(&rig, 10);
  HEARD(&second, "");
  peer_accept(rig.peer);
  rig_rest(&rig);
  HEARD(&first, "");
  HEARD(&second, "open ");
  cr_assert_eq(rig.opened, 0);
  heir_end(&rig, &second);
}

/* ---- after the peer's FIN ---- */

Test(hand_over, tells_the_heir_of_a_fin_that_was_read) {
  static const fin_handler giver = {.on_end = give_away};
  struct rig rig;
  rig_begin(&rig, &giver);
  rig_connect(&rig);
  rig_peer_fin(&rig);
  cr_assert_eq(rig.ended, 1);
  HEARD(&first, "open end ");
  cr_assert_eq(fin_conn_write(first.conn, "x", 1), 0);
  heir_end(&rig, &first);
}

Test(hand_over, gives_what_was_kept_before_it_tells_of_the_fin) {
  static const fin_handler keeper = {.on_data = keep, .on_end = stay};
  struct rig rig;
  rig_begin(&rig, &keeper);
  rig_connect(&rig);
  rig_receive(&rig, 10);
  rig_peer_fin(&rig);
  rig_pass(&rig, 100);
  give(rig.conn, &first);
  rig_rest(&rig);
  HEARD(&first, "open data 10 end ");
  rig_pass(&rig, RIG_HALF_MS - 101);
  cr_assert_not_null(first.conn);
  rig_pass(&rig, 1); /* whose half is over is not given another */
  cr_assert_eq(first.report.reason, FIN_REASON_HALF_TIMEOUT);
  heir_end(&rig, &first);
}

static void pause(fin_conn *conn) { fin_conn_pause(conn); }

Test(hand_over, tells_of_the_fin_after_a_pause) {
  static const fin_handler keeper = {.on_data = keep, .on_end = stay};
  static const fin_handler pauser = {.on_open = pause};
  struct rig rig;
  rig_begin(&rig, &keeper);
  first.does = &pauser;
  rig_connect(&rig);
  rig_receive(&rig, 10);
  rig_peer_fin(&rig);
  give(rig.conn, &first);
  rig_pass(&rig, 100);
  HEARD(&first, "open ");
  fin_conn_resume(first.conn);
  rig_rest(&rig);
  HEARD(&first, "open data 10 end ");
  heir_end(&rig, &first);
}

static void end(fin_conn *conn) { fin_conn_end(conn); }

Test(hand_over, gives_and_tells_all_to_an_heir_that_ends) {
  static const fin_handler giver = {.on_data = keep, .on_end = give_away};
  static const fin_handler ender = {.on_open = end};
  struct rig rig;
  rig_begin(&rig, &giver);
  first.does = &ender;
  rig_connect(&rig);
  rig_receive(&rig, 10);
  rig_peer_fin(&rig);
  HEARD(&first, "open data 10 end close");
  cr_assert_eq(first.report.reason, FIN_REASON_PEER_ENDED);
  heir_end(&rig, &first);
}

static void give_and_end(fin_conn *conn) {
  give(conn, &first);
  fin_conn_end(conn);
}

Test(hand_over, gives_and_tells_all_to_an_heir_that_has_been_ended) {
  static const fin_handler giver = {.on_data = keep, .on_end = give_and_end};
  struct rig rig;
  rig_begin(&rig, &giver);
  rig_connect(&rig);
  rig_receive(&rig, 10);
  rig_peer_fin(&rig);
  HEARD(&first, "open data 10 end close");
  heir_end(&rig, &first);
}

static size_t consume_some(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len < 30 ? len : 30;
}

Test(hand_over, offers_what_is_too_much_to_keep_until_it_is_less) {
  static const fin_handler giver = {.on_data = keep, .on_end = stay};
  static const fin_handler eater = {.on_data = consume_some};
  struct rig rig;
  rig_begin(&rig, &giver);
  first.does = &eater;
  rig_connect(&rig);
  rig_receive(&rig, 90);
  rig_peer_fin(&rig);
  const fin_conn_options limits = {.input_max = 20};
  cr_assert_eq(fin_conn_hand_over(rig.conn, &heirs, &first, &limits), 0);
  rig_rest(&rig);
  HEARD(&first, "open data 90 data 60 data 30 end ");
  heir_end(&rig, &first);
}

static size_t write_much(fin_conn *conn, const char *data, size_t len) {
  static const char much[2 * RIG_HIGH];
  (void)data;
  fin_conn_write(conn, much, sizeof much);
  return len > 10 ? 0 : len;
}

Test(hand_over, offers_again_after_back_pressure_and_then_tells_of_the_fin) {
  static const fin_handler giver = {.on_data = keep, .on_end = stay};
  static const fin_handler writer = {.on_data = write_much};
  struct rig rig;
  rig_begin(&rig, &giver);
  first.does = &writer;
  rig_connect(&rig);
  rig.peer->checks_output = false;
  rig.peer->capacity = RIG_LOW;
  rig_receive(&rig, 20);
  rig_peer_fin(&rig);
  give(rig.conn, &first);
  rig_rest(&rig);
  HEARD(&first, "open data 20 ");
  for (int i = 0; i < 6; i++) rig_ack(&rig);
  HEARD(&first, "open data 20 writable data 20 ");
  heir_end(&rig, &first);
}

Test(hand_over, closes_for_an_heir_that_does_not_hear_of_the_fin) {
  static const fin_handler giver = {.on_end = give_away};
  static fin_handler deaf;
  struct rig rig;
  rig_begin(&rig, &giver);
  deaf = heirs;
  deaf.on_end = NULL;
  rig_connect(&rig);
  rig_receive(&rig, 10);
  first.conn = rig.conn;
  cr_assert_eq(fin_conn_hand_over(rig.conn, &deaf, &first, NULL), 0);
  rig_peer_fin(&rig);
  HEARD(&first, "open close");
  cr_assert_eq(first.report.reason, FIN_REASON_PEER_ENDED);
  heir_end(&rig, &first);
}
