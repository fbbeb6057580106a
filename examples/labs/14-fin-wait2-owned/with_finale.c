/* SPDX-License-Identifier: MIT
 *
 * The same service. fin_conn_close sends the answer and our FIN, waits for the client's, and gives
 * up waiting after linger_grace_ms of silence, or linger_ms in all: it cannot be asked to wait for
 * ever.
 */
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <stdlib.h>

static void on_line(fin_conn *conn, const char *line, size_t len) {
  static const char weather[] = "12 degrees, light rain\n";
  (void)line;
  (void)len;
  fin_conn_write(conn, weather, sizeof weather - 1);
  fin_conn_close(conn, 0);
}

int main(int argc, char **argv) {
  static const fin_line asked = {.handler = {.on_data = fin_line_on_data}, .on_line = on_line};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &asked.handler};
  listen.port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);
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
