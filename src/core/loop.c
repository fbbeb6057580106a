/* SPDX-License-Identifier: MIT
 *
 * The connections of one loop: whose deadline is next, and who has something to settle.
 */
#include "core/loop.h"

#include <errno.h>
#include <string.h>

#include "core/conn.h"

void fin_loop_init(struct fin_loop *loop, struct fin_io *io, fin_server *server) {
  memset(loop, 0, sizeof *loop);
  loop->io = io;
  loop->server = server;
  fin_wheel_init(&loop->wheel, fin_io_now(io));
  fin_pool_init(&loop->chunks, fin_chunk_size);
  fin_list_init(&loop->settled);
  fin_list_init(&loop->dirty);
  fin_list_init(&loop->settling);
  fin_deadline_init(&loop->limit);
}

void fin_loop_fini(struct fin_loop *loop) { fin_pool_fini(&loop->chunks); }

/* ---- deadlines ---- */

static void wake_for_next(struct fin_loop *loop) {
  uint32_t at_ms;
  loop->wake_set = fin_wheel_next(&loop->wheel, &at_ms);
  if (!loop->wake_set) return;
  loop->wake_ms = at_ms;
  fin_io_wake_at(loop->io, at_ms);
}

static void fire(void *arg, struct fin_deadline *deadline) {
  struct fin_loop *loop = arg;
  if (deadline == &loop->limit)
    loop->on_limit(loop->server);
  else
    fin_conn_time(fin_container(deadline, struct fin_conn, deadline));
}

/* Sets a deadline no later than due_ms: one that is earlier already stays. */
static void set_no_later(struct fin_loop *loop, struct fin_deadline *deadline, uint32_t due_ms) {
  if (fin_deadline_set(deadline) && (int32_t)(due_ms - deadline->due_ms) >= 0) return;
  /* Without a wake-up the wheel is empty, and may have stood still for longer than it can tell. */
  if (!loop->wake_set) fin_wheel_advance(&loop->wheel, fin_io_now(loop->io), fire, loop);
  fin_wheel_set(&loop->wheel, deadline, due_ms);
  if (!loop->wake_set || (int32_t)(due_ms - loop->wake_ms) < 0) {
    loop->wake_set = true;
    loop->wake_ms = due_ms;
    fin_io_wake_at(loop->io, due_ms);
  }
}

void fin_loop_arm(struct fin_loop *loop, struct fin_conn *conn, uint32_t after_ms) {
  set_no_later(loop, &conn->deadline, fin_io_now(loop->io) + after_ms);
}

void fin_loop_set_limit(struct fin_loop *loop, uint32_t after_ms) {
  set_no_later(loop, &loop->limit, fin_io_now(loop->io) + after_ms);
}

void fin_loop_time(void *owner) {
  struct fin_loop *loop = owner;
  fin_wheel_advance(&loop->wheel, fin_io_now(loop->io), fire, loop);
  wake_for_next(loop);
}

/* ---- what is dirty ---- */

void fin_loop_mark_dirty(struct fin_loop *loop, struct fin_conn *conn) {
  conn->dirty = true;
  fin_list_remove(&conn->link);
  fin_list_append(&loop->dirty, &conn->link);
  fin_io_ask_turn_end(loop->io);
}

void fin_loop_turn_end(void *owner) {
  struct fin_loop *loop = owner;
  if (loop->on_turn_end) loop->on_turn_end(loop->server);
  /* Who gets dirty meanwhile has its turn next time. */
  fin_list_splice(&loop->settling, &loop->dirty);
  while (!fin_list_empty(&loop->settling)) {
    struct fin_conn *conn = fin_container(loop->settling.next, struct fin_conn, link);
    fin_list_remove(&conn->link);
    fin_list_append(&loop->settled, &conn->link);
    conn->dirty = false;
    fin_conn_turn_end(conn);
  }
}

void fin_loop_each(struct fin_loop *loop, void (*each)(struct fin_conn *conn)) {
  struct fin_link *lists[] = {&loop->dirty, &loop->settling, &loop->settled};
  for (unsigned i = 0; i < 3; i++) {
    struct fin_link *next;
    for (struct fin_link *link = lists[i]->next; link != lists[i]; link = next) {
      next = link->next;
      each(fin_container(link, struct fin_conn, link));
    }
  }
}
