/* SPDX-License-Identifier: MIT
 *
 * Output that has ended takes nothing more, in whatever way and from whatever callback it ended.
 */
#include <errno.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

static void count_release(void *arg, const void *data) {
  (void)data;
  ++*(unsigned *)arg;
}

static void expect_refusal(fin_conn *conn) {
  unsigned released = 0;
  cr_assert_eq(fin_conn_write(conn, "x", 1), -EPIPE);
  cr_assert_eq(fin_conn_write(conn, "", 0), -EPIPE);
  cr_assert_eq(fin_conn_write(conn, net_pattern(100000), 100000), -EPIPE);
  cr_assert_eq(fin_conn_write_take(conn, "x", 1, count_release, &released), -EPIPE);
  cr_assert_eq(released, 1, "taken, also when refused");
}

static size_t refuse_in_on_data(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  expect_refusal(conn);
  return len;
}

static void refuse_in_on_close(fin_conn *conn, const fin_report *report) {
  (void)report;
  expect_refusal(conn);
}

static void write_then(fin_conn *conn, void (*finish)(fin_conn *conn)) {
  cr_assert_eq(fin_conn_write(conn, "before", 6), 0);
  finish(conn);
  expect_refusal(conn);
}

static void close_politely(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_CLOSED); }

static void end_on_open(fin_conn *conn) { write_then(conn, fin_conn_end); }
static void close_on_open(fin_conn *conn) { write_then(conn, close_politely); }
static void abort_on_open(fin_conn *conn) { write_then(conn, fin_conn_abort); }

static void expect_nothing_but_before(void (*on_open)(fin_conn *conn), size_t received) {
  struct net net;
  char reply[100];
  int ending;
  const fin_handler handler = {.on_open = on_open,
                               .on_data = refuse_in_on_data,
                               .on_end = expect_refusal,
                               .on_close = refuse_in_on_close};
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect(&net);
  if (received > 0) net_send(&net, peer, "x", 1);
  cr_assert_eq(net_receive_all(&net, peer, reply, sizeof reply, &ending), received);
  cr_assert_eq(ending, received > 0 ? 0 : ECONNRESET);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  cr_assert_eq(net.report.bytes_accepted, 6);
  net_end(&net);
}

Test(write_after_end, end) { expect_nothing_but_before(end_on_open, 6); }
Test(write_after_end, close) { expect_nothing_but_before(close_on_open, 6); }
Test(write_after_end, abort) { expect_nothing_but_before(abort_on_open, 0); }

/* Refused because it would not fit. A hole in the stream is worse than its end: nothing follows,
 * and no FIN makes the rest look whole. */
Test(write_after_end, output_over_its_limit_is_an_end) {
  struct net net;
  int ending;
  const fin_handler handler = {.on_data = refuse_in_on_data, .on_close = refuse_in_on_close};
  net_begin(&net,
            &(fin_listen){.handler = &handler, .conn = {.output_high = 1000, .output_max = 10000}});
  int peer = net_connect(&net);
  cr_assert_eq(fin_conn_write(net.conn, net_pattern(10000), 10000), 0);
  cr_assert_eq(fin_conn_output_len(net.conn), 10000);
  cr_assert_eq(fin_conn_write(net.conn, "x", 1), -ENOBUFS);
  expect_refusal(net.conn);
  net_until(&net, net.closed == 1);
  net_reason(&net, OUTPUT_FULL);
  cr_assert_eq(net.report.error, ENOBUFS);
  cr_assert_eq(net.report.bytes_accepted, 10000);
  net_receive_all(&net, peer, NULL, SIZE_MAX, &ending);
  cr_assert_eq(ending, ECONNRESET);
  net_close(&net, peer);
  net_end(&net);
}

/* What fits is taken, again and again. */
Test(write_after_end, output_up_to_its_limit_is_not) {
  struct net net;
  const fin_handler handler = {.on_data = refuse_in_on_data};
  net_begin(&net,
            &(fin_listen){.handler = &handler, .conn = {.output_high = 1000, .output_max = 10000}});
  int peer = net_connect(&net);
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(fin_conn_write(net.conn, net_pattern(10000), 10000), 0);
    net_expect(&net, peer, net_pattern(10000), 10000);
  }
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.report.bytes_acked, 30000);
  net_end(&net);
}
