/* SPDX-License-Identifier: MIT
 *
 * The wait for the peer's FIN after ours: bounded by time and by bytes, and over early once the
 * peer has everything.
 */
#include <errno.h>
#include <sys/socket.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

enum { AN_HOUR = 3600 * 1000 };

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void say_goodbye(fin_conn *conn) {
  cr_assert_eq(fin_conn_write(conn, "goodbye", 7), 0);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

static const fin_handler handler = {.on_open = say_goodbye, .on_data = consume};

static int begin(struct net *net, const fin_conn_options *limits) {
  net_begin(net, &(fin_listen){.handler = &handler, .conn = *limits});
  return net_connect(net);
}

/* A byte now and then keeps nothing alive: the bound is absolute. */
Test(linger, bounded_by_time) {
  struct net net;
  int peer = begin(
      &net, &(fin_conn_options){
                .linger_ms = 300, .linger_grace_ms = AN_HOUR, .linger_bytes_max = UINT32_MAX});
  uint64_t begun_ms = net_now_ms();
  while (net.closed == 0) {
    cr_assert_lt(net_now_ms() - begun_ms, NET_DEADLINE_MS);
    (void)!send(peer, "x", 1, MSG_NOSIGNAL); /* the last one may come too late */
    net_turn(&net, 5);
  }
  net_reason(&net, LINGER_CUT);
  cr_assert_geq(net.report.state_ms[FIN_ST_LINGER], 300);
  cr_assert_gt(net.report.bytes_in, 1);
  net_close(&net, peer);
  net_end(&net);
}

Test(linger, bounded_by_bytes) {
  struct net net;
  const uint32_t most = 200 * 1000, buffer = 256 * 1024;
  int peer =
      begin(&net, &(fin_conn_options){
                      .linger_ms = AN_HOUR, .linger_grace_ms = AN_HOUR, .linger_bytes_max = most});
  uint64_t begun_ms = net_now_ms();
  while (send(peer, net_pattern(10000), 10000, MSG_NOSIGNAL) > 0 || errno == EAGAIN) {
    cr_assert_lt(net_now_ms() - begun_ms, NET_DEADLINE_MS);
    net_turn(&net, 1);
  }
  cr_assert(errno == ECONNRESET || errno == EPIPE, "%s", fin_strerror(errno));
  net_until(&net, net.closed == 1);
  net_reason(&net, LINGER_CUT);
  cr_assert_gt(net.report.bytes_in, most);
  cr_assert_leq(net.report.bytes_in, most + buffer, "ended by the first read past the limit");
  net_close(&net, peer);
  net_end(&net);
}

/* The peer has it all and does not close: nothing more can go wrong, so nobody waits an hour. */
Test(linger, over_early_when_everything_is_acknowledged) {
  struct net net;
  int peer = begin(&net, &(fin_conn_options){.linger_ms = AN_HOUR, .linger_grace_ms = 50});
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_geq(net.report.state_ms[FIN_ST_LINGER], 50);
  cr_assert_eq(net.report.bytes_acked, 7);
  net_expect(&net, peer, "goodbye", 7);
  net_close(&net, peer);
  net_end(&net);
}

/* The same where linger_ms comes before the grace is over. */
Test(linger, shorter_than_the_grace) {
  struct net net;
  int peer = begin(&net, &(fin_conn_options){.linger_ms = 50, .linger_grace_ms = AN_HOUR});
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.report.bytes_acked, 7);
  net_close(&net, peer);
  net_end(&net);
}

/* Not before: a reset could still destroy what the kernel holds for the peer. */
Test(linger, not_over_early_while_output_is_unacknowledged) {
  struct net net;
  int ending;
  size_t len = 0;
  const fin_handler silent = {.on_data = consume};
  net_begin(&net, &(fin_listen){.handler = &silent,
                                .conn = {.linger_ms = AN_HOUR, .linger_grace_ms = 50}});
  int peer = net_connect_small(&net, 4096, 0);
  do {
    cr_assert_eq(fin_conn_write(net.conn, net_pattern(len + 1000) + len, 1000), 0);
    len += 1000;
    net_turn(&net, 0);
    cr_assert_eq(fin_conn_output_len(net.conn), 0);
  } while (net_unacked(net_fd(net.conn)) < 10 * 1000);
  fin_conn_close(net.conn, FIN_REASON_CLOSED);
  uint64_t begun_ms = net_now_ms();
  net_until(&net, net_now_ms() - begun_ms > 500);
  cr_assert_eq(net_life(&net), FIN_ST_LINGER);
  net_expect(&net, peer, net_pattern(len), len);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.report.bytes_acked, len);
  net_close(&net, peer);
  net_end(&net);
}

/* ...nor while the peer goes on sending, which a closed socket would answer with a reset. */
Test(linger, not_over_early_while_input_arrives) {
  struct net net;
  int peer = begin(&net, &(fin_conn_options){.linger_ms = AN_HOUR, .linger_grace_ms = 1000});
  for (int i = 0; i < 30; i++) {
    uint64_t next_ms = net_now_ms() + 100;
    net_send(&net, peer, "x", 1);
    net_until(&net, net_now_ms() >= next_ms);
    cr_assert_eq(net_life(&net), FIN_ST_LINGER);
  }
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.report.bytes_in, 30);
  net_close(&net, peer);
  net_end(&net);
}

Test(linger, over_with_the_peers_fin) {
  struct net net;
  int peer = begin(&net, &(fin_conn_options){.linger_ms = AN_HOUR, .linger_grace_ms = AN_HOUR});
  net_expect(&net, peer, "goodbye", 7);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  net_end(&net);
}

/* It has everything: that it leaves with a reset cuts nothing short. */
Test(linger, over_with_the_peers_reset) {
  struct net net;
  int peer = begin(&net, &(fin_conn_options){.linger_ms = AN_HOUR, .linger_grace_ms = AN_HOUR});
  net_expect(&net, peer, "goodbye", 7);
  net_until(&net, net_unacked(net_fd(net.conn)) == 0);
  net_reset(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.report.error, 0);
  net_end(&net);
}
