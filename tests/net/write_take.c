/* SPDX-License-Identifier: MIT
 *
 * fin_conn_write_take: whatever becomes of the bytes, they are released exactly once, and not
 * before nobody needs them.
 */
#include "base/counted.h"
#include "more.h"

enum { LARGE = 9 * 1000 * 1000, OUTPUT_MAX = 20 * 1000 * 1000 };

struct parcel {
  char *bytes; /* NULL once released */
  size_t len;
  unsigned released;
};

static void release(void *arg, const void *data) {
  struct parcel *parcel = arg;
  cr_assert(data == parcel->bytes);
  parcel->released++;
  free(parcel->bytes); /* a use after this is seen by AddressSanitizer */
  parcel->bytes = NULL;
}

/* pattern[from..from + len) */
static struct parcel pack(size_t from, size_t len) {
  struct parcel parcel = {.bytes = malloc(len + 1), .len = len};
  cr_assert(parcel.bytes != NULL);
  memcpy(parcel.bytes, net_pattern(from + len) + from, len);
  return parcel;
}

static int hand_over(fin_conn *conn, struct parcel *parcel) {
  return fin_conn_write_take(conn, parcel->bytes, parcel->len, release, parcel);
}

static void expect_refused(fin_conn *conn, int error) {
  struct parcel parcel = pack(0, 100);
  cr_assert_eq(hand_over(conn, &parcel), error);
  cr_assert_eq(parcel.released, 1, "before it returns");
}

static size_t swallow(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  (void)report;
  expect_refused(conn, -EPIPE);
}

static const fin_handler handler = {.on_data = swallow, .on_close = on_close};

static int begin(struct net *net) {
  net_begin(net, &(fin_listen){.handler = &handler,
                               .conn = {.output_max = OUTPUT_MAX, .linger_grace_ms = 5000}});
  return net_connect(net);
}

static void end(struct net *net, int peer) {
  net_close(net, peer);
  net_until(net, net->closed == 1);
  net_end(net);
}

Test(write_take, arrives_in_order_among_copies) {
  enum { PIECES = 200, PIECE = 1000 };
  struct net net;
  struct parcel parcels[PIECES];
  int peer = begin(&net);
  for (size_t i = 0; i < PIECES; i++) {
    parcels[i] = pack(i * PIECE, PIECE);
    if (i % 3 == 0)
      cr_assert_eq(fin_conn_write(net.conn, net_pattern((i + 1) * PIECE) + i * PIECE, PIECE), 0);
    else
      cr_assert_eq(hand_over(net.conn, &parcels[i]), 0);
  }
  net_expect(&net, peer, net_pattern(PIECES * PIECE), PIECES * PIECE);
  net_until(&net, fin_conn_output_len(net.conn) == 0);
  for (size_t i = 0; i < PIECES; i++) {
    cr_assert_eq(parcels[i].released, i % 3 != 0);
    free(parcels[i].bytes);
  }
  end(&net, peer);
}

Test(write_take, is_kept_while_the_peer_does_not_read) {
  struct net net;
  struct parcel parcel = pack(0, LARGE);
  int peer = begin(&net);
  cr_assert_eq(hand_over(net.conn, &parcel), 0);
  cr_assert_eq(fin_conn_output_len(net.conn), LARGE);
  turn_for(&net, 50);
  cr_assert_eq(parcel.released, 0);
  net_expect(&net, peer, net_pattern(LARGE), LARGE);
  net_until(&net, parcel.released == 1);
  end(&net, peer);
  cr_assert_eq(parcel.released, 1);
  cr_assert_eq(net.report.bytes_accepted, LARGE);
  cr_assert_eq(net.report.bytes_acked, LARGE);
}

Test(write_take, nothing_is_released_at_once) {
  struct net net;
  struct parcel parcel = pack(0, 0);
  int peer = begin(&net);
  cr_assert_eq(hand_over(net.conn, &parcel), 0);
  cr_assert_eq(parcel.released, 1);
  end(&net, peer);
}

/* ---- refused ---- */

Test(write_take, refused_after_end) {
  struct net net;
  int peer = begin(&net);
  fin_conn_end(net.conn);
  expect_refused(net.conn, -EPIPE);
  end(&net, peer);
}

Test(write_take, refused_with_nothing_to_release) {
  struct net net;
  int peer = begin(&net);
  fin_conn_end(net.conn);
  cr_assert_eq(fin_conn_write_take(net.conn, "constant", 8, NULL, NULL), -EPIPE);
  end(&net, peer);
}

Test(write_take, refused_after_close) {
  struct net net;
  int peer = begin(&net);
  fin_conn_close(net.conn, FIN_REASON_CLOSED);
  expect_refused(net.conn, -EPIPE);
  net_turn(&net, 1);
  expect_refused(net.conn, -EPIPE);
  end(&net, peer);
}

Test(write_take, refused_after_abort) {
  struct net net;
  int peer = begin(&net);
  fin_conn_abort(net.conn);
  expect_refused(net.conn, -EPIPE);
  end(&net, peer);
}

/* A write that is refused for want of room ends the connection: see output_limits.c. */
Test(write_take, refused_above_output_max) {
  struct net net;
  struct parcel first = pack(0, LARGE), second = pack(0, LARGE);
  int peer = begin(&net);
  cr_assert_eq(hand_over(net.conn, &first), 0);
  cr_assert_eq(hand_over(net.conn, &second), 0);
  net_turn(&net, 1);
  cr_assert_eq(first.released + second.released, 0);
  struct parcel third = pack(0, LARGE);
  cr_assert_eq(hand_over(net.conn, &third), -ENOBUFS);
  cr_assert_eq(third.released, 1);
  end(&net, peer);
  cr_assert_eq(net.report.reason, FIN_REASON_OUTPUT_FULL);
  cr_assert(first.released == 1 && second.released == 1 && third.released == 1);
}

Test(write_take, refused_without_memory) {
  struct net net;
  struct parcel first = pack(0, 5);
  counted_begin();
  int peer = begin(&net);
  cr_assert_eq(hand_over(net.conn, &first), 0);
  counted_fail_in(1);
  expect_refused(net.conn, -ENOMEM);
  end(&net, peer);
  cr_assert_eq(net.report.reason, FIN_REASON_NO_MEMORY);
  cr_assert_eq(first.released, 1);
  cr_assert_eq(counted.live, 0);
}

/* ---- accepted, and lost ---- */

/* One parcel is on its way, another one waits, a third is behind a copy. */
static void lose(void (*verb)(struct net *net, int *peer)) {
  struct net net;
  struct parcel parcels[] = {pack(0, LARGE), pack(0, 1), pack(0, 100)};
  int peer = begin(&net);
  cr_assert_eq(hand_over(net.conn, &parcels[0]), 0);
  net_turn(&net, 1);
  cr_assert(fin_conn_output_len(net.conn) > 0, "more than the kernels take");
  cr_assert_eq(hand_over(net.conn, &parcels[1]), 0);
  cr_assert_eq(fin_conn_write(net.conn, "copy", 4), 0);
  cr_assert_eq(hand_over(net.conn, &parcels[2]), 0);
  verb(&net, &peer);
  net_until(&net, net.closed == 1);
  for (int i = 0; i < 3; i++) cr_assert_eq(parcels[i].released, 1);
  cr_assert(net.report.bytes_acked < net.report.bytes_accepted);
  if (peer >= 0) net_close(&net, peer);
  net_end(&net);
  for (int i = 0; i < 3; i++) cr_assert_eq(parcels[i].released, 1);
}

static void by_abort(struct net *net, int *peer) {
  (void)peer;
  fin_conn_abort(net->conn);
}

static void by_close_and_abort(struct net *net, int *peer) {
  (void)peer;
  fin_conn_close(net->conn, FIN_REASON_CLOSED);
  net_turn(net, 1);
  fin_conn_abort(net->conn);
}

static void by_reset(struct net *net, int *peer) {
  net_reset(net, *peer);
  *peer = -1;
}

static void by_server_abort(struct net *net, int *peer) {
  (void)peer;
  fin_server_abort(net->server);
}

Test(write_take, lost_by_abort) { lose(by_abort); }
Test(write_take, lost_by_abort_after_close) { lose(by_close_and_abort); }
Test(write_take, lost_by_the_peers_reset) { lose(by_reset); }
Test(write_take, lost_by_the_servers_abort) { lose(by_server_abort); }
