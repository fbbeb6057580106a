/* SPDX-License-Identifier: MIT
 *
 * The times of a tunnel, and how it ends when the server does.
 */
#include <netinet/tcp.h>

#include "tunnel_ends.h"

static void close_both(struct ends *ends) {
  net_close(&ends->net, ends->client);
  net_close(&ends->net, ends->target);
}

/* ---- idle ---- */

/* Both ends are told politely. */
Test(tunnel_bounds, idle) {
  struct ends ends;
  ends_begin(&ends, &(fin_conn_options){.idle_ms = 200});
  ends_open(&ends);
  net_send(&ends.net, ends.client, "hello", 5);
  net_expect(&ends.net, ends.target, "hello", 5);
  cr_assert_eq(ends_ending(&ends, ends.client), 0);
  cr_assert_eq(ends_ending(&ends, ends.target), 0);
  close_both(&ends);
  net_until(&ends.net, ends_legs(&ends) == 0);
  cr_assert_eq(ends_reason(&ends, IDLE), 2);
  ends_end(&ends);
}

/* What moves one way only keeps both legs. */
Test(tunnel_bounds, traffic_either_way_is_traffic) {
  struct ends ends;
  ends_begin(&ends, &(fin_conn_options){.idle_ms = 200});
  ends_open(&ends);
  for (int i = 0; i < 12; i++) {
    int from = i < 6 ? ends.client : ends.target;
    int to = i < 6 ? ends.target : ends.client;
    net_send(&ends.net, from, "x", 1);
    net_expect(&ends.net, to, "x", 1);
    turn_for(&ends.net, 100);
  }
  cr_assert_eq(ends_legs(&ends), 2);
  close_both(&ends);
  ends_end(&ends);
}

/* The listener's own idle_ms, which has a default, does not bound its tunnels. */
Test(tunnel_bounds, both_legs_have_the_tunnels_bounds) {
  struct ends ends;
  struct net *net = &ends.net;
  ends_begin(&ends, NULL);
  fin_listen short_lived = {
      .host = "127.0.0.1", .handler = fin_tunnel_handler(ends.tunnel), .conn = {.idle_ms = 100}};
  cr_assert_eq(fin_server_listen(net->server, &short_lived), 0);
  net->port = fin_server_port(net->server);
  ends_open(&ends);
  turn_for(net, 300);
  cr_assert_eq(ends_legs(&ends), 2);
  close_both(&ends);
  ends_end(&ends);
}

/* ---- a drain ---- */

enum { QUIET_MS = 5000 };

/* Silent for long when the drain comes: closed at once, politely. */
Test(tunnel_bounds, drain_of_a_quiet_tunnel) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  turn_for(&ends.net, QUIET_MS + 100);
  cr_assert_eq(ends_legs(&ends), 2);
  uint64_t begun = net_now_ms();
  fin_server_drain(ends.net.server);
  cr_assert_eq(ends_ending(&ends, ends.client), 0);
  cr_assert_eq(ends_ending(&ends, ends.target), 0);
  cr_assert_lt(net_now_ms() - begun, QUIET_MS / 2);
  close_both(&ends);
  net_until(&ends.net, ends_legs(&ends) == 0);
  cr_assert_eq(ends_reason(&ends, DRAINED), 2);
  ends_end(&ends);
}

/* Something is under way: it goes on until it ends by itself, or until silence. */
Test(tunnel_bounds, drain_of_a_busy_tunnel) {
  struct ends ends;
  struct net *net = &ends.net;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  net_send(net, ends.client, "question", 8);
  net_expect(net, ends.target, "question", 8);
  fin_server_drain(net->server);
  turn_for(net, 200);
  uint64_t begun = net_now_ms();
  net_send(net, ends.target, "answer", 6);
  net_expect(net, ends.client, "answer", 6);
  cr_assert_eq(ends_ending(&ends, ends.client), 0);
  uint64_t passed = net_now_ms() - begun;
  cr_assert(passed + 50 >= QUIET_MS && passed < QUIET_MS + 3000, "%u ms", (unsigned)passed);
  cr_assert_eq(ends_ending(&ends, ends.target), 0);
  close_both(&ends);
  ends_end(&ends);
}

Test(tunnel_bounds, drain_of_a_tunnel_that_ends_by_itself) {
  struct ends ends;
  struct net *net = &ends.net;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  net_send(net, ends.client, "question", 8);
  net_expect(net, ends.target, "question", 8);
  fin_server_drain(net->server);
  net_turn(net, 0);
  net_send(net, ends.target, "answer", 6);
  net_fin(ends.target);
  net_expect(net, ends.client, "answer", 6);
  cr_assert_eq(ends_ending(&ends, ends.client), 0);
  net_fin(ends.client);
  net_until(net, ends_legs(&ends) == 0);
  cr_assert_eq(ends_reason(&ends, DRAINED), 0);
  close_both(&ends);
  ends_end(&ends);
}

/* Bytes that nobody takes are no silence: the drain's time is up at last, and both ends hear that
 * this was not all. */
Test(tunnel_bounds, drain_of_a_tunnel_that_is_stuck) {
  struct ends ends;
  struct net *net = &ends.net;
  net_begin_with(net, &(fin_server_options){.drain_ms = QUIET_MS + 500},
                 &(fin_listen){.handler = ends_unused});
  ends_lead(&ends, &(fin_conn_options){.stall_ms = 60 * 1000});
  ends_open(&ends);
  for (unsigned still = 0; still < 10; still++) {
    if (net_send_some(ends.client, net_pattern(1 << 20), 1 << 20) > 0) still = 0;
    net_turn(net, 1);
  }
  fin_server_drain(net->server);
  net_until(net, net->drained);
  cr_assert_eq(ends_reason(&ends, DRAIN_TIMEOUT), 2);
  cr_assert_eq(ends_ending(&ends, ends.client), ECONNRESET);
  cr_assert_eq(ends_ending(&ends, ends.target), ECONNRESET);
  close_both(&ends);
  ends_end(&ends);
}

/* ---- an abort ---- */

Test(tunnel_bounds, server_aborts) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  fin_server_abort(ends.net.server);
  cr_assert_eq(ends_ending(&ends, ends.client), ECONNRESET);
  cr_assert_eq(ends_ending(&ends, ends.target), ECONNRESET);
  close_both(&ends);
  ends_end(&ends);
}

/* ---- many ---- */

enum { TUNNELS = 1000, AT_ONCE = 100 };

/* The i-th ends in one of the ways that there are. */
static void let_end(struct ends *ends, int client, int target, unsigned i) {
  struct net *net = &ends->net;
  switch (i % 6) {
    case 0:
      net_close(net, client);
      net_close(net, target);
      break;
    case 1:
      net_reset(net, client);
      net_close(net, target);
      break;
    case 2:
      net_reset(net, target);
      net_close(net, client);
      break;
    case 3:
      net_fin(client);
      net_close(net, target);
      net_close(net, client);
      break;
    case 4:
      net_send(net, client, net_pattern(10000), 10000);
      net_close(net, target); /* with input unread, perhaps */
      net_close(net, client);
      break;
    default:
      net_send(net, target, net_pattern(10000), 10000);
      net_fin(target);
      net_expect(net, client, net_pattern(10000), 10000);
      net_close(net, client);
      net_close(net, target);
      break;
  }
}

Test(tunnel_bounds, a_thousand_tunnels_leave_nothing) {
  struct ends ends;
  ends_begin(&ends, NULL);
  int clients[AT_ONCE], targets[AT_ONCE];
  for (unsigned done = 0; done < TUNNELS; done += AT_ONCE) {
    for (unsigned i = 0; i < AT_ONCE; i++) {
      ends_open(&ends); /* one after the other, so that the ends are of one tunnel */
      clients[i] = ends.client;
      targets[i] = ends.target;
    }
    for (unsigned i = 0; i < AT_ONCE; i++) let_end(&ends, clients[i], targets[i], i);
    net_until(&ends.net, ends_legs(&ends) == 0);
  }
  fin_server_stats stats = stats_of(&ends.net);
  cr_assert_eq(stats.accepted, TUNNELS);
  cr_assert_eq(stats.dialled, TUNNELS);
  ends_end(&ends);
}

/* All at once. */
Test(tunnel_bounds, a_thousand_tunnels_at_once) {
  enum { AT_THE_SAME_TIME = 1000 };
  struct ends ends;
  ends_begin(&ends, NULL);
  int *clients = calloc(AT_THE_SAME_TIME, sizeof *clients);
  int *targets = calloc(AT_THE_SAME_TIME, sizeof *targets);
  cr_assert(clients && targets);
  for (unsigned i = 0; i < AT_THE_SAME_TIME; i++) {
    ends_open(&ends);
    clients[i] = ends.client;
    targets[i] = ends.target;
  }
  cr_assert_eq(ends_legs(&ends), 2 * AT_THE_SAME_TIME);
  for (unsigned i = 0; i < AT_THE_SAME_TIME; i++) let_end(&ends, clients[i], targets[i], i);
  free(clients);
  free(targets);
  ends_end(&ends);
}
