/* SPDX-License-Identifier: MIT
 *
 * Which route answers a request.
 */
#include <errno.h>
#include <string.h>

#include "proto/http_request.h"

static int method_number(const char *name) {
  for (int method = 0; method < HTTP_PRI; method++)
    if (strcmp(llhttp_method_name((llhttp_method_t)method), name) == 0) return method;
  return -1;
}

int fin_http_compile_route(struct fin_http_compiled *compiled, const fin_http_route *route) {
  compiled->route = route;
  compiled->method = route->method ? method_number(route->method) : -1;
  if (!route->path || (route->method && compiled->method < 0)) return -EINVAL;
  compiled->path_len = strlen(route->path);
  compiled->below = compiled->path_len > 0 && route->path[compiled->path_len - 1] == '*';
  if (compiled->below) compiled->path_len--;
  bool all = compiled->below && compiled->path_len == 0;
  return all || route->path[0] == '/' ? 0 : -EINVAL;
}

static bool has_path(const struct fin_http_compiled *compiled, fin_http_text path) {
  bool fits = compiled->below ? path.len >= compiled->path_len : path.len == compiled->path_len;
  return fits && memcmp(path.data, compiled->route->path, compiled->path_len) == 0;
}

/* HEAD asks what GET would say; CONNECT asks something of another kind, and must be wanted by name.
 */
static bool has_method(const struct fin_http_compiled *compiled, int method) {
  if (compiled->method < 0) return method != HTTP_CONNECT;
  return compiled->method == method || (method == HTTP_HEAD && compiled->method == HTTP_GET);
}

unsigned fin_http_find_route(const struct fin_http_request *request, const fin_http_route **route) {
  fin_http_text path = fin_http_path(request);
  int method = request->parser.method;
  bool found = false;
  for (size_t i = 0; i < request->http->route_count; i++) {
    const struct fin_http_compiled *compiled = &request->http->routes[i];
    if (!has_path(compiled, path)) continue;
    if (has_method(compiled, method)) {
      *route = compiled->route;
      return 0;
    }
    found |= compiled->method != HTTP_CONNECT; /* whose target is no path */
  }
  if (method == HTTP_CONNECT) return 501;
  if (method == HTTP_OPTIONS && (found || path.data[0] == '*')) return 204;
  return found ? 405 : 404;
}

static void add_method(char *list, size_t size, const char *name) {
  if (*list) strncat(list, ", ", size - strlen(list) - 1);
  strncat(list, name, size - strlen(list) - 1);
}

void fin_http_add_allow(struct fin_http_request *request) {
  char list[512] = "";
  fin_http_text path = fin_http_path(request);
  bool all = path.data[0] == '*';
  for (int method = 0; method < HTTP_PRI; method++) {
    bool allowed = method == HTTP_OPTIONS;
    for (size_t i = 0; i < request->http->route_count && !allowed; i++) {
      const struct fin_http_compiled *compiled = &request->http->routes[i];
      bool here = all || (method != HTTP_CONNECT && has_path(compiled, path));
      allowed = here && has_method(compiled, method) && compiled->method >= 0;
    }
    if (allowed) add_method(list, sizeof list, llhttp_method_name((llhttp_method_t)method));
  }
  fin_http_add_header(request, "Allow", list);
}
