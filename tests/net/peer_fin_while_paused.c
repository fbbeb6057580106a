/* SPDX-License-Identifier: MIT
 *
 * The peer ends while nobody reads: the way that CLOSE_WAIT sockets pile up. libuv reports nothing,
 * the death-watch does.
 */
#include <errno.h>
#include <finale/observe.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

enum { LARGE = 16 * 1000 * 1000 }; /* more than two kernels buffer between them */

struct received {
  size_t len;
};

static size_t take(fin_conn *conn, const char *data, size_t len) {
  struct received *received = fin_conn_state(conn);
  cr_assert_leq(received->len + len, LARGE);
  cr_assert_eq(memcmp(data, net_pattern(LARGE) + received->len, len), 0);
  received->len += len;
  return len;
}

static size_t received(const struct net *net) {
  return ((const struct received *)fin_conn_state(net->conn))->len;
}

static const fin_handler paused = {
    .state_size = sizeof(struct received), .on_open = fin_conn_pause, .on_data = take};

/* As ss(8) has it: with one for the FIN. SIZE_MAX if there is no such row, or no libmnl. */
static size_t recv_queue_of_close_wait(const struct net *net) {
  size_t queue = SIZE_MAX;
  fin_census *census =
      fin_census_take(&(fin_census_query){.ports = &net->port, .port_count = 1, .pid = getpid()});
  for (size_t i = 0; census && i < census->row_count; i++) {
    const fin_census_row *row = &census->rows[i];
    if (row->local_port == net->port && row->state == FIN_TCP_CLOSE_WAIT) queue = row->recv_queue;
  }
  fin_census_free(census);
  return queue;
}

/* Connects, sends 100 bytes and a FIN to a paused handler. */
static int leave_behind_100_bytes(struct net *net) {
  int peer = net_connect(net);
  net_send(net, peer, net_pattern(100), 100);
  net_fin(peer);
  net_until(net, net_life(net) == FIN_ST_PEER_LEAVING);
  cr_assert_eq(net_tcp_state(net_fd(net->conn)), TCP_CLOSE_WAIT);
  cr_assert_eq(net_unread(net_fd(net->conn)), 100);
  cr_assert_eq(received(net), 0);
  return peer;
}

Test(peer_fin_while_paused, resumed) {
  struct net net;
  int ending;
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = leave_behind_100_bytes(&net);
  size_t queue = recv_queue_of_close_wait(&net);
  cr_assert(queue == 101 || (queue == SIZE_MAX && errno == ENOTSUP), "Recv-Q is %zu", queue);
  fin_conn_resume(net.conn);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.report.bytes_in, 100);
  net_close(&net, peer);
  net_end(&net);
}

Test(peer_fin_while_paused, resumed_and_paused_again) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = leave_behind_100_bytes(&net);
  for (int i = 0; i < 3; i++) {
    fin_conn_resume(net.conn);
    fin_conn_pause(net.conn);
    net_turn(&net, 0);
    cr_assert_eq(net_life(&net), FIN_ST_PEER_LEAVING);
  }
  fin_conn_resume(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.report.bytes_in, 100);
  net_close(&net, peer);
  net_end(&net);
}

/* The death-watch is taken up and given up each time. */
Test(peer_fin_while_paused, after_many_pauses) {
  struct net net;
  const fin_handler reading = {.state_size = sizeof(struct received), .on_data = take};
  net_begin(&net, &(fin_listen){.handler = &reading});
  int peer = net_connect(&net);
  for (size_t i = 1; i <= 5; i++) {
    fin_conn_pause(net.conn);
    net_turn(&net, 0);
    net_send(&net, peer, net_pattern(i) + i - 1, 1);
    cr_assert_eq(received(&net), i - 1);
    fin_conn_resume(net.conn);
    net_until(&net, received(&net) == i);
  }
  fin_conn_pause(net.conn);
  net_turn(&net, 0);
  net_fin(peer);
  net_until(&net, net_life(&net) == FIN_ST_PEER_LEAVING);
  fin_conn_resume(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  net_close(&net, peer);
  net_end(&net);
}

/* Nobody ever resumes: half_ms does not care, and the peer sees a FIN and no reset. */
Test(peer_fin_while_paused, never_resumed) {
  struct net net;
  int ending;
  net_begin(&net, &(fin_listen){.handler = &paused, .conn = {.half_ms = 100}});
  int peer = leave_behind_100_bytes(&net);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, HALF_TIMEOUT);
  cr_assert_geq(net.report.state_ms[FIN_ST_PEER_LEAVING], 100);
  cr_assert_eq(net.report.bytes_in, 100, "discarded, so that closing them does not reset");
  net_close(&net, peer);
  net_end(&net);
}

/* The peer has gone altogether; what it sent is still read. */
Test(peer_fin_while_paused, by_closing) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = net_connect(&net);
  net_send(&net, peer, net_pattern(100), 100);
  net_close(&net, peer);
  net_until(&net, net_life(&net) == FIN_ST_PEER_LEAVING);
  fin_conn_resume(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.report.bytes_in, 100);
  net_end(&net);
}

Test(peer_fin_while_paused, with_nothing_unread) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = net_connect(&net);
  net_fin(peer);
  net_until(&net, net_life(&net) == FIN_ST_PEER_LEAVING);
  fin_conn_resume(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  net_close(&net, peer);
  net_end(&net);
}

/* The FIN was there before the pause. */
Test(peer_fin_while_paused, before_the_pause) {
  struct net net;
  const fin_handler reading = {.state_size = sizeof(struct received), .on_data = take};
  net_begin(&net, &(fin_listen){.handler = &reading, .conn = {.half_ms = 100}});
  int peer = net_connect(&net);
  net_fin(peer);
  fin_conn_pause(net.conn);
  net_until(&net, net_life(&net) == FIN_ST_PEER_LEAVING);
  net_until(&net, net.closed == 1);
  net_reason(&net, HALF_TIMEOUT);
  net_close(&net, peer);
  net_end(&net);
}

/* Fills both kernels, so that the peer's FIN waits in its own kernel behind what does not fit. */
static size_t leave_behind_a_lot(int peer) {
  size_t sent = 0, more;
  do {
    more = net_send_some(peer, net_pattern(LARGE) + sent, LARGE - sent);
    sent += more;
  } while (more > 0);
  cr_assert_lt(sent, LARGE, "the kernels hold all of it");
  net_fin(peer);
  cr_assert_gt(net_unacked(peer), 1, "the FIN is not alone");
  return sent;
}

Test(peer_fin_while_paused, behind_more_than_fits_then_resumed) {
  struct net net;
  int ending;
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = net_connect(&net);
  size_t sent = leave_behind_a_lot(peer);
  net_turn(&net, 0);
  cr_assert_eq(net_life(&net), FIN_ST_OPEN, "the FIN has not arrived");
  cr_assert_eq(net_tcp_state(net_fd(net.conn)), TCP_ESTABLISHED);
  fin_conn_resume(net.conn);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.report.bytes_in, sent);
  net_close(&net, peer);
  net_end(&net);
}

/* A FIN that has not arrived starts no half_ms: to us the peer is one of those who say nothing. */
Test(peer_fin_while_paused, behind_more_than_fits_never_resumed) {
  struct net net;
  int ending;
  const fin_conn_options limits = {.idle_ms = 100, .linger_bytes_max = LARGE};
  net_begin(&net, &(fin_listen){.handler = &paused, .conn = limits});
  int peer = net_connect(&net);
  size_t sent = leave_behind_a_lot(peer);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, IDLE);
  cr_assert_eq(net.report.bytes_in, sent, "all of it discarded");
  net_close(&net, peer);
  net_end(&net);
}

/* Reading has paused by itself: the replies are not taken. When they are, nothing is missing. */
static size_t answer_with_64k(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  size_t taken = 0;
  while (taken < len && fin_conn_reading(conn)) {
    cr_assert_eq(fin_conn_write(conn, net_pattern(65536), 65536), 0);
    taken++;
  }
  return taken;
}

Test(peer_fin_while_paused, by_back_pressure) {
  struct net net;
  int ending;
  const fin_handler answering = {.on_data = answer_with_64k};
  net_begin(&net, &(fin_listen){.handler = &answering});
  int peer = net_connect_small(&net, 16 * 1024, 0);
  net_send(&net, peer, net_pattern(200), 200);
  net_until(&net, !fin_conn_reading(net.conn));
  net_fin(peer);
  net_until(&net, net_life(&net) == FIN_ST_PEER_LEAVING);
  for (int i = 0; i < 200; i++) net_expect(&net, peer, net_pattern(65536), 65536);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  net_close(&net, peer);
  net_end(&net);
}
