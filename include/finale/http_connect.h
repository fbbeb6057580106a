/* SPDX-License-Identifier: MIT
 *
 * CONNECT (RFC 9110, 9.3.6): a route that makes the server a proxy.
 *
 *   static const fin_http_connect_options connect = {.allow = allow};
 *   const fin_http_route routes[] = {fin_http_connect_route(&connect), {0}};
 *
 * The target is dialled; once it is open the reply is 200, and the connection becomes a tunnel
 * (finale/tunnel.h), with the bytes that the client sent behind its request. Otherwise the reply is
 *   400  the target is no HOST:PORT    502  it cannot be reached
 *   403  it is not allowed             504  not within open_ms
 *   503  the server drains, or is short of memory
 * and the connection closes: what the client sent too early is not taken for a request. A client
 * that goes away meanwhile takes the dialled connection with it.
 */
#ifndef FINALE_HTTP_CONNECT_H
#define FINALE_HTTP_CONNECT_H

#include <finale/http.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fin_http_connect_options {
  /* Whether the client may be connected to `host`, a name or an address without brackets, as the
   * client wrote it. If not, the reply is 403, or what allow() has replied itself (407, say). NULL:
   * port 443 of every host, for a tunnel to just anywhere is dangerous. Names are not resolved yet:
   * who protects what is near the server allows them one by one. */
  bool (*allow)(fin_http_request *request, const char *host, uint16_t port, void *context);
  void *context;

  /* Bounds of both legs. idle_ms is 1 h here, if 0; open_ms is for the target. */
  fin_conn_options conn;
} fin_http_connect_options;

/* For fin_http_options.routes. `options` stay the caller's, valid as long as the routes; NULL: the
 * defaults. */
FIN_EXPORT fin_http_route fin_http_connect_route(const fin_http_connect_options *options);

#ifdef __cplusplus
}
#endif
#endif
