/* SPDX-License-Identifier: MIT
 *
 * The same service. Where no descriptor is left the library answers those who wait by closing,
 * through one that it keeps for that, and counts them (fin_server_stats.shed). As a rule it does
 * not come to that: connections_max keeps below RLIMIT_NOFILE, and idle_ms gives back what is not
 * used.
 */
#include <errno.h>
#include <finale/finale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CLIENTS = 3 };

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  fin_conn_write(conn, data, len);
  return len;
}

static void limit_descriptors(int highest) {
  struct rlimit limit = {.rlim_cur = (rlim_t)highest + 1, .rlim_max = (rlim_t)highest + 1};
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
  static const fin_handler echo = {.on_data = on_data};
  fin_server *server = fin_server_new(&(fin_server_options){.drain_on_signals = true});
  fin_listen listen = {.host = "0.0.0.0", .handler = &echo, .connections_max = 1000};
  listen.port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);
  int error = server ? fin_server_listen(server, &listen) : -errno;
  if (error == 0) {
    int next = dup(0); /* the lowest that is free; one more is the library's */
    close(next);
    limit_descriptors(next + CLIENTS);
    printf("listening on 0.0.0.0:%u\n", fin_server_port(server));
    fflush(stdout);
    error = fin_server_run(server);
  }
  if (error < 0) fprintf(stderr, "with_finale: %s\n", fin_strerror(error));
  fin_server_free(server);
  return error < 0;
}
