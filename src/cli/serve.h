/* SPDX-License-Identifier: MIT
 *
 * What `finale serve` and the protocols that it serves know of each other.
 */
#ifndef FINALE_CLI_SERVE_H
#define FINALE_CLI_SERVE_H

#include <finale/http.h>

#include "options.h"

/* What was asked for. A zero is a default. */
struct serve {
  const struct serve_protocol *protocol;
  struct cli_address listen;
  uint32_t drain_ms;
  fin_conn_options conn;

  const char *root; /* http: */
  bool connect_proxy;
  uint32_t keep_alive_ms;
  fin_http_options http;
  struct cli_address to; /* tunnel: */

  void *instance; /* the protocol's own, from start to stop */
};

struct serve_protocol {
  const char *name;
  const char *help;             /* lines, each with its newline */
  const struct cli_flag *flags; /* its own, for members of struct serve; may be NULL */

  /* Makes the handler of the connections: 0, or the exit status after having said what is wrong. */
  int (*start)(struct serve *serve, const fin_handler **handler);
  /* Frees what start made; all connections have ended. May be NULL. */
  void (*stop)(struct serve *serve);
};

extern const struct serve_protocol serve_echo, serve_line, serve_http, serve_tunnel;

#endif
