/* SPDX-License-Identifier: MIT
 *
 * Listening sockets, and accepting on them without uv_listen: at most a budget of connections per
 * turn, and no spinning when descriptors run out (uv_listen does the one or the other, by version).
 */
#ifndef FIN_ACCEPTOR_H
#define FIN_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>

struct fin_io;
struct fin_acceptor;

struct fin_listen_spec {
  const char *host; /* NULL: every address */
  uint16_t port;
  int backlog;
  /* Inherited by what is accepted, which costs no system call per connection. */
  uint32_t dead_peer_after_ms;
  uint32_t user_timeout_ms;
};

/* A listening, non-blocking, close-on-exec socket; or a negative errno. */
int fin_listen_socket(const struct fin_listen_spec *spec);
uint16_t fin_socket_port(int fd);

struct fin_acceptor_events {
  /* Takes the descriptor. False: no room for it; it stays the acceptor's, which sheds it. */
  bool (*on_accept)(void *owner, int fd);
  void (*on_shed)(void *owner, unsigned count); /* closed at once for want of room */
  void (*on_pause)(void *owner);                /* accepting stopped for want of room */
  void (*on_closed)(void *owner);
};

/* Takes the listening socket, also when it fails: NULL and errno. */
struct fin_acceptor *fin_acceptor_new(struct fin_io *io, int fd, unsigned budget,
                                      const struct fin_acceptor_events *events, void *owner);

/* Stops and restarts accepting; what comes meanwhile waits in the backlog. */
void fin_acceptor_hold(struct fin_acceptor *acceptor, bool hold);

/* Accepts what already waits, closes the socket, frees itself; on_closed is its last word. */
void fin_acceptor_close(struct fin_acceptor *acceptor);

#endif
