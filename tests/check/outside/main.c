/* SPDX-License-Identifier: MIT
 *
 * A project outside: starts a server on any free port, drains it, and prints the library's version.
 */
#include <finale/line.h>
#include <stdio.h>

static void on_line(fin_conn *conn, const char *line, size_t len) {
  fin_conn_write(conn, line, len);
}

int main(void) {
  static const fin_line repeat = {.handler = {.on_data = fin_line_on_data}, .on_line = on_line};
  fin_server *server = fin_server_new(NULL);
  int error =
      fin_server_listen(server, &(fin_listen){.host = "127.0.0.1", .handler = &repeat.handler});
  if (error != 0) return fprintf(stderr, "%s\n", fin_strerror(error)), 1;
  fin_server_drain(server);
  fin_server_run(server);
  fin_server_free(server);
  return puts(fin_version()) < 0;
}
