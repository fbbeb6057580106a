/* SPDX-License-Identifier: MIT
 *
 * HTTP at its least, for the peers without any of it: the reply is always the same, to whatever was
 * asked; read is what tells one request from the next (RFC 9112, 6.3): lines up to an empty one,
 * and whether a body follows.
 */
#ifndef BENCH_HELLO_H
#define BENCH_HELLO_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>

#define HELLO(connection) \
  "HTTP/1.1 200 OK\r\n" \
  "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" connection \
  "Content-Length: 18\r\n" \
  "Content-Type: text/plain\r\n" \
  "\r\n" \
  "Hello from finale\n"

/* As long as finale's. */
static const char hello[] = HELLO("Connection: keep-alive\r\nKeep-Alive: timeout=70\r\n");
static const char last_hello[] = HELLO("Connection: close\r\n");

enum { HELLO_LEN = sizeof hello - 1, LAST_HELLO_LEN = sizeof last_hello - 1 };

static bool named(const char *line, const char *colon, const char *name, size_t len) {
  return (size_t)(colon - line) == len && strncasecmp(line, name, len) == 0;
}

/* The request that was read last has said "Connection: close": whoever answers it clears this, and
 * reads no more. */
static bool last_request;

static void read_connection(const char *value) {
  last_request |= strncasecmp(value + (*value == ' '), "close\r", 6) == 0;
}

/* How long the request is that begins at `at`; 0: longer than what is there, -1: it is none. */
static ssize_t request_len(const char *at, const char *end) {
  const char *line = at, *feed;
  size_t body = 0;
  bool first = true;
  while ((feed = memchr(line, '\n', (size_t)(end - line)))) {
    if (feed == line || feed[-1] != '\r') return -1;
    if (feed == line + 1) { /* the empty line */
      size_t len = (size_t)(feed + 1 - at) + body;
      if (len > (size_t)(end - at)) break;
      return first ? -1 : (ssize_t)len;
    }
    if (first) {
      if (feed - line < 14 || memcmp(feed - 9, "HTTP/1.", 7) != 0) return -1;
    } else {
      const char *colon = memchr(line, ':', (size_t)(feed - line));
      if (!colon || named(line, colon, "Transfer-Encoding", 17)) return -1;
      if (named(line, colon, "Content-Length", 14)) body = strtoul(colon + 1, NULL, 10);
      if (named(line, colon, "Connection", 10)) read_connection(colon + 1);
    }
    first = false;
    line = feed + 1;
  }
  last_request = false; /* it will be read again */
  return 0;
}

#endif
