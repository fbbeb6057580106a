/* SPDX-License-Identifier: MIT
 *
 * A connection's clocks. One deadline stands for everything that may be due; when it fires, what
 * has flowed since is measured and judged. It is only ever set earlier in between: traffic costs a
 * store.
 */
#include "core/conn.h"

static uint32_t sooner(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* How much is left of `limit` since a point in time; 0 when it is over. */
static uint32_t left(uint32_t now_ms, uint32_t since_ms, uint32_t limit_ms) {
  uint32_t passed = now_ms - since_ms;
  return passed >= limit_ms ? 0 : limit_ms - passed;
}

static bool over(uint32_t now_ms, uint32_t since_ms, uint32_t limit_ms) {
  return left(now_ms, since_ms, limit_ms) == 0;
}

/* Progress is looked for four times in its limit, so that its lack is noticed at most a quarter
 * late. */
static uint32_t look_again(uint32_t limit_ms) { return limit_ms / 4 + 1; }

static uint32_t last_progress(const struct fin_conn *conn) {
  bool in_later = (int32_t)(conn->in_mark_ms - conn->out_mark_ms) > 0;
  return in_later ? conn->in_mark_ms : conn->out_mark_ms;
}

/* Output can wait here, and its waiting is limited by stall_ms. */
static bool output_bounded(const struct fin_conn *conn) {
  const struct fin_state_info *info = fin_conn_info(conn);
  return conn->output_waits && info->input != FIN_INPUT_HOLD && info->output != FIN_OUTPUT_NONE;
}

/* The handler waits for the rest of a message, and its arriving is limited by stall_ms. In other
 * states what bounds them bounds it too. */
static bool message_bounded(const struct fin_conn *conn) {
  return fin_conn_info(conn)->bound == FIN_BOUND_IDLE && fin_inbuf_len(&conn->input) > 0 &&
         fin_conn_reading(conn) && !conn->busy;
}

static bool idle_bounded(const struct fin_conn *conn) {
  return conn->service->limits.idle_ms != FIN_NEVER && !conn->busy;
}

/* Half-closed, and not waiting for another connection, which is bounded itself. */
static bool half_bounded(const struct fin_conn *conn) {
  return !conn->busy || !conn->service->handler->full_duplex;
}

/* The handler works on an answer: what it has written of it must not pass for the whole. */
static bool unfinished(const struct fin_conn *conn) {
  return conn->busy && fin_conn_info(conn)->output == FIN_OUTPUT_ACCEPT;
}

/* on_timer does not come before on_open. */
static bool timer_counts(const struct fin_conn *conn) {
  return conn->timer_set && !conn->greet_owed && fin_conn_info(conn)->input != FIN_INPUT_HOLD;
}

bool fin_conn_open_over(const struct fin_conn *conn) {
  return fin_conn_age_ms(conn) >= conn->service->limits.open_ms;
}

size_t fin_conn_unacked(const struct fin_conn *conn, bool fin) {
  const struct fin_stream *stream = fin_conn_stream(conn);
  return conn->output.len - fin_io_write_taken(stream) + fin_io_unacked(stream, fin);
}

static uint32_t capped(uint64_t len) { return len < UINT32_MAX ? (uint32_t)len : UINT32_MAX; }

void fin_conn_await_ack(struct fin_conn *conn, size_t len) {
  if (conn->output_waits) return;
  conn->output_waits = true;
  conn->out_mark = conn->bytes_accepted;
  conn->out_waited = capped(len);
  conn->out_mark_ms = fin_io_now(conn->service->loop->io);
  conn->rearm = true;
}

static void mark_input(struct fin_conn *conn) {
  conn->in_mark = conn->bytes_in;
  conn->in_mark_ms = fin_io_now(conn->service->loop->io);
  conn->rearm = true;
}

void fin_conn_await_message(struct fin_conn *conn) {
  /* Half-closed, the mark is that of half_ms, which neither messages nor pauses prolong. */
  if (fin_conn_info(conn)->bound == FIN_BOUND_IDLE) mark_input(conn);
}

void fin_conn_await_anew(struct fin_conn *conn) {
  conn->traffic_ms = fin_io_now(conn->service->loop->io);
  conn->rearm = true;
  fin_conn_await_message(conn);
  bool half = fin_conn_info(conn)->bound == FIN_BOUND_HALF;
  if (half && conn->service->handler->full_duplex) mark_input(conn);
}

void fin_conn_arm(struct fin_conn *conn) {
  const fin_conn_options *limits = &conn->service->limits;
  uint32_t now_ms = fin_io_now(conn->service->loop->io);
  uint32_t wait_ms = FIN_NEVER;
  switch ((enum fin_bound)fin_conn_info(conn)->bound) {
    case FIN_BOUND_OPEN:
      wait_ms = left(now_ms, now_ms - fin_conn_age_ms(conn), limits->open_ms);
      break;
    case FIN_BOUND_IDLE:
      if (idle_bounded(conn)) wait_ms = left(now_ms, conn->traffic_ms, limits->idle_ms);
      if (wait_ms == 0 && conn->output_waits) wait_ms = FIN_NEVER; /* stall_ms has taken over */
      break;
    case FIN_BOUND_HALF:
      if (!half_bounded(conn)) break;
      wait_ms = left(now_ms, last_progress(conn), limits->half_ms);
      wait_ms = sooner(wait_ms, look_again(limits->half_ms));
      break;
    case FIN_BOUND_LINGER:
      wait_ms = left(now_ms, conn->entered_ms, limits->linger_ms);
      wait_ms = sooner(wait_ms, left(now_ms, conn->in_mark_ms, limits->linger_grace_ms));
      break;
    case FIN_BOUND_STALL:
    case FIN_BOUND_NONE:
      break;
  }
  if (output_bounded(conn)) {
    wait_ms = sooner(wait_ms, left(now_ms, conn->out_mark_ms, limits->stall_ms));
    wait_ms = sooner(wait_ms, look_again(limits->stall_ms));
  }
  if (message_bounded(conn)) {
    wait_ms = sooner(wait_ms, left(now_ms, conn->in_mark_ms, limits->stall_ms));
    wait_ms = sooner(wait_ms, look_again(limits->stall_ms));
  }
  if (timer_counts(conn)) {
    int32_t timer_left = (int32_t)(conn->timer_ms - now_ms);
    wait_ms = sooner(wait_ms, timer_left > 0 ? (uint32_t)timer_left : 0);
  }
  conn->rearm = false;
  if (wait_ms != FIN_NEVER) fin_loop_arm(conn->service->loop, conn, wait_ms);
}

static bool at_min_rate(const struct fin_conn *conn, uint64_t bytes, uint32_t in_ms) {
  return bytes > 0 && bytes * 1000 >= (uint64_t)conn->service->limits.min_rate * in_ms;
}

/* Moves the marks up to now where enough has flowed. */
static void measure(struct fin_conn *conn, uint32_t now_ms) {
  if (at_min_rate(conn, conn->bytes_in - conn->in_mark, now_ms - conn->in_mark_ms))
    mark_input(conn);
  if (!conn->output_waits) return;
  uint64_t acked = conn->bytes_accepted - fin_conn_unacked(conn, false);
  uint64_t flowed = acked - conn->out_mark;
  bool fin_due = fin_conn_info(conn)->output == FIN_OUTPUT_FIN; /* promised, not sent yet */
  conn->output_waits = fin_due || fin_conn_unacked(conn, true) > 0;
  if (!conn->output_waits) {
    conn->out_mark = acked;
    conn->out_mark_ms = now_ms;
  } else if (at_min_rate(conn, flowed, now_ms - conn->out_mark_ms) ||
             (flowed > 0 && flowed >= conn->out_waited)) {
    conn->out_mark = acked;
    conn->out_waited = capped(conn->bytes_accepted - acked);
    conn->out_mark_ms = conn->traffic_ms = now_ms;
  }
}

static void end_of(struct fin_conn *conn, enum fin_event event, fin_reason reason) {
  fin_conn_blame(conn, reason, 0);
  fin_conn_event(conn, event);
}

static void judge(struct fin_conn *conn, uint32_t now_ms) {
  const fin_conn_options *limits = &conn->service->limits;
  /* For the linger: everything was acknowledged a grace ago, and nothing has arrived since. */
  bool output_waited = conn->output_waits;
  bool input_rests = conn->bytes_in == conn->in_mark;
  bool quiet = !output_waited && input_rests;
  bool grace_over = over(now_ms, conn->in_mark_ms, limits->linger_grace_ms);
  measure(conn, now_ms);
  if (output_bounded(conn) && over(now_ms, conn->out_mark_ms, limits->stall_ms)) {
    end_of(conn, FIN_EV_STALLED, FIN_REASON_SLOW_READER);
    return;
  }
  bool message_over = message_bounded(conn) && over(now_ms, conn->in_mark_ms, limits->stall_ms);
  switch ((enum fin_bound)fin_conn_info(conn)->bound) {
    case FIN_BOUND_OPEN:
      if (fin_conn_open_over(conn)) end_of(conn, FIN_EV_DEADLINE, FIN_REASON_OPEN_TIMEOUT);
      break;
    case FIN_BOUND_IDLE:
      if (message_over)
        end_of(conn, FIN_EV_DEADLINE, FIN_REASON_SLOW_WRITER);
      else if (!conn->output_waits && idle_bounded(conn) &&
               over(now_ms, conn->traffic_ms, limits->idle_ms))
        end_of(conn, FIN_EV_DEADLINE, FIN_REASON_IDLE);
      break;
    case FIN_BOUND_HALF:
      if (half_bounded(conn) && over(now_ms, last_progress(conn), limits->half_ms))
        end_of(conn, unfinished(conn) ? FIN_EV_STALLED : FIN_EV_DEADLINE, FIN_REASON_HALF_TIMEOUT);
      break;
    case FIN_BOUND_LINGER:
      if (grace_over && quiet) {
        fin_conn_event(conn, FIN_EV_DEADLINE);
      } else if (over(now_ms, conn->entered_ms, limits->linger_ms)) {
        if (conn->output_waits || !input_rests) fin_conn_blame(conn, FIN_REASON_LINGER_CUT, 0);
        fin_conn_event(conn, FIN_EV_DEADLINE);
      } else if (grace_over || output_waited != conn->output_waits) {
        mark_input(conn); /* the grace begins again */
      }
      break;
    case FIN_BOUND_STALL:
    case FIN_BOUND_NONE:
      break;
  }
}

void fin_conn_time(struct fin_conn *conn) {
  const struct fin_io *io = conn->service->loop->io;
  conn->rearm = true;
  if (timer_counts(conn) && (int32_t)(conn->timer_ms - fin_io_now(io)) <= 0)
    fin_conn_tell_timer(conn);
  if (conn->state < FIN_ST_CLOSING) judge(conn, fin_io_now(io)); /* on_timer may have moved it */
  fin_conn_settle(conn);
}
