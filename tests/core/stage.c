/* SPDX-License-Identifier: MIT
 *
 * The stage: a loop that turns by hand.
 */
#include "core/stage.h"

#include <stdlib.h>
#include <string.h>

#include "base/counted.h"
#include "core/laws.h"

enum { ROUNDS_MAX = 20000 }; /* of a loop that does not come to rest: a test asks for far fewer */

/* ---- beginning and end ---- */

static void plain_tell(struct stage *stage, struct socket *socket, enum news news) {
  (void)stage;
  socket_tell(socket, news, SIZE_MAX);
}

static void plain_turn_end(struct stage *stage) { io_tell_turn_end(&stage->io); }

static void plain_time(struct stage *stage) { io_tell_time(&stage->io); }

void stage_begin(struct stage *stage, const fin_handler *handler, void *context,
                 const fin_conn_options *options, uint64_t now_ms) {
  fin_conn_options limits = {0};
  if (options) limits = *options;
  if (fin_conn_options_fill(&limits)) abort();
  counted_begin();
  io_init(&stage->io, &fin_loop_events, &stage->loop, now_ms);
  fin_loop_init(&stage->loop, &stage->io, NULL);
  fin_pooled_service_init(&stage->pooled, &stage->loop, handler, context, &limits);
  stage->tell = plain_tell;
  stage->tell_turn_end = plain_turn_end;
  stage->tell_time = plain_time;
}

void stage_end(struct stage *stage) {
  OBEY(nothing_is_left, stage->loop.stats.connections == 0, "%u connections",
       stage->loop.stats.connections);
  for (unsigned level = 0; level < FIN_WHEEL_LEVELS; level++)
    OBEY(nothing_is_left, stage->loop.wheel.occupied[level] == 0, "deadlines on level %u", level);
  fin_pooled_service_fini(&stage->pooled);
  fin_loop_fini(&stage->loop);
  OBEY(nothing_is_left, counted.live == 0, "%zu allocations", counted.live);
}

/* ---- connections ---- */

struct fin_conn *stage_accept(struct stage *stage, struct socket *socket) {
  struct fin_conn *conn = fin_conn_accept(&stage->pooled, socket_fd(socket));
  if (conn) fin_conn_ready(conn);
  return conn;
}

struct fin_conn *stage_dial(struct stage *stage, struct socket *socket) {
  const struct fin_service *service = &stage->pooled.service;
  fin_dial dial = {.host = "peer",
                   .port = socket_port(socket),
                   .handler = service->handler,
                   .context = service->context,
                   .conn = service->limits};
  return fin_conn_dial(&stage->loop, &dial);
}

static void owe_drain(struct fin_conn *conn) {
  conn->drain_owed = true;
  fin_conn_touch(conn);
}

void stage_drain(struct stage *stage) { fin_loop_each(&stage->loop, owe_drain); }

/* ---- turning ---- */

static bool tell_ready(struct stage *stage) {
  bool told = false;
  for (unsigned i = 0; i < stage->io.count; i++)
    for (enum news news = 0; news < NEWS_COUNT; news++) {
      struct socket *socket = &stage->io.sockets[i];
      if (!(socket_ready(socket) >> news & 1)) continue;
      stage->tell(stage, socket, news);
      told = true;
    }
  return told;
}

void stage_rest(struct stage *stage) {
  for (unsigned rounds = 0;; rounds++) {
    OBEY(the_loop_does_not_spin, rounds < ROUNDS_MAX, "at %llu ms",
         (unsigned long long)stage->io.now_ms);
    bool told = tell_ready(stage);
    if (stage->io.turn_end_asked) {
      stage->tell_turn_end(stage);
      told = true;
    }
    if (told) continue;
    if (!io_time_due(&stage->io)) return;
    stage->tell_time(stage); /* after the input that is there, as io.h promises */
  }
}

void stage_sleep_until(struct stage *stage, uint64_t until_ms) {
  stage_rest(stage);
  while (stage->io.wake_set && stage->io.wake_ms <= until_ms) {
    stage->io.now_ms = stage->io.wake_ms;
    stage_rest(stage);
  }
  if (stage->io.now_ms < until_ms) stage->io.now_ms = until_ms; /* handlers may have worked */
}

void stage_sleep(struct stage *stage, uint64_t time_ms) {
  stage_sleep_until(stage, stage->io.now_ms + time_ms);
}

/* ---- memory ---- */

void memory_fail_in(size_t calls) { counted.fail_at = calls ? counted.calls + calls : 0; }

bool memory_failed(void) { return counted.fail_at && counted.calls >= counted.fail_at; }

size_t memory_calls(void) { return counted.calls; }

size_t memory_live(void) { return counted.live; }
