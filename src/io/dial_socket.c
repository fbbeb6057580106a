/* SPDX-License-Identifier: MIT
 *
 * Sockets that connect, without waiting for it.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/socket.h"

int fin_dial_socket(const struct addrinfo *address, uint32_t dead_peer_after_ms,
                    uint32_t user_timeout_ms) {
  int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int error = fin_socket_set_options(fd, dead_peer_after_ms, user_timeout_ms);
  /* Interrupted, it goes on all the same: connect(2). */
  if (!error && connect(fd, address->ai_addr, address->ai_addrlen) && errno != EINPROGRESS &&
      errno != EINTR)
    error = -errno;
  if (!error) return fd;
  close(fd);
  return error;
}

/* Connecting to a free port of this host, from a port that the system chooses, it may choose that
 * port: the two SYNs cross, and the socket is its own peer (RFC 9293, 3.5). */
int fin_dial_outcome(int fd) {
  struct sockaddr_storage own = {0}, peer = {0};
  socklen_t own_len = sizeof own, peer_len = sizeof peer;
  int error = fin_socket_error(fd);
  if (error) return error;
  if (getpeername(fd, (struct sockaddr *)&peer, &peer_len))
    return errno == ENOTCONN ? EINPROGRESS : errno;
  if (getsockname(fd, (struct sockaddr *)&own, &own_len)) return errno;
  bool is_own = own_len == peer_len && memcmp(&own, &peer, own_len) == 0;
  return is_own ? ECONNREFUSED : 0;
}

/* Nobody is left to answer a FIN. */
void fin_dial_socket_close(int fd) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}
