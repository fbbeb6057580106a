/* SPDX-License-Identifier: MIT
 *
 * The same service. fin_conn_close sends the answer and our FIN, then reads and drops what still
 * comes, up to the client's FIN: but no more than linger_bytes_max, and no longer than linger_ms.
 */
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 4096 };

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  size_t *received = fin_conn_state(conn);
  (void)data;
  *received += len;
  if (*received > TEXT_MAX) {
    fin_conn_write(conn, "too large\n", 10);
    fin_conn_close(conn, FIN_REASON_CLOSED);
  }
  return len;
}

static void on_end(fin_conn *conn) {
  size_t *received = fin_conn_state(conn);
  char text[32];
  int len = snprintf(text, sizeof text, "%zu bytes\n", *received);
  fin_conn_write(conn, text, (size_t)len);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

int main(int argc, char **argv) {
  static const fin_handler length = {
      .on_data = on_data, .on_end = on_end, .state_size = sizeof(size_t)};
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
