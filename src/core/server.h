/* SPDX-License-Identifier: MIT
 *
 * A server and its listeners. A server serves, then drains (listeners first, then connections),
 * then stops (what it holds in the loop), and then it is drained.
 */
#ifndef FIN_SERVER_H
#define FIN_SERVER_H

#include "core/loop.h"
#include "io/acceptor.h"

enum fin_server_stage { FIN_SERVING, FIN_DRAIN_ASKED, FIN_DRAINING, FIN_STOPPING, FIN_DRAINED };

struct fin_server {
  struct fin_io *io;
  struct fin_loop loop;
  fin_server_options options; /* defaults filled in */
  struct fin_link listeners;
  unsigned listeners_open;
  uint16_t last_port;
  enum fin_server_stage stage;
  bool aborting;   /* the drain has no patience left */
  bool running;    /* fin_server_run is on the stack */
  bool free_asked; /* by fin_server_free */
};

struct fin_listener {
  struct fin_link link; /* in its server's list, until the server is freed */
  struct fin_server *server;
  struct fin_pooled_service pooled;
  struct fin_acceptor *acceptor; /* NULL once its closing has begun */
  unsigned connections_max;
};

/* Closes the listener: what waits in its backlog is accepted first, unless the server aborts. */
void fin_listener_close(struct fin_listener *listener);

void fin_listener_free(struct fin_listener *listener);

/* A listener is closed for good. */
void fin_server_listener_closed(struct fin_server *server);

#endif
