/* SPDX-License-Identifier: MIT
 *
 * A connection goes from one handler to another. The new one's service and state are in a block of
 * their own; where the connection's own memory belongs does not change. What a block replaces stays
 * until the turn ends, as callbacks may still be using it.
 */
#include <errno.h>

#include "base/mem.h"
#include "core/conn.h"

struct fin_handed {
  struct fin_service service; /* its home is where the connection was made */
  struct fin_handed *former;  /* whom this one replaced, until that is forgotten */
  _Alignas(16) char state[];
};

static struct fin_handed *handed_of(const struct fin_conn *conn) {
  struct fin_service *service = conn->service;
  return service->home ? fin_container(service, struct fin_handed, service) : NULL;
}

void *fin_conn_state(fin_conn *conn) {
  struct fin_handed *handed = handed_of(conn);
  return handed ? handed->state : (char *)conn + fin_conn_state_offset();
}

void fin_conn_forget_former(struct fin_conn *conn) {
  struct fin_handed *handed = handed_of(conn);
  while (handed && handed->former) {
    struct fin_handed *former = handed->former;
    handed->former = former->former;
    fin_release(former);
  }
}

struct fin_service *fin_conn_go_home(struct fin_conn *conn) {
  fin_conn_forget_former(conn);
  struct fin_handed *handed = handed_of(conn);
  if (handed) conn->service = handed->service.home;
  fin_release(handed);
  return conn->service;
}

/* The state that a connection is in for its handler begins anew; what the peer and the system have
 * done stays. */
static void begin_anew(struct fin_conn *conn) {
  const struct fin_state_info *info = fin_conn_info(conn);
  conn->timer_set = conn->paused = false;
  conn->blocked |= conn->output.len > conn->service->limits.output_high;
  conn->offer = true;
  conn->drain_owed |= conn->service->loop->draining; /* this handler has not been told */
  conn->greet_owed = info->input != FIN_INPUT_HOLD;  /* else on_open is still to come */
  conn->end_owed = info->input == FIN_INPUT_NONE;
  conn->traffic_ms = fin_io_now(conn->service->loop->io);
  conn->rearm = true;
  fin_conn_touch(conn);
}

int fin_conn_hand_over(fin_conn *conn, const fin_handler *handler, void *context,
                       const fin_conn_options *options) {
  if (fin_conn_info(conn)->output != FIN_OUTPUT_ACCEPT) return -EPIPE;
  fin_conn_options limits = options ? *options : conn->service->limits;
  if (!handler || !handler->on_data || fin_conn_options_fill(&limits)) return -EINVAL;
  struct fin_handed *handed = fin_alloc_zeroed(sizeof *handed + handler->state_size);
  if (!handed) return -ENOMEM;
  fin_conn_set_busy(conn, false); /* by the handler that it was busy for */
  struct fin_service *before = conn->service;
  handed->service = (struct fin_service){.loop = before->loop,
                                         .handler = handler,
                                         .context = context,
                                         .limits = limits,
                                         .home = before->home ? before->home : before};
  handed->former = handed_of(conn);
  conn->service = &handed->service;
  begin_anew(conn);
  return 0;
}
