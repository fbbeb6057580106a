/* SPDX-License-Identifier: MIT
 *
 * Listening sockets. Options that connections need are set here: on Linux what is accepted inherits
 * them (tcp(7)).
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/acceptor.h"
#include "io/socket.h"

static int set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) ? -errno : 0;
}

static int listen_at(const struct addrinfo *address, const struct fin_listen_spec *spec) {
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int error = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (!error && address->ai_family == AF_INET6)
    error = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, spec->host != NULL);
  if (!error) error = fin_socket_set_options(fd, spec->dead_peer_after_ms, spec->user_timeout_ms);
  if (!error && bind(fd, address->ai_addr, address->ai_addrlen)) error = -errno;
  if (!error && listen(fd, spec->backlog)) error = -errno;
  if (!error) return fd;
  close(fd);
  return error;
}

static int resolve(const char *host, int family, uint16_t port, struct addrinfo **found) {
  char service[8];
  snprintf(service, sizeof service, "%u", port);
  struct addrinfo hints = {
      .ai_family = family,
      .ai_socktype = SOCK_STREAM,
      .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
  };
  int error = getaddrinfo(host, service, &hints, found);
  if (error == 0) return 0;
  return error == EAI_MEMORY ? -ENOMEM : -EADDRNOTAVAIL;
}

static int listen_in_family(const struct fin_listen_spec *spec, int family) {
  struct addrinfo *found;
  int error = resolve(spec->host, family, spec->port, &found);
  if (error) return error;
  int fd = listen_at(found, spec);
  freeaddrinfo(found);
  return fd;
}

int fin_listen_socket(const struct fin_listen_spec *spec) {
  if (spec->host) return listen_in_family(spec, AF_UNSPEC);
  int fd = listen_in_family(spec, AF_INET6); /* serves IPv4 too */
  if (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL) fd = listen_in_family(spec, AF_INET);
  return fd;
}

uint16_t fin_socket_port(int fd) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &len)) return 0;
  return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                             : ((struct sockaddr_in *)(void *)&address)->sin_port);
}
