/* SPDX-License-Identifier: MIT
 *
 * The same service. A connection is always taken; who is one too many is sent away politely.
 */
#include <ctype.h>
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS_MAX = 2 };

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  char text[1024];
  for (size_t done = 0, used = 0; done < len; done += used) {
    for (used = 0; done + used < len && used < sizeof text; used++)
      text[used] = (char)toupper((unsigned char)data[done + used]);
    fin_conn_write(conn, text, used);
  }
  return len;
}

static void on_open(fin_conn *conn) {
  fin_server_stats stats;
  fin_server_stats_read(fin_conn_server(conn), &stats);
  if (stats.connections > CLIENTS_MAX) fin_conn_close(conn, FIN_REASON_CLOSED);
}

int main(int argc, char **argv) {
  static const fin_handler upper = {.on_open = on_open, .on_data = on_data};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &upper};
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
