/* SPDX-License-Identifier: MIT
 *
 * A reply that no socket takes whole, and what a handler may say behind it.
 */
#ifndef TESTS_NET_BIG_REPLY_H
#define TESTS_NET_BIG_REPLY_H

#include "support/net.h"

enum { LEN = 8 * 1000 * 1000 };

static inline size_t consume(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static inline void write_a_lot(fin_conn *conn) {
  cr_assert_eq(fin_conn_write(conn, net_pattern(LEN), LEN), 0);
}

static inline void write_a_lot_and_end(fin_conn *conn) {
  write_a_lot(conn);
  fin_conn_end(conn);
}

static inline void write_a_lot_and_close(fin_conn *conn) {
  write_a_lot(conn);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

#endif
