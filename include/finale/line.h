/* SPDX-License-Identifier: MIT
 *
 * Lines of text over a connection: "one LF ends a line, a CR before it belongs to the ending".
 *
 *   static const fin_line upper = {.handler = {.on_data = fin_line_on_data}, .on_line = on_line};
 *   fin_server_listen(server, &(fin_listen){.port = 7000, .handler = &upper.handler});
 *
 * The other callbacks of the handler stay free for use.
 */
#ifndef FINALE_LINE_H
#define FINALE_LINE_H

#include <finale/finale.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fin_line {
  fin_handler handler; /* handler.on_data must be fin_line_on_data */

  /* One line without its ending; `line` is not NUL-terminated and valid until the callback returns.
   * No further line is delivered while the connection is paused, nor after it is closed. */
  void (*on_line)(fin_conn *conn, const char *line, size_t len);

  /* Longest line, its ending not counted (8 KiB). A longer one closes the connection with
   * FIN_REASON_TOO_LONG. At most input_max - 2. */
  size_t line_max;
} fin_line;

/* Cuts input into lines. A last line without LF is not delivered: the peer did not finish it. */
FIN_EXPORT size_t fin_line_on_data(fin_conn *conn, const char *data, size_t len);

#ifdef __cplusplus
}
#endif
#endif
