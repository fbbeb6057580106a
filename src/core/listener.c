/* SPDX-License-Identifier: MIT
 *
 * A listener: the acceptor, the connections made of what it accepts, and their greatest number.
 */
#include <errno.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "core/conn.h"
#include "core/server.h"

enum {
  BACKLOG = 4096,
  ACCEPT_BUDGET = 16,
  FDS_SPARED = 64 /* for what else the process opens */
};

static bool on_accept(void *owner, int fd) {
  struct fin_listener *listener = owner;
  struct fin_conn *conn = fin_conn_accept(&listener->pooled, fd);
  if (!conn) return false;
  fin_conn_ready(conn);
  if (listener->pooled.live >= listener->connections_max && listener->acceptor)
    fin_acceptor_hold(listener->acceptor, true);
  return true;
}

static void on_shed(void *owner, unsigned count) {
  struct fin_listener *listener = owner;
  listener->server->loop.stats.shed += count;
}

static void on_pause(void *owner) {
  struct fin_listener *listener = owner;
  listener->server->loop.stats.accept_pauses++;
}

static void on_closed(void *owner) {
  struct fin_listener *listener = owner;
  fin_server_listener_closed(listener->server);
}

static const struct fin_acceptor_events events = {
    .on_accept = on_accept,
    .on_shed = on_shed,
    .on_pause = on_pause,
    .on_closed = on_closed,
};

/* There is room for another connection. */
static void on_gone(struct fin_pooled_service *pooled) {
  struct fin_listener *listener = fin_container(pooled, struct fin_listener, pooled);
  if (listener->acceptor && pooled->live < listener->connections_max)
    fin_acceptor_hold(listener->acceptor, false);
}

void fin_listener_close(struct fin_listener *listener) {
  if (!listener->acceptor) return;
  if (listener->server->aborting) fin_acceptor_hold(listener->acceptor, true);
  fin_acceptor_close(listener->acceptor);
  listener->acceptor = NULL;
}

void fin_listener_free(struct fin_listener *listener) {
  fin_pooled_service_fini(&listener->pooled);
  fin_list_remove(&listener->link);
  fin_release(listener);
}

/* As many as there are descriptors for. */
static unsigned default_connections_max(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > UINT32_MAX) return UINT32_MAX;
  return limit.rlim_cur > 2 * FDS_SPARED ? (unsigned)limit.rlim_cur - FDS_SPARED
                                         : (unsigned)limit.rlim_cur / 2;
}

static struct fin_acceptor *open_acceptor(struct fin_server *server, const fin_listen *listen,
                                          const fin_conn_options *limits,
                                          struct fin_listener *listener) {
  struct fin_listen_spec spec = {
      .host = listen->host,
      .port = listen->port,
      .backlog = listen->backlog ? listen->backlog : BACKLOG,
      .dead_peer_after_ms = limits->dead_peer_after_ms,
      .user_timeout_ms = fin_conn_user_timeout(limits),
  };
  int fd = fin_listen_socket(&spec);
  if (fd < 0) {
    errno = -fd;
    return NULL;
  }
  uint16_t port = fin_socket_port(fd);
  unsigned budget = listen->accept_budget ? listen->accept_budget : ACCEPT_BUDGET;
  struct fin_acceptor *acceptor = fin_acceptor_new(server->io, fd, budget, &events, listener);
  if (acceptor) server->last_port = port;
  return acceptor;
}

int fin_server_listen(fin_server *server, const fin_listen *listen) {
  if (server->stage != FIN_SERVING) return -ECANCELED;
  fin_conn_options limits = listen->conn;
  if (!listen->handler || !listen->handler->on_data || listen->backlog < 0 ||
      fin_conn_options_fill(&limits))
    return -EINVAL;
  struct fin_listener *listener = fin_alloc_zeroed(sizeof *listener);
  if (!listener) return -ENOMEM;
  listener->server = server;
  listener->connections_max =
      listen->connections_max ? listen->connections_max : default_connections_max();
  fin_pooled_service_init(&listener->pooled, &server->loop, listen->handler, listen->context,
                          &limits);
  listener->pooled.on_gone = on_gone;
  listener->acceptor = open_acceptor(server, listen, &limits, listener);
  if (!listener->acceptor) {
    int error = errno;
    fin_release(listener);
    return -error;
  }
  fin_list_append(&server->listeners, &listener->link);
  server->listeners_open++;
  return 0;
}
