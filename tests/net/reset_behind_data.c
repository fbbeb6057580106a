/* SPDX-License-Identifier: MIT
 *
 * Data and RST arrive together. libuv before 1.52 reports that as data and an orderly end, which
 * would make whole what was cut short.
 */
#include <errno.h>

#include "support/net.h"

static size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void never(fin_conn *conn) {
  (void)conn;
  cr_assert_fail("there was no orderly end");
}

static void send_and_reset(const char *data, size_t len, bool fin) {
  struct net net;
  const fin_handler handler = {.on_data = consume, .on_end = never};
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect(&net);
  cr_assert_eq(net_send_some(peer, data, len), len);
  if (fin) net_fin(peer);
  net_reset(&net, peer); /* before the server had a turn */
  net_until(&net, net.closed == 1);
  net_reason(&net, PEER_RESET);
  cr_assert_neq(net.report.error, 0);
  cr_assert_eq(net.report.bytes_in, len, "what came before the reset is delivered");
  net_end(&net);
}

Test(reset_behind_data, short_of_a_buffer) { send_and_reset("hello", 5, false); }
Test(reset_behind_data, many_segments) { send_and_reset(net_pattern(60000), 60000, false); }
Test(reset_behind_data, and_behind_a_fin) { send_and_reset("hello", 5, true); }
Test(reset_behind_data, nothing_but_a_fin) { send_and_reset("", 0, true); }
