/* SPDX-License-Identifier: MIT
 *
 * Exactly so many requests for /, and a look at every reply: what wrk cannot promise.
 */
#ifndef BENCH_HTTP_CLIENT_H
#define BENCH_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_hello { /* a reply with status 200 */
  char data[1024];  /* header and body, NUL-terminated */
  size_t len;
  const char *body;
};

/* Sends a request and reads the reply to it. Exits with a message if it is not as it should be. */
void http_ask(int fd, struct http_hello *reply);

/* Rounds of `pipeline` requests on each of `connections`; with `vary` each differs from the one
 * before, by its query. Every reply has the length of the first. */
void http_load(uint16_t port, size_t connections, size_t pipeline, size_t rounds, bool vary);

#endif
