/* SPDX-License-Identifier: MIT
 *
 * From a request's path to a file's name. A file has one name: what a second round of decoding, a
 * collapsed slash or a resolved dot would turn into another's is nobody's.
 */
#include <string.h>

#include "proto/http_files_parts.h"

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* The byte that the two digits after a '%' stand for, or -1. */
static int escaped(const char *digits, const char *end) {
  if (end - digits < 2) return -1;
  int high = hex(digits[0]), low = hex(digits[1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool dots(const char *segment, size_t len) {
  return (len == 1 && segment[0] == '.') || (len == 2 && memcmp(segment, "..", 2) == 0);
}

unsigned fin_http_files_name(fin_http_text path, char *name, size_t size) {
  const char *at = path.data, *end = path.data + path.len;
  size_t len = 0, segment = 0;
  unsigned refused = 0;
  for (; at < end; at++) {
    int byte = (unsigned char)*at;
    if (byte == '%') {
      byte = escaped(at + 1, end);
      if (byte <= 0) return 400;
      if (byte == '/') refused = 404;
      at += 2;
    } else if (byte == '/') {
      if (len == segment || dots(name + segment, len - segment)) refused = 404;
      segment = len + 1;
    } else if (byte == '\0') {
      return 400;
    }
    if (byte == '\\' || len + 1 >= size) refused = 404;
    if (refused) continue; /* there may be a 400 in the rest */
    name[len++] = (char)byte;
  }
  if (refused || dots(name + segment, len - segment)) return 404;
  name[len] = '\0';
  return 0;
}
