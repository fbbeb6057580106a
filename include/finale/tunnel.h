/* SPDX-License-Identifier: MIT
 *
 * Two connections joined: what one receives the other sends, and no end is left alone.
 *
 *   fin_tunnel *tunnel = fin_tunnel_new(&(fin_tunnel_options){.host = "db", .port = 5432});
 *   fin_server_listen(server, &(fin_listen){.port = 5432, .handler = fin_tunnel_handler(tunnel)});
 *
 * A FIN goes on as a FIN, once what precedes it is flushed, and the other direction stays open. A
 * leg that ends for an unclean reason takes the other with it by RST, lest a part be taken for the
 * whole: so a reset goes on as a reset, and whoever is led to a host that refuses meets a reset as
 * well. For a clean reason, IDLE say, the other is closed politely.
 *
 * A leg whose output is above output_high holds back the other's input, and nothing else: a
 * direction never waits for the opposite one. At most output_high and one read wait in each.
 *
 * While the server drains, a tunnel goes on until nothing has passed through it for 5 s.
 */
#ifndef FINALE_TUNNEL_H
#define FINALE_TUNNEL_H

#include <finale/finale.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fin_tunnel fin_tunnel;

typedef struct fin_tunnel_options {
  const char *host; /* where every connection is led to; copied */
  uint16_t port;
  /* Bounds of both legs, instead of the listener's. idle_ms is 1 h here, if 0. */
  fin_conn_options conn;
} fin_tunnel_options;

/* Leads each connection of a listener to host:port, which is dialled at once; what arrives
 * meanwhile waits for it. NULL with errno set: EINVAL (no host or port), ENOMEM. */
FIN_EXPORT fin_tunnel *fin_tunnel_new(const fin_tunnel_options *options);

/* After all its connections have ended. NULL is allowed. */
FIN_EXPORT void fin_tunnel_free(fin_tunnel *tunnel);

/* For fin_listen.handler; valid until fin_tunnel_free. */
FIN_EXPORT const fin_handler *fin_tunnel_handler(const fin_tunnel *tunnel);

/* Joins two connections of one server, which then belong to the tunnel: both are handed over
 * (fin_conn_hand_over). Either may still be opening; what the other sends meanwhile waits in it.
 * `options`: the bounds of both from now on, NULL: each keeps its own.
 *   -EPIPE   one of them accepts no more output
 *   -EINVAL  an option out of range, or both are one, or of different servers
 *   -ENOMEM  no memory
 * A failure changes nothing; but memory that is short for the second alone ends both with RST, of
 * which the first one's handler is not told. */
FIN_EXPORT int fin_tunnel_join(fin_conn *one, fin_conn *other, const fin_conn_options *options);

#ifdef __cplusplus
}
#endif
#endif
