/* SPDX-License-Identifier: MIT
 *
 * HTTP: a greeting. Keep-alive, pipelining, HEAD, limits, timeouts and drain come by themselves.
 */
#include <errno.h>
#include <finale/http.h>
#include <stdio.h>

static void hello(fin_http_request *req) { fin_http_reply(req, 200, "text/plain", "Hello\n", 6); }

int main(void) {
  static const fin_http_route routes[] = {{.method = "GET", .path = "/", .on_request = hello}, {0}};
  fin_http *http = fin_http_new(&(fin_http_options){.routes = routes});
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  if (!http || !server) return perror("hello_http"), 1;
  fin_listen listen = {.port = 7080, .handler = fin_http_handler(http)};
  int error = fin_server_listen(server, &listen);
  if (error == 0) error = fin_server_run(server);
  if (error < 0) fprintf(stderr, "hello_http: %s\n", fin_strerror(error));
  fin_server_free(server);
  fin_http_free(http);
  return error < 0;
}
