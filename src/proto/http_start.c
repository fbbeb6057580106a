/* SPDX-License-Identifier: MIT
 *
 * The start of a reply's header: status line, Date, what becomes of the connection, Content-Type.
 * Most replies begin like the one before, so that one is kept.
 */
#include <stdio.h>
#include <string.h>

#include "proto/http_request.h"

/* A little less than the time after which we close, so that a client that keeps to it does not send
 * its next request into our FIN. 0: not said. */
static unsigned keep_alive_s(uint32_t idle_ms) {
  return idle_ms == FIN_NEVER ? 0 : (idle_ms - idle_ms / 15) / 1000;
}

static int write_staying(char *text, size_t size, enum fin_http_staying staying, uint32_t idle_ms) {
  unsigned seconds = keep_alive_s(idle_ms);
  switch (staying) {
    case FIN_HTTP_STAYS:
      if (seconds == 0) return snprintf(text, size, "Connection: keep-alive\r\n");
      return snprintf(text, size, "Connection: keep-alive\r\nKeep-Alive: timeout=%u\r\n", seconds);
    case FIN_HTTP_CLOSES:
      return snprintf(text, size, "Connection: close\r\n");
    case FIN_HTTP_UPGRADES:
      return snprintf(text, size, "Connection: Upgrade\r\n");
    case FIN_HTTP_TUNNELS:
      break;
  }
  return 0;
}

static bool good_type(const char *type) {
  const char *p = type;
  while ((unsigned char)*p >= ' ' && *p != 0x7f) p++;
  return *p == '\0' && p - type <= FIN_HTTP_TYPE_MAX;
}

static void write_start(struct fin_http_start *start) {
  char *to = start->text;
  size_t room = FIN_HTTP_START_MAX;
  int len = snprintf(to, room, "HTTP/1.1 %u %s\r\nDate: %s\r\n", start->status,
                     fin_http_status_text(start->status), start->date);
  len += write_staying(to + len, room - (size_t)len, start->staying, start->idle_ms);
  if (*start->type)
    len += snprintf(to + len, room - (size_t)len, "Content-Type: %s\r\n", start->type);
  start->len = (size_t)len;
}

static char *write_number(char *to, uint64_t number) {
  char digits[20];
  size_t at = sizeof digits;
  do digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  return mempcpy(to, digits + at, sizeof digits - at);
}

/* How long the body is, or that it comes in chunks; and the end of the header. */
static void write_length(struct fin_http_start *start, uint64_t length, unsigned minor) {
  char *to = start->text + start->length_at;
  bool bodiless = start->status == 101 || start->status == 204 || start->status == 304;
  start->length = length;
  start->minor = minor;
  if (start->status == 205) length = 0; /* it has no content (RFC 9110, 15.3.6), but says so */
  if (!bodiless && length != FIN_HTTP_CHUNKED) {
    to = mempcpy(to, "Content-Length: ", 16);
    to = write_number(to, length);
    to = mempcpy(to, "\r\n", 2);
  } else if (!bodiless && minor > 0) {
    to = mempcpy(to, "Transfer-Encoding: chunked\r\n", 28);
  }
  to = mempcpy(to, FIN_HTTP_HEADER_END, FIN_HTTP_HEADER_END_LEN);
  start->len = (size_t)(to - start->text);
}

struct fin_http_start *fin_http_start_anew(struct fin_http *http, unsigned status,
                                           enum fin_http_staying staying, uint32_t idle_ms,
                                           const char *type, uint64_t length, unsigned minor) {
  struct fin_http_start *start = &http->start;
  time_t now = time(NULL);
  bool same = start->now == now && start->status == status && start->staying == staying &&
              start->idle_ms == idle_ms && strcmp(start->type, type) == 0;
  if (!same) {
    if (!good_type(type)) return NULL;
    if (start->now != now) fin_http_date_format(start->date, now);
    start->now = now;
    start->status = status;
    start->staying = staying;
    start->idle_ms = idle_ms;
    strcpy(start->type, type);
    write_start(start);
    start->length_at = start->len;
  }
  write_length(start, length, minor);
  return start;
}
