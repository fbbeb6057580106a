/* SPDX-License-Identifier: MIT
 *
 * The driver of a connection: what the transport reports becomes events of the table, the table's
 * actions are performed, and the system is brought into line with the state that results.
 */
#include "core/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_MAX = 64 }; /* of one send: more would only grow the stack */

size_t fin_conn_state_offset(void) {
  size_t size = sizeof(struct fin_conn) + fin_stream_size;
  return (size + 15) / 16 * 16;
}

void fin_conn_blame(struct fin_conn *conn, fin_reason reason, int error) {
  bool first = conn->reason == FIN_REASON_BUG;
  if (!first && (!fin_reason_clean(conn->reason) || fin_reason_clean(reason))) return;
  conn->reason = (uint8_t)reason;
  conn->error = (int16_t)error;
}

static void hear(struct fin_conn *conn);

static void ask_turn(struct fin_conn *conn) {
  if (!conn->dirty) fin_loop_mark_dirty(conn->service->loop, conn);
}

void fin_conn_touch(struct fin_conn *conn) {
  if (conn->calling || conn->state >= FIN_ST_CLOSING) return;
  ask_turn(conn);
  /* What arrives before the turn ends must not be offered to who has just been paused. */
  bool held = fin_conn_info(conn)->input == FIN_INPUT_DELIVER && !fin_conn_reading(conn);
  if (held && conn->hearing == FIN_HEAR_INPUT) hear(conn);
}

void fin_conn_call(struct fin_conn *conn, void (*callback)(fin_conn *)) {
  if (!callback) return;
  conn->calling = true;
  callback(conn);
  conn->calling = false;
}

/* ---- the table ---- */

static void enter(struct fin_conn *conn, enum fin_state to) {
  struct fin_loop *loop = conn->service->loop;
  uint32_t now_ms = fin_io_now(loop->io);
  if (conn->state < FIN_ST_CLOSING) conn->state_ms[conn->state] += now_ms - conn->entered_ms;
  loop->stats.in_state[conn->state]--;
  loop->stats.in_state[to]++;
  conn->state = (uint8_t)to;
  if (to < FIN_ST_CLOSED) conn->entered_ms = now_ms;
  /* Every state begins with its whole time. */
  conn->in_mark = conn->bytes_in;
  conn->in_mark_ms = conn->out_mark_ms = conn->traffic_ms = now_ms;
  conn->rearm = true;
}

static void close_fd(struct fin_conn *conn, bool reset) {
  struct fin_loop *loop = conn->service->loop;
  /* How much of a write that has failed the kernel took is not known: none of it counts. */
  size_t unacked = fin_conn_unacked(conn, false);
  conn->out_mark = unacked < conn->bytes_accepted ? conn->bytes_accepted - unacked : 0;
  fin_wheel_clear(&loop->wheel, &conn->deadline);
  fin_io_close(fin_conn_stream(conn), reset);
}

static void tell_end(struct fin_conn *conn) {
  conn->end_owed = false;
  if (conn->service->handler->on_end)
    fin_conn_call(conn, conn->service->handler->on_end);
  else
    fin_conn_event(conn, FIN_EV_CLOSE);
}

static void free_conn(struct fin_conn *conn) {
  struct fin_service *home = fin_conn_go_home(conn);
  struct fin_loop *loop = home->loop;
  fin_queue_clear(&conn->output, &loop->chunks);
  fin_inbuf_clear(&conn->input);
  fin_list_remove(&conn->link);
  loop->stats.connections--;
  loop->stats.in_state[FIN_ST_CLOSED]--;
  home->take_back(home, conn);
  if (loop->on_conn_gone) loop->on_conn_gone(loop->server);
}

static void tell_close(struct fin_conn *conn) {
  const fin_handler *handler = conn->service->handler;
  struct fin_loop *loop = conn->service->loop;
  loop->stats.closed[conn->reason]++;
  if (handler->on_close) {
    fin_report report = {
        .reason = conn->reason,
        .error = conn->error,
        .bytes_in = conn->bytes_in,
        .bytes_accepted = conn->bytes_accepted,
        .bytes_acked = conn->out_mark,
    };
    memcpy(report.state_ms, conn->state_ms, sizeof conn->state_ms);
    report.state_ms[FIN_ST_CLOSING] = fin_io_now(loop->io) - conn->entered_ms;
    conn->calling = true;
    handler->on_close(conn, &report);
  }
  free_conn(conn);
}

static void perform(struct fin_conn *conn, unsigned actions) {
  const fin_handler *handler = conn->service->handler;
  if (actions & FIN_DO_TELL_OPEN) fin_conn_call(conn, handler->on_open);
  if (actions & FIN_DO_TELL_END) tell_end(conn);
  if (actions & FIN_DO_SEND_FIN)
    fin_conn_await_ack(conn, 0); /* sent by flush(), behind the output */
  if (actions & (FIN_DO_CLOSE_FD | FIN_DO_RESET_FD)) close_fd(conn, actions & FIN_DO_RESET_FD);
  if (actions & FIN_DO_TELL_CLOSE) tell_close(conn);
}

void fin_conn_event(struct fin_conn *conn, enum fin_event event) {
  struct fin_step step = fin_lifecycle[conn->state][event];
  /* After these no callback comes that a hand-over has left owed. */
  if (event == FIN_EV_CLOSE || event == FIN_EV_DEADLINE || step.to >= FIN_ST_CLOSING)
    conn->greet_owed = conn->end_owed = false;
  if (step.kind == FIN_IGNORED) return;
  if (step.kind == FIN_IMPOSSIBLE) {
    fprintf(stderr, "finale: impossible event %s in state %s\n", fin_events[event].name,
            fin_conn_info(conn)->name);
    abort();
  }
  enter(conn, step.to);
  perform(conn, step.actions);
}

static fin_reason reason_of(int error) {
  switch (error) {
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
      return FIN_REASON_PEER_RESET;
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return FIN_REASON_PEER_VANISHED;
    case ENOMEM:
    case ENOBUFS:
      return FIN_REASON_NO_MEMORY;
    default:
      return FIN_REASON_IO;
  }
}

void fin_conn_fail(struct fin_conn *conn, int error) {
  /* A reset that arrives when the peer has acknowledged our last byte cuts nothing short. */
  bool harmless = conn->state == FIN_ST_LINGER && fin_conn_unacked(conn, true) == 0;
  bool opening = fin_conn_info(conn)->input == FIN_INPUT_HOLD;
  if (opening && fin_conn_open_over(conn))
    fin_conn_blame(conn, FIN_REASON_OPEN_TIMEOUT, 0); /* the last attempt ended with the time */
  else if (!harmless)
    fin_conn_blame(conn, opening ? FIN_REASON_NOT_OPENED : reason_of(error), error);
  fin_conn_event(conn, FIN_EV_IO_ERROR);
}

/* ---- settling ---- */

static size_t parts_len(const struct iovec *parts, unsigned count) {
  size_t len = 0;
  for (unsigned i = 0; i < count; i++) len += parts[i].iov_len;
  return len;
}

void fin_conn_sent(struct fin_conn *conn, size_t len) {
  if (len == 0) return;
  fin_queue_consume(&conn->output, &conn->service->loop->chunks, len);
  conn->traffic_ms = fin_io_now(conn->service->loop->io);
}

/* Sends what waits: tries the socket, and leaves the rest to one write in flight. False if the
 * connection failed or a write is in flight. */
static bool flush_output(struct fin_conn *conn) {
  struct fin_stream *stream = fin_conn_stream(conn);
  struct iovec parts[PARTS_MAX];
  while (conn->output.len > 0) {
    unsigned count = fin_queue_parts(&conn->output, parts, PARTS_MAX);
    size_t offered = parts_len(parts, count);
    ptrdiff_t sent = fin_io_send(stream, parts, count);
    if (sent < 0 && sent != -EAGAIN) {
      fin_conn_fail(conn, (int)-sent);
      return false;
    }
    if (sent > 0) fin_conn_sent(conn, (size_t)sent);
    if (sent >= 0 && (size_t)sent == offered) continue;
    count = fin_queue_parts(&conn->output, parts, PARTS_MAX);
    int error = fin_io_write(stream, parts, count);
    if (error) fin_conn_fail(conn, -error);
    return false;
  }
  return true;
}

static void flush(struct fin_conn *conn) {
  const struct fin_state_info *info = fin_conn_info(conn);
  if (info->input == FIN_INPUT_HOLD || info->output == FIN_OUTPUT_NONE) return;
  if (fin_io_writing(fin_conn_stream(conn)) || !flush_output(conn)) return;
  if (info->output != FIN_OUTPUT_FIN || conn->greet_owed) return;
  int error = fin_io_send_fin(fin_conn_stream(conn));
  if (error)
    fin_conn_fail(conn, -error);
  else
    fin_conn_event(conn, FIN_EV_FIN_SENT);
}

/* Output that had passed output_high is down to output_low. */
static bool let_go(const struct fin_conn *conn) {
  return conn->blocked && conn->output.len <= conn->service->limits.output_low &&
         fin_conn_info(conn)->input != FIN_INPUT_HOLD;
}

/* Kept input goes to the handler before more of it, or the peer's FIN, is read. */
static bool offer_owed(const struct fin_conn *conn) {
  return conn->offer && fin_conn_reading(conn) && fin_inbuf_len(&conn->input) > 0;
}

/* Kept input is still of use: to the handler, or to another one after a hand-over. */
static bool may_deliver(const struct fin_conn *conn) {
  return fin_conn_delivers(conn) || fin_conn_info(conn)->output == FIN_OUTPUT_ACCEPT;
}

/* on_end, after a hand-over, comes behind kept input and not during a pause. */
static bool end_due(const struct fin_conn *conn) {
  return conn->end_owed && fin_conn_reading(conn) && !offer_owed(conn);
}

static void hear(struct fin_conn *conn) {
  enum fin_hearing hearing = FIN_HEAR_LEAVING;
  if (fin_conn_delivers(conn) && !fin_conn_reading(conn)) conn->offer = true;
  switch ((enum fin_input)fin_conn_info(conn)->input) {
    case FIN_INPUT_HOLD:
      hearing = FIN_HEAR_NOTHING;
      break;
    case FIN_INPUT_DELIVER:
      if (fin_conn_reading(conn) && !offer_owed(conn)) hearing = FIN_HEAR_INPUT;
      break;
    case FIN_INPUT_DISCARD:
      hearing = FIN_HEAR_INPUT;
      break;
    case FIN_INPUT_NONE:
      break;
  }
  if (hearing == conn->hearing) return;
  int error = fin_io_hear(fin_conn_stream(conn), hearing);
  if (error)
    fin_conn_fail(conn, -error);
  else
    conn->hearing = (uint8_t)hearing;
}

/* Reading goes on, and nothing else is owed: the usual case. */
static bool settled(const struct fin_conn *conn) {
  return conn->state == FIN_ST_OPEN && conn->hearing == FIN_HEAR_INPUT && !conn->paused &&
         !conn->blocked && !conn->offer && !conn->greet_owed && !conn->end_owed &&
         !conn->drain_owed && !conn->rearm;
}

void fin_conn_settle(struct fin_conn *conn) {
  if (conn->state >= FIN_ST_CLOSING) return;
  flush(conn);
  if (settled(conn) || conn->state >= FIN_ST_CLOSING) return;
  if (!may_deliver(conn)) fin_inbuf_clear(&conn->input);
  bool drain_due = conn->drain_owed && fin_conn_info(conn)->input != FIN_INPUT_HOLD;
  if (conn->greet_owed || drain_due || let_go(conn) || offer_owed(conn) || end_due(conn))
    ask_turn(conn);
  hear(conn);
  if (conn->state < FIN_ST_CLOSING && conn->rearm) fin_conn_arm(conn);
}

/* ---- input ---- */

/* Offers new input behind what was kept, or what was kept alone if `len` is 0. */
static void deliver(struct fin_conn *conn, const char *data, size_t len) {
  size_t kept = fin_inbuf_len(&conn->input);
  bool again = len == 0;
  if (kept > 0) {
    if (len > 0 && fin_inbuf_append(&conn->input, data, len)) {
      fin_conn_fail(conn, ENOMEM);
      return;
    }
    data = fin_inbuf_data(&conn->input);
    len += kept;
  }
  conn->offer = false;
  conn->calling = true;
  size_t consumed = conn->service->handler->on_data(conn, data, len);
  conn->calling = false;
  if (conn->state >= FIN_ST_CLOSING || (kept == 0 && consumed == len)) return;
  /* Paused and resumed within the call once more: it has seen all there is. */
  if (again && consumed == 0) conn->offer = false;
  if (consumed > len) {
    conn->reason = FIN_REASON_BUG;
    fin_conn_event(conn, FIN_EV_ABORT);
    return;
  }
  if (!fin_conn_delivers(conn)) return; /* settle drops what was kept */
  if (kept > 0)
    fin_inbuf_consume(&conn->input, consumed);
  else if (consumed < len && fin_inbuf_append(&conn->input, data + consumed, len - consumed)) {
    fin_conn_fail(conn, ENOMEM);
    return;
  }
  if (consumed < len && (consumed > 0 || kept == 0)) fin_conn_await_message(conn); /* a new one */
  if (fin_inbuf_len(&conn->input) < conn->service->limits.input_max) return;
  if (consumed > 0)
    conn->offer = true; /* more is not read before less is kept */
  else if (fin_conn_reading(conn))
    fin_conn_close(conn, FIN_REASON_TOO_LONG);
}

static void on_input(struct fin_conn *conn, const char *data, size_t len) {
  conn->bytes_in += len;
  conn->traffic_ms = fin_io_now(conn->service->loop->io);
  if (fin_conn_info(conn)->input == FIN_INPUT_DELIVER) {
    deliver(conn, data, len);
  } else {
    uint32_t limit = conn->service->limits.linger_bytes_max;
    conn->discarded =
        len > UINT32_MAX - conn->discarded ? UINT32_MAX : conn->discarded + (uint32_t)len;
    if (conn->state == FIN_ST_LINGER && conn->discarded > limit) {
      fin_conn_blame(conn, FIN_REASON_LINGER_CUT, 0);
      fin_conn_event(conn, FIN_EV_DEADLINE);
    }
  }
  fin_conn_settle(conn);
}

static void on_input_end(struct fin_conn *conn) {
  fin_conn_blame(conn, FIN_REASON_PEER_ENDED, 0);
  fin_conn_event(conn, FIN_EV_PEER_FIN);
  fin_conn_settle(conn);
}

static void on_fin_seen(struct fin_conn *conn) {
  /* One that was closed earlier in this turn is about to read on, and will read the FIN. */
  if (fin_conn_info(conn)->input == FIN_INPUT_DELIVER) fin_conn_event(conn, FIN_EV_FIN_SEEN);
  fin_conn_settle(conn);
}

static void on_written(struct fin_conn *conn, size_t len) {
  fin_conn_sent(conn, len);
  fin_conn_settle(conn);
}

static void on_error(struct fin_conn *conn, int error) { fin_conn_fail(conn, error); }

static void on_fd_closed(struct fin_conn *conn) { fin_conn_event(conn, FIN_EV_FD_CLOSED); }

const struct fin_io_events fin_loop_events = {
    .on_connected = fin_conn_ready,
    .on_input = on_input,
    .on_input_end = on_input_end,
    .on_fin_seen = on_fin_seen,
    .on_written = on_written,
    .on_error = on_error,
    .on_fd_closed = on_fd_closed,
    .on_time = fin_loop_time,
    .on_turn_end = fin_loop_turn_end,
};

/* ---- a turn's end, and the beginning ---- */

/* Whether the handler still hears of the connection: callbacks other than on_close are due. */
static bool has_voice(const struct fin_conn *conn) {
  const struct fin_state_info *info = fin_conn_info(conn);
  return fin_conn_delivers(conn) ||
         (info->output == FIN_OUTPUT_ACCEPT && info->input != FIN_INPUT_HOLD);
}

/* on_open, after a hand-over. */
static void greet(struct fin_conn *conn) {
  conn->greet_owed = false;
  conn->rearm = true; /* timer and messages count from now on */
  fin_conn_await_message(conn);
  fin_conn_call(conn, conn->service->handler->on_open);
}

void fin_conn_tell_timer(struct fin_conn *conn) {
  conn->timer_set = false;
  if (has_voice(conn)) fin_conn_call(conn, conn->service->handler->on_timer);
}

static void tell_drain(struct fin_conn *conn) {
  bool opening = fin_conn_info(conn)->input == FIN_INPUT_HOLD;
  if (opening && conn->service->handler->on_drain) return; /* comes behind on_open */
  conn->drain_owed = false;
  if (has_voice(conn) && conn->service->handler->on_drain)
    fin_conn_call(conn, conn->service->handler->on_drain);
  else
    fin_conn_close(conn, FIN_REASON_DRAINED);
}

static void tell_writable(struct fin_conn *conn) {
  conn->blocked = false;
  fin_conn_await_message(conn); /* its rest was held back by us, not by the peer */
  if (fin_conn_info(conn)->output == FIN_OUTPUT_ACCEPT)
    fin_conn_call(conn, conn->service->handler->on_writable);
}

void fin_conn_turn_end(struct fin_conn *conn) {
  if (conn->state >= FIN_ST_CLOSING) return;
  fin_conn_forget_former(conn);
  /* Each of these may hand the connection over: then its new handler is greeted before the rest. */
  if (conn->greet_owed) greet(conn);
  if (conn->drain_owed && !conn->greet_owed) tell_drain(conn);
  if (let_go(conn) && !conn->greet_owed) tell_writable(conn);
  if (offer_owed(conn)) deliver(conn, NULL, 0);
  if (end_due(conn)) tell_end(conn);
  fin_conn_settle(conn);
}

void fin_conn_init(struct fin_conn *conn, struct fin_service *service) {
  struct fin_loop *loop = service->loop;
  memset(conn, 0, fin_conn_state_offset() + service->handler->state_size);
  conn->service = service;
  conn->id = ++loop->last_id;
  conn->state = FIN_ST_OPENING;
  conn->entered_ms = conn->traffic_ms = fin_io_now(loop->io);
  conn->rearm = true;
  fin_list_append(&loop->settled, &conn->link);
  fin_deadline_init(&conn->deadline);
  loop->stats.connections++;
  loop->stats.in_state[FIN_ST_OPENING]++;
}

void fin_conn_ready(struct fin_conn *conn) {
  if (conn->state >= FIN_ST_CLOSING) return;
  fin_conn_event(conn, FIN_EV_READY);
  fin_conn_settle(conn);
}
