/* SPDX-License-Identifier: MIT
 *
 * The rig: a counting handler, and words for what tests do all the time.
 */
#include "core/rig.h"

#include <string.h>

struct rig *rig_of(const fin_conn *conn) {
  return fin_conn_context(conn);
}

/* ---- the handler ---- */

static void on_open(fin_conn *conn) {
  struct rig *rig = rig_of(conn);
  rig->conn = conn;
  rig->opened++;
  if (rig->does->on_open) rig->does->on_open(conn);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct rig *rig = rig_of(conn);
  rig->offered++;
  rig->offered_bytes += len;
  return rig->does->on_data ? rig->does->on_data(conn, data, len) : len;
}

static void on_end(fin_conn *conn) {
  rig_of(conn)->ended++;
  rig_of(conn)->does->on_end(conn);
}

static void on_writable(fin_conn *conn) {
  struct rig *rig = rig_of(conn);
  rig->writable++;
  if (rig->does->on_writable) rig->does->on_writable(conn);
}

static void on_timer(fin_conn *conn) {
  struct rig *rig = rig_of(conn);
  rig->timers++;
  if (rig->does->on_timer) rig->does->on_timer(conn);
}

static void on_drain(fin_conn *conn) {
  rig_of(conn)->drained++;
  rig_of(conn)->does->on_drain(conn);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct rig *rig = rig_of(conn);
  rig->closed++;
  rig->closed_ms = rig_now(rig);
  rig->report = *report;
  if (rig->does->on_close) rig->does->on_close(conn, report);
  rig->conn = NULL;
}

/* ---- beginning and end ---- */

void rig_begin(struct rig *rig, const fin_handler *does) {
  static const fin_handler nothing = {0};
  memset(rig, 0, sizeof *rig);
  rig->does = does ? does : &nothing;
  rig->handler = (fin_handler){.state_size = rig->does->state_size,
                               .on_open = on_open,
                               .on_data = on_data,
                               .on_end = rig->does->on_end ? on_end : NULL,
                               .on_writable = on_writable,
                               .on_timer = on_timer,
                               .on_drain = rig->does->on_drain ? on_drain : NULL,
                               .on_close = on_close};
  rig->limits = (fin_conn_options){.open_ms = RIG_OPEN_MS,
                                   .idle_ms = RIG_IDLE_MS,
                                   .half_ms = RIG_HALF_MS,
                                   .stall_ms = RIG_STALL_MS,
                                   .linger_ms = RIG_LINGER_MS,
                                   .linger_grace_ms = RIG_GRACE_MS,
                                   .linger_bytes_max = RIG_LINGER_BYTES,
                                   .min_rate = RIG_MIN_RATE,
                                   .output_high = RIG_HIGH,
                                   .output_low = RIG_LOW,
                                   .output_max = RIG_OUTPUT_MAX,
                                   .input_max = RIG_INPUT_MAX};
  stage_begin(&rig->stage, &rig->handler, rig, &rig->limits, RIG_BEGIN_MS);
  rig->peer = io_socket(&rig->stage.io);
  rig->peer->checks_output = true;
}

void rig_connect(struct rig *rig) {
  rig->stage.pooled.service.limits = rig->limits;
  cr_assert(stage_accept(&rig->stage, rig->peer));
  rig_rest(rig);
}

void rig_end(struct rig *rig) {
  rig_rest(rig);
  cr_assert_eq(rig->closed, 1, "still %s", rig_state(rig));
  stage_end(&rig->stage);
}

/* ---- time ---- */

void rig_rest(struct rig *rig) { stage_rest(&rig->stage); }

void rig_pass(struct rig *rig, uint64_t time_ms) {
  stage_sleep(&rig->stage, time_ms);
  stage_rest(&rig->stage);
}

uint64_t rig_now(const struct rig *rig) { return rig->stage.io.now_ms - RIG_BEGIN_MS; }

const char *rig_state(const struct rig *rig) {
  return rig->conn ? fin_state_name(fin_conn_life(rig->conn)) : "GONE";
}

void rig_leaves_after(struct rig *rig, uint64_t time_ms) {
  const char *state = rig_state(rig);
  rig_pass(rig, time_ms - 1);
  cr_assert_str_eq(rig_state(rig), state, "%s too early", rig_state(rig));
  rig_pass(rig, 1);
  cr_assert_str_neq(rig_state(rig), state, "still there");
}

/* ---- bytes ---- */

int rig_write(struct rig *rig, size_t len) {
  const char *data = pattern(rig->peer->shift, rig->accepted_bytes);
  int error = fin_conn_write(rig->conn, data, len);
  if (!error) rig->accepted_bytes += len;
  return error;
}

void rig_receive(struct rig *rig, size_t len) {
  peer_send(rig->peer, len);
  rig_rest(rig);
}

void rig_peer_fin(struct rig *rig) {
  peer_send_fin(rig->peer);
  rig_rest(rig);
}

void rig_ack(struct rig *rig) {
  peer_ack_all(rig->peer);
  rig_rest(rig);
}
