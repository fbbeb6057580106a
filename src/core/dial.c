/* SPDX-License-Identifier: MIT
 *
 * Connections that we open. Each brings its own service: one block holds that, the connection, its
 * stream and the handler's state.
 */
#include <errno.h>

#include "base/mem.h"
#include "core/conn.h"

struct fin_dialled {
  struct fin_service service;
  _Alignas(16) char conn[]; /* the connection and what follows it */
};

static void take_back(struct fin_service *service, struct fin_conn *conn) {
  (void)conn;
  fin_release(fin_container(service, struct fin_dialled, service));
}

struct fin_conn *fin_conn_dial(struct fin_loop *loop, const fin_dial *dial) {
  fin_conn_options limits = dial->conn;
  errno = EINVAL;
  if (!dial->host || !*dial->host || dial->port == 0) return NULL;
  if (!dial->handler || !dial->handler->on_data || fin_conn_options_fill(&limits)) return NULL;
  errno = ENOMEM;
  struct fin_dialled *dialled =
      fin_alloc(sizeof *dialled + fin_conn_state_offset() + dial->handler->state_size);
  if (!dialled) return NULL;
  fin_io_update_now(loop->io); /* open_ms begins now: the turn may have begun long ago */
  dialled->service = (struct fin_service){.loop = loop,
                                          .handler = dial->handler,
                                          .context = dial->context,
                                          .limits = limits,
                                          .take_back = take_back};
  struct fin_conn *conn = (struct fin_conn *)(void *)dialled->conn;
  fin_conn_init(conn, &dialled->service);
  loop->stats.dialled++;
  struct fin_dial_spec spec = {.host = dial->host,
                               .port = dial->port,
                               .within_ms = limits.open_ms,
                               .dead_peer_after_ms = limits.dead_peer_after_ms,
                               .user_timeout_ms = fin_conn_user_timeout(&limits)};
  int error = fin_io_dial(loop->io, fin_conn_stream(conn), conn, &spec);
  if (error) fin_conn_fail(conn, -error);
  fin_conn_settle(conn); /* for its deadline */
  if (loop->draining) {
    conn->drain_owed = true;
    fin_conn_touch(conn);
  }
  return conn;
}
