/* SPDX-License-Identifier: MIT
 *
 * Everything that was accepted arrives before the FIN, however much it is: uv_close alone would
 * drop what is queued behind a clean FIN.
 */
#include "support/net.h"

enum { LEN = 8 * 1024 * 1024 };

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void write_at_once(fin_conn *conn) {
  cr_assert_eq(fin_conn_write(conn, net_pattern(LEN), LEN), 0);
}

static void write_in_pieces(fin_conn *conn) {
  const size_t sizes[] = {1, 10, 100, 1000, 10000, 100000, 17, 4096, 65536, 3};
  size_t done = 0;
  for (size_t i = 0; done < LEN; i++) {
    size_t len = sizes[i % 10] < LEN - done ? sizes[i % 10] : LEN - done;
    cr_assert_eq(fin_conn_write(conn, net_pattern(LEN) + done, len), 0);
    done += len;
  }
}

static void count_release(void *arg, const void *data) {
  (void)data;
  ++*(unsigned *)arg;
}

static void write_without_copy(fin_conn *conn) {
  enum { PIECES = 128 };
  for (size_t i = 0; i < PIECES; i++) {
    const char *piece = net_pattern(LEN) + i * (LEN / PIECES);
    cr_assert_eq(
        fin_conn_write_take(conn, piece, LEN / PIECES, count_release, fin_conn_context(conn)), 0);
  }
}

static void expect_all(void (*write)(fin_conn *conn), void (*finish)(fin_conn *conn),
                       fin_reason reason, unsigned *released) {
  struct net net;
  int ending;
  const fin_handler handler = {.on_data = consume};
  net_begin(&net, &(fin_listen){.handler = &handler, .context = released});
  int peer = net_connect(&net);
  write(net.conn);
  cr_assert_gt(fin_conn_output_len(net.conn), 0);
  finish(net.conn);
  net_expect(&net, peer, net_pattern(LEN), LEN);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  cr_assert_eq(net.report.reason, reason, "%s", fin_reason_name(net.report.reason));
  cr_assert_eq(net.report.bytes_accepted, LEN);
  cr_assert_eq(net.report.bytes_acked, LEN);
  net_end(&net);
}

static void close_politely(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_BUG); }
static void drain(fin_conn *conn) { fin_server_drain(fin_conn_server(conn)); }

Test(pending_output_at_close, close) {
  expect_all(write_at_once, close_politely, FIN_REASON_CLOSED, NULL);
}

Test(pending_output_at_close, end) {
  expect_all(write_at_once, fin_conn_end, FIN_REASON_ENDED, NULL);
}

Test(pending_output_at_close, drained_server) {
  expect_all(write_at_once, drain, FIN_REASON_DRAINED, NULL);
}

Test(pending_output_at_close, in_pieces) {
  expect_all(write_in_pieces, close_politely, FIN_REASON_CLOSED, NULL);
}

Test(pending_output_at_close, without_copies) {
  unsigned released = 0;
  expect_all(write_without_copy, close_politely, FIN_REASON_CLOSED, &released);
  cr_assert_eq(released, 128);
}
