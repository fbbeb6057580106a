/* SPDX-License-Identifier: MIT
 *
 * Connections that we open: what they take while they are being dialled, and how that ends.
 */
#include <errno.h>
#include <string.h>

#include "core/rig.h"

static void stay(fin_conn *conn) { (void)conn; }

static void begin(struct rig *rig, const fin_handler *does) {
  rig_begin(rig, does);
  rig->conn = stage_dial(&rig->stage, rig->peer);
  cr_assert_not_null(rig->conn);
}

static void answer(struct rig *rig) {
  peer_accept(rig->peer);
  rig_rest(rig);
}

static void follow(struct rig *rig) {
  rig_ack(rig);
  rig_peer_fin(rig);
}

/* ---- that become open ---- */

Test(dialled, is_open_when_it_is_connected) {
  struct rig rig;
  begin(&rig, NULL);
  rig_pass(&rig, 100);
  RIG_IN(&rig, "OPENING");
  cr_assert_eq(rig.opened, 0);
  answer(&rig);
  RIG_IN(&rig, "OPEN");
  cr_assert_eq(rig.opened, 1);
  rig_receive(&rig, 10);
  cr_assert_eq(rig.offered_bytes, 10);
  cr_assert_eq(fin_conn_age_ms(rig.conn), 100);
  cr_assert_eq(rig.stage.loop.stats.dialled, 1);
  cr_assert_eq(rig.stage.loop.stats.accepted, 0);
  cr_assert_eq(rig.stage.loop.stats.connections, 1);
  rig_peer_fin(&rig);
  RIG_REASON(&rig, "PEER_ENDED");
  cr_assert_eq(rig.report.state_ms[0], 100);
  rig_end(&rig);
}

Test(dialled, says_whom_and_for_how_long) {
  struct rig rig;
  begin(&rig, NULL);
  const struct fin_dial_spec *spec = &rig.peer->spec;
  const fin_conn_options *limits = fin_conn_limits(rig.conn);
  cr_assert_eq(spec->port, socket_port(rig.peer));
  cr_assert_eq(spec->within_ms, RIG_OPEN_MS);
  cr_assert_eq(spec->dead_peer_after_ms, limits->dead_peer_after_ms);
  cr_assert_geq(spec->user_timeout_ms, limits->dead_peer_after_ms);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(dialled, takes_output_before) {
  struct rig rig;
  begin(&rig, NULL);
  cr_assert_eq(rig_write(&rig, 20 * 1024), 0); /* so much that it would leave at once */
  rig_pass(&rig, RIG_OPEN_MS / 2);
  cr_assert_eq(rig.peer->taken, 0);
  answer(&rig);
  cr_assert_eq(rig.peer->taken, 20 * 1024);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(dialled, hears_its_timer_after_on_open) {
  struct rig rig;
  begin(&rig, NULL);
  fin_conn_set_timer(rig.conn, 10);
  rig_pass(&rig, RIG_OPEN_MS / 2);
  cr_assert_eq(rig.timers, 0);
  answer(&rig);
  cr_assert_eq(rig.opened, 1);
  cr_assert_eq(rig.timers, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

/* ---- that fail ---- */

static void refused(int error) {
  struct rig rig;
  begin(&rig, NULL);
  rig_write(&rig, 10);
  peer_fail(rig.peer, error);
  rig_rest(&rig);
  RIG_REASON(&rig, "NOT_OPENED");
  cr_assert_eq(rig.report.error, error);
  cr_assert_eq(rig.opened, 0);
  rig_end(&rig);
}

Test(dialled, says_why_no_connection_was_made) {
  refused(ECONNREFUSED);
  refused(EADDRNOTAVAIL);
  refused(ETIMEDOUT); /* the last attempt; the time is not up */
  refused(ENOMEM);
}

Test(dialled, fails_as_late_when_the_transport_does_at_once) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig.stage.io.faults[FAULT_DIAL] = EMFILE;
  rig.conn = stage_dial(&rig.stage, rig.peer);
  cr_assert_not_null(rig.conn);
  cr_assert_eq(rig.closed, 0);
  rig_rest(&rig);
  RIG_REASON(&rig, "NOT_OPENED");
  cr_assert_eq(rig.report.error, EMFILE);
  rig_end(&rig);
}

Test(dialled, has_open_ms_in_all) {
  struct rig rig;
  begin(&rig, NULL);
  rig_write(&rig, 10);
  rig_pass(&rig, RIG_OPEN_MS / 3);
  fin_conn_end(rig.conn);
  rig_pass(&rig, RIG_OPEN_MS / 3);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_leaves_after(&rig, RIG_OPEN_MS - 2 * (RIG_OPEN_MS / 3));
  RIG_REASON(&rig, "OPEN_TIMEOUT");
  rig_end(&rig);
}

/* The transport looks at the clock too. */
Test(dialled, is_late_whoever_notices_first) {
  struct rig rig;
  begin(&rig, NULL);
  rig_pass(&rig, RIG_OPEN_MS - 1);
  rig.stage.io.now_ms++;
  peer_fail(rig.peer, ETIMEDOUT);
  socket_tell(rig.peer, NEWS_ERROR, 0);
  rig_rest(&rig);
  RIG_REASON(&rig, "OPEN_TIMEOUT");
  cr_assert_eq(rig.report.error, 0);
  rig_end(&rig);
}

/* ---- that we end ourselves ---- */

Test(dialled, is_given_up_by_close_where_nothing_was_written) {
  struct rig rig;
  begin(&rig, NULL);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_rest(&rig);
  RIG_REASON(&rig, "CLOSED");
  cr_assert_eq(rig_now(&rig), 0);
  rig_end(&rig);
}

Test(dialled, sends_what_was_written_before_close) {
  struct rig rig;
  begin(&rig, NULL);
  rig_write(&rig, 100);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  fin_conn_end(rig.conn);
  cr_assert_eq(rig_write(&rig, 1), -EPIPE);
  rig_rest(&rig);
  RIG_IN(&rig, "OPENING_CLOSE");
  answer(&rig);
  RIG_IN(&rig, "LINGER");
  cr_assert_eq(rig.peer->taken, 100);
  rig_receive(&rig, 10);
  follow(&rig);
  RIG_REASON(&rig, "CLOSED");
  cr_assert_eq(rig.opened + rig.offered + rig.ended, 0, "no callback but on_close");
  cr_assert_eq(rig.report.bytes_acked, 100);
  rig_end(&rig);
}

Test(dialled, sends_its_end_before_close) {
  struct rig rig;
  begin(&rig, NULL);
  fin_conn_end(rig.conn);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  rig_rest(&rig);
  RIG_IN(&rig, "OPENING_CLOSE");
  answer(&rig);
  cr_assert(rig.peer->fin_sent);
  follow(&rig);
  RIG_REASON(&rig, "ENDED");
  rig_end(&rig);
}

Test(dialled, is_not_clean_when_closed_and_then_not_opened) {
  struct rig rig;
  begin(&rig, NULL);
  rig_write(&rig, 100);
  fin_conn_close(rig.conn, FIN_REASON_CLOSED);
  peer_fail(rig.peer, ECONNREFUSED);
  rig_rest(&rig);
  RIG_REASON(&rig, "NOT_OPENED");
  rig_end(&rig);
}

Test(dialled, can_be_aborted) {
  struct rig rig;
  begin(&rig, NULL);
  rig_write(&rig, 100);
  fin_conn_abort(rig.conn);
  rig_rest(&rig);
  RIG_REASON(&rig, "ABORTED");
  rig_end(&rig);
}

/* Half of what it writes would look whole, were it closed before it can finish. */
Test(dialled, hears_of_a_drain_when_it_is_open) {
  static const fin_handler finisher = {.on_drain = stay};
  struct rig rig;
  begin(&rig, &finisher);
  rig_write(&rig, 100);
  stage_drain(&rig.stage);
  rig_rest(&rig);
  RIG_IN(&rig, "OPENING");
  cr_assert_eq(rig.drained, 0);
  answer(&rig);
  rig_rest(&rig);
  RIG_IN(&rig, "OPEN");
  cr_assert_eq(rig.drained, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

/* Who has written is flushed first; who has not is not waited for. */
Test(dialled, is_closed_by_a_drain) {
  static const fin_handler finisher = {.on_open = NULL};
  struct rig rig;
  begin(&rig, &finisher);
  rig_write(&rig, 100);
  stage_drain(&rig.stage);
  rig_rest(&rig);
  RIG_IN(&rig, "OPENING_CLOSE");
  answer(&rig);
  follow(&rig);
  RIG_REASON(&rig, "DRAINED");
  cr_assert_eq(rig.drained, 0);
  rig_end(&rig);
}

/* ---- that there cannot be ---- */

static void wrong(struct rig *rig, const fin_dial *dial) {
  errno = 0;
  cr_assert_null(fin_conn_dial(&rig->stage.loop, dial));
  cr_assert_eq(errno, EINVAL);
}

Test(dialled, needs_a_host_a_port_and_a_handler) {
  static const fin_handler deaf = {.on_open = stay};
  struct rig rig;
  begin(&rig, NULL);
  fin_dial right = {.host = "peer", .port = 1, .handler = &rig.handler, .context = &rig};
  fin_dial dial = right;
  dial.host = NULL;
  wrong(&rig, &dial);
  dial.host = "";
  wrong(&rig, &dial);
  dial = right;
  dial.port = 0;
  wrong(&rig, &dial);
  dial = right;
  dial.handler = NULL;
  wrong(&rig, &dial);
  dial.handler = &deaf;
  wrong(&rig, &dial);
  dial = right;
  dial.conn.half_ms = FIN_NEVER;
  wrong(&rig, &dial);
  cr_assert_eq(rig.stage.loop.stats.dialled, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}

Test(dialled, needs_memory) {
  struct rig rig;
  begin(&rig, NULL);
  struct socket *other = io_socket(&rig.stage.io);
  memory_fail_in(1);
  cr_assert_null(stage_dial(&rig.stage, other));
  cr_assert_eq(errno, ENOMEM);
  cr_assert_eq(rig.stage.loop.stats.connections, 1);
  fin_conn_abort(rig.conn);
  rig_end(&rig);
}
