/* SPDX-License-Identifier: MIT
 *
 * Who does not read, or too slowly, is ended by stall_ms; who reads slowly but steadily is served
 * to the end, however long it takes.
 */
#include <errno.h>

#include "big_reply.h"
#include "lifecycle/lifecycle.h"
#include "support/net.h"

enum { SMALL_BUFFER = 64 * 1024 };

/* ---- nothing is read ---- */

/* Every other bound is out of the way. */
static const fin_conn_options stall_alone = {
    .stall_ms = 200, .idle_ms = FIN_NEVER, .half_ms = 3600 * 1000, .linger_ms = 3600 * 1000};

static void expect_slow_reader(struct net *net, int peer, enum fin_state state) {
  int ending;
  net_until(net, net->closed == 1);
  net_reason(net, SLOW_READER);
  cr_assert_geq(net->report.state_ms[state], 200);
  cr_assert_lt(net->report.bytes_acked, LEN);
  cr_assert_lt(net_receive_all(net, peer, NULL, LEN, &ending), LEN);
  cr_assert_eq(ending, ECONNRESET, "what is missing is not hidden behind a FIN");
  net_close(net, peer);
  net_end(net);
}

static void never_read(const fin_handler *handler, enum fin_state state) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = handler, .conn = stall_alone});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  expect_slow_reader(&net, peer, state);
}

Test(slow_reader, never_reads) {
  never_read(&(fin_handler){.on_open = write_a_lot, .on_data = consume}, FIN_ST_OPEN);
}

/* TCP_USER_TIMEOUT ends such a peer too, and would call it vanished: it has to come later. */
Test(slow_reader, found_out_before_the_kernel_does) {
  struct net net;
  fin_conn_options limits = stall_alone;
  const fin_handler handler = {.on_open = write_a_lot, .on_data = consume};
  limits.dead_peer_after_ms = 1;
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = limits});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  expect_slow_reader(&net, peer, FIN_ST_OPEN);
}

Test(slow_reader, never_reads_while_we_end) {
  never_read(&(fin_handler){.on_open = write_a_lot_and_end, .on_data = consume}, FIN_ST_ENDING);
}

Test(slow_reader, never_reads_while_we_close) {
  never_read(&(fin_handler){.on_open = write_a_lot_and_close, .on_data = consume}, FIN_ST_FLUSHING);
}

Test(slow_reader, never_reads_half_closed) {
  struct net net;
  const fin_handler handler = {.on_data = consume, .on_end = write_a_lot};
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = stall_alone});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  net_fin(peer);
  expect_slow_reader(&net, peer, FIN_ST_PEER_DONE);
}

Test(slow_reader, never_reads_half_closed_while_we_end) {
  struct net net;
  const fin_handler handler = {.on_data = consume, .on_end = write_a_lot_and_end};
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = stall_alone});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  net_fin(peer);
  expect_slow_reader(&net, peer, FIN_ST_LAST_FLUSH);
}

/* Nothing flows for longer than idle_ms, but there is something to be said: no polite end would cut
 * that short. */
Test(slow_reader, never_reads_and_is_not_idle) {
  struct net net;
  fin_conn_options limits = stall_alone;
  const fin_handler handler = {.on_open = write_a_lot, .on_data = consume};
  limits.idle_ms = 50;
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = limits});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  expect_slow_reader(&net, peer, FIN_ST_OPEN);
}

/* Reading is paused by back-pressure, which must not hide that the peer does not read. */
static size_t answer_with_64k(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  size_t taken = 0;
  for (; taken < len && fin_conn_reading(conn); taken++)
    cr_assert_eq(fin_conn_write(conn, net_pattern(65536), 65536), 0);
  return taken;
}

Test(slow_reader, asks_and_never_reads) {
  struct net net;
  const fin_handler handler = {.on_data = answer_with_64k};
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = stall_alone});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  net_send(&net, peer, net_pattern(1000), 1000);
  net_until(&net, !fin_conn_reading(net.conn));
  expect_slow_reader(&net, peer, FIN_ST_OPEN);
}

/* All of it fits into the kernel: nothing waits in us, and still nothing is acknowledged. */
Test(slow_reader, never_reads_what_the_kernel_took) {
  struct net net;
  const fin_handler handler = {.on_data = consume};
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = stall_alone});
  int peer = net_connect_small(&net, 4096, 0);
  size_t len = 0;
  do {
    cr_assert_eq(fin_conn_write(net.conn, net_pattern(1000), 1000), 0);
    len += 1000;
    net_turn(&net, 0);
    cr_assert_eq(fin_conn_output_len(net.conn), 0);
  } while (net_unacked(net_fd(net.conn)) < 10 * 1000);
  net_until(&net, net.closed == 1);
  net_reason(&net, SLOW_READER);
  cr_assert_eq(net.report.bytes_accepted, len);
  cr_assert_lt(net.report.bytes_acked, len);
  net_close(&net, peer);
  net_end(&net);
}

/* ---- something is read ---- */

enum { STEP_MS = 50 };

/* Reads `step` bytes every STEP_MS until the end: how many in all. */
static size_t read_slowly(struct net *net, int peer, size_t step, int *ending) {
  size_t done = 0, now;
  uint64_t begun_ms = net_now_ms();
  do {
    cr_assert_lt(net_now_ms() - begun_ms, 2 * NET_DEADLINE_MS, "nothing ends it");
    uint64_t next_ms = net_now_ms() + STEP_MS;
    net_until(net, net_now_ms() >= next_ms || net->closed == 1);
    now = net_receive_all(net, peer, NULL, step, ending);
    done += now;
  } while (*ending == -1);
  return done;
}

/* Three times stall_ms and idle_ms, never without progress for long. */
Test(slow_reader, makes_progress_and_gets_all) {
  struct net net;
  int ending;
  const fin_conn_options limits = {.stall_ms = 1000, .idle_ms = 1000};
  const fin_handler handler = {.on_open = write_a_lot_and_close, .on_data = consume};
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = limits});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  uint64_t begun_ms = net_now_ms();
  cr_assert_eq(read_slowly(&net, peer, LEN / 60, &ending), LEN);
  cr_assert_eq(ending, 0, "FIN");
  cr_assert_geq(net_now_ms() - begun_ms, 3000);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.report.bytes_acked, LEN);
  net_end(&net);
}

/* The same in the state where idle_ms and half_ms lie in wait. */
static void progress_in(const fin_handler *handler, bool fin) {
  struct net net;
  int ending;
  const fin_conn_options limits = {.stall_ms = 1000, .idle_ms = 500, .half_ms = 1000};
  net_begin(&net, &(fin_listen){.handler = handler, .conn = limits});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  if (fin) net_fin(peer);
  cr_assert_eq(read_slowly(&net, peer, LEN / 60, &ending), LEN);
  cr_assert_eq(ending, 0, "FIN");
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  cr_assert(net.report.reason == (fin ? FIN_REASON_HALF_TIMEOUT : FIN_REASON_IDLE), "%s",
            fin_reason_name(net.report.reason));
  cr_assert_geq(net.report.state_ms[fin ? FIN_ST_PEER_DONE : FIN_ST_OPEN], 3000, "ended too soon");
  net_end(&net);
}

Test(slow_reader, makes_progress_while_open) {
  progress_in(&(fin_handler){.on_open = write_a_lot, .on_data = consume}, false);
}

Test(slow_reader, makes_progress_half_closed) {
  progress_in(&(fin_handler){.on_data = consume, .on_end = write_a_lot}, true);
}

/* Steady progress, far below the minimum rate: a byte a second keeps nothing alive. */
Test(slow_reader, below_the_minimum_rate) {
  struct net net;
  int ending;
  const fin_conn_options limits = {.stall_ms = 500, .min_rate = 1000 * 1000 * 1000};
  const fin_handler handler = {.on_open = write_a_lot_and_close, .on_data = consume};
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = limits});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  size_t read = read_slowly(&net, peer, LEN / 200, &ending);
  cr_assert_eq(ending, ECONNRESET);
  cr_assert_gt(read, SMALL_BUFFER, "there was progress");
  cr_assert_lt(read, LEN);
  net_until(&net, net.closed == 1);
  net_reason(&net, SLOW_READER);
  net_close(&net, peer);
  net_end(&net);
}

Test(slow_reader, a_byte_at_a_time) {
  struct net net;
  int ending;
  const fin_conn_options limits = {.stall_ms = 500};
  const fin_handler handler = {.on_open = write_a_lot, .on_data = consume};
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = limits});
  int peer = net_connect_small(&net, SMALL_BUFFER, 0);
  cr_assert_lt(read_slowly(&net, peer, 1, &ending), 1000 * 1000);
  net_until(&net, net.closed == 1);
  net_reason(&net, SLOW_READER);
  net_close(&net, peer);
  net_end(&net);
}
