/* SPDX-License-Identifier: MIT
 *
 * The same service. Edges are not the handler's business: it is given all that came, and what it
 * does not consume is offered again; the end comes after the last byte.
 */
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>
#include <stdlib.h>

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  size_t *line = fin_conn_state(conn);
  for (size_t i = 0; i < len; i++) {
    char text[32];
    (*line)++;
    if (data[i] != '\n') continue;
    fin_conn_write(conn, text, (size_t)snprintf(text, sizeof text, "%zu bytes\n", *line));
    *line = 0;
  }
  return len;
}

int main(int argc, char **argv) {
  static const fin_handler length = {.on_data = on_data, .state_size = sizeof(size_t)};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &length};
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
