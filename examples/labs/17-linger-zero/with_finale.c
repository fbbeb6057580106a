/* SPDX-License-Identifier: MIT
 *
 * The same service. fin_conn_close sends all of it before the descriptor goes; a reset is what
 * fin_conn_abort is for, and nothing else asks for one.
 */
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <stdlib.h>

static char report[60 * 1000];

static void write_report(void) {
  for (size_t i = 0; i < sizeof report; i++) report[i] = (char)(i % 60 < 59 ? 'a' + i % 26 : '\n');
}

static void on_line(fin_conn *conn, const char *line, size_t len) {
  (void)line;
  (void)len;
  fin_conn_write_take(conn, report, sizeof report, NULL, NULL);
  fin_conn_close(conn, 0);
}

int main(int argc, char **argv) {
  static const fin_line asked = {.handler = {.on_data = fin_line_on_data}, .on_line = on_line};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &asked.handler};
  listen.port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);
  write_report();
  int error = server ? fin_server_listen(server, &listen) : -errno;
  if (error == 0) {
    printf("listening on 0.0.0.0:%u\n", fin_server_port(server));
    fflush(stdout);
    error = fin_server_run(server);
  }
  if (error < 0) fprintf(stderr, "with_finale: %s\n", fin_strerror(error));
  fin_server_free(server);
  return error < 0;
}
