/* SPDX-License-Identifier: MIT
 *
 * A server that says little but often, to a peer that reads everything at once: something is always
 * on its way, less than min_rate, and yet nobody waits for anything.
 */
#include "more.h"

enum { STALL_MS = 400, EVERY_MS = 10, LASTING_MS = 2500 };

struct scene {
  struct net net;
  unsigned said;
};

static size_t swallow(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

static void say(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  scene->said++;
  cr_assert_eq(fin_conn_write(conn, "x", 1), 0);
  fin_conn_set_timer(conn, EVERY_MS);
}

static const fin_handler handler = {.on_open = say, .on_data = swallow, .on_timer = say};

Test(steady_trickle, is_not_taken_for_a_slow_reader) {
  struct scene scene = {.said = 0};
  struct net *net = &scene.net;
  char bytes[100];
  net_begin(net,
            &(fin_listen){.handler = &handler, .context = &scene, .conn = {.stall_ms = STALL_MS}});
  int peer = net_connect(net);
  uint64_t begun = net_now_ms();
  while (net_now_ms() - begun < LASTING_MS) {
    net_turn(net, 1);
    net_receive_some(peer, bytes, sizeof bytes);
    cr_assert_eq(net->closed, 0, "%s after %d ms and %u messages",
                 fin_reason_name(net->report.reason), (int)(net_now_ms() - begun), scene.said);
  }
  net_close(net, peer);
  net_until(net, net->closed == 1);
  net_end(net);
}
