/* SPDX-License-Identifier: MIT
 *
 * A message that is never finished, or too slowly, is ended by stall_ms; who is merely silent
 * between messages is the business of idle_ms.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

enum { STEP_MS = 50 };

/* Messages end in a dot. */
static size_t take_messages(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  const char *dot = memrchr(data, '.', len);
  return dot ? (size_t)(dot - data) + 1 : 0;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler messages = {.on_data = take_messages, .on_end = stay};

/* The linger is short: a peer that cannot stop would fill it. */
static const fin_conn_options stall_alone = {
    .stall_ms = 500, .idle_ms = FIN_NEVER, .half_ms = 3600 * 1000, .linger_ms = 200};

/* Sends `step` bytes of an unfinished message every STEP_MS until `until` or closed. */
static void write_slowly(struct net *net, int peer, size_t step, uint64_t until_ms) {
  while (net->closed == 0 && net_now_ms() < until_ms) {
    uint64_t next_ms = net_now_ms() + STEP_MS;
    (void)!send(peer, net_pattern(step), step, MSG_NOSIGNAL); /* may have been ended just now */
    net_until(net, net_now_ms() >= next_ms || net->closed == 1);
  }
}

static void expect_slow_writer(struct net *net, int peer) {
  int ending;
  net_until(net, net->closed == 1);
  net_reason(net, SLOW_WRITER);
  cr_assert_eq(net_receive_all(net, peer, NULL, 1, &ending), 0);
  net_close(net, peer);
  net_end(net);
}

Test(slow_writer, stops_within_a_message) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &messages, .conn = stall_alone});
  int peer = net_connect(&net);
  net_send(&net, peer, "whole.half", 10);
  expect_slow_writer(&net, peer);
}

Test(slow_writer, a_byte_at_a_time) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &messages, .conn = stall_alone});
  int peer = net_connect(&net);
  write_slowly(&net, peer, 1, net_now_ms() + NET_DEADLINE_MS);
  cr_assert_gt(net.report.bytes_in, 1, "there was progress");
  expect_slow_writer(&net, peer);
}

/* After our FIN it is half_ms that a byte a second does not prolong. */
Test(slow_writer, a_byte_at_a_time_after_our_fin) {
  struct net net;
  fin_conn_options limits = stall_alone;
  limits.half_ms = 500;
  net_begin(&net, &(fin_listen){.handler = &messages, .conn = limits});
  int peer = net_connect(&net);
  fin_conn_end(net.conn);
  write_slowly(&net, peer, 1, net_now_ms() + NET_DEADLINE_MS);
  cr_assert_eq(net.closed, 1);
  net_reason(&net, HALF_TIMEOUT);
  cr_assert_geq(net.report.state_ms[FIN_ST_SEND_DONE], 500);
  cr_assert_gt(net.report.bytes_in, 1, "there was progress");
  net_close(&net, peer);
  net_end(&net);
}

/* Three times stall_ms for one message, at ten times the minimum rate. */
Test(slow_writer, at_the_minimum_rate_may_take_its_time) {
  struct net net;
  fin_conn_options limits = {.stall_ms = 1000, .idle_ms = FIN_NEVER, .min_rate = 200};
  net_begin(&net, &(fin_listen){.handler = &messages, .conn = limits});
  int peer = net_connect(&net);
  write_slowly(&net, peer, 100, net_now_ms() + 3000);
  cr_assert_eq(net.closed, 0);
  net_send(&net, peer, ".", 1);
  net_close(&net, peer);
  net_until(&net, net.ended == 1);
  fin_conn_end(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  net_end(&net);
}

/* Between messages nothing is waited for; stall_ms has no say. */
Test(slow_writer, silent_between_messages) {
  struct net net;
  fin_conn_options limits = {.stall_ms = 100, .idle_ms = 1000};
  net_begin(&net, &(fin_listen){.handler = &messages, .conn = limits});
  int peer = net_connect(&net);
  net_send(&net, peer, "whole.", 6);
  net_until(&net, net_life(&net) != FIN_ST_OPEN);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, IDLE);
  cr_assert_geq(net.report.state_ms[FIN_ST_OPEN], 1000);
  net_end(&net);
}

/* The handler itself keeps the rest of the message waiting: not the peer's fault. */
Test(slow_writer, not_while_the_handler_pauses) {
  struct net net;
  fin_conn_options limits = {.stall_ms = 100, .idle_ms = 1000};
  net_begin(&net, &(fin_listen){.handler = &messages, .conn = limits});
  int peer = net_connect(&net);
  net_send(&net, peer, "half", 4);
  net_until(&net, net_unread(net_fd(net.conn)) == 0);
  fin_conn_pause(net.conn);
  net_until(&net, net_life(&net) != FIN_ST_OPEN);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, IDLE);
  net_end(&net);
}
