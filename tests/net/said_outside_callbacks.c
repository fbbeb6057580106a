/* SPDX-License-Identifier: MIT
 *
 * What is said to a connection from outside of its callbacks, in whatever phase of an embedder's
 * loop, takes effect before the loop sleeps: nothing else would wake it.
 */
#include "more.h"

enum phase { BEFORE, TIMER, IDLE, PREPARE, POLL, CHECK, PHASES };

/* The loop sleeps for as long as nothing happens, and this is when that is given up. */
enum { SLEEP_MS = 5000 };

struct scene {
  struct net net;
  void (*say)(fin_conn *conn);
  bool said, heard, slept;
  unsigned reads; /* calls of on_data */
  uv_poll_t listening;
  uv_timer_t too_late;

  /* The embedder's, of which one speaks. */
  uv_timer_t timer;
  uv_idle_t idle;
  uv_prepare_t prepare;
  uv_async_t poll;
  uv_check_t check;
};

/* ---- what is said ---- */

static void write_little(fin_conn *conn) { cr_assert_eq(fin_conn_write(conn, "hello", 5), 0); }
static void write_much(fin_conn *conn) {
  cr_assert_eq(fin_conn_write(conn, net_pattern(9000000), 9000000), 0);
}
static void close_it(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_CLOSED); }
static void drain_all(fin_conn *conn) { fin_server_drain(fin_conn_server(conn)); }
static void abort_all(fin_conn *conn) { fin_server_abort(fin_conn_server(conn)); }

/* ---- the server, and who listens to it in the same loop ---- */

/* Keeps the second half for when it is resumed, and then answers. */
static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  if (scene->reads++ == 0) {
    fin_conn_pause(conn);
    return len / 2;
  }
  cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

static const fin_handler handler = {.on_data = on_data};

static void on_heard(uv_poll_t *poll, int status, int events) {
  struct scene *scene = poll->data;
  (void)status;
  (void)events;
  scene->heard = true;
  uv_poll_stop(poll);
}

static void on_too_late(uv_timer_t *timer) { ((struct scene *)timer->data)->slept = true; }

/* ---- the phases ---- */

static void say(struct scene *scene) {
  scene->say(scene->net.conn);
  scene->said = true;
  uv_idle_stop(&scene->idle);
  uv_prepare_stop(&scene->prepare);
  uv_check_stop(&scene->check);
}

static void on_timer(uv_timer_t *timer) { say(timer->data); }
static void on_idle(uv_idle_t *idle) { say(idle->data); }
static void on_prepare(uv_prepare_t *prepare) { say(prepare->data); }
static void on_poll(uv_async_t *async) { say(async->data); }
static void on_check(uv_check_t *check) { say(check->data); }
static void do_not_sleep(uv_idle_t *idle) { (void)idle; }

static void handles_begin(struct scene *scene, int peer) {
  uv_loop_t *loop = &scene->net.loop;
  uv_poll_init(loop, &scene->listening, peer);
  uv_poll_start(&scene->listening, UV_READABLE | UV_DISCONNECT, on_heard);
  uv_timer_init(loop, &scene->too_late);
  uv_update_time(loop);
  uv_timer_start(&scene->too_late, on_too_late, SLEEP_MS, 0);
  uv_timer_init(loop, &scene->timer);
  uv_idle_init(loop, &scene->idle);
  uv_prepare_init(loop, &scene->prepare);
  uv_async_init(loop, &scene->poll, on_poll);
  uv_check_init(loop, &scene->check);
  scene->listening.data = scene->too_late.data = scene->timer.data = scene->idle.data =
      scene->prepare.data = scene->poll.data = scene->check.data = scene;
}

static void handles_end(struct scene *scene) {
  uv_close((uv_handle_t *)&scene->listening, NULL);
  uv_close((uv_handle_t *)&scene->too_late, NULL);
  uv_close((uv_handle_t *)&scene->timer, NULL);
  uv_close((uv_handle_t *)&scene->idle, NULL);
  uv_close((uv_handle_t *)&scene->prepare, NULL);
  uv_close((uv_handle_t *)&scene->poll, NULL);
  uv_close((uv_handle_t *)&scene->check, NULL);
  uv_run(&scene->net.loop, UV_RUN_NOWAIT);
}

static void arrange(struct scene *scene, enum phase phase) {
  switch (phase) {
    case TIMER:
      uv_timer_start(&scene->timer, on_timer, 1, 0);
      break;
    case IDLE:
      uv_idle_start(&scene->idle, on_idle);
      break;
    case PREPARE:
      uv_prepare_start(&scene->prepare, on_prepare);
      break;
    case POLL:
      uv_async_send(&scene->poll);
      break;
    case CHECK:
      uv_idle_start(&scene->idle, do_not_sleep); /* up to there */
      uv_check_start(&scene->check, on_check);
      break;
    case BEFORE:
    case PHASES:
      say(scene);
  }
}

static void takes_effect(void (*verb)(fin_conn *conn)) {
  for (enum phase phase = BEFORE; phase < PHASES; phase++) {
    struct scene scene = {.say = verb};
    struct net *net = &scene.net;
    net_begin(net, &(fin_listen){.handler = &handler, .context = &scene, .conn = {.half_ms = 100}});
    int peer = net_connect(net);
    net_send(net, peer, "question", 8);
    net_until(net, scene.reads == 1);
    turn_for(net, 20); /* whatever is to be settled is */
    uv_timer_stop(&net->wake);

    handles_begin(&scene, peer);
    arrange(&scene, phase);
    while (!scene.heard && !scene.slept) uv_run(&net->loop, UV_RUN_ONCE);
    cr_assert(scene.said && !scene.slept, "phase %d", (int)phase);
    handles_end(&scene);

    net_close(net, peer);
    net_until(net, net->closed == 1);
    net_end(net);
  }
}

Test(said_outside_callbacks, write) { takes_effect(write_little); }
Test(said_outside_callbacks, write_much) { takes_effect(write_much); }
Test(said_outside_callbacks, end) { takes_effect(fin_conn_end); }
Test(said_outside_callbacks, close) { takes_effect(close_it); }
Test(said_outside_callbacks, abort) { takes_effect(fin_conn_abort); }
Test(said_outside_callbacks, resume) { takes_effect(fin_conn_resume); }
Test(said_outside_callbacks, drain) { takes_effect(drain_all); }
Test(said_outside_callbacks, abort_all) { takes_effect(abort_all); }
