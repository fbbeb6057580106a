/* SPDX-License-Identifier: MIT
 *
 * A byte range (RFC 9110, 14.1.2). One of them: several would be a multipart reply, which nobody
 * has to give (14.2).
 */
#include <string.h>
#include <strings.h>

#include "proto/http_files_parts.h"

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* A number in front, if there is one; what is too large for us is very large. */
static bool take_number(const char **at, const char *end, uint64_t *number) {
  const char *begin = *at;
  *number = 0;
  for (; *at < end && digit(**at); ++*at) {
    unsigned value = (unsigned)(**at - '0');
    *number = *number > (UINT64_MAX - value) / 10 ? UINT64_MAX : *number * 10 + value;
  }
  return *at > begin;
}

unsigned fin_http_files_range(fin_http_text value, uint64_t size, struct fin_http_part *part) {
  const size_t unit_len = strlen("bytes=");
  if (value.len < unit_len || strncasecmp(value.data, "bytes=", unit_len) != 0) return 200;
  const char *at = value.data + unit_len, *end = value.data + value.len;
  uint64_t first, last;
  bool has_first = take_number(&at, end, &first);
  if (at == end || *at++ != '-') return 200;
  bool has_last = take_number(&at, end, &last);
  if (at != end || (!has_first && !has_last) || (has_first && has_last && last < first)) return 200;

  if (!has_first) { /* so many bytes from the end */
    if (last == 0) return 416;
    if (size == 0) return 200; /* all of nothing: there is no Content-Range for it */
    first = last < size ? size - last : 0;
    last = size - 1;
  }
  if (first >= size) return 416;
  if (!has_last || last >= size) last = size - 1;
  *part = (struct fin_http_part){.first = first, .len = last - first + 1};
  return 206;
}
