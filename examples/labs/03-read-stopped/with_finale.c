/* SPDX-License-Identifier: MIT
 *
 * The same service. Reading pauses and goes on by itself as output waits and drains, and even a
 * connection that is paused learns of the peer's FIN.
 */
#include <ctype.h>
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <stdlib.h>

static void on_line(fin_conn *conn, const char *line, size_t len) {
  char text[4096];
  if (len > 0 && line[0] == '#') return;
  for (size_t i = 0; i < len; i++) text[i] = (char)toupper((unsigned char)line[i]);
  text[len] = '\n';
  fin_conn_write(conn, text, len + 1);
}

int main(int argc, char **argv) {
  static const fin_line upper = {
      .handler = {.on_data = fin_line_on_data}, .on_line = on_line, .line_max = 4095};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &upper.handler};
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
