/* SPDX-License-Identifier: MIT
 *
 * One connection at a time to the server, which behaves as its manner says; then the next one. It
 * belongs to one thread, its worker, which tells it what has happened.
 */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include "load/manners.h"

struct worker;

enum client_state {
  CLIENT_ABSENT,     /* without a socket */
  CLIENT_CONNECTING, /* until the handshake is over */
  CLIENT_OPEN,
  CLIENT_WAITING, /* for the server's FIN: nothing else is missing */
  CLIENT_STAYING, /* for good */
};

struct client {
  const struct manner *manner;
  void *reply; /* what the protocol knows of the one under way */
  int fd;
  enum client_state state;
  unsigned number; /* among those of its worker */

  /* What epoll has said; it is edge-triggered. */
  bool readable, full, ending; /* full: cannot send; ending: what is to be read has an end */

  bool settled; /* has once been connected (idle: answered), or failed */
  bool partial; /* some of the next reply has come */
  bool ended;   /* our FIN is sent */
  int error;    /* that send() has met with; recv() may not tell it again */
  bool listed;  /* in worker->again */
  struct client *again;

  /* Requests since the load began: whose turn has come (by a rate), asked, answered in whatever
   * way. Replies are in the order of requests. */
  uint64_t due, asked, answered;
  unsigned visit_asked; /* on this connection */

  size_t offset, left;   /* of what is to be sent: where in the requests, and how much */
  size_t allowance;      /* a slow one may read or write so much now */
  size_t received, sent; /* on this connection */

  uint64_t begun_ns; /* connect() */
  uint64_t asked_ns; /* what is under way was asked */
  uint64_t since_ns; /* something happened that the timeout counts from */

  /* stream: one message at a time has its time taken */
  size_t mark;      /* its last byte's number; 0: none */
  uint64_t mark_ns; /* when it was sent */
};

void client_begin(struct worker *worker, struct client *client); /* the first time, or once more */
void client_event(struct worker *worker, struct client *client, uint32_t events);
void client_act(struct worker *worker, struct client *client);   /* whatever it can */
void client_turn(struct worker *worker, struct client *client);  /* by a rate: its turn has come */
void client_tick(struct worker *worker, struct client *client);  /* every LOAD_TICK_MS, in a mix */
void client_scan(struct worker *worker, struct client *client);  /* now and then: timeouts */
void client_leave(struct worker *worker, struct client *client); /* the load is over */
void client_abort(struct worker *worker, struct client *client); /* it took too long to leave */

/* ---- for talk.c and stream.c ---- */

/* It need not be waited for before others are begun. */
void client_settle(struct worker *worker, struct client *client);

/* Closes the connection, and begins the next one if there is more to ask for. */
void client_depart(struct worker *worker, struct client *client);

/* What it has to do is more than is fair in one turn. */
void client_again(struct worker *worker, struct client *client);

/* In place of client_act. */
void stream_act(struct worker *worker, struct client *client);

#endif
