/* SPDX-License-Identifier: MIT
 *
 * A proxy for CONNECT: it leads its clients to the hosts that it is given, and nowhere else.
 *
 *   $ connect_proxy 8080 example.org:443 localhost:22 &
 *   $ curl --proxy http://127.0.0.1:8080 https://example.org/
 *   $ ssh -o ProxyCommand='nc -X connect -x 127.0.0.1:8080 %h %p' localhost
 */
#include <errno.h>
#include <finale/http_connect.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Whether HOST:PORT is among the arguments. */
static bool allow(fin_http_request *request, const char *host, uint16_t port, void *arguments) {
  char client[FIN_ADDRESS_MAX] = "?";
  char target[512];
  bool allowed = false;
  bool ipv6 = strchr(host, ':') != NULL;
  snprintf(target, sizeof target, ipv6 ? "[%s]:%u" : "%s:%u", host, port);
  for (char **argument = arguments; *argument; argument++)
    allowed |= strcasecmp(*argument, target) == 0;
  fin_conn_peer_address(fin_http_conn(request), client, sizeof client);
  printf("%s asks for %s: %s\n", client, target, allowed ? "yes" : "no");
  fflush(stdout);
  return allowed;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: connect_proxy PORT HOST:PORT...\n");
    return 2;
  }
  const fin_http_connect_options connect = {.allow = allow, .context = argv + 2};
  const fin_http_route routes[] = {fin_http_connect_route(&connect), {0}};
  uint16_t port = (uint16_t)atoi(argv[1]);

  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_http *http = server ? fin_http_new(&(fin_http_options){.routes = routes}) : NULL;
  int error = http ? 0 : -errno;
  if (error == 0)
    error = fin_server_listen(
        server,
        &(fin_listen){.host = "127.0.0.1", .port = port, .handler = fin_http_handler(http)});
  if (error == 0) error = fin_server_run(server);
  if (error < 0) fprintf(stderr, "connect_proxy: port %u: %s\n", port, fin_strerror(error));
  fin_server_free(server);
  fin_http_free(http);
  return error < 0;
}
