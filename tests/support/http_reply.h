/* SPDX-License-Identifier: MIT
 *
 * Replies of HTTP/1.1 as a client reads them: strictly, so that what is wrong with them shows.
 * Knows neither sockets nor Criterion.
 */
#ifndef TEST_HTTP_REPLY_H
#define TEST_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

enum { HTTP_REPLY_FIELDS_MAX = 64 };

struct http_reply_text {
  const char *data;
  size_t len;
};

struct http_reply_field {
  struct http_reply_text name, value;
};

struct http_reply {
  unsigned status;
  struct http_reply_text reason;
  struct http_reply_field fields[HTTP_REPLY_FIELDS_MAX]; /* point into what was read */
  size_t field_count;
  char *body; /* without its chunks; NULL if it is empty */
  size_t body_len;
  bool chunked, until_end; /* how it was framed; neither: Content-Length, or no body */
  const char *fault;       /* NULL: it is well formed */
};

enum { HTTP_REPLY_MORE = 0, HTTP_REPLY_WRONG = -1 };

/* Reads the reply that begins `data`. Returns its length; _MORE: it is not whole yet; _WRONG: see
 * reply->fault. `bodiless`: it answers HEAD. `ended`: nothing follows the data. To be freed in any
 * case. */
long http_reply_read(struct http_reply *reply, const char *data, size_t len, bool bodiless,
                     bool ended);
void http_reply_free(struct http_reply *reply);

/* The first field of that name, NULL: there is none; and how many there are. */
const struct http_reply_field *http_reply_field(const struct http_reply *reply, const char *name);
size_t http_reply_count(const struct http_reply *reply, const char *name);
bool http_reply_text_is(struct http_reply_text text, const char *expected);

/* What a reply must have, whatever was asked (RFC 9110 and 9112): NULL, or what is missing. */
const char *http_reply_complaint(const struct http_reply *reply);

#endif
