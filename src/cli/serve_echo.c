/* SPDX-License-Identifier: MIT
 *
 * `finale serve echo` and `finale serve line`.
 */
#include <errno.h>
#include <finale/line.h>
#include <stdlib.h>

#include "cli.h"
#include "line_protocol.h"
#include "serve.h"

static void give_up_on(fin_conn *conn, int error) {
  if (error == -ENOMEM) fin_conn_close(conn, FIN_REASON_NO_MEMORY);
  if (error == -ENOBUFS) fin_conn_close(conn, FIN_REASON_TOO_LONG); /* a reply over --output-max */
}

/* ---- echo ---- */

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  int error = fin_conn_write(conn, data, len);
  if (error < 0) give_up_on(conn, error);
  return len;
}

static int start_echo(struct serve *serve, const fin_handler **handler) {
  static const fin_handler echoes = {.on_data = echo};
  (void)serve;
  *handler = &echoes;
  return 0;
}

const struct serve_protocol serve_echo = {
    .name = "echo",
    .help = "  echo   every byte comes back\n",
    .start = start_echo,
};

/* ---- line ---- */

static void answer(fin_conn *conn, const char *line, size_t len) {
  char buffer[LINE_MAX_LEN + 1];
  struct line_reply reply = line_reply_to(line, len, buffer);
  int error = reply.constant ? fin_conn_write_take(conn, reply.data, reply.len, NULL, NULL)
                             : fin_conn_write(conn, reply.data, reply.len);
  if (error < 0) give_up_on(conn, error);
}

static int start_line(struct serve *serve, const fin_handler **handler) {
  size_t input_max = serve->conn.input_max;
  if (input_max > 0 && input_max <= LINE_ENDING_MAX)
    return cli_fail("--input-max %zu: no room for a line and its ending; use 3 or more", input_max);

  fin_line *line = malloc(sizeof *line);
  if (!line) return cli_fail("no memory"), 1;
  bool short_lines = input_max > 0 && input_max < LINE_MAX_LEN + LINE_ENDING_MAX;
  *line = (fin_line){.handler = {.on_data = fin_line_on_data},
                     .on_line = answer,
                     .line_max = short_lines ? input_max - LINE_ENDING_MAX : LINE_MAX_LEN};
  serve->instance = line;
  *handler = &line->handler;
  return 0;
}

static void stop_line(struct serve *serve) { free(serve->instance); }

const struct serve_protocol serve_line = {
    .name = "line",
    .help =
        "  line   a line comes back in upper case; for `SEND n`, n bytes come, at most\n"
        "         1048576, the last of them a newline\n",
    .start = start_line,
    .stop = stop_line,
};
