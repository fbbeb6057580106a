/* SPDX-License-Identifier: MIT
 *
 * What handlers ask of a request.
 */
#include <string.h>
#include <strings.h>

#include "proto/http_request.h"

static fin_http_text text(const fin_http_request *request, struct fin_http_span span) {
  return (fin_http_text){request->head + span.at, span.len};
}

fin_http_text fin_http_method(const fin_http_request *request) {
  const char *name = llhttp_method_name(request->parser.method);
  return (fin_http_text){name, strlen(name)};
}

fin_http_text fin_http_target(const fin_http_request *request) {
  return text(request, request->target);
}

fin_http_text fin_http_path(const fin_http_request *request) {
  if (request->path_copy) return (fin_http_text){request->path_copy, request->path_len};
  return text(request, request->path);
}

fin_http_text fin_http_query(const fin_http_request *request) {
  return request->query.at ? text(request, request->query) : (fin_http_text){NULL, 0};
}

fin_http_text fin_http_query_value(const fin_http_request *request, const char *name) {
  fin_http_text query = fin_http_query(request);
  size_t name_len = strlen(name);
  const char *end = query.data ? query.data + query.len : NULL;
  for (const char *p = query.data; p && p <= end;) {
    const char *next = memchr(p, '&', (size_t)(end - p));
    const char *stop = next ? next : end;
    size_t len = (size_t)(stop - p);
    if (len > name_len && p[name_len] == '=' && memcmp(p, name, name_len) == 0)
      return (fin_http_text){p + name_len + 1, len - name_len - 1};
    p = next ? next + 1 : NULL;
  }
  return (fin_http_text){NULL, 0};
}

unsigned fin_http_minor(const fin_http_request *request) { return request->parser.http_minor; }

unsigned fin_http_header_count(const fin_http_request *request) { return request->field_count; }

fin_http_text fin_http_header_name(const fin_http_request *request, unsigned index) {
  return text(request, request->fields[index].name);
}

fin_http_text fin_http_header_value(const fin_http_request *request, unsigned index) {
  return text(request, request->fields[index].value);
}

fin_http_text fin_http_header(const fin_http_request *request, const char *name) {
  size_t len = strlen(name);
  for (unsigned i = 0; i < request->field_count; i++) {
    fin_http_text found = fin_http_header_name(request, i);
    if (found.len == len && strncasecmp(found.data, name, len) == 0)
      return fin_http_header_value(request, i);
  }
  return (fin_http_text){NULL, 0};
}

fin_http_text fin_http_body(const fin_http_request *request) {
  return (fin_http_text){request->body, request->body ? (size_t)request->body_len : 0};
}

uint64_t fin_http_body_length(const fin_http_request *request) { return request->body_length; }

fin_conn *fin_http_conn(const fin_http_request *request) { return request->conn; }
void *fin_http_context(const fin_http_request *request) { return request->route->context; }
void fin_http_set_data(fin_http_request *request, void *data) { request->data = data; }
void *fin_http_data(const fin_http_request *request) { return request->data; }
