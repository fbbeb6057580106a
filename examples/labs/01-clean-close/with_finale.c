/* SPDX-License-Identifier: MIT
 *
 * The same service as fixed.c: the server says goodbye first. fin_conn_close sends the answer, then
 * our FIN, and waits for the client's; nothing of this is left to write here.
 */
#include <ctype.h>
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <stdlib.h>

static void on_line(fin_conn *conn, const char *line, size_t len) {
  char text[256];
  for (size_t i = 0; i < len; i++) text[i] = (char)toupper((unsigned char)line[i]);
  text[len] = '\n';
  fin_conn_write(conn, text, len + 1);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

int main(int argc, char **argv) {
  static const fin_line upper = {
      .handler = {.on_data = fin_line_on_data}, .on_line = on_line, .line_max = 255};
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
