/* SPDX-License-Identifier: MIT
 *
 * What `finale serve http` answers without --root.
 */
#ifndef FINALE_CLI_SERVE_HTTP_H
#define FINALE_CLI_SERVE_HTTP_H

#include <finale/http.h>

enum { SERVE_HTTP_ROUTES = 5 };
extern const fin_http_route serve_http_routes[SERVE_HTTP_ROUTES];

#endif
