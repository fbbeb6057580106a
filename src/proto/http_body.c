/* SPDX-License-Identifier: MIT
 *
 * The body of a request: to the handler as it arrives, or collected, or dropped.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "proto/http_request.h"

enum { ROOM_MIN = 4096 };

static int collect(struct fin_http_request *request, const char *data, size_t len) {
  size_t have = (size_t)request->body_len, room = request->body_room;
  if (len > room - have) {
    if (room == 0) room = ROOM_MIN;
    while (len > room - have) room *= 2;
    if (room > request->body_length) room = (size_t)request->body_length;
    char *body = fin_resize(request->body, room);
    if (!body) return -ENOMEM;
    request->body = body;
    request->body_room = room;
  }
  memcpy(request->body + have, data, len);
  return 0;
}

/* False: take no more now. */
static bool give(struct fin_http_request *request, const char *data, size_t len) {
  if (len > request->body_max - request->body_len) {
    fin_http_wrong(request, 413, "the body is too long");
    return false;
  }
  bool wanted = request->route && request->replying != FIN_HTTP_GIVEN;
  if (wanted && !request->route->on_body && collect(request, data, len)) {
    fin_http_wrong(request, 503, "out of memory");
    return false;
  }
  request->body_len += len;
  request->expecting = false; /* it did not wait for us */
  if (wanted && request->route->on_body) request->route->on_body(request, data, len);
  return fin_conn_reading(request->conn);
}

bool fin_http_on_chunk(struct fin_http_request *request, const char *data, size_t len) {
  return len == 0 || give(request, data, len);
}

static size_t take_chunks(struct fin_http_request *request, const char *data, size_t len) {
  llhttp_t *parser = &request->parser;
  if (llhttp_get_errno(parser) == HPE_PAUSED) llhttp_resume(parser);
  llhttp_errno_t error = llhttp_execute(parser, data, len);
  if (error == HPE_OK) return len;
  if (error == HPE_PAUSED) return (size_t)(llhttp_get_error_pos(parser) - data);
  fin_http_wrong(request, 400, "the body is not chunked as it should be");
  return 0;
}

size_t fin_http_take_body(struct fin_http_request *request, const char *data, size_t len) {
  if (request->body_length == FIN_HTTP_CHUNKED) return take_chunks(request, data, len);
  uint64_t left = request->body_length - request->body_len;
  if (len > left) len = (size_t)left;
  give(request, data, len);
  if (request->body_len == request->body_length) request->receiving = FIN_HTTP_RECEIVED;
  return len;
}
