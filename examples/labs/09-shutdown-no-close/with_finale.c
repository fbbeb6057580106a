/* SPDX-License-Identifier: MIT
 *
 * The same service. fin_conn_close is for both: our FIN behind the answer, and the descriptor.
 */
#include <ctype.h>
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
  size_t used;
  char *bytes;
};

enum { TEXT_MAX = 1 << 20 };

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct text *text = fin_conn_state(conn);
  if (!text->bytes) text->bytes = malloc(TEXT_MAX);
  if (!text->bytes || len > TEXT_MAX - text->used) {
    fin_conn_abort(conn);
    return len;
  }
  for (size_t i = 0; i < len; i++)
    text->bytes[text->used++] = (char)toupper((unsigned char)data[i]);
  return len;
}

static void on_end(fin_conn *conn) {
  struct text *text = fin_conn_state(conn);
  fin_conn_write(conn, text->bytes, text->used);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  (void)report;
  free(((struct text *)fin_conn_state(conn))->bytes);
}

int main(int argc, char **argv) {
  static const fin_handler upper = {.state_size = sizeof(struct text),
                                    .on_data = on_data,
                                    .on_end = on_end,
                                    .on_close = on_close};
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
