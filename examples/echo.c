/* SPDX-License-Identifier: MIT
 *
 * Echo: every byte comes back. Half-close, back-pressure, timeouts and drain come by themselves.
 */
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  fin_conn_write(conn, data, len);
  return len;
}

static const fin_handler echo = {.on_data = on_data};

int main(void) {
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  int error =
      server ? fin_server_listen(server, &(fin_listen){.port = 7000, .handler = &echo}) : -errno;
  if (error == 0) error = fin_server_run(server);
  if (error < 0) fprintf(stderr, "echo: %s\n", fin_strerror(error));
  fin_server_free(server);
  return error < 0;
}
