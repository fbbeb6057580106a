/* SPDX-License-Identifier: MIT
 *
 * The head of a request, by llhttp: where its parts are, and in which words it is wrong. A head
 * that is not complete stays in the connection's input, so that its parts lie in one piece; the
 * parser goes on where it stopped.
 */
#include <string.h>

#include "base/mem.h"
#include "proto/http_request.h"

int fin_http_wrong(struct fin_http_request *request, unsigned status, const char *why) {
  if (request->status == 0) {
    request->status = (uint16_t)status;
    request->wrong = why;
  }
  return -1;
}

/* ---- what the parser tells ---- */

/* A part of the head arrives in pieces. False: this piece does not follow the others. */
static bool extend(struct fin_http_request *request, struct fin_http_span *span, const char *piece,
                   size_t len) {
  size_t at = (size_t)(piece - request->head);
  if (span->len == 0) span->at = (uint16_t)at;
  if (span->at + span->len != at) return false;
  span->len = (uint16_t)(span->len + len);
  return true;
}

static int on_url(llhttp_t *parser, const char *piece, size_t len) {
  struct fin_http_request *request = parser->data;
  extend(request, &request->target, piece, len);
  if (request->target.len <= request->http->options.target_max) return 0;
  return fin_http_wrong(request, 414, "the target is too long");
}

static int make_room(struct fin_http_request *request) {
  unsigned room = request->fields_room * 2;
  bool inlined = request->fields == request->fields_inline;
  struct fin_http_field *fields =
      fin_resize(inlined ? NULL : request->fields, room * sizeof *fields);
  if (!fields) return fin_http_wrong(request, 503, "out of memory");
  if (inlined) memcpy(fields, request->fields_inline, sizeof request->fields_inline);
  request->fields = fields;
  request->fields_room = room;
  return 0;
}

/* Trailers are counted and dropped (RFC 9110, 6.5.1). */
static int count_meta(struct fin_http_request *request, size_t len, unsigned status,
                      const char *why) {
  request->meta_len += len;
  if (request->meta_len <= request->http->options.header_bytes_max) return 0;
  return fin_http_wrong(request, status, why);
}

static int count_trailer(struct fin_http_request *request, size_t len) {
  return count_meta(request, len, 431, "the trailers are too long");
}

static int on_field(llhttp_t *parser, const char *piece, size_t len) {
  struct fin_http_request *request = parser->data;
  if (request->receiving != FIN_HTTP_HEAD) {
    request->trailer_named = len > 0 || request->trailer_named;
    return count_trailer(request, len);
  }
  extend(request, &request->fields[request->field_count].name, piece, len);
  return 0;
}

static int on_value(llhttp_t *parser, const char *piece, size_t len) {
  struct fin_http_request *request = parser->data;
  if (request->receiving != FIN_HTTP_HEAD) return count_trailer(request, len);
  if (extend(request, &request->fields[request->field_count].value, piece, len)) return 0;
  return fin_http_wrong(request, 400, "a header field is continued on the next line");
}

static int on_trailer_complete(struct fin_http_request *request) {
  bool named = request->trailer_named;
  request->trailer_named = false;
  if (!named) return fin_http_wrong(request, 400, "a trailer has no name");
  return count_trailer(request, 4); /* what stands around name and value */
}

static int on_value_complete(llhttp_t *parser) {
  struct fin_http_request *request = parser->data;
  if (request->receiving != FIN_HTTP_HEAD) return on_trailer_complete(request);
  if (++request->field_count > request->http->options.headers_max)
    return fin_http_wrong(request, 431, "too many header fields");
  if (request->field_count == request->fields_room && make_room(request)) return -1;
  request->fields[request->field_count] = (struct fin_http_field){{0, 0}, {0, 0}};
  return 0;
}

/* Paused where the head ends: what follows is looked at when the head has been. */
static int on_headers_complete(llhttp_t *parser) {
  parser->upgrade = 0; /* upgrades are for handlers to decide on */
  return HPE_PAUSED;
}

static int on_body(llhttp_t *parser, const char *piece, size_t len) {
  return parser->data && fin_http_on_chunk(parser->data, piece, len) ? 0 : HPE_PAUSED;
}

/* What is too long is not waited for. */
static int on_chunk_header(llhttp_t *parser) {
  struct fin_http_request *request = parser->data;
  if (parser->content_length <= request->body_max - request->body_len) return 0;
  return fin_http_wrong(request, 413, "the body is too long");
}

static int count_extension(llhttp_t *parser, size_t len) {
  return count_meta(parser->data, len, 413, "the chunk extensions are too long");
}

static int on_extension(llhttp_t *parser, const char *piece, size_t len) {
  (void)piece;
  return count_extension(parser, len);
}

static int on_extension_complete(llhttp_t *parser) {
  return count_extension(parser, 2); /* what stands around name or value */
}

static int on_message_complete(llhttp_t *parser) {
  struct fin_http_request *request = parser->data;
  request->receiving = FIN_HTTP_RECEIVED;
  return HPE_PAUSED; /* what follows is another request */
}

void fin_http_settings(llhttp_settings_t *settings) {
  llhttp_settings_init(settings);
  settings->on_url = on_url;
  settings->on_header_field = on_field;
  settings->on_header_value = on_value;
  settings->on_header_value_complete = on_value_complete;
  settings->on_headers_complete = on_headers_complete;
  settings->on_chunk_extension_name = on_extension;
  settings->on_chunk_extension_value = on_extension;
  settings->on_chunk_extension_name_complete = on_extension_complete;
  settings->on_chunk_extension_value_complete = on_extension_complete;
  settings->on_chunk_header = on_chunk_header;
  settings->on_body = on_body;
  settings->on_message_complete = on_message_complete;
}

/* ---- the head ---- */

enum likeness { UNLIKE, LIKE_SO_FAR, LIKE };

/* "HTTP/" DIGIT "." DIGIT CR LF, of which we speak 1.0 and 1.1 (RFC 9110, 2.5). */
static enum likeness version_like(const char *text, const char *end) {
  for (const char *shape = "HTTP/0.0\r\n"; *shape; shape++, text++) {
    if (text == end) return LIKE_SO_FAR;
    if (*shape == '0' ? *text < '0' || *text > '9' : *text != *shape) return UNLIKE;
  }
  return LIKE;
}

static enum likeness method_like(const char *text, const char *end) {
  const char *p = text;
  while (p < end && ((*p >= 'A' && *p <= 'Z') || *p == '-')) p++;
  if (p == end) return LIKE_SO_FAR;
  return p > text && *p == ' ' ? LIKE : UNLIKE;
}

/* The parser gives up at the first byte that it does not like; what that belongs to shows later. */
static int blame(struct fin_http_request *request, enum likeness likeness, unsigned status,
                 const char *why) {
  if (likeness == LIKE_SO_FAR) return 0;
  return likeness == LIKE ? fin_http_wrong(request, status, why)
                          : fin_http_wrong(request, 400, "the request line is malformed");
}

static int blame_parser(struct fin_http_request *request, llhttp_errno_t error, const char *end) {
  const char *method = request->head;
  while (method < end && (*method == '\r' || *method == '\n')) method++;
  const char *version = request->head + request->target.at + request->target.len + 1;
  switch (error) {
    case HPE_INVALID_METHOD:
      return blame(request, method_like(method, end), 501, "this method is not implemented");
    case HPE_INVALID_VERSION:
      if (request->target.len == 0) break;
      return blame(request, version_like(version, end), 505, "this is a server of HTTP/1.1");
    case HPE_PAUSED_H2_UPGRADE:
      return fin_http_wrong(request, 505, "this is a server of HTTP/1.1");
    case HPE_INVALID_TRANSFER_ENCODING:
      return fin_http_wrong(request, 400, "Transfer-Encoding does not end in chunked");
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return fin_http_wrong(request, 400, "more than one thing says how long the body is");
    default:
      break;
  }
  const char *reason = llhttp_get_error_reason(&request->parser);
  return fin_http_wrong(request, 400, reason && *reason ? reason : "this is not HTTP");
}

static int too_long(struct fin_http_request *request) {
  bool in_target = request->field_count == 0 && request->fields[0].name.len == 0;
  return in_target ? fin_http_wrong(request, 414, "the request line is too long")
                   : fin_http_wrong(request, 431, "the header is too long");
}

static size_t head_max(const struct fin_http_request *request) {
  size_t most = request->http->options.header_bytes_max;
  size_t kept_max =
      fin_conn_limits(request->conn)->input_max - 1; /* the connection keeps no more */
  return most < kept_max ? most : kept_max;
}

int fin_http_parse_head(struct fin_http_request *request, const char *data, size_t len) {
  size_t most = head_max(request), end = len < most ? len : most;
  request->head = data;
  llhttp_errno_t error =
      llhttp_execute(&request->parser, data + request->parsed, end - request->parsed);
  if (error == HPE_OK) {
    request->parsed = end;
    return end == most ? too_long(request) : 0;
  }
  if (error != HPE_PAUSED) {
    int blamed = blame_parser(request, error, data + end);
    return blamed == 0 && end == most ? too_long(request) : blamed;
  }
  request->head_len = (size_t)(llhttp_get_error_pos(&request->parser) - data);
  return fin_http_check_head(request) ? 1 : -1;
}
