/* SPDX-License-Identifier: MIT
 *
 * User-space memory of an idle echo connection: the server's anonymous memory with and without
 * 15,000 connections, each of which has echoed a message and then fallen silent.
 *
 *   idle [--connections 15000] [--max-bytes N]
 *
 * Exit status 1 if a connection takes more than --max-bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/server_process.h"

enum { PER_SOURCE = 10000, WARM = 200 };

/* Sources over 127.0.0.0/8, so that local ports do not run out. */
static int connect_from(size_t number, uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in from = {
      .sin_family = AF_INET,
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(number / PER_SOURCE)),
  };
  struct sockaddr_in to = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) ||
      connect(fd, (struct sockaddr *)&to, sizeof to))
    bench_fail("connection %zu: %s", number + 1, strerror(errno));
  return fd;
}

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

int main(int argc, char **argv) {
  enum { CONNECTIONS, MAX_BYTES, OPTIONS };
  struct bench_option options[OPTIONS] = {{"--connections", 15000}, {"--max-bytes", 0}};
  bench_parse(argc, argv, options, OPTIONS);
  size_t connections = (size_t)options[CONNECTIONS].value;
  if (raise_descriptor_limit() < connections + 64)
    bench_fail("%zu connections need more descriptors than this system allows; use fewer",
               connections);
  const char *const finale[] = {built_program("../finale"),
                                "serve",
                                "echo",
                                "--listen",
                                "127.0.0.1:0",
                                "--idle",
                                "never",
                                NULL};
  struct server_process server = server_process_start(finale);
  int *fds = calloc(connections + WARM, sizeof *fds);
  if (!fds) bench_fail("no memory");

  /* What the first connections cause once and for all is not theirs: buffers, tables. */
  for (size_t i = 0; i < WARM; i++) echo_once(fds[i] = connect_from(i, server.port));
  size_t before = server_process_memory(&server);
  for (size_t i = WARM; i < connections; i++) echo_once(fds[i] = connect_from(i, server.port));
  size_t after = server_process_memory(&server);
  double each = ((double)after - (double)before) / (double)(connections - WARM);
  printf(
      "%zu idle echo connections: %.0f bytes of user space each (%zu KiB before, %zu KiB after)\n",
      connections, each, before / 1024, after / 1024);
  for (size_t i = 0; i < connections; i++) close(fds[i]);
  server_process_stop(&server);
  free(fds);
  if (options[MAX_BYTES].value > 0 && each > options[MAX_BYTES].value) {
    fprintf(stderr, "idle: more than %g bytes each\n", options[MAX_BYTES].value);
    return 1;
  }
  return 0;
}
