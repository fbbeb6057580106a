/* SPDX-License-Identifier: MIT
 *
 * The same service. There is no path without a close: a handler that returns has forgotten nothing,
 * for the connection was never its own.
 */
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_line(fin_conn *conn, const char *line, size_t len) {
  char text[64];
  int a, b;
  memcpy(text, line, len);
  text[len] = 0;
  if (strcmp(text, "quit") == 0) {
    fin_conn_close(conn, FIN_REASON_CLOSED);
  } else if (sscanf(text, "add %d %d", &a, &b) != 2) {
    fin_conn_write(conn, "no sum\n", 7);
    fin_conn_close(conn, FIN_REASON_CLOSED);
  } else {
    snprintf(text, sizeof text, "%lld\n", (long long)a + b);
    fin_conn_write(conn, text, strlen(text));
  }
}

int main(int argc, char **argv) {
  static const fin_line sums = {
      .handler = {.on_data = fin_line_on_data}, .on_line = on_line, .line_max = 63};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &sums.handler};
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
