/* SPDX-License-Identifier: MIT
 *
 * What all sockets of connections have in common.
 */
#include "io/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static int set(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof value) ? -errno : 0;
}

enum { KEEPALIVE_MAX = 32767 }; /* seconds that Linux takes: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL */

static int keepalive_seconds(int value) {
  if (value < 1) return 1;
  return value < KEEPALIVE_MAX ? value : KEEPALIVE_MAX;
}

/* Half of the time in silence, then three probes. TCP_USER_TIMEOUT decides when the peer is given
 * up, for probes too (it overrides TCP_KEEPCNT), and for output that nothing acknowledges. */
int fin_socket_set_options(int fd, uint32_t dead_peer_after_ms, uint32_t user_timeout_ms) {
  int seconds = (int)(dead_peer_after_ms / 1000);
  int interval = keepalive_seconds(seconds / 6);
  int error = set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (!error) error = set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (!error) error = set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_seconds(seconds - 3 * interval));
  if (!error) error = set(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
  if (!error) error = set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  if (!error) error = set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)user_timeout_ms);
  return error;
}

int fin_socket_error(int fd) {
  int error = 0;
  socklen_t len = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? errno : error;
}
