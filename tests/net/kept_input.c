/* SPDX-License-Identifier: MIT
 *
 * Input that the handler has not consumed: offered again when the handler is ready, and never more
 * of it than input_max and one read.
 */
#include "more.h"

enum { FLOOD = 4 * 1024 * 1024, INPUT_MAX = 64 * 1024, ONE_READ = 256 * 1024, SIP = 16 };

static unsigned calls;
static size_t most, sipped;

/* The work for which it pauses is done before it returns; it takes the bytes when asked again. */
static size_t pause_and_be_ready(fin_conn *conn, const char *data, size_t len) {
  if (calls++ > 0) {
    fin_conn_write(conn, data, len);
    return len;
  }
  fin_conn_pause(conn);
  fin_conn_resume(conn);
  return 0;
}

Test(kept_input, is_offered_again_after_a_pause_within_the_call) {
  static const fin_handler handler = {.on_data = pause_and_be_ready};
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect(&net);
  net_send(&net, peer, "ready", 5);
  net_expect(&net, peer, "ready", 5);
  cr_assert_eq(calls, 2);
  net_close(&net, peer);
  net_end(&net);
}

static size_t sip(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  if (len > most) most = len;
  size_t taken = len < SIP ? len : SIP;
  sipped += taken;
  return taken;
}

Test(kept_input, is_bounded_however_little_is_consumed) {
  static const fin_handler handler = {.on_data = sip};
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler, .conn = {.input_max = INPUT_MAX}});
  int peer = net_connect(&net);
  size_t sent = 0;
  while (sent < FLOOD && net.closed == 0 && sipped < 1000 * SIP) {
    sent += net_send_some(peer, net_pattern(ONE_READ), ONE_READ);
    net_turn(&net, 0);
  }
  cr_assert_eq(net.closed, 0);
  cr_assert(most <= INPUT_MAX + ONE_READ, "%zu bytes were offered at once", most);
  fin_conn_abort(net.conn);
  net_close(&net, peer);
  net_end(&net);
}
