/* SPDX-License-Identifier: MIT
 *
 * Replies of the line protocol.
 */
#include "line_protocol.h"

#include <string.h>

/* n of "SEND n", or 0 if the line is not one, or asks for too much. */
static size_t send_len(const char *line, size_t len) {
  static const char verb[] = "SEND ";
  size_t verb_len = sizeof verb - 1, n = 0;
  if (len <= verb_len || memcmp(line, verb, verb_len) != 0) return 0;
  for (size_t i = verb_len; i < len; i++) {
    if (line[i] < '0' || line[i] > '9') return 0;
    n = n * 10 + (size_t)(line[i] - '0');
    if (n > LINE_SEND_MAX) return 0;
  }
  return n;
}

/* The last n bytes of one block: it ends in the newline that every reply ends in. */
static const char *payload(size_t n) {
  static char block[LINE_SEND_MAX];
  if (block[0] == '\0') {
    for (size_t i = 0; i < sizeof block; i++) block[i] = (char)('a' + i % 26);
    block[sizeof block - 1] = '\n';
  }
  return block + sizeof block - n;
}

struct line_reply line_reply_to(const char *line, size_t len, char *buffer) {
  size_t n = send_len(line, len);
  if (n > 0) return (struct line_reply){.data = payload(n), .len = n, .constant = 1};
  for (size_t i = 0; i < len; i++) {
    char c = line[i];
    buffer[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  buffer[len] = '\n';
  return (struct line_reply){.data = buffer, .len = len + 1, .constant = 0};
}
