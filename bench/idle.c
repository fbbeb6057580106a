/* SPDX-License-Identifier: MIT
 *
 * User-space memory of an idle connection: the server's anonymous memory with and without 15,000
 * connections, each of which has had an answer and then fallen silent. finale's echo, finale's HTTP
 * kept alive, and nginx, without what it allocates for connections before they come.
 *
 *   idle [--connections 15000] [--max-bytes N] [--max-bytes-http N]
 *
 * Exit status 1 if a connection takes more than --max-bytes (echo) or --max-bytes-http.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/client.h"
#include "support/http_client.h"
#include "support/nginx.h"
#include "support/server_process.h"

enum { WARM = 200 };

static void echo_once(int fd) {
  char sent[64], got[64];
  memset(sent, 'x', sizeof sent);
  size_t len = 0;
  if (send(fd, sent, sizeof sent, MSG_NOSIGNAL) != sizeof sent)
    bench_fail("send: %s", strerror(errno));
  while (len < sizeof got) {
    ssize_t more = recv(fd, got + len, sizeof got - len, 0);
    if (more <= 0) bench_fail("the server closed a connection");
    len += (size_t)more;
  }
  if (memcmp(sent, got, sizeof got) != 0) bench_fail("the server returned other bytes");
}

static void http_once(int fd) {
  struct http_hello hello;
  http_ask(fd, &hello);
}

/* Returns the bytes of one connection. */
static double measure(const char *name, struct server_process server, void (*ask)(int fd),
                      size_t connections) {
  int *fds = calloc(connections, sizeof *fds);
  if (!fds) bench_fail("no memory");
  /* What the first connections cause once and for all is not theirs: buffers, tables. */
  for (size_t i = 0; i < WARM; i++) ask(fds[i] = connect_to(i, server.port));
  size_t before = server_process_memory(&server);
  for (size_t i = WARM; i < connections; i++) ask(fds[i] = connect_to(i, server.port));
  size_t after = server_process_memory(&server);
  double each = ((double)after - (double)before) / (double)(connections - WARM);
  printf("%-12s %6.0f bytes each (%zu KiB before, %zu KiB after)\n", name, each, before / 1024,
         after / 1024);
  for (size_t i = 0; i < connections; i++) close(fds[i]);
  server_process_stop(&server);
  free(fds);
  return each;
}

static bool above(const struct bench_option *limit, double value) {
  if (limit->value <= 0 || value <= limit->value) return false;
  fprintf(stderr, "idle: %s %g: it is %.0f\n", limit->name, limit->value, value);
  return true;
}

int main(int argc, char **argv) {
  enum { CONNECTIONS, MAX_BYTES, MAX_BYTES_HTTP, OPTIONS };
  struct bench_option options[OPTIONS] = {
      {.name = "--connections", .value = 15000},
      {.name = "--max-bytes"},
      {.name = "--max-bytes-http"},
  };
  bench_parse(argc, argv, options, OPTIONS);
  size_t connections = (size_t)options[CONNECTIONS].value;
  if (connections <= WARM) bench_fail("--connections must be above %d", WARM);
  if (raise_descriptor_limit() < connections + 64)
    bench_fail("%zu connections need more descriptors than this system allows; use fewer",
               connections);
  const char *finale = built_program("../finale");
  const char *const echo[] = {finale,        "serve",  "echo",  "--listen",
                              "127.0.0.1:0", "--idle", "never", NULL};
  const char *const http[] = {finale, "serve", "http", "--listen", "127.0.0.1:0", NULL};

  printf("user-space memory of %zu idle connections\n", connections);
  double echo_each = measure("finale echo", server_process_start(echo), echo_once, connections);
  double http_each = measure("finale http", server_process_start(http), http_once, connections);
  if (nginx_is_installed())
    measure("nginx", nginx_start(NULL, "Hello from finale\\n"), http_once, connections);
  else
    fprintf(stderr, "idle: nginx is not installed\n");
  bool failed = above(&options[MAX_BYTES], echo_each);
  failed |= above(&options[MAX_BYTES_HTTP], http_each);
  return failed ? 1 : 0;
}
