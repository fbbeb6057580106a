/* SPDX-License-Identifier: MIT
 *
 * The same service. Nothing here is about the end of a subscriber, which the library hears of at
 * any time; dead_peer_after_ms has keepalive do what it is good for.
 */
#include <errno.h>
#include <finale/line.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client {
  fin_conn *next;  /* subscriber */
  fin_conn **link; /* what points to us, NULL: no subscriber */
};

static fin_conn *subscribers;

static void on_line(fin_conn *conn, const char *line, size_t len) {
  struct client *client = fin_conn_state(conn);
  if (len == 9 && memcmp(line, "subscribe", 9) == 0 && !client->link) {
    client->next = subscribers;
    client->link = &subscribers;
    if (client->next) ((struct client *)fin_conn_state(client->next))->link = &client->next;
    subscribers = conn;
    fin_conn_write(conn, "subscribed\n", 11);
  } else if (len > 8 && memcmp(line, "publish ", 8) == 0) {
    for (fin_conn *to = subscribers; to; to = ((struct client *)fin_conn_state(to))->next) {
      fin_conn_write(to, line + 8, len - 8);
      fin_conn_write(to, "\n", 1);
    }
    fin_conn_write(conn, "published\n", 10);
  }
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct client *client = fin_conn_state(conn);
  (void)report;
  if (client->link) *client->link = client->next;
  if (client->next) ((struct client *)fin_conn_state(client->next))->link = client->link;
}

int main(int argc, char **argv) {
  static const fin_line news = {.handler = {.on_data = fin_line_on_data,
                                            .on_close = on_close,
                                            .state_size = sizeof(struct client)},
                                .on_line = on_line,
                                .line_max = 510};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &news.handler, .conn = {.idle_ms = FIN_NEVER}};
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
