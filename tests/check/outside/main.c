/* SPDX-License-Identifier: MIT
 *
 * A project outside: starts a server of lines and of HTTP on any free ports, drains it, and prints
 * the library's version.
 */
#include <finale/http.h>
#include <finale/line.h>
#include <stdio.h>

static void on_line(fin_conn *conn, const char *line, size_t len) {
  fin_conn_write(conn, line, len);
}

static void on_request(fin_http_request *request) { fin_http_reply(request, 200, NULL, NULL, 0); }

int main(void) {
  static const fin_line repeat = {.handler = {.on_data = fin_line_on_data}, .on_line = on_line};
  static const fin_http_route routes[] = {{.path = "*", .on_request = on_request}, {0}};
  fin_http *http = fin_http_new(&(fin_http_options){.routes = routes});
  const fin_handler *handlers[] = {&repeat.handler, fin_http_handler(http)};
  fin_server *server = fin_server_new(NULL);
  for (int i = 0; i < 2; i++) {
    fin_listen listen = {.host = "127.0.0.1", .handler = handlers[i]};
    int error = fin_server_listen(server, &listen);
    if (error != 0) return fprintf(stderr, "%s\n", fin_strerror(error)), 1;
  }
  fin_server_drain(server);
  fin_server_run(server);
  fin_server_free(server);
  fin_http_free(http);
  return puts(fin_version()) < 0;
}
