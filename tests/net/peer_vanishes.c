/* SPDX-License-Identifier: MIT
 *
 * The peer is gone without a word: power, cable, firewall. Nothing arrives any more, neither FIN
 * nor RST, and only clocks can tell.
 */
#include <errno.h>
#include <netinet/tcp.h>

#include "lifecycle/lifecycle.h"
#include "two_hosts.h"

enum { AN_HOUR = 3600 * 1000 };

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler handler = {.on_data = consume, .on_end = stay};

/* None of our own deadlines is near; the kernel finds out in about two seconds. */
static const fin_conn_options kernel_finds_out = {
    .idle_ms = FIN_NEVER, .half_ms = AN_HOUR, .stall_ms = 500, .dead_peer_after_ms = 2000};

/* `before` brings the connection into its state; then the wire is cut and stays cut. */
static void vanish(const fin_conn_options *limits, void (*before)(struct net *net, int peer),
                   void (*after)(struct net *net), fin_reason reason) {
  struct two_hosts hosts;
  struct net net;
  two_hosts_begin(&hosts);
  net_begin(&net, &(fin_listen){.handler = &handler, .host = TWO_HOSTS_SERVER, .conn = *limits});
  int peer = two_hosts_connect(&hosts, &net);
  if (before) before(&net, peer);
  two_hosts_cut(&hosts);
  if (after) after(&net);
  net_until(&net, net.closed == 1);
  cr_assert_eq(net.report.reason, reason, "%s (%s)", fin_reason_name(net.report.reason),
               fin_strerror(net.report.error));
  cr_assert_eq(net.report.error, reason == FIN_REASON_PEER_VANISHED ? ETIMEDOUT : 0);
  net_close(&net, peer);
  net_end(&net);
  two_hosts_end(&hosts);
}

Test(peer_vanishes, idle) { vanish(&kernel_finds_out, NULL, NULL, FIN_REASON_PEER_VANISHED); }

static void talk(struct net *net, int peer) {
  net_send(net, peer, "hello", 5);
  net_until(net, net_unread(net_fd(net->conn)) == 0);
  cr_assert_eq(fin_conn_write(net->conn, "hello", 5), 0);
  net_expect(net, peer, "hello", 5);
}

Test(peer_vanishes, after_some_talk) {
  vanish(&kernel_finds_out, talk, NULL, FIN_REASON_PEER_VANISHED);
}

/* The death-watch hears it where nobody reads. */
static void pause_reading(struct net *net, int peer) {
  (void)peer;
  fin_conn_pause(net->conn);
  net_turn(net, 0);
}

Test(peer_vanishes, paused) {
  vanish(&kernel_finds_out, pause_reading, NULL, FIN_REASON_PEER_VANISHED);
}

static void half_close(struct net *net, int peer) {
  net_fin(peer);
  net_until(net, net->ended == 1);
}

Test(peer_vanishes, half_closed) {
  vanish(&kernel_finds_out, half_close, NULL, FIN_REASON_PEER_VANISHED);
}

/* Output that nobody acknowledges is the business of stall_ms, which comes first. */
static void write_some(struct net *net) { cr_assert_eq(fin_conn_write(net->conn, "x", 1), 0); }

Test(peer_vanishes, with_output_pending) {
  vanish(&kernel_finds_out, NULL, write_some, FIN_REASON_SLOW_READER);
}

/* So is a FIN that nobody acknowledges: stall_ms, half_ms and linger_ms need no answer. */
static void end_output(struct net *net) { fin_conn_end(net->conn); }

Test(peer_vanishes, while_we_end) {
  fin_conn_options limits = kernel_finds_out;
  limits.half_ms = limits.linger_ms = 200;
  vanish(&limits, NULL, end_output, FIN_REASON_HALF_TIMEOUT);
}

static void close_politely(struct net *net) { fin_conn_close(net->conn, FIN_REASON_CLOSED); }

Test(peer_vanishes, while_we_close) {
  fin_conn_options limits = kernel_finds_out;
  limits.linger_ms = 200;
  vanish(&limits, NULL, close_politely, FIN_REASON_LINGER_CUT);
}

/* ---- the wire comes back ---- */

/* A cable pulled and put back within our patience is no reason to end anything. */
Test(peer_vanishes, and_comes_back) {
  struct two_hosts hosts;
  struct net net;
  const fin_conn_options limits = {.stall_ms = 60 * 1000};
  two_hosts_begin(&hosts);
  net_begin(&net, &(fin_listen){.handler = &handler, .host = TWO_HOSTS_SERVER, .conn = limits});
  int peer = two_hosts_connect(&hosts, &net);
  two_hosts_cut(&hosts);
  cr_assert_eq(fin_conn_write(net.conn, "hello", 5), 0);
  net_until(&net, net_unacked(net_fd(net.conn)) == 5);
  two_hosts_mend(&hosts);
  net_expect(&net, peer, "hello", 5);
  net_close(&net, peer);
  net_until(&net, net.ended == 1);
  fin_conn_end(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.report.bytes_acked, 5);
  net_end(&net);
  two_hosts_end(&hosts);
}

/* Both say FIN while the wire is cut, so that the FINs cross: both ends pass through CLOSING. */
Test(peer_vanishes, and_both_end_meanwhile) {
  struct two_hosts hosts;
  struct net net;
  int ending;
  two_hosts_begin(&hosts);
  net_begin(&net, &(fin_listen){.handler = &handler, .host = TWO_HOSTS_SERVER});
  int peer = two_hosts_connect(&hosts, &net);
  two_hosts_cut(&hosts);
  fin_conn_end(net.conn);
  net_fin(peer);
  net_until(&net, net_life(&net) == FIN_ST_SEND_DONE);
  cr_assert_eq(net_tcp_state(net_fd(net.conn)), TCP_FIN_WAIT1);
  cr_assert_eq(net_tcp_state(peer), TCP_FIN_WAIT1);
  two_hosts_mend(&hosts);
  net_until(&net, net.closed == 1);
  net_reason(&net, ENDED);
  cr_assert_eq(net.ended, 1);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_close(&net, peer);
  net_end(&net);
  two_hosts_end(&hosts);
}
