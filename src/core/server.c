/* SPDX-License-Identifier: MIT
 *
 * The server: listeners and connections of one loop, and how they all come to an end.
 */
#include "core/server.h"

#include <errno.h>

#include "base/mem.h"
#include "core/conn.h"

enum { DRAIN_MS = 30 * 1000 };

static void destroy(struct fin_server *server) {
  while (!fin_list_empty(&server->listeners))
    fin_listener_free(fin_container(server->listeners.next, struct fin_listener, link));
  fin_loop_fini(&server->loop);
  fin_io_free(server->io);
  fin_release(server);
}

/* ---- the drain ---- */

static void on_stopped(void *owner) {
  struct fin_server *server = owner;
  server->stage = FIN_DRAINED;
  if (!server->free_asked && server->options.on_drained)
    server->options.on_drained(server, server->options.context);
  else if (server->free_asked && server->options.loop)
    destroy(server);
}

/* Also: a connection has ended. */
static void stop_when_empty(struct fin_server *server) {
  if (server->stage != FIN_DRAINING) return;
  if (server->listeners_open > 0 || server->loop.stats.connections > 0) return;
  server->stage = FIN_STOPPING;
  fin_io_stop(server->io, on_stopped, server);
}

void fin_server_listener_closed(struct fin_server *server) {
  server->listeners_open--;
  stop_when_empty(server);
}

static void owe_drain(struct fin_conn *conn) {
  conn->drain_owed = true;
  fin_conn_touch(conn);
}

static void time_out(struct fin_conn *conn) {
  if (conn->state < FIN_ST_CLOSING) fin_conn_blame(conn, FIN_REASON_DRAIN_TIMEOUT, 0);
  fin_conn_abort(conn);
}

static void on_limit(fin_server *server) {
  server->aborting = true; /* so that nobody dials any more */
  fin_loop_each(&server->loop, time_out);
}

/* The drain begins at a turn's end, because accepting what waits calls handlers. */
static void on_turn_end(fin_server *server) {
  if (server->stage != FIN_DRAIN_ASKED) return;
  server->stage = FIN_DRAINING;
  server->loop.draining = true;
  for (struct fin_link *link = server->listeners.next; link != &server->listeners;
       link = link->next)
    fin_listener_close(fin_container(link, struct fin_listener, link));
  fin_loop_each(&server->loop, server->aborting ? time_out : owe_drain);
  fin_loop_set_limit(&server->loop, server->options.drain_ms);
  stop_when_empty(server);
}

void fin_server_drain(fin_server *server) {
  if (server->stage != FIN_SERVING) return;
  server->stage = FIN_DRAIN_ASKED;
  fin_io_ask_turn_end(server->io);
}

void fin_server_abort(fin_server *server) {
  server->aborting = true;
  fin_server_drain(server);
  fin_loop_each(&server->loop, time_out);
}

static void on_signal(void *owner) {
  struct fin_server *server = owner;
  if (server->stage == FIN_SERVING)
    fin_server_drain(server);
  else
    fin_server_abort(server);
}

/* ---- beginning and end ---- */

fin_server *fin_server_new(const fin_server_options *options) {
  fin_server_options defaults = {0};
  if (options) defaults = *options;
  if (defaults.drain_ms == 0) defaults.drain_ms = DRAIN_MS;
  if (defaults.drain_ms > FIN_TIME_MAX_MS) {
    errno = EINVAL;
    return NULL;
  }
  struct fin_server *server = fin_alloc_zeroed(sizeof *server);
  if (!server) {
    errno = ENOMEM;
    return NULL;
  }
  server->options = defaults;
  fin_list_init(&server->listeners);
  server->io = fin_io_new(defaults.loop, &fin_loop_events, &server->loop);
  if (!server->io) {
    int error = errno;
    fin_release(server);
    errno = error;
    return NULL;
  }
  fin_loop_init(&server->loop, server->io, server);
  server->loop.on_limit = on_limit;
  server->loop.on_turn_end = on_turn_end;
  server->loop.on_conn_gone = stop_when_empty;
  if (defaults.drain_on_signals) fin_io_hear_signals(server->io, on_signal, server);
  return server;
}

fin_conn *fin_server_dial(fin_server *server, const fin_dial *dial) {
  if (!server->aborting && server->stage < FIN_STOPPING) return fin_conn_dial(&server->loop, dial);
  errno = ECANCELED;
  return NULL;
}

uint16_t fin_server_port(const fin_server *server) { return server->last_port; }

void fin_server_stats_read(const fin_server *server, fin_server_stats *stats) {
  *stats = server->loop.stats;
}

int fin_server_run(fin_server *server) {
  if (server->options.loop) return -EINVAL;
  server->running = true;
  fin_io_run(server->io);
  server->running = false;
  if (server->free_asked) destroy(server);
  return 0;
}

void fin_server_free(fin_server *server) {
  if (!server) return;
  server->free_asked = true;
  if (server->running) return; /* from on_drained: fin_server_run frees it when it returns */
  if (server->stage != FIN_DRAINED) {
    fin_server_abort(server);
    if (server->options.loop) return; /* on_stopped frees it */
    fin_io_run(server->io);
  }
  destroy(server);
}
