/* SPDX-License-Identifier: MIT */
#include "support/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "support/server_process.h"

enum { PER_SOURCE = 10000 };

int connect_to(size_t number, uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in from = {
      .sin_family = AF_INET,
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number / PER_SOURCE)),
  };
  struct sockaddr_in to = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  /* The port is chosen when both ends are known, or one in TIME_WAIT to anywhere would be taken. */
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) ||
      connect(fd, (struct sockaddr *)&to, sizeof to))
    bench_fail("connection %zu: %s", number + 1, strerror(errno));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}
