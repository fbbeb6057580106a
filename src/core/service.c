/* SPDX-License-Identifier: MIT
 *
 * Services whose connections come from a pool, one for each descriptor that was accepted.
 */
#include "core/conn.h"

static void take_back(struct fin_service *service, struct fin_conn *conn) {
  struct fin_pooled_service *pooled = fin_container(service, struct fin_pooled_service, service);
  pooled->live--;
  fin_pool_put(&pooled->conns, conn);
  if (pooled->on_gone) pooled->on_gone(pooled);
}

void fin_pooled_service_init(struct fin_pooled_service *pooled, struct fin_loop *loop,
                             const fin_handler *handler, void *context,
                             const fin_conn_options *limits) {
  pooled->service = (struct fin_service){.loop = loop,
                                         .handler = handler,
                                         .context = context,
                                         .limits = *limits,
                                         .take_back = take_back};
  pooled->live = 0;
  pooled->on_gone = NULL;
  fin_pool_init(&pooled->conns, fin_conn_state_offset() + handler->state_size);
}

void fin_pooled_service_fini(struct fin_pooled_service *pooled) { fin_pool_fini(&pooled->conns); }

struct fin_conn *fin_conn_accept(struct fin_pooled_service *pooled, int fd) {
  struct fin_loop *loop = pooled->service.loop;
  struct fin_conn *conn = fin_pool_get(&pooled->conns);
  if (!conn) return NULL;
  fin_conn_init(conn, &pooled->service);
  pooled->live++;
  loop->stats.accepted++;
  int error = fin_io_open(loop->io, fin_conn_stream(conn), conn, fd);
  if (error) fin_conn_fail(conn, -error);
  return conn;
}
