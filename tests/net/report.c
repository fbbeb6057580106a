/* SPDX-License-Identifier: MIT
 *
 * The report at the end: its errno belongs to its reason.
 */
#include "more.h"

enum { REPLY = 8 * 1024 * 1024 };

static size_t refuse(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  fin_conn_write(conn, net_pattern(REPLY), REPLY);
  fin_conn_close(conn, FIN_REASON_PROTOCOL);
  return len;
}

static const fin_handler handler = {.on_data = refuse};

Test(report, a_reset_after_the_reason_is_not_its_errno) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect_small(&net, 16 * 1024, 0);
  net_send(&net, peer, "?", 1);
  net_until(&net, net.conn && strcmp(fin_state_name(fin_conn_life(net.conn)), "FLUSHING") == 0);
  net_reset(&net, peer);
  net_until(&net, net.closed == 1);
  cr_assert_eq(net.report.reason, FIN_REASON_PROTOCOL);
  cr_assert_eq(net.report.error, 0, "errno %d", net.report.error);
  net_end(&net);
}
