/* SPDX-License-Identifier: MIT
 *
 * A client sends a long request, ends its output, and waits for the reply: the oldest use of
 * half-close, and the one that servers that close on EOF get wrong.
 */
#include <string.h>

#include "lifecycle/lifecycle.h"
#include "support/net.h"

enum { UPLOAD_LEN = 3 * 1000 * 1000, REPLY_LEN = 2 * 1000 * 1000 };

struct upload {
  size_t received;
};

static size_t take(fin_conn *conn, const char *data, size_t len) {
  struct upload *upload = fin_conn_state(conn);
  cr_assert_leq(upload->received + len, UPLOAD_LEN);
  cr_assert_eq(memcmp(data, net_pattern(UPLOAD_LEN) + upload->received, len), 0);
  upload->received += len;
  return len;
}

static void reply(fin_conn *conn) {
  const struct upload *upload = fin_conn_state(conn);
  cr_assert_eq(fin_conn_life(conn), FIN_ST_PEER_DONE);
  cr_assert_eq(upload->received, UPLOAD_LEN);
  cr_assert_eq(fin_conn_write(conn, net_pattern(REPLY_LEN), REPLY_LEN), 0);
}

static void reply_and_end(fin_conn *conn) {
  reply(conn);
  fin_conn_end(conn);
}

static void reply_and_close(fin_conn *conn) {
  reply(conn);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

static void upload_and_expect_reply(const fin_handler *handler) {
  struct net net;
  int ending;
  net_begin(&net, &(fin_listen){.handler = handler});
  int peer = net_connect(&net);
  net_send(&net, peer, net_pattern(UPLOAD_LEN), UPLOAD_LEN);
  net_fin(peer);
  net_expect(&net, peer, net_pattern(REPLY_LEN), REPLY_LEN);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.ended, 1);
  cr_assert_eq(net.report.bytes_in, UPLOAD_LEN);
  cr_assert_eq(net.report.bytes_accepted, REPLY_LEN);
  net_close(&net, peer);
  net_end(&net);
}

Test(half_close_upload, reply_then_end) {
  upload_and_expect_reply(&(fin_handler){
      .state_size = sizeof(struct upload), .on_data = take, .on_end = reply_and_end});
}

Test(half_close_upload, reply_then_close) {
  upload_and_expect_reply(&(fin_handler){
      .state_size = sizeof(struct upload), .on_data = take, .on_end = reply_and_close});
}

/* Far more than the kernel holds is on its way out when the FIN comes, and on_end is the default.
 */
Test(half_close_upload, reply_begun_before_the_end) {
  struct net net;
  int ending;
  const size_t len = 12 * 1000 * 1000;
  const fin_handler handler = {.state_size = sizeof(struct upload), .on_data = take};
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect_small(&net, 16 * 1024, 0);
  cr_assert_eq(fin_conn_write(net.conn, net_pattern(len), len), 0);
  net_send(&net, peer, net_pattern(1000), 1000);
  net_fin(peer);
  net_expect(&net, peer, net_pattern(len), len);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_ENDED);
  cr_assert_eq(net.report.bytes_in, 1000);
  cr_assert_eq(net.report.bytes_accepted, len);
  net_close(&net, peer);
  net_end(&net);
}
