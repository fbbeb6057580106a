/* SPDX-License-Identifier: MIT
 *
 * One connection: its place in the lifecycle table, its queues and its clocks. conn.c drives it,
 * conn_api.c is what handlers call.
 *
 * Events change the state, by the table alone. fin_conn_settle then brings the system into line
 * with the state: what is sent, what is heard, and when the deadline is. Handler calls never
 * settle: they mark the connection dirty, and it is settled when the callback returns or the turn
 * ends.
 *
 * In memory a connection is followed by its fin_stream and then by the state of its first handler.
 */
#ifndef FIN_CONN_H
#define FIN_CONN_H

#include <finale/finale.h>

#include "base/inbuf.h"
#include "base/queue.h"
#include "base/wheel.h"
#include "core/loop.h"
#include "lifecycle/lifecycle.h"

struct fin_conn {
  struct fin_service *service;
  struct fin_link link; /* in the loop's settled or dirty list */
  struct fin_deadline deadline;
  struct fin_queue output; /* accepted, not yet taken by the kernel */
  struct fin_inbuf input;  /* received, not yet consumed by the handler */
  uint64_t id;
  uint64_t bytes_in;
  uint64_t bytes_accepted;

  /* Progress: a mark is moved up when bytes have flowed at min_rate since, or all that waited for
   * its acknowledgement at the mark has got it. */
  uint64_t in_mark;  /* bytes_in at the mark */
  uint64_t out_mark; /* bytes acknowledged at the mark; at last, when the descriptor closed */
  uint32_t in_mark_ms;
  uint32_t out_mark_ms;
  uint32_t out_waited; /* bytes that waited at the mark, at most UINT32_MAX */

  uint32_t entered_ms;               /* when the state was entered; CLOSED: when CLOSING was */
  uint32_t traffic_ms;               /* when bytes last flowed */
  uint32_t timer_ms;                 /* when on_timer is due */
  uint32_t discarded;                /* bytes of input, since the handler closed */
  uint32_t state_ms[FIN_ST_CLOSING]; /* of those before it, once they are left */

  int16_t error;   /* the errno behind the reason */
  uint8_t state;   /* enum fin_state */
  uint8_t reason;  /* fin_reason; 0: none yet */
  uint8_t hearing; /* enum fin_hearing, as the stream was last told */

  bool paused : 1;     /* by the handler */
  bool blocked : 1;    /* output passed output_high and is not yet down to output_low */
  bool calling : 1;    /* a callback of the handler is running */
  bool dirty : 1;      /* in the loop's dirty list */
  bool rearm : 1;      /* something may be due earlier than the deadline says */
  bool offer : 1;      /* the kept input is to be offered again */
  bool drain_owed : 1; /* on_drain is to be called */
  bool timer_set : 1;  /* timer_ms counts */
  bool busy : 1;       /* the handler bounds the time */
  bool greet_owed : 1; /* on_open is to be called, after a hand-over */
  bool end_owed : 1;   /* what was kept, and then on_end: the FIN was read before the hand-over */
  bool
      output_waits : 1; /* output, the FIN included, was not all acknowledged when last looked at */
};

/* Makes a connection that takes the descriptor; NULL: no memory, the descriptor stays the caller's.
 * Until it is ready it must be settled, for its deadline. */
struct fin_conn *fin_conn_accept(struct fin_pooled_service *pooled, int fd);

/* Makes one that is being dialled. NULL with errno, as fin_server_dial. */
struct fin_conn *fin_conn_dial(struct fin_loop *loop, const fin_dial *dial);

/* Makes one in memory of fin_conn_state_offset() bytes and the handler's: in OPENING, its stream
 * neither opened nor dialled yet. */
void fin_conn_init(struct fin_conn *conn, struct fin_service *service);

/* Its transport is open, unless it has failed already. Calls on_open. */
void fin_conn_ready(struct fin_conn *conn);

/* What the table says to an event. */
void fin_conn_event(struct fin_conn *conn, enum fin_event event);

/* The transport has failed with a positive errno. */
void fin_conn_fail(struct fin_conn *conn, int error);

/* Records why: the first reason stays, but an unclean one replaces a clean one. */
void fin_conn_blame(struct fin_conn *conn, fin_reason reason, int error);

/* Brings sending, hearing and the deadline into line with the state. */
void fin_conn_settle(struct fin_conn *conn);

/* Calls a callback of the handler, around which nothing is settled. */
void fin_conn_call(struct fin_conn *conn, void (*callback)(fin_conn *));

/* Something may have to be settled: now is no time for it, since a handler calls. */
void fin_conn_touch(struct fin_conn *conn);

/* What the handler is owed at the end of a turn, then settles. */
void fin_conn_turn_end(struct fin_conn *conn);

/* on_timer, if the handler still hears of the connection. */
void fin_conn_tell_timer(struct fin_conn *conn);

/* Output is being accepted or a FIN promised: its acknowledgement is now waited for. */
void fin_conn_await_ack(struct fin_conn *conn, size_t len);

/* From now on the rest of a message is waited for: the peer has its whole time. */
void fin_conn_await_message(struct fin_conn *conn);

/* Busy no more: the peer has its whole time for whatever was not counted. */
void fin_conn_await_anew(struct fin_conn *conn);

/* Counts bytes that the kernel took. */
void fin_conn_sent(struct fin_conn *conn, size_t len);

size_t fin_conn_state_offset(void); /* from the connection to its first handler's state */

/* ---- hand_over.c ---- */

/* No callback runs that could still use the state of earlier handlers. */
void fin_conn_forget_former(struct fin_conn *conn);

/* The service that made the connection, which is its own again. */
struct fin_service *fin_conn_go_home(struct fin_conn *conn);

/* ---- conn_time.c ---- */

/* Whether open_ms is over, in OPENING. */
bool fin_conn_open_over(const struct fin_conn *conn);

/* Sees to it that the deadline fires when something may be due. */
void fin_conn_arm(struct fin_conn *conn);

/* The deadline fired: judges what is due, settles. */
void fin_conn_time(struct fin_conn *conn);

/* Bytes accepted that the peer has not acknowledged; a FIN of ours counts as one if `fin`. */
size_t fin_conn_unacked(const struct fin_conn *conn, bool fin);

static inline struct fin_stream *fin_conn_stream(const struct fin_conn *conn) {
  return (struct fin_stream *)(void *)((char *)(uintptr_t)conn + sizeof *conn);
}

static inline const struct fin_state_info *fin_conn_info(const struct fin_conn *conn) {
  return &fin_states[conn->state];
}

/* Whether input, or the peer's FIN, is still to reach the handler. */
static inline bool fin_conn_delivers(const struct fin_conn *conn) {
  return fin_conn_info(conn)->input == FIN_INPUT_DELIVER || conn->end_owed;
}

#endif
