/* SPDX-License-Identifier: MIT
 *
 * What is written in one turn leaves together, whoever writes it: many small writes are one
 * segment, and large ones are not delayed by it.
 */
#include <netinet/tcp.h>

#include "more.h"

enum { WRITES = 50, LEN = 20, ALL = WRITES * LEN };

static void write_all(fin_conn *conn) {
  for (size_t i = 0; i < WRITES; i++)
    cr_assert_eq(fin_conn_write(conn, net_pattern(ALL) + i * LEN, LEN), 0);
}

static void keep(void *arg, const void *data) {
  (void)arg;
  (void)data;
}

static void take_all(fin_conn *conn) {
  for (size_t i = 0; i < WRITES; i++)
    cr_assert_eq(fin_conn_write_take(conn, net_pattern(ALL) + i * LEN, LEN, keep, NULL), 0);
}

static void write_and_take(fin_conn *conn) {
  for (size_t i = 0; i < WRITES; i++) {
    const char *data = net_pattern(ALL) + i * LEN;
    cr_assert_eq(
        i % 2 ? fin_conn_write(conn, data, LEN) : fin_conn_write_take(conn, data, LEN, keep, NULL),
        0);
  }
}

/* Each byte of the input is one word. */
static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  switch (data[0]) {
    case 'w':
      write_all(conn);
      break;
    case 'k':
      take_all(conn);
      break;
    case 'b':
      write_and_take(conn);
      break;
    case 't':
      fin_conn_set_timer(conn, 1);
      break;
    default:
      cr_assert_fail("%c", data[0]);
  }
  return len;
}

static void drained(fin_conn *conn) {
  write_all(conn);
  fin_conn_close(conn, FIN_REASON_DRAINED);
}

static const fin_handler handler = {
    .on_open = write_all, .on_data = on_data, .on_timer = write_all, .on_drain = drained};

/* As Linux has it since 4.6; glibc's tcp_info is only the beginning. */
struct segment_info {
  struct tcp_info known;
  uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
  uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
};
_Static_assert(offsetof(struct segment_info, data_segs_out) == 156, "linux/tcp.h");

/* Segments with data that the server has sent on this connection. */
static unsigned segments(const struct net *net) {
  struct segment_info info = {.data_segs_out = 0};
  socklen_t len = sizeof info;
  cr_assert_eq(getsockopt(net_fd(net->conn), IPPROTO_TCP, TCP_INFO, &info, &len), 0);
  cr_assert_eq(len, sizeof info);
  return info.data_segs_out;
}

static int begin(struct net *net) {
  net_begin(net, &(fin_listen){.handler = &handler});
  int peer = net_connect(net);
  net_expect(net, peer, net_pattern(ALL), ALL);
  cr_assert_eq(segments(net), 1, "of on_open");
  return peer;
}

static void end(struct net *net, int peer) {
  net_close(net, peer);
  net_until(net, net->closed == 1);
  net_end(net);
}

static void says(const char *word) {
  struct net net;
  int peer = begin(&net);
  net_send(&net, peer, word, 1);
  net_expect(&net, peer, net_pattern(ALL), ALL);
  cr_assert_eq(segments(&net), 2, "%u", segments(&net));
  end(&net, peer);
}

Test(corking, copies_within_on_data) { says("w"); }
Test(corking, taken_within_on_data) { says("k"); }
Test(corking, both_within_on_data) { says("b"); }
Test(corking, within_on_timer) { says("t"); }

Test(corking, within_on_drain) {
  struct net net;
  int peer = begin(&net);
  fin_server_drain(net.server);
  net_expect(&net, peer, net_pattern(ALL), ALL);
  cr_assert_eq(segments(&net), 2);
  end(&net, peer);
}

Test(corking, outside_callbacks) {
  struct net net;
  int peer = begin(&net);
  write_all(net.conn);
  cr_assert_eq(fin_conn_output_len(net.conn), ALL);
  net_expect(&net, peer, net_pattern(ALL), ALL);
  cr_assert_eq(segments(&net), 2);
  end(&net, peer);
}

/* A write above this goes to the socket at once, with what waits before it. */
Test(corking, large_writes_do_not_wait) {
  enum { SMALL = 100, LARGE = 20 * 1000 };
  struct net net;
  int peer = begin(&net);
  const char *bytes = net_pattern(2 * LARGE);
  cr_assert_eq(fin_conn_write(net.conn, bytes, SMALL), 0);
  cr_assert_eq(fin_conn_output_len(net.conn), SMALL);
  cr_assert_eq(fin_conn_write(net.conn, bytes + SMALL, LARGE), 0);
  cr_assert_eq(fin_conn_output_len(net.conn), 0);
  cr_assert_eq(net_receive_some(peer, NULL, 0), 0);
  net_expect(&net, peer, bytes, SMALL + LARGE);
  end(&net, peer);
}
