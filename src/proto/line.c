/* SPDX-License-Identifier: MIT
 *
 * The line protocol: framing by consumed bytes alone, so that it needs no state and no buffer.
 */
#include <finale/line.h>
#include <string.h>

enum { LINE_MAX_DEFAULT = 8 * 1024 };

size_t fin_line_on_data(fin_conn *conn, const char *data, size_t len) {
  const fin_line *protocol = (const fin_line *)fin_conn_handler(conn);
  size_t line_max = protocol->line_max ? protocol->line_max : LINE_MAX_DEFAULT;
  size_t consumed = 0;
  while (fin_conn_reading(conn)) {
    const char *line = data + consumed;
    size_t rest = len - consumed;
    const char *lf = memchr(line, '\n', rest);
    size_t line_len = lf ? (size_t)(lf - line) : rest;
    /* Whether a last CR belongs to the ending is known only when its LF is there. */
    size_t text_len = line_len > 0 && line[line_len - 1] == '\r' ? line_len - 1 : line_len;
    if (text_len > line_max) fin_conn_close(conn, FIN_REASON_TOO_LONG);
    if (text_len > line_max || !lf) break;
    consumed += line_len + 1;
    protocol->on_line(conn, line, text_len);
  }
  return consumed;
}
