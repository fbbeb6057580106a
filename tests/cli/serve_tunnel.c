/* SPDX-License-Identifier: MIT
 *
 * `finale serve tunnel` as its clients and its operator see it.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "command.h"

static struct command command, target;

static uint16_t tunnel_to(unsigned port) {
  char to[32];
  snprintf(to, sizeof to, "127.0.0.1:%u", port);
  return command_serve(&command,
                       (const char *[]){"tunnel", "--listen", "127.0.0.1:0", "--to", to, NULL});
}

/* The requests and FIN; then the replies and FIN. */
Test(serve_tunnel, half_close_both_ways) {
  enum { LEN = 1024 * 1024 };
  static char reply[LEN];
  int fd = client_connect(
      tunnel_to(command_serve(&target, (const char *[]){"line", "--listen", "127.0.0.1:0", NULL})));
  client_send(fd, "hello\nSEND 1048576\n");
  shutdown(fd, SHUT_WR);
  client_expect(fd, "HELLO\n");
  client_receive(fd, reply, LEN);
  cr_expect_eq(reply[LEN - 1], '\n');
  cr_expect_eq(client_next(fd), 0);
  close(fd);

  command_drain(&command);
  cr_expect_eq(command.status, 0, "status %d: %s", command.status, command.err);
  cr_expect_not_null(strstr(command.out, "\n2 connections ended\n"), "'%s'", command.out);
  command_drain(&target);
  cr_expect_not_null(strstr(target.out, "1  PEER_ENDED"), "'%s'", target.out);
}

Test(serve_tunnel, to_where_nobody_listens) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int taken = socket(AF_INET, SOCK_STREAM, 0);
  cr_assert_eq(bind(taken, (struct sockaddr *)&address, len), 0);
  cr_assert_eq(getsockname(taken, (struct sockaddr *)&address, &len), 0);
  int fd = client_connect(tunnel_to(ntohs(address.sin_port)));
  cr_expect_eq(client_next(fd), ECONNRESET);
  close(fd);
  close(taken);
  command_drain(&command);
  cr_expect_eq(command.status, 0, "what others do is no failure of ours: %d", command.status);
  cr_expect_not_null(strstr(command.out, "NOT_OPENED"), "'%s'", command.out);
}
