/* SPDX-License-Identifier: MIT
 *
 * The same service. Output that waits must make progress, min_rate bytes a second of it seen over
 * stall_ms: this is a bound on every connection (30 s, shorter here to be seen), and SLOW_READER is
 * the reason that its report gives.
 */
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <stdlib.h>

static char film[1000 * 1000];

static void on_line(fin_conn *conn, const char *line, size_t len) {
  (void)line;
  (void)len;
  fin_conn_write_take(conn, film, sizeof film, NULL, NULL);
  fin_conn_close(conn, 0);
}

int main(int argc, char **argv) {
  static const fin_line asked = {.handler = {.on_data = fin_line_on_data}, .on_line = on_line};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &asked.handler, .conn.stall_ms = 2000};
  listen.port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);
  for (size_t i = 0; i < sizeof film; i++) film[i] = (char)('a' + i % 26);
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
