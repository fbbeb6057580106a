/* SPDX-License-Identifier: MIT
 *
 * `finale serve http`: files, or a few routes for tests and load; and CONNECT.
 */
#include "serve_http.h"

#include <errno.h>
#include <finale/http_connect.h>
#include <finale/http_files.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "serve.h"

#define MEMBER(name) offsetof(struct serve, name)
static const struct cli_flag flags[] = {
    {"--root", CLI_DIRECTORY, MEMBER(root), "the files below this directory"},
    {"--connect-proxy", CLI_SWITCH, MEMBER(connect_proxy),
     "CONNECT too: whoever can connect here then\n"
     "                            reaches whatever this machine does"},
    {"--header-timeout", CLI_TIME, MEMBER(http.header_ms), "for a request's header, in all (10s)"},
    {"--body-rate", CLI_BYTES32, MEMBER(http.body_rate),
     "bytes a second of a body, at least (240)"},
    {"--request-timeout", CLI_TIME_OR_NEVER, MEMBER(http.request_ms),
     "for a request until its reply; or never (5m)"},
    {"--keep-alive", CLI_TIME_OR_NEVER, MEMBER(keep_alive_ms),
     "between requests, instead of --idle; or never"},
    {"--max-body", CLI_BYTES64, MEMBER(http.body_max), "of a request's body (1m)"},
    {0}};
#undef MEMBER

struct instance {
  fin_http *http;
  fin_http_files *files;
  fin_http_connect_options connect;
  fin_http_route routes[1 + SERVE_HTTP_ROUTES + 1]; /* CONNECT, the others, the end */
};

static void stop(struct serve *serve) {
  struct instance *instance = serve->instance;
  fin_http_free(instance->http);
  fin_http_files_free(instance->files);
  free(instance);
}

static bool to_anywhere(fin_http_request *request, const char *host, uint16_t port, void *context) {
  (void)request, (void)host, (void)port, (void)context;
  return true;
}

static int add_routes(const struct serve *serve, struct instance *instance) {
  fin_http_route *next = instance->routes;
  if (serve->connect_proxy) {
    instance->connect = (fin_http_connect_options){.allow = to_anywhere, .conn = serve->conn};
    *next++ = fin_http_connect_route(&instance->connect);
  }
  if (!serve->root) {
    memcpy(next, serve_http_routes, sizeof serve_http_routes);
    return 0;
  }
  instance->files = fin_http_files_new(serve->root);
  if (!instance->files)
    return cli_fail("--root %s: %s; give a directory that can be read", serve->root,
                    fin_strerror(errno));
  *next = fin_http_files_route(instance->files, "/");
  return 0;
}

static int start(struct serve *serve, const fin_handler **handler) {
  struct instance *instance = serve->instance = calloc(1, sizeof *instance);
  if (!instance) return cli_fail("no memory"), 1;
  int status = add_routes(serve, instance);
  if (status == 0) {
    /* Of CONNECT's tunnels --idle is what counts. */
    if (serve->keep_alive_ms != 0) serve->conn.idle_ms = serve->keep_alive_ms;
    serve->http.routes = instance->routes;
    instance->http = fin_http_new(&serve->http);
    if (!instance->http) status = cli_fail("no HTTP: %s", fin_strerror(errno));
  }
  if (status != 0) {
    stop(serve);
    return status;
  }
  *handler = fin_http_handler(instance->http);
  return 0;
}

const struct serve_protocol serve_http = {
    .name = "http",
    .help =
        "  http   HTTP/1.1: the files below --root; or without that, for tests and load:\n"
        "         /  /bytes?n=SIZE  /echo (POST)  /slow?ms=N  /stream?chunks=N&ms=N\n",
    .flags = flags,
    .start = start,
    .stop = stop,
};
