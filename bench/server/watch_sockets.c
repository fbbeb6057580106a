/* SPDX-License-Identifier: MIT
 *
 * Which sockets of a census belong to the target: the server's have its port and address as their
 * local end, ours as their remote end. What is in TIME_WAIT is told apart in the same way.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/watch_parts.h"

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static void map_ipv4(const void *ipv4, uint8_t address[16]) {
  memcpy(address, mapped, sizeof mapped);
  memcpy(address + sizeof mapped, ipv4, 4);
}

static void map_row(const fin_census_row *row, const uint8_t from[16], uint8_t address[16]) {
  if (row->family == AF_INET)
    map_ipv4(from, address);
  else
    memcpy(address, from, 16);
}

/* ::, or ::ffff:0.0.0.0 */
static bool is_any(const uint8_t address[16]) {
  static const uint8_t zero[16];
  const bool ipv4 = memcmp(address, mapped, sizeof mapped) == 0;
  return ipv4 ? memcmp(address + 12, zero, 4) == 0 : memcmp(address, zero, 16) == 0;
}

/* Only an address of this host can be bound. */
static bool is_here(const struct sockaddr_storage *target, socklen_t len) {
  struct sockaddr_storage address = *target;
  int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool bound;
  if (address.ss_family == AF_INET)
    ((struct sockaddr_in *)&address)->sin_port = 0;
  else
    ((struct sockaddr_in6 *)&address)->sin6_port = 0;
  bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0;
  if (fd >= 0) close(fd);
  return bound;
}

void watch_place_init(struct watch_place *place, const struct load_target *target) {
  const struct sockaddr_storage *address = &target->address;
  *place = (struct watch_place){.here = is_here(address, target->address_len)};
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)address;
    map_ipv4(&ipv4->sin_addr, place->address);
    place->port = ntohs(ipv4->sin_port);
  } else {
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address;
    memcpy(place->address, &ipv6->sin6_addr, 16);
    place->port = ntohs(ipv6->sin6_port);
  }
  place->any = is_any(place->address);
}

unsigned watch_place_fit(const struct watch_place *place, const fin_census_row *row) {
  uint8_t address[16];
  if (!place->here || row->state != FIN_TCP_LISTEN || row->local_port != place->port) return 0;
  map_row(row, row->local, address);
  if (place->any || memcmp(address, place->address, 16) == 0) return 3;
  if (!is_any(address)) return 0;
  /* An IPv6 socket that takes IPv4 too stands back behind one that is bound to all of IPv4. */
  return (memcmp(place->address, mapped, sizeof mapped) == 0) == (row->family == AF_INET) ? 2 : 1;
}

static bool is_end(const struct watch_place *place, const fin_census_row *row,
                   const uint8_t end[16], uint16_t port) {
  uint8_t address[16];
  if (port != place->port) return false;
  map_row(row, end, address);
  return place->any || memcmp(address, place->address, 16) == 0;
}

static int hold(struct watch_held *held, const fin_census_row *row) {
  const struct watch_thing socket = {.inode = row->inode};
  int error = 0;
  if (held == NULL || row->holder != FIN_HOLDER_OWNED) return 0;
  if (row->state == FIN_TCP_ESTABLISHED) error = watch_list_add(&held->open, socket);
  return error != 0 ? error : watch_list_add(&held->sockets, socket);
}

int watch_sockets_count(const struct watch_place *place, struct watch_sample *sample,
                        struct watch_held *held) {
  fin_census *census = fin_census_take(&(fin_census_query){.ports = &place->port, .port_count = 1});
  int error = 0;
  if (census == NULL) return errno;
  for (size_t i = 0; i < census->row_count && error == 0; i++) {
    const fin_census_row *row = &census->rows[i];
    if (row->state == FIN_TCP_LISTEN) continue;
    if (place->here && is_end(place, row, row->local, row->local_port)) {
      sample->sockets[row->state][row->holder]++;
      error = hold(held, row);
    } else if (is_end(place, row, row->remote, row->remote_port)) {
      sample->clients[row->state]++;
    }
  }
  fin_census_free(census);
  return error;
}
