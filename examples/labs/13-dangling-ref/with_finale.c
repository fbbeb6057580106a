/* SPDX-License-Identifier: MIT
 *
 * The same room. Whatever the room still holds, the library closes: its references are to memory
 * of its own, and on_close, which always comes, takes the member out of the list.
 */
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>
#include <stdlib.h>

struct member {
  fin_conn *conn;
  struct member *next;
};

static struct member *room;

static void on_open(fin_conn *conn) {
  struct member *member = fin_conn_state(conn);
  *member = (struct member){.conn = conn, .next = room};
  room = member;
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  for (struct member *member = room; member; member = member->next)
    fin_conn_write(member->conn, data, len); /* one that has ended is skipped with -EPIPE */
  return len;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  (void)report;
  for (struct member **place = &room; *place; place = &(*place)->next)
    if ((*place)->conn == conn) {
      *place = (*place)->next;
      return;
    }
}

int main(int argc, char **argv) {
  static const fin_handler chat = {.state_size = sizeof(struct member),
                                   .on_open = on_open,
                                   .on_data = on_data,
                                   .on_close = on_close};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &chat, .conn.idle_ms = FIN_NEVER};
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
