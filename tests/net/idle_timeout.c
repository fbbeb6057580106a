/* SPDX-License-Identifier: MIT
 *
 * Silence: idle_ms without traffic closes politely; traffic of either direction keeps it away.
 */
#include "lifecycle/lifecycle.h"
#include "support/net.h"

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler calm = {.on_data = consume, .on_end = stay};

static void expect_idle_end(struct net *net, int peer, uint32_t least_ms) {
  int ending;
  cr_assert_eq(net_receive_all(net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_close(net, peer);
  net_until(net, net->closed == 1);
  net_reason(net, IDLE);
  cr_assert_geq(net->report.state_ms[FIN_ST_OPEN], least_ms);
  cr_assert_eq(net->ended, 0, "no callback but on_close");
  net_end(net);
}

Test(idle_timeout, silent_from_the_beginning) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &calm, .conn = {.idle_ms = 200}});
  int peer = net_connect(&net);
  expect_idle_end(&net, peer, 200);
}

Test(idle_timeout, while_paused) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &calm, .conn = {.idle_ms = 200}});
  int peer = net_connect(&net);
  fin_conn_pause(net.conn);
  expect_idle_end(&net, peer, 200);
}

/* The peer does not follow either: the linger ends it. */
Test(idle_timeout, of_a_peer_that_never_follows) {
  struct net net;
  net_begin(&net,
            &(fin_listen){.handler = &calm, .conn = {.idle_ms = 100, .linger_grace_ms = 100}});
  int peer = net_connect(&net);
  net_until(&net, net.closed == 1);
  net_reason(&net, IDLE);
  cr_assert_geq(net.report.state_ms[FIN_ST_LINGER], 100);
  net_close(&net, peer);
  net_end(&net);
}

/* Three times idle_ms, with something said by one side every tenth of it. */
static void keep_away(bool by_peer, bool by_server) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &calm, .conn = {.idle_ms = 1000}});
  int peer = net_connect(&net);
  for (int i = 0; i < 30; i++) {
    uint64_t next_ms = net_now_ms() + 100;
    if (by_peer) net_send(&net, peer, "x", 1);
    if (by_server) cr_assert_eq(fin_conn_write(net.conn, "x", 1), 0);
    if (by_server) net_expect(&net, peer, "x", 1);
    net_until(&net, net_now_ms() >= next_ms);
    cr_assert_eq(net_life(&net), FIN_ST_OPEN);
  }
  expect_idle_end(&net, peer, 3900);
}

Test(idle_timeout, kept_away_by_input) { keep_away(true, false); }
Test(idle_timeout, kept_away_by_output) { keep_away(false, true); }
