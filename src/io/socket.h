/* SPDX-License-Identifier: MIT
 *
 * Connections' sockets as the system has them. Those that listen are made in listen_socket.c.
 */
#ifndef FIN_SOCKET_H
#define FIN_SOCKET_H

#include <netdb.h>
#include <stdint.h>

/* ---- socket.c ---- */

/* What connections need, on a socket that listens for them or that dials: no delay, and a watch for
 * dead peers. 0 or a negative errno. */
int fin_socket_set_options(int fd, uint32_t dead_peer_after_ms, uint32_t user_timeout_ms);

/* The error pending on a socket, as a positive errno; 0 if there is none. Consumes it. */
int fin_socket_error(int fd);

/* ---- dial_socket.c ---- */

/* A non-blocking, close-on-exec socket that is connecting; or a negative errno. */
int fin_dial_socket(const struct addrinfo *address, uint32_t dead_peer_after_ms,
                    uint32_t user_timeout_ms);

/* What has come of it: 0 if it is connected, EINPROGRESS, or the errno of its failure, which is
 * told once. */
int fin_dial_outcome(int fd);

/* Closes it. There has been no connection, also where the kernels have just made one. */
void fin_dial_socket_close(int fd);

#endif
