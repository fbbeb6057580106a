/* SPDX-License-Identifier: MIT
 *
 * Cases of HTTP as readable documents: what is sent, byte for byte, and what must come back. Knows
 * neither sockets nor Criterion.
 *
 *   == HTTP/1.1 keeps the connection        a case begins with its title
 *   rfc 9112 9.3: ...                       what it stands on
 *   set header_bytes_max 512                an option of the server
 *   > GET /hello HTTP/1.1                   sent, with CRLF behind it
 *   > Host: a
 *   >                                       ...an empty line
 *   >| hello                                sent as it is
 *   >FIN                                    our FIN
 *   < 200                                   a reply: its status,
 *   < Content-Length: 6                     a field ('*': with any value),
 *   < no Connection                         a field that must not be there,
 *   < body Hello\n                          its body; without this line it may be any
 *   < bodiless                              it has none, whatever Content-Length says
 *   < maybe 100                             a reply that need not come
 *   then open                               or closed: by the server, once all has come
 *   = 400 closed                            an outcome: see http_outcome.h
 *
 * What is sent after a reply is sent when that reply has come. In what is sent and in bodies \r \n
 * \t \\ \{ and \x00 stand for bytes, and {ab*3} for ababab. A line that begins with '#' is a
 * comment.
 */
#ifndef TEST_HTTP_CASE_H
#define TEST_HTTP_CASE_H

#include <stdbool.h>
#include <stddef.h>

enum {
  HTTP_CASE_STEPS_MAX = 8,
  HTTP_CASE_REPLIES_MAX = 16,
  HTTP_CASE_FIELDS_MAX = 12,
  HTTP_CASE_OPTIONS_MAX = 8,
  HTTP_CASE_OUTCOMES_MAX = 8,
};

struct http_bytes {
  char *data; /* with a NUL behind it */
  size_t len;
};

struct http_expected_field {
  const char *name;
  const char *value; /* NULL: it must not be there; "*": any */
};

struct http_expected {
  unsigned line;
  unsigned status;
  bool maybe;
  bool bodiless;
  bool has_body;
  struct http_bytes body;
  struct http_expected_field fields[HTTP_CASE_FIELDS_MAX];
  size_t field_count;
};

/* Bytes to send, then replies to wait for. */
struct http_step {
  struct http_bytes send;
  bool fin;
  struct http_expected replies[HTTP_CASE_REPLIES_MAX];
  size_t reply_count;
};

struct http_case_option {
  const char *name, *value;
};

struct http_case {
  const char *path; /* of the document */
  unsigned line;
  const char *title;
  struct http_bytes rfc;
  struct http_step *steps; /* HTTP_CASE_STEPS_MAX of them */
  size_t step_count;
  bool has_end, closed; /* `then` */
  struct http_case_option options[HTTP_CASE_OPTIONS_MAX];
  size_t option_count;
  const char *outcomes[HTTP_CASE_OUTCOMES_MAX];
  size_t outcome_count;
};

struct http_cases {
  struct http_case *cases;
  size_t count;
  char *path, *text; /* what names, values and titles point into */
};

/* Reads one document. False, with the line and what is wrong with it in `fault`. */
bool http_cases_read(struct http_cases *cases, const char *path, char *fault, size_t size);
void http_cases_free(struct http_cases *cases);

/* The documents in a directory, "*.txt", in order: a NULL-terminated list of paths to be freed with
 * http_documents_free. NULL if there are none. */
char **http_documents(const char *directory);
void http_documents_free(char **documents);

#endif
