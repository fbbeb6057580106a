/* SPDX-License-Identifier: MIT
 *
 * nginx as a peer: one process, no log, connections kept alive without end, and a reply from its
 * configuration, which is the fastest it has.
 */
#ifndef BENCH_NGINX_H
#define BENCH_NGINX_H

#include "support/server_process.h"

bool nginx_is_installed(void);

/* Starts it, behind the command `prefix` if that is not NULL; `body` is what it answers. */
struct server_process nginx_start(const char *const *prefix, const char *body);

/* The same with a configuration of one's own: what is in its server, and further maps and servers.
 */
struct server_process nginx_start_with(const char *const *prefix, const char *locations,
                                       const char *others);

#endif
