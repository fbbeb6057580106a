/* SPDX-License-Identifier: MIT
 *
 * A line comes back in upper case; QUIT is answered with how many lines there were.
 *
 *   $ line_upper 7001 &
 *   $ printf 'hello\nquit\n' | nc -N 127.0.0.1 7001
 *   HELLO
 *   1 lines, goodbye
 */
#include <ctype.h>
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct session { /* zeroed when the connection opens, gone when it is closed */
  unsigned lines;
};

static void on_line(fin_conn *conn, const char *line, size_t len) {
  struct session *session = fin_conn_state(conn);
  char reply[1024 + 1];
  if (len == 4 && strncasecmp(line, "quit", 4) == 0) {
    int size = snprintf(reply, sizeof reply, "%u lines, goodbye\n", session->lines);
    fin_conn_write(conn, reply, (size_t)size);
    fin_conn_close(conn, FIN_REASON_CLOSED); /* once that has been sent, whatever else comes in */
    return;
  }
  session->lines++;
  for (size_t i = 0; i < len; i++) reply[i] = (char)toupper((unsigned char)line[i]);
  reply[len] = '\n';
  /* It fails if output has ended: then on_close is on its way, and nothing is left to do here. */
  fin_conn_write(conn, reply, len + 1);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  printf("connection %llu: %s\n", (unsigned long long)fin_conn_id(conn),
         fin_reason_text(report->reason));
}

static const fin_line upper = {
    .handler = {.on_data = fin_line_on_data,
                .on_close = on_close,
                .state_size = sizeof(struct session)},
    .on_line = on_line,
    .line_max = 1024,
};

int main(int argc, char **argv) {
  uint16_t port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 7001);
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  int error = server ? 0 : -errno;
  if (error == 0)
    error = fin_server_listen(server, &(fin_listen){.port = port, .handler = &upper.handler});
  if (error == 0) error = fin_server_run(server);
  if (error < 0) fprintf(stderr, "line_upper: port %u: %s\n", port, fin_strerror(error));
  fin_server_free(server);
  return error < 0;
}
