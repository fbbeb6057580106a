/* SPDX-License-Identifier: MIT
 *
 * The same service. Keepalive and TCP_USER_TIMEOUT are set on every connection without asking, to
 * the one bound dead_peer_after_ms; the times here are short to be seen.
 */
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>
#include <stdlib.h>

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  fin_conn_write(conn, data, len);
  return len;
}

int main(int argc, char **argv) {
  static const fin_handler echo = {.on_data = on_data};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &echo};
  listen.conn =
      (fin_conn_options){.idle_ms = FIN_NEVER, .stall_ms = 2000, .dead_peer_after_ms = 4000};
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
