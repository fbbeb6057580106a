/* SPDX-License-Identifier: MIT
 *
 * A callback that works for longer than the deadlines of others: whoever has sent something
 * meanwhile is heard before it is judged.
 */
#include "more.h"

enum { IDLE_MS = 200, STALL_MS = 200, WORK_MS = 700, CLIENTS = 100, WORKER = 0 };

struct scene {
  struct net net;
  unsigned works, reads;
};

static void be_busy(unsigned ms) {
  uint64_t begun = net_now_ms();
  while (net_now_ms() - begun < ms) continue;
}

/* "work" works; everything else comes back. */
static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  scene->reads++;
  if (len == 4 && memcmp(data, "work", 4) == 0) {
    be_busy(WORK_MS);
    scene->works++;
  }
  cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

/* Takes whole frames of eight bytes. */
static size_t take_frames(fin_conn *conn, const char *data, size_t len) {
  return len == 4 ? on_data(conn, data, len) : len / 8 * 8;
}

static const fin_handler echo = {.on_data = on_data};
static const fin_handler frames = {.on_data = take_frames};

static void begin(struct scene *scene, const fin_handler *handler, int clients[CLIENTS]) {
  net_begin(&scene->net, &(fin_listen){.handler = handler,
                                       .context = scene,
                                       .conn = {.idle_ms = IDLE_MS, .stall_ms = STALL_MS}});
  for (int i = 0; i < CLIENTS; i++) clients[i] = net_connect(&scene->net);
}

static void end(struct scene *scene, int clients[CLIENTS]) {
  for (int i = 0; i < CLIENTS; i++) net_close(&scene->net, clients[i]);
  net_until(&scene->net, scene->net.closed == CLIENTS);
  net_end(&scene->net);
}

Test(fairness, who_has_sent_meanwhile_is_not_idle) {
  struct scene scene = {.works = 0};
  int clients[CLIENTS];
  begin(&scene, &echo, clients);
  cr_assert_eq(net_send_some(clients[WORKER], "work", 4), 4);
  net_turn(&scene.net, 0); /* works */
  cr_assert_eq(scene.works, 1);
  for (int i = 0; i < CLIENTS; i++) cr_assert_eq(net_send_some(clients[i], "x", 1), 1);
  be_busy(IDLE_MS + 100);
  net_until(&scene.net, scene.reads == 1 + CLIENTS);
  cr_assert_eq(scene.net.closed, 0, "%u were closed", scene.net.closed);
  net_expect(&scene.net, clients[WORKER], "work", 4);
  for (int i = 0; i < CLIENTS; i++) net_expect(&scene.net, clients[i], "x", 1);
  end(&scene, clients);
}

/* All of it is in the kernel before the work begins, and more than a turn reads of one of them. */
Test(fairness, who_has_sent_before_is_not_idle) {
  struct scene scene = {.works = 0};
  int clients[CLIENTS];
  begin(&scene, &echo, clients);
  for (int i = 0; i < CLIENTS; i++) {
    const char *word = i == CLIENTS / 2 ? "work" : "else";
    cr_assert_eq(net_send_some(clients[i], word, 4), 4);
  }
  net_until(&scene.net, scene.reads == CLIENTS);
  cr_assert_eq(scene.net.closed, 0, "%u were closed", scene.net.closed);
  for (int i = 0; i < CLIENTS; i++)
    net_expect(&scene.net, clients[i], i == CLIENTS / 2 ? "work" : "else", 4);
  end(&scene, clients);
}

/* The rest of a message has come while nobody looked. */
Test(fairness, who_has_sent_the_rest_is_not_slow) {
  struct scene scene = {.works = 0};
  int clients[CLIENTS];
  begin(&scene, &frames, clients);
  for (int i = 1; i < CLIENTS; i++) cr_assert_eq(net_send_some(clients[i], "half ", 5), 5);
  net_turn(&scene.net, 0);
  cr_assert_eq(net_send_some(clients[WORKER], "work", 4), 4);
  net_turn(&scene.net, 0);
  cr_assert_eq(scene.works, 1);
  for (int i = 1; i < CLIENTS; i++) cr_assert_eq(net_send_some(clients[i], "and", 3), 3);
  be_busy(STALL_MS + 100);
  turn_for(&scene.net, 20);
  for (unsigned i = 0; i < scene.net.closed; i++)
    cr_assert_neq(scene.net.reports[i].reason, FIN_REASON_SLOW_WRITER);
  end(&scene, clients);
}
