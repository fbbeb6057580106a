/* SPDX-License-Identifier: MIT
 *
 * output_max: as much may wait, and not a byte more. A write that would pass it is refused whole
 * and ends the connection, since the peer's stream would have a hole; who asks before does without.
 */
#include "more.h"

enum { MAX = 1000 * 1000, PIECE = 30 * 1000, SMALL_BUFFER = 16 * 1024 };

static size_t swallow(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

static const fin_handler handler = {.on_data = swallow};

static int begin(struct net *net) {
  net_begin(net, &(fin_listen){.handler = &handler, .conn = {.output_max = MAX}});
  return net_connect_small(net, SMALL_BUFFER, 0);
}

static void end(struct net *net, int peer) {
  net_close(net, peer);
  net_until(net, net->closed == 1);
  net_end(net);
}

/* Writes while there is room; returns how much was accepted in all. */
static size_t fill(struct net *net, size_t done) {
  while (fin_conn_output_len(net->conn) + PIECE <= MAX) {
    cr_assert_eq(fin_conn_write(net->conn, net_pattern(done + PIECE) + done, PIECE), 0);
    cr_assert(fin_conn_output_len(net->conn) <= MAX);
    done += PIECE;
    net_turn(net, 0);
  }
  return done;
}

Test(output_limits, who_asks_before_loses_nothing) {
  struct net net;
  size_t done = 0;
  int peer = begin(&net);
  for (int i = 0; i < 3; i++) {
    size_t before = done;
    done = fill(&net, done);
    cr_assert(done - before >= MAX - PIECE);
    cr_assert_eq(fin_conn_write(net.conn, "", 0), 0, "nothing always has room");
    net_expect(&net, peer, net_pattern(done) + before, done - before);
    net_until(&net, fin_conn_output_len(net.conn) == 0);
  }
  end(&net, peer);
  cr_assert_eq(net.report.reason, FIN_REASON_PEER_ENDED);
  cr_assert_eq(net.report.bytes_accepted, done);
  cr_assert_eq(net.report.bytes_acked, done);
}

static void expect_refused(struct net *net, int peer, size_t len, size_t accepted) {
  int ending;
  cr_assert_eq(fin_conn_write(net->conn, net_pattern(MAX + 1), len), -ENOBUFS);
  cr_assert_eq(net->closed, 0, "not before fin_conn_write returns");
  cr_assert_eq(fin_conn_write(net->conn, "x", 1), -EPIPE);
  net_until(net, net->closed == 1);
  cr_assert(net_receive_all(net, peer, NULL, SIZE_MAX, &ending) <= accepted);
  cr_assert_eq(ending, ECONNRESET, "no FIN, which would make the rest look whole");
  cr_assert_eq(net->report.reason, FIN_REASON_OUTPUT_FULL);
  cr_assert_eq(net->report.error, ENOBUFS);
  cr_assert_eq(net->report.bytes_accepted, accepted);
  end(net, peer);
}

Test(output_limits, too_much_by_the_last_of_many) {
  struct net net;
  int peer = begin(&net);
  size_t accepted = fill(&net, 0);
  expect_refused(&net, peer, PIECE, accepted);
}

Test(output_limits, too_much_at_once) {
  struct net net;
  int peer = begin(&net);
  expect_refused(&net, peer, MAX + 1, 0);
}

Test(output_limits, a_length_that_would_wrap) {
  struct net net;
  int peer = begin(&net);
  cr_assert_eq(fin_conn_write(net.conn, "abc", 3), 0);
  expect_refused(&net, peer, SIZE_MAX, 3);
}

Test(output_limits, exactly_so_much) {
  struct net net;
  int peer = begin(&net);
  cr_assert_eq(fin_conn_write(net.conn, net_pattern(MAX), MAX), 0);
  net_expect(&net, peer, net_pattern(MAX), MAX);
  end(&net, peer);
}

/* Small writes of one turn leave together, and wait until then. */
Test(output_limits, exactly_so_much_in_small_writes) {
  enum { SMALL = 8 };
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler,
                                .conn = {.output_high = SMALL, .output_max = SMALL}});
  int peer = net_connect(&net);
  for (size_t i = 0; i < SMALL; i++)
    cr_assert_eq(fin_conn_write(net.conn, net_pattern(SMALL) + i, 1), 0);
  cr_assert_eq(fin_conn_output_len(net.conn), SMALL);
  net_expect(&net, peer, net_pattern(SMALL), SMALL);
  cr_assert_eq(fin_conn_output_len(net.conn), 0);
  for (size_t i = 0; i < SMALL; i++) cr_assert_eq(fin_conn_write(net.conn, "x", 1), 0);
  expect_refused(&net, peer, 1, 2 * SMALL);
}
