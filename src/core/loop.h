/* SPDX-License-Identifier: MIT
 *
 * What the connections of one loop share: the clock and its deadlines, memory for output, the list
 * of connections that have something to settle before the loop sleeps, and the counts.
 */
#ifndef FIN_LOOP_H
#define FIN_LOOP_H

#include <finale/finale.h>

#include "base/list.h"
#include "base/pool.h"
#include "base/wheel.h"
#include "io/io.h"

struct fin_service;

enum { FIN_TIME_MAX_MS = 24 * 24 * 3600 * 1000 }; /* deadlines lie less than 2^31 ms ahead */

struct fin_loop {
  struct fin_io *io;
  struct fin_wheel wheel;
  struct fin_pool chunks;  /* of output queues */
  struct fin_link settled; /* every connection is in one of these three */
  struct fin_link dirty;
  struct fin_link settling; /* the dirty ones whose turn it is */
  uint32_t wake_ms;         /* the wake-up asked for */
  bool wake_set;
  bool draining; /* on_drain is owed to whoever comes */
  uint64_t last_id;
  fin_server_stats stats;
  struct fin_deadline limit; /* of the server's own: its drain */

  fin_server *server; /* may be NULL, and so may these */
  void (*on_limit)(fin_server *server);
  void (*on_turn_end)(fin_server *server); /* before the dirty connections are settled */
  void (*on_conn_gone)(fin_server *server);
};

extern const struct fin_io_events fin_loop_events; /* their owner is the loop */

/* Whom connections belong to: a handler, and what it was given. */
struct fin_service {
  struct fin_loop *loop;
  const fin_handler *handler;
  void *context;
  fin_conn_options limits; /* every default filled in */
  /* Where a connection was made that has been handed over to this one; else NULL, and: */
  struct fin_service *home;
  void (*take_back)(struct fin_service *service,
                    struct fin_conn *conn); /* its memory: it is gone */
};

/* One with memory for many connections: a listener's. */
struct fin_pooled_service {
  struct fin_service service;
  struct fin_pool conns;
  unsigned live;                                      /* connections now */
  void (*on_gone)(struct fin_pooled_service *pooled); /* one has ended; may be NULL */
};

/* `io` must have been made with fin_loop_events and this loop as owner. */
void fin_loop_init(struct fin_loop *loop, struct fin_io *io, fin_server *server);
void fin_loop_fini(struct fin_loop *loop); /* no connection may be left */

void fin_pooled_service_init(struct fin_pooled_service *pooled, struct fin_loop *loop,
                             const fin_handler *handler, void *context,
                             const fin_conn_options *limits);
void fin_pooled_service_fini(struct fin_pooled_service *pooled);

/* Fills in the defaults and checks the ranges: 0 or -EINVAL. */
int fin_conn_options_fill(fin_conn_options *options);

/* TCP_USER_TIMEOUT for these bounds. */
uint32_t fin_conn_user_timeout(const fin_conn_options *limits);

/* Fires the deadlines that are due; settles the dirty connections. */
void fin_loop_time(void *loop);
void fin_loop_turn_end(void *loop);

/* The connection is to be settled before the loop sleeps. */
void fin_loop_mark_dirty(struct fin_loop *loop, struct fin_conn *conn);

/* Makes sure that the connection's deadline fires in `after_ms` or before. */
void fin_loop_arm(struct fin_loop *loop, struct fin_conn *conn, uint32_t after_ms);

/* Sets the server's own deadline. */
void fin_loop_set_limit(struct fin_loop *loop, uint32_t after_ms);

/* Calls each(conn) for every connection. `each` may mark any of them dirty. */
void fin_loop_each(struct fin_loop *loop, void (*each)(struct fin_conn *conn));

#endif
