/* SPDX-License-Identifier: MIT
 *
 * The target of a request in its four forms (RFC 9112, 3.2), and its path in the one spelling that
 * routes are compared with (RFC 3986, 6.2.2).
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "proto/http_request.h"

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool unreserved(int c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

/* Decodes what need not be encoded: the length, or 0 if a '%' encodes nothing. What that would
 * become were different things for different readers. */
static size_t decode_unreserved(char *out, const char *path, size_t len) {
  size_t n = 0;
  for (size_t i = 0; i < len; i++) {
    out[n++] = path[i];
    if (path[i] != '%') continue;
    int high = i + 2 < len ? hex(path[i + 1]) : -1, low = high >= 0 ? hex(path[i + 2]) : -1;
    if (low < 0) return 0;
    if (!unreserved(high * 16 + low)) continue;
    out[n - 1] = (char)(high * 16 + low);
    i += 2;
  }
  return n;
}

/* Resolves "." and "..", in place: never above the root (RFC 3986, 5.2.4). Returns the length. */
static size_t resolve_dots(char *path, size_t len) {
  size_t out = 0, in = 0; /* both at a '/', or at the end */
  while (in < len) {
    size_t end = in + 1;
    while (end < len && path[end] != '/') end++;
    size_t segment = end - in - 1;
    const char *name = path + in + 1;
    bool dot = segment == 1 && name[0] == '.',
         dots = segment == 2 && name[0] == '.' && name[1] == '.';
    if (dots)
      while (out > 0 && path[--out] != '/') continue;
    if (!dot && !dots) {
      memmove(path + out, path + in, end - in);
      out += end - in;
    } else if (end == len) {
      path[out++] = '/';
    }
    in = end;
  }
  return out;
}

static int rewrite_path(struct fin_http_request *request, const char *path, size_t len) {
  request->path_copy = fin_alloc(len);
  if (!request->path_copy) return -ENOMEM;
  size_t decoded_len = decode_unreserved(request->path_copy, path, len);
  if (decoded_len == 0) return -EINVAL;
  request->path_len = resolve_dots(request->path_copy, decoded_len);
  return 0;
}

static size_t scheme_len(const char *target, size_t len) {
  static const char *const schemes[] = {"http://", "https://"};
  for (size_t i = 0; i < 2; i++) {
    size_t prefix = strlen(schemes[i]);
    if (len > prefix && strncasecmp(target, schemes[i], prefix) == 0) return prefix;
  }
  return 0;
}

/* What there is in a target. */
struct survey {
  bool encodable;  /* characters that must be encoded */
  bool rewritable; /* an encoded character or a dot segment in its path */
  size_t query_at; /* behind '?', 0: none */
};

static struct survey look_at(const char *target, size_t len) {
  struct survey survey = {false, false, 0};
  char before = 0;
  for (size_t i = 0; i < len; i++) {
    char c = target[i];
    if ((unsigned char)c <= ' ' || (unsigned char)c >= 0x7f || c == '#') survey.encodable = true;
    if (survey.query_at == 0) {
      if (c == '?') survey.query_at = i + 1;
      if (c == '%' || (c == '.' && before == '/')) survey.rewritable = true;
    }
    before = c;
  }
  return survey;
}

int fin_http_split_target(struct fin_http_request *request) {
  const char *target = request->head + request->target.at;
  size_t len = request->target.len, at = 0;
  struct survey survey = look_at(target, len);
  if (survey.encodable) return -EINVAL;
  request->path = request->target;
  request->path_len = len;
  if (request->parser.method == HTTP_CONNECT) return 0;
  if (len == 1 && target[0] == '*') return request->parser.method == HTTP_OPTIONS ? 0 : -EINVAL;
  if (target[0] != '/') {
    at = scheme_len(target, len);
    size_t host = at;
    while (at < len && target[at] != '/' && target[at] != '?') at++;
    if (host == 0 || !fin_http_good_host(target + host, at - host)) return -EINVAL;
  }
  size_t end = survey.query_at ? survey.query_at - 1 : len;
  if (survey.query_at) {
    request->query.at = (uint16_t)(request->target.at + survey.query_at);
    request->query.len = (uint16_t)(len - survey.query_at);
  }
  request->path.at = (uint16_t)(request->target.at + at);
  request->path.len = (uint16_t)(end - at);
  request->path_len = end - at;
  if (request->path_len == 0) return rewrite_path(request, "/", 1);
  return survey.rewritable ? rewrite_path(request, target + at, request->path_len) : 0;
}
