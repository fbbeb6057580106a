/* SPDX-License-Identifier: MIT
 *
 * fin_conn_set_timer: on_timer comes once, not before its time, for the time set last, and never to
 * a connection that the handler has closed.
 */
#include "more.h"

enum { LATE_MAX_MS = 500 };

struct scene {
  struct net net;
  unsigned fired;
  uint64_t fired_ms;
  void (*do_on_timer)(fin_conn *conn);
};

static size_t swallow(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

static void on_timer(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  scene->fired++;
  scene->fired_ms = net_now_ms();
  if (scene->do_on_timer) scene->do_on_timer(conn);
}

static const fin_handler handler = {.on_data = swallow, .on_timer = on_timer};

static int begin(struct scene *scene) {
  net_begin(&scene->net,
            &(fin_listen){.handler = &handler, .context = scene, .conn = {.half_ms = 100}});
  return net_connect(&scene->net);
}

static void end(struct scene *scene, int peer) {
  net_close(&scene->net, peer);
  net_until(&scene->net, scene->net.closed == 1);
  net_end(&scene->net);
}

/* Sets the time now; returns when that was. */
static uint64_t set(struct scene *scene, uint32_t after_ms) {
  net_turn(&scene->net, 0); /* the loop's clock is right */
  fin_conn_set_timer(scene->net.conn, after_ms);
  return net_now_ms();
}

static void expect_fired(const struct scene *scene, uint64_t set_ms, unsigned after_ms) {
  unsigned took_ms = (unsigned)(scene->fired_ms - set_ms);
  cr_assert(took_ms + 1 >= after_ms && took_ms < after_ms + LATE_MAX_MS, "%u ms instead of %u",
            took_ms, after_ms); /* the clocks' milliseconds begin at different times */
}

Test(timer, fires_once) {
  static const unsigned times[] = {0, 1, 10, 70, 300};
  struct scene scene = {.fired = 0};
  int peer = begin(&scene);
  for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
    uint64_t set_ms = set(&scene, times[i]);
    cr_assert_eq(scene.fired, i, "not before fin_conn_set_timer returns");
    net_until(&scene.net, scene.fired == i + 1);
    expect_fired(&scene, set_ms, times[i]);
  }
  turn_for(&scene.net, 400);
  cr_assert_eq(scene.fired, 5);
  end(&scene, peer);
}

Test(timer, replaced_by_a_later_one) {
  struct scene scene = {.fired = 0};
  int peer = begin(&scene);
  (void)set(&scene, 30);
  uint64_t set_ms = set(&scene, 250);
  net_until(&scene.net, scene.fired == 1);
  expect_fired(&scene, set_ms, 250);
  turn_for(&scene.net, 50);
  cr_assert_eq(scene.fired, 1);
  end(&scene, peer);
}

Test(timer, replaced_by_an_earlier_one) {
  struct scene scene = {.fired = 0};
  int peer = begin(&scene);
  (void)set(&scene, 20 * 24 * 3600 * 1000);
  (void)set(&scene, 300);
  uint64_t set_ms = set(&scene, 30);
  net_until(&scene.net, scene.fired == 1);
  expect_fired(&scene, set_ms, 30);
  turn_for(&scene.net, 400);
  cr_assert_eq(scene.fired, 1);
  end(&scene, peer);
}

Test(timer, cancelled) {
  struct scene scene = {.fired = 0};
  int peer = begin(&scene);
  (void)set(&scene, 30);
  (void)set(&scene, FIN_NEVER);
  turn_for(&scene.net, 150);
  cr_assert_eq(scene.fired, 0);
  end(&scene, peer);
}

Test(timer, far_away) {
  static const uint32_t times[] = {INT32_MAX, (uint32_t)INT32_MAX + 1, FIN_NEVER - 1};
  struct scene scene = {.fired = 0};
  int peer = begin(&scene);
  for (unsigned i = 0; i < sizeof times / sizeof *times; i++) {
    (void)set(&scene, times[i]);
    turn_for(&scene.net, 20);
    cr_assert_eq(scene.fired, 0);
  }
  end(&scene, peer);
}

static void again(fin_conn *conn) { fin_conn_set_timer(conn, 20); }

Test(timer, set_again_within_on_timer) {
  struct scene scene = {.do_on_timer = again};
  int peer = begin(&scene);
  uint64_t set_ms = set(&scene, 20);
  net_until(&scene.net, scene.fired == 5);
  expect_fired(&scene, set_ms, 5 * 20);
  end(&scene, peer);
}

static void at_once(fin_conn *conn) { fin_conn_set_timer(conn, 0); }

/* It has its turn again and again, and others have theirs. */
Test(timer, set_to_now_within_on_timer) {
  struct scene scene = {.do_on_timer = at_once};
  int peer = begin(&scene);
  (void)set(&scene, 0);
  net_turn(&scene.net, 5);
  net_turn(&scene.net, 5);
  cr_assert(scene.fired < 100, "%u", scene.fired);
  net_until(&scene.net, scene.fired >= 20);
  end(&scene, peer);
}

/* Traffic and the connection's other deadlines neither hasten nor delay it. */
Test(timer, among_traffic) {
  struct scene scene = {.fired = 0};
  int peer = begin(&scene);
  uint64_t set_ms = set(&scene, 200);
  while (scene.fired == 0) {
    cr_assert(net_now_ms() - set_ms < NET_DEADLINE_MS);
    net_send(&scene.net, peer, "x", 1);
    cr_assert_eq(fin_conn_write(scene.net.conn, "y", 1), 0);
    net_turn(&scene.net, 5);
    net_expect(&scene.net, peer, "y", 1);
  }
  expect_fired(&scene, set_ms, 200);
  end(&scene, peer);
}

/* ---- to whom it comes ---- */

static void set_and(void (*verb)(fin_conn *conn), bool fires) {
  struct scene scene = {.fired = 0};
  int peer = begin(&scene);
  (void)set(&scene, 50);
  verb(scene.net.conn);
  turn_for(&scene.net, 150);
  cr_assert_eq(scene.fired, fires);
  end(&scene, peer);
}

static void close_it(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_CLOSED); }

static void close_and_set(fin_conn *conn) {
  close_it(conn);
  fin_conn_set_timer(conn, 10);
}

Test(timer, not_after_close) { set_and(close_it, false); }
Test(timer, not_set_after_close) { set_and(close_and_set, false); }
Test(timer, not_after_abort) { set_and(fin_conn_abort, false); }
Test(timer, after_end) { set_and(fin_conn_end, true); }
Test(timer, while_paused) { set_and(fin_conn_pause, true); }

static void stay(fin_conn *conn) { (void)conn; }

Test(timer, after_the_peers_fin) {
  static const fin_handler half = {.on_data = swallow, .on_timer = on_timer, .on_end = stay};
  struct scene scene = {.do_on_timer = close_it};
  struct net *net = &scene.net;
  net_begin(net, &(fin_listen){.handler = &half, .context = &scene});
  int peer = net_connect(net);
  net_fin(peer);
  net_until(net, net->ended == 1);
  (void)set(&scene, 20);
  net_until(net, net->closed == 1);
  cr_assert_eq(scene.fired, 1);
  net_close(net, peer);
  net_end(net);
}

Test(timer, nobody_asked_to_be_told) {
  static const fin_handler deaf = {.on_data = swallow};
  struct scene scene = {.fired = 0};
  struct net *net = &scene.net;
  net_begin(net, &(fin_listen){.handler = &deaf, .context = &scene});
  int peer = net_connect(net);
  (void)set(&scene, 1);
  turn_for(net, 30);
  end(&scene, peer);
}

/* ---- of many ---- */

enum { MANY = 200 };

static void on_own_timer(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  uint64_t due_ms;
  memcpy(&due_ms, fin_conn_state(conn), sizeof due_ms);
  cr_assert(net_now_ms() + 1 >= due_ms && net_now_ms() < due_ms + LATE_MAX_MS);
  scene->fired++;
}

Test(timer, each_connection_has_its_own) {
  static const fin_handler own = {
      .state_size = sizeof(uint64_t), .on_data = swallow, .on_timer = on_own_timer};
  struct scene scene = {.fired = 0};
  struct net *net = &scene.net;
  int peers[MANY];
  net_begin(net, &(fin_listen){.handler = &own, .context = &scene});
  for (unsigned i = 0; i < MANY; i++) {
    peers[i] = net_connect(net);
    uint32_t after_ms = 50 + i * 7919 % MANY;
    net_turn(net, 0);
    uint64_t due_ms = net_now_ms() + after_ms;
    memcpy(fin_conn_state(net->conn), &due_ms, sizeof due_ms);
    fin_conn_set_timer(net->conn, after_ms);
  }
  net_until(net, scene.fired == MANY);
  for (int i = 0; i < MANY; i++) net_close(net, peers[i]);
  net_until(net, net->closed == MANY);
  cr_assert_eq(scene.fired, MANY);
  net_end(net);
}

/* ---- when the handler has kept the loop busy ---- */

static void be_busy(unsigned ms) {
  uint64_t begun = net_now_ms();
  while (net_now_ms() - begun < ms) continue;
}

struct busy {
  struct scene scene; /* first: it is the context */
  uint64_t set_ms;
};

static size_t work_and_set(fin_conn *conn, const char *data, size_t len) {
  struct busy *busy = fin_conn_context(conn);
  (void)data;
  be_busy(300);
  fin_conn_set_timer(conn, 200);
  busy->set_ms = net_now_ms();
  return len;
}

Test(timer, set_after_long_work) {
  static const fin_handler worker = {.on_data = work_and_set, .on_timer = on_timer};
  struct busy busy = {.set_ms = 0};
  struct net *net = &busy.scene.net;
  net_begin(net, &(fin_listen){.handler = &worker, .context = &busy});
  int peer = net_connect(net);
  net_send(net, peer, "x", 1);
  net_until(net, busy.scene.fired == 1);
  expect_fired(&busy.scene, busy.set_ms, 200);
  end(&busy.scene, peer);
}
