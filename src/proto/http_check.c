/* SPDX-License-Identifier: MIT
 *
 * What the parser lets pass and a server must not: whatever could make two readers of one request
 * see two different ones (RFC 9112, 11.2).
 */
#include <string.h>
#include <strings.h>

#include "proto/http_request.h"

static bool wrong(struct fin_http_request *request, unsigned status, const char *why) {
  fin_http_wrong(request, status, why);
  return false;
}

/* ---- the request line ---- */

/* One blank before the target and one after it, a version that we speak, and CR LF: the parser
 * knows other protocols too, and HTTP/0.9. */
static bool check_line(struct fin_http_request *request) {
  const char *target = request->head + request->target.at;
  if (request->target.at < 2 || target[-1] != ' ' || target[-2] == ' ')
    return wrong(request, 400, "the request line is malformed");
  const char *version = target + request->target.len;
  size_t left = request->head_len - (size_t)(version - request->head);
  if (left < 11 || memcmp(version, " HTTP/", 6) != 0 || memcmp(version + 9, "\r\n", 2) != 0)
    return wrong(request, 400, "the request line is malformed");
  if (memcmp(version + 6, "1.1", 3) == 0 || memcmp(version + 6, "1.0", 3) == 0) return true;
  return wrong(request, 505, "this is a server of HTTP/1.1");
}

/* ---- fields ---- */

/* Most clients write names like this. */
static inline bool is(const char *name, const char *usual, size_t len) {
  return memcmp(name, usual, len) == 0 || strncasecmp(name, usual, len) == 0;
}

/* A value is on its name's line: what continues on the next one is seen by some and not by others
 * (RFC 9112, 5.2). */
static bool on_one_line(const struct fin_http_request *request,
                        const struct fin_http_field *field) {
  const char *p = request->head + field->name.at + field->name.len;
  const char *value = request->head + field->value.at;
  if (*p++ != ':') return false;
  while (*p == ' ' || *p == '\t') p++;
  if (field->value.len > 0) return p == value;
  return p[0] == '\r' && p[1] == '\n' && p[2] != ' ' && p[2] != '\t';
}

/* Every request has a host, so what it may consist of (RFC 3986, 3.2.2) is a table. */
#define TEN(c) \
  [c] = true, [c + 1] = true, [c + 2] = true, [c + 3] = true, [c + 4] = true, [c + 5] = true, \
  [c + 6] = true, [c + 7] = true, [c + 8] = true, [c + 9] = true
#define LETTERS(c) \
  TEN(c), TEN(c + 10), [c + 20] = true, [c + 21] = true, [c + 22] = true, [c + 23] = true, \
                            [c + 24] = true, [c + 25] = true
static const bool in_host[256] = {
    TEN('0'),      LETTERS('A'), LETTERS('a'), ['-'] = true, ['.'] = true,
    ['_'] = true,  ['~'] = true, ['!'] = true, ['$'] = true, ['&'] = true,
    ['\''] = true, ['('] = true, [')'] = true, ['*'] = true, ['+'] = true,
    [','] = true,  [';'] = true, ['='] = true, ['%'] = true};
#undef LETTERS
#undef TEN

bool fin_http_good_host(const char *text, size_t len) {
  const char *p = text;
  if (*p == '[') {
    do p++;
    while (in_host[(unsigned char)*p] || *p == ':');
    if (*p++ != ']') return false;
  } else {
    while (in_host[(unsigned char)*p]) p++;
  }
  if (p == text) return false;
  if (*p == ':') do
      p++;
    while (*p >= '0' && *p <= '9');
  return p == text + len;
}

/* Most requests to a server name the same host. */
static bool known_host(const struct fin_http *http, const char *text, size_t len) {
  return len > 0 && len == http->host_len && memcmp(text, http->host, len) == 0;
}

static bool check_host(struct fin_http_request *request, const char *text, size_t len) {
  struct fin_http *http = request->http;
  if (++request->hosts > 1) return wrong(request, 400, "there are two Host fields");
  if (known_host(http, text, len)) return true;
  if (!fin_http_good_host(text, len)) return wrong(request, 400, "Host is not a host");
  if (len <= sizeof http->host) {
    memcpy(http->host, text, len);
    http->host_len = len;
  }
  return true;
}

static bool number(const char *text, size_t len) {
  size_t digits = 0;
  while (digits < len && text[digits] >= '0' && text[digits] <= '9') digits++;
  return len > 0 && digits == len;
}

static bool check_expectation(struct fin_http_request *request, const char *value, size_t len) {
  if (request->parser.http_minor == 0) return true; /* RFC 9110, 10.1.1 */
  if (len != 12 || !is(value, "100-continue", 12))
    return wrong(request, 417, "this expectation is not known");
  request->expecting = true;
  return true;
}

static bool check_coding(struct fin_http_request *request, const char *value, size_t len) {
  request->transfer_codings++;
  if (request->parser.http_minor == 0)
    return wrong(request, 400, "HTTP/1.0 has no Transfer-Encoding");
  if (request->transfer_codings > 1)
    return wrong(request, 400, "there are two Transfer-Encoding fields");
  if (len == 7 && is(value, "chunked", 7)) return true;
  return len == 0 ? wrong(request, 400, "Transfer-Encoding is empty")
                  : wrong(request, 501, "no transfer coding but chunked is implemented");
}

/* `word` is an element of the list in the value. */
static bool lists(const char *value, size_t len, const char *word) {
  const char *end = value + len;
  size_t word_len = strlen(word);
  while (value < end) {
    const char *comma = memchr(value, ',', (size_t)(end - value));
    const char *last = comma ? comma : end, *next = comma ? comma + 1 : end;
    while (value < last && (*value == ' ' || *value == '\t')) value++;
    while (value < last && (last[-1] == ' ' || last[-1] == '\t')) last--;
    if ((size_t)(last - value) == word_len && is(value, word, word_len)) return true;
    value = next;
  }
  return false;
}

/* By ourselves: the parser does not see a word before a tab. */
static bool check_connection(struct fin_http_request *request, const char *value, size_t len) {
  if (lists(value, len, "close")) request->closing = true;
  if (lists(value, len, "keep-alive")) request->stays = true;
  return true;
}

static bool check_field(struct fin_http_request *request, const struct fin_http_field *field) {
  const char *name = request->head + field->name.at;
  const char *value = request->head + field->value.at;
  size_t len = field->value.len;
  switch (field->name.len) {
    case 0:
      return wrong(request, 400, "a header field has no name");
    case 4:
      if (is(name, "Host", 4)) return check_host(request, value, len);
      break;
    case 6:
      if (is(name, "Expect", 6)) return check_expectation(request, value, len);
      break;
    case 10:
      if (is(name, "Connection", 10)) return check_connection(request, value, len);
      break;
    case 14:
      if (!is(name, "Content-Length", 14)) break;
      if (!number(value, len)) return wrong(request, 400, "Content-Length is not a number");
      break;
    case 17:
      if (is(name, "Transfer-Encoding", 17)) return check_coding(request, value, len);
      break;
    default:
      break;
  }
  return true;
}

static bool check_fields(struct fin_http_request *request) {
  for (unsigned i = 0; i < request->field_count; i++) {
    struct fin_http_field *field = &request->fields[i];
    if (!on_one_line(request, field))
      return wrong(request, 400, "a header field is continued on the next line");
    const char *value = request->head + field->value.at;
    while (field->value.len > 0 &&
           (value[field->value.len - 1] == ' ' || value[field->value.len - 1] == '\t'))
      field->value.len--;
    if (!check_field(request, field)) return false;
  }
  return true;
}

/* ---- all of it ---- */

static bool check_body(struct fin_http_request *request) {
  llhttp_t *parser = &request->parser;
  bool chunked = request->transfer_codings > 0; /* every other coding was refused */
  /* It does not see the word before a tab, and looks at the flag when it goes on. */
  if (chunked) parser->flags |= F_CHUNKED;
  if (!chunked && parser->content_length == FIN_HTTP_CHUNKED)
    return wrong(request, 413, "the body is too long");
  request->body_length = chunked ? FIN_HTTP_CHUNKED : parser->content_length;
  if (parser->method == HTTP_CONNECT && request->body_length > 0)
    return wrong(request, 400, "CONNECT has no body");
  if (request->body_length == 0) request->expecting = false;
  return true;
}

bool fin_http_check_head(struct fin_http_request *request) {
  if (!check_line(request) || !check_fields(request)) return false;
  if (request->hosts == 0 && request->parser.http_minor > 0)
    return wrong(request, 400, "there is no Host");
  if (request->parser.http_minor == 0 && !request->stays) request->closing = true;
  return check_body(request);
}
