/* SPDX-License-Identifier: MIT
 *
 * The same proxy: a tunnel passes ends on like bytes, and bounds what is half-closed.
 */
#include <errno.h>
#include <finale/tunnel.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: %s PORT HOST UPSTREAM_PORT\n", argv[0]), 2;
  fin_tunnel *tunnel = fin_tunnel_new(&(fin_tunnel_options){
      .host = argv[2], .port = (uint16_t)atoi(argv[3]), .conn = {.half_ms = 1000}});
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  int error = server && tunnel ? 0 : -errno;
  if (error == 0)
    error = fin_server_listen(server, &(fin_listen){.host = "0.0.0.0",
                                                    .port = (uint16_t)atoi(argv[1]),
                                                    .handler = fin_tunnel_handler(tunnel)});
  if (error == 0) {
    printf("listening on 0.0.0.0:%u\n", fin_server_port(server));
    fflush(stdout);
    error = fin_server_run(server);
  }
  if (error < 0) fprintf(stderr, "with_finale: %s\n", fin_strerror(error));
  fin_server_free(server);
  fin_tunnel_free(tunnel);
  return error < 0;
}
