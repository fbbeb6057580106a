/* SPDX-License-Identifier: MIT
 *
 * See sockets.h.
 */
#include "sockets.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 3000, SMALL_BUFFER = 2048 };

static socklen_t loopback(int family, uint16_t port, struct sockaddr_storage *address) {
  memset(address, 0, sizeof *address);
  if (family == AF_INET) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof *v4;
  }
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  v6->sin6_addr = in6addr_loopback;
  return sizeof *v6;
}

static int family_of(int fd) {
  int family;
  socklen_t len = sizeof family;
  cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len), 0);
  return family;
}

uint16_t wire_port_of(int fd) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                            : ((struct sockaddr_in6 *)&address)->sin6_port);
}

struct wire wire_listen(int family, bool small) {
  const int small_buffer = SMALL_BUFFER;
  struct wire wire = {.client = -1, .server = -1};
  struct sockaddr_storage address;
  const socklen_t len = loopback(family, 0, &address);
  wire.listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (wire.listener < 0 || bind(wire.listener, (struct sockaddr *)&address, len) != 0) {
    if (family == AF_INET6) cr_skip_test("no IPv6 loopback on this machine");
    cr_assert_fail("bind: %s", strerror(errno));
  }
  if (small) {
    cr_assert_eq(setsockopt(wire.listener, SOL_SOCKET, SO_RCVBUF, &small_buffer, sizeof(int)), 0);
  }
  cr_assert_eq(listen(wire.listener, 16), 0);
  wire.port = wire_port_of(wire.listener);
  return wire;
}

void wire_connect(struct wire *wire) {
  const int family = family_of(wire->listener);
  struct sockaddr_storage address;
  const socklen_t len = loopback(family, wire->port, &address);
  wire->client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(connect(wire->client, (struct sockaddr *)&address, len), 0, "%s", strerror(errno));
  wire->client_port = wire_port_of(wire->client);
}

void wire_accept(struct wire *wire) {
  wire->server = accept4(wire->listener, NULL, NULL, SOCK_CLOEXEC);
  cr_assert_geq(wire->server, 0, "accept: %s", strerror(errno));
}

struct wire wire_open(int family) {
  struct wire wire = wire_listen(family, false);
  wire_connect(&wire);
  wire_accept(&wire);
  return wire;
}

void wire_close_fd(int *fd) {
  if (*fd >= 0) cr_assert_eq(close(*fd), 0);
  *fd = -1;
}

void wire_close(struct wire *wire) {
  wire_close_fd(&wire->client);
  wire_close_fd(&wire->server);
  wire_close_fd(&wire->listener);
}

void wire_send(int fd, const char *text) {
  cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void wire_read_end(int fd) {
  char buffer[4096];
  ssize_t len;
  while ((len = recv(fd, buffer, sizeof buffer, 0)) > 0) continue;
  cr_assert_eq(len, 0, "recv: %s", strerror(errno));
}

bool still_time(uint64_t *since) {
  const struct timespec nap = {.tv_nsec = 2000000};
  struct timespec now;
  uint64_t now_ms;
  clock_gettime(CLOCK_MONOTONIC, &now);
  now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
  if (*since == 0) {
    *since = now_ms;
    return true;
  }
  nanosleep(&nap, NULL);
  return now_ms - *since < PATIENCE_MS;
}

void skip_without_census(void) {
  fin_census *census = fin_census_take(NULL);
  if (census == NULL && errno == ENOTSUP) cr_skip_test("built without libmnl");
  fin_census_free(census);
}

fin_census *take(const fin_census_query *query) {
  fin_census *census = fin_census_take(query);
  cr_assert(census != NULL, "fin_census_take: %s", strerror(errno));
  return census;
}

/* Rows of the connection from `local` to `remote`, whichever state they are in. */
static size_t look(uint16_t local, uint16_t remote, fin_tcp_state state, fin_holder holder,
                   struct sight *sight) {
  const uint16_t ports[] = {local};
  fin_census *census =
      take(&(fin_census_query){.ports = ports, .port_count = 1, .owners = true, .heard = true});
  size_t count = 0;
  for (size_t i = 0; i < census->row_count; i++) {
    const fin_census_row *row = &census->rows[i];
    if (row->local_port != local || row->remote_port != remote) continue;
    if (state != FIN_TCP_ANY && row->state != state) continue;
    if (holder != FIN_HOLDER_ANY && row->holder != holder) continue;
    count++;
    sight->row = *row;
    sight->row.owners = NULL;
    for (size_t k = 0; k < row->owner_count && k < 4; k++) sight->owners[k] = row->owners[k];
  }
  fin_census_free(census);
  return count;
}

struct sight await_row(uint16_t local, uint16_t remote, fin_tcp_state state, fin_holder holder) {
  struct sight sight = {.row = {.state = FIN_TCP_ANY}};
  uint64_t since = 0;
  while (still_time(&since)) {
    if (look(local, remote, state, holder, &sight) == 1) return sight;
  }
  look(local, remote, FIN_TCP_ANY, FIN_HOLDER_ANY, &sight);
  cr_assert_fail("no %s %s, but %s %s", fin_tcp_state_name(state), fin_holder_name(holder),
                 fin_tcp_state_name(sight.row.state), fin_holder_name(sight.row.holder));
  return sight;
}

struct sight await_server(const struct wire *wire, fin_tcp_state state, fin_holder holder) {
  return await_row(wire->port, wire->client_port, state, holder);
}

struct sight await_client(const struct wire *wire, fin_tcp_state state, fin_holder holder) {
  return await_row(wire->client_port, wire->port, state, holder);
}

void await_gone(uint16_t local, uint16_t remote) {
  struct sight sight;
  uint64_t since = 0;
  while (still_time(&since)) {
    if (look(local, remote, FIN_TCP_ANY, FIN_HOLDER_ANY, &sight) == 0) return;
  }
  cr_assert_fail("still there: %s", fin_tcp_state_name(sight.row.state));
}
