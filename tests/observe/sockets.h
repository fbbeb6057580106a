/* SPDX-License-Identifier: MIT
 *
 * Real connections over loopback, put into a wanted state, and what the census says of them.
 */
#ifndef TEST_SOCKETS_H
#define TEST_SOCKETS_H

#include <finale/observe.h>

/* One listener and one connection to it. -1: closed, or not there yet. */
struct wire {
  int listener, client, server;
  uint16_t port, client_port; /* the listener's and the client's */
};

/* Skips the test where the machine lacks the family. `small`: a receive buffer of a few KiB. */
struct wire wire_listen(int family, bool small);
void wire_connect(struct wire *wire); /* the client, up to the accept queue */
void wire_accept(struct wire *wire);
struct wire wire_open(int family); /* all three */
void wire_close(struct wire *wire);

void wire_send(int fd, const char *text);
void wire_read_end(int fd); /* reads up to the peer's FIN */
void wire_close_fd(int *fd);
uint16_t wire_port_of(int fd); /* its own */

/* A row as it was, with copies of its first owners. */
struct sight {
  fin_census_row row; /* row.owners points nowhere */
  fin_census_owner owners[4];
};

/* Waits until the census shows this row; fails the test if it does not come. */
struct sight await_row(uint16_t local, uint16_t remote, fin_tcp_state state, fin_holder holder);
struct sight await_server(const struct wire *wire, fin_tcp_state state, fin_holder holder);
struct sight await_client(const struct wire *wire, fin_tcp_state state, fin_holder holder);

/* Waits until no row has these ports. */
void await_gone(uint16_t local, uint16_t remote);

/* For .init: a build without libmnl has nothing to test here. */
void skip_without_census(void);

/* Fails the test on NULL. */
fin_census *take(const fin_census_query *query);

/* true until `deadline_ms` have passed since *since was set (0: sets it); naps in between. */
bool still_time(uint64_t *since);

/* One test for each family. */
#define TEST_BOTH(suite, name) \
  static void name(int family); \
  Test(suite, name##_ipv4) { name(AF_INET); } \
  Test(suite, name##_ipv6) { name(AF_INET6); } \
  static void name(int family)

#endif
