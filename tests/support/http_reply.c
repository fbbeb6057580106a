/* SPDX-License-Identifier: MIT
 *
 * See http_reply.h.
 */
#include "support/http_reply.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reader {
  struct http_reply *reply;
  const char *next, *end;
};

static long wrong(struct http_reply *reply, const char *fault) {
  reply->fault = fault;
  return HTTP_REPLY_WRONG;
}

/* Digits of `base` and nothing else. */
static bool number(struct http_reply_text text, size_t base, size_t *value) {
  static const char digits[] = "0123456789abcdef";
  *value = 0;
  for (size_t i = 0; i < text.len; i++) {
    const char *digit = memchr(digits, tolower((unsigned char)text.data[i]), base);
    if (!digit || *value >> 50) return false;
    *value = *value * base + (size_t)(digit - digits);
  }
  return text.len > 0;
}

/* ---- lines ---- */

/* Takes a line up to its CRLF: 1, or HTTP_REPLY_MORE, or HTTP_REPLY_WRONG. */
static long take_line(struct reader *reader, struct http_reply_text *line) {
  for (const char *p = reader->next; p < reader->end; p++) {
    if (*p == '\r' && p + 1 == reader->end) break;
    if (*p == '\r' && p[1] == '\n') {
      *line = (struct http_reply_text){reader->next, (size_t)(p - reader->next)};
      reader->next = p + 2;
      return 1;
    }
    if (*p == '\r' || *p == '\n') return wrong(reader->reply, "a line does not end in CRLF");
    if ((unsigned char)*p < ' ' && *p != '\t') return wrong(reader->reply, "a control character");
  }
  return HTTP_REPLY_MORE;
}

/* "HTTP/1.1 200 OK" */
static long take_status(struct reader *reader) {
  static const char version[] = "HTTP/1.1 ";
  struct http_reply_text line = {0};
  size_t there = (size_t)(reader->end - reader->next), want = sizeof version - 1;
  if (memcmp(reader->next, version, there < want ? there : want) != 0)
    return wrong(reader->reply, "no HTTP/1.1");
  long result = take_line(reader, &line);
  if (result <= 0) return result;
  struct http_reply_text code = {line.data + want, 3};
  size_t status = 0;
  if (line.len < want + 4 || code.data[3] != ' ' || !number(code, 10, &status) || status < 100)
    return wrong(reader->reply, "no status line");
  reader->reply->status = (unsigned)status;
  reader->reply->reason = (struct http_reply_text){code.data + 4, line.len - want - 4};
  return 1;
}

static bool is_token(char c) {
  return isalnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static long take_field(struct reader *reader, const struct http_reply_text *line) {
  struct http_reply *reply = reader->reply;
  size_t name_len = 0;
  while (name_len < line->len && is_token(line->data[name_len])) name_len++;
  if (name_len == 0 || name_len == line->len || line->data[name_len] != ':')
    return wrong(reply, "a field without a proper name");
  struct http_reply_text value = {line->data + name_len + 1, line->len - name_len - 1};
  while (value.len > 0 && strchr(" \t", *value.data)) value.data++, value.len--;
  while (value.len > 0 && strchr(" \t", value.data[value.len - 1])) value.len--;
  if (reply->field_count == HTTP_REPLY_FIELDS_MAX) return wrong(reply, "too many fields");
  reply->fields[reply->field_count++] = (struct http_reply_field){{line->data, name_len}, value};
  return 1;
}

static long take_head(struct reader *reader) {
  struct http_reply_text line;
  long result = take_status(reader);
  while (result > 0) {
    result = take_line(reader, &line);
    if (result <= 0 || line.len == 0) break;
    result = take_field(reader, &line);
  }
  return result;
}

/* ---- body ---- */

static long keep_body(struct http_reply *reply, const char *data, size_t len) {
  if (len == 0) return 1;
  char *grown = realloc(reply->body, reply->body_len + len);
  if (!grown) return wrong(reply, "no memory");
  memcpy(grown + reply->body_len, data, len);
  reply->body = grown;
  reply->body_len += len;
  return 1;
}

static long take_bytes(struct reader *reader, size_t len) {
  if ((size_t)(reader->end - reader->next) < len) return HTTP_REPLY_MORE;
  long result = keep_body(reader->reply, reader->next, len);
  reader->next += len;
  return result;
}

static long take_chunks(struct reader *reader) {
  struct http_reply_text line;
  size_t size = 1;
  while (size > 0) {
    long result = take_line(reader, &line);
    if (result <= 0) return result;
    if (!number(line, 16, &size)) return wrong(reader->reply, "no size of a chunk");
    if (size > 0 && (result = take_bytes(reader, size)) <= 0) return result;
    result = take_line(reader, &line);
    if (result <= 0) return result;
    if (line.len > 0) return wrong(reader->reply, "a chunk longer than its size");
  }
  return 1;
}

static long take_body(struct reader *reader, bool bodiless, bool ended) {
  struct http_reply *reply = reader->reply;
  const struct http_reply_field *coding = http_reply_field(reply, "Transfer-Encoding");
  const struct http_reply_field *length = http_reply_field(reply, "Content-Length");
  size_t len = 0;
  if (coding && length) return wrong(reply, "Content-Length beside Transfer-Encoding");
  if (coding && !http_reply_text_is(coding->value, "chunked"))
    return wrong(reply, "an unknown Transfer-Encoding");
  if (length && !number(length->value, 10, &len)) return wrong(reply, "no Content-Length");
  reply->chunked = coding != NULL;
  if (bodiless || reply->status < 200 || reply->status == 204 || reply->status == 304) return 1;
  if (coding) return take_chunks(reader);
  if (length) return take_bytes(reader, len);
  reply->until_end = true;
  return ended ? take_bytes(reader, (size_t)(reader->end - reader->next)) : HTTP_REPLY_MORE;
}

long http_reply_read(struct http_reply *reply, const char *data, size_t len, bool bodiless,
                     bool ended) {
  struct reader reader = {reply, data, data + len};
  memset(reply, 0, sizeof *reply);
  if (len == 0) return HTTP_REPLY_MORE;
  long result = take_head(&reader);
  if (result > 0) result = take_body(&reader, bodiless, ended);
  return result > 0 ? reader.next - data : result;
}

void http_reply_free(struct http_reply *reply) {
  free(reply->body);
  reply->body = NULL;
}

/* ---- looking ---- */

bool http_reply_text_is(struct http_reply_text text, const char *expected) {
  return strlen(expected) == text.len && memcmp(text.data, expected, text.len) == 0;
}

static bool is_name(struct http_reply_text text, const char *name) {
  return strlen(name) == text.len && strncasecmp(text.data, name, text.len) == 0;
}

const struct http_reply_field *http_reply_field(const struct http_reply *reply, const char *name) {
  for (size_t i = 0; i < reply->field_count; i++)
    if (is_name(reply->fields[i].name, name)) return &reply->fields[i];
  return NULL;
}

size_t http_reply_count(const struct http_reply *reply, const char *name) {
  size_t count = 0;
  for (size_t i = 0; i < reply->field_count; i++) count += is_name(reply->fields[i].name, name);
  return count;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). */
static bool is_date(struct http_reply_text text) {
  static const char shape[] = "Aaa, 00 Aaa 0000 00:00:00 GMT";
  if (text.len != sizeof shape - 1) return false;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    bool good = c == (unsigned char)shape[i];
    if (shape[i] == '0') good = isdigit(c);
    if (i < 25 && shape[i] == 'A') good = isupper(c);
    if (i < 25 && shape[i] == 'a') good = islower(c);
    if (!good) return false;
  }
  return true;
}

const char *http_reply_complaint(const struct http_reply *reply) {
  static const char *const once[] = {"Date",       "Content-Length", "Transfer-Encoding",
                                     "Connection", "Keep-Alive",     "Content-Type"};
  const struct http_reply_field *date = http_reply_field(reply, "Date");
  for (size_t i = 0; i < sizeof once / sizeof *once; i++)
    if (http_reply_count(reply, once[i]) > 1) return "a field that comes twice";
  if (reply->status < 200 || reply->status == 204) {
    if (http_reply_field(reply, "Content-Length") || http_reply_field(reply, "Transfer-Encoding"))
      return "a length where there can be no body (RFC 9110, 8.6; RFC 9112, 6.1)";
  }
  if (reply->status < 200) return NULL;
  if (!date) return "no Date (RFC 9110, 6.6.1)";
  if (!is_date(date->value)) return "a Date of another form (RFC 9110, 5.6.7)";
  if (reply->status == 405 && !http_reply_field(reply, "Allow"))
    return "405 without Allow (RFC 9110, 15.5.6)";
  return NULL;
}
