/* SPDX-License-Identifier: MIT
 *
 * A loop, a service and connections over the scripted io, and what a real loop does with them:
 * tells what is ready, ends its turns, sleeps until it is woken.
 */
#ifndef FIN_TEST_STAGE_H
#define FIN_TEST_STAGE_H

#include "core/conn.h"
#include "core/scripted_io.h"

struct stage {
  struct fin_io io;
  struct fin_loop loop;
  struct fin_pooled_service pooled;

  /* Who wants to see what is told, and when, tells it in place of the stage. */
  void (*tell)(struct stage *stage, struct socket *socket, enum news news);
  void (*tell_turn_end)(struct stage *stage);
  void (*tell_time)(struct stage *stage);
};

/* Memory is counted from here on; `options` without defaults, or NULL. */
void stage_begin(struct stage *stage, const fin_handler *handler, void *context,
                 const fin_conn_options *options, uint64_t now_ms);

/* Every connection must have ended; checks that nothing is left. */
void stage_end(struct stage *stage);

/* A socket with its peer, and a connection made of it: open, or being dialled until peer_accept.
 * NULL: no memory. */
struct fin_conn *stage_accept(struct stage *stage, struct socket *socket);
struct fin_conn *stage_dial(struct stage *stage, struct socket *socket);

/* A drain is asked of every connection, as the server does it. */
void stage_drain(struct stage *stage);

/* Turns the loop until nothing is ready. */
void stage_rest(struct stage *stage);

/* Rests, then sleeps until `until_ms`, waking where the loop asked for it. */
void stage_sleep_until(struct stage *stage, uint64_t until_ms);
void stage_sleep(struct stage *stage, uint64_t time_ms);

/* ---- memory ---- */

void memory_fail_in(size_t calls); /* of the allocations from now on that one fails; 0: none does */
bool memory_failed(void);          /* it has, since memory_fail_in */
size_t memory_calls(void);         /* allocations since stage_begin */
size_t memory_live(void);          /* of these, not given back */

#endif
