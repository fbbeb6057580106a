/* SPDX-License-Identifier: MIT
 *
 * The routes of `finale serve http` for tests and load. Each byte of their replies follows from the
 * request, so that a client can check it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_http.h"

#define TEXT "text/plain"
#define BYTES "application/octet-stream"

enum { BLOCK = 64 * 1024, BLOCK_PERIOD = 64, SLOW_MS_MAX = 24 * 3600 * 1000 };
static const uint64_t bytes_max = UINT64_C(10) << 30, chunks_max = 1000 * 1000 * 1000;

/* ---- values in the query ---- */

/* A whole number up to `max`; with k, m or g behind it if `unit`. */
static bool read_number(fin_http_text text, bool unit, uint64_t max, uint64_t *number) {
  static const char units[] = "kmg";
  size_t digits = 0;
  *number = 0;
  for (; digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9'; digits++) {
    *number = *number * 10 + (uint64_t)(text.data[digits] - '0');
    if (*number > max) return false;
  }
  if (digits == 0) return false;
  if (digits == text.len) return true;
  const char *found = memchr(units, text.data[digits] | 0x20, 3);
  if (!unit || !found || digits + 1 != text.len) return false;
  *number <<= 10 * (found - units + 1);
  return *number <= max;
}

/* False: it was answered by 400 and the sentence. */
static bool ask(fin_http_request *request, const char *name, bool unit, uint64_t max,
                const char *sentence, uint64_t *number) {
  if (read_number(fin_http_query_value(request, name), unit, max, number)) return true;
  fin_http_reply(request, 400, TEXT, sentence, strlen(sentence));
  return false;
}

/* ---- / ---- */

static void hello(fin_http_request *request) {
  static const char text[] = "Hello from finale\n";
  fin_http_reply(request, 200, TEXT, text, sizeof text - 1);
}

/* ---- replies that take their time ---- */

struct job {
  uint64_t done, left; /* bytes, chunks */
  uint32_t pause_ms;   /* before each chunk */
};

static struct job *begin_job(fin_http_request *request, struct job begun) {
  struct job *job = malloc(sizeof *job);
  if (job) {
    *job = begun;
    fin_http_set_data(request, job);
  } else {
    fin_http_reply(request, 503, NULL, NULL, 0);
  }
  return job;
}

static void end_job(fin_http_request *request, bool replied) {
  (void)replied;
  free(fin_http_data(request));
}

static bool has_room(const fin_http_request *request) {
  return fin_http_output_len(request) <= fin_conn_limits(fin_http_conn(request))->output_high;
}

/* ---- /bytes?n= ---- */

/* The same 64 characters again and again, the last of them a newline. */
static const char *block(void) {
  static const char line[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n";
  static char text[BLOCK];
  _Static_assert(sizeof line - 1 == BLOCK_PERIOD && BLOCK % BLOCK_PERIOD == 0, "whole lines");
  if (text[0] == '\0')
    for (size_t i = 0; i < BLOCK; i += BLOCK_PERIOD) memcpy(text + i, line, BLOCK_PERIOD);
  return text;
}

static void more_bytes(fin_http_request *request) {
  struct job *job = fin_http_data(request);
  while (job->left > 0 && has_room(request)) {
    size_t len = job->left < BLOCK ? (size_t)job->left : BLOCK;
    if (fin_http_write(request, block(), len) < 0) return;
    job->left -= len;
  }
  if (job->left == 0) fin_http_end(request);
}

static void bytes(fin_http_request *request) {
  uint64_t n;
  if (!ask(request, "n", true, bytes_max,
           "n is how many bytes, up to 10g: /bytes?n=100, /bytes?n=64k\n", &n))
    return;
  if (n <= BLOCK) {
    fin_http_reply(request, 200, BYTES, block(), (size_t)n);
  } else if (begin_job(request, (struct job){.left = n})) {
    if (fin_http_begin(request, 200, BYTES, n) == 0) more_bytes(request);
  }
}

/* ---- /stream?chunks=&ms= ---- */

static void more_chunks(fin_http_request *request) {
  struct job *job = fin_http_data(request);
  while (job->left > 0 && has_room(request)) {
    char text[32];
    int len = snprintf(text, sizeof text, "chunk %llu\n", (unsigned long long)++job->done);
    if (fin_http_write(request, text, (size_t)len) < 0) return;
    if (--job->left > 0 && job->pause_ms > 0) {
      fin_http_set_timer(request, job->pause_ms);
      return;
    }
  }
  if (job->left == 0) fin_http_end(request);
}

static void stream(fin_http_request *request) {
  uint64_t chunks, ms;
  if (!ask(request, "chunks", false, chunks_max,
           "chunks is how many come, up to 1000000000: /stream?chunks=10&ms=100\n", &chunks) ||
      !ask(request, "ms", false, SLOW_MS_MAX,
           "ms is the time between two chunks, up to a day: /stream?chunks=10&ms=100\n", &ms))
    return;
  if (!begin_job(request, (struct job){.left = chunks, .pause_ms = (uint32_t)ms})) return;
  if (fin_http_begin(request, 200, TEXT, FIN_HTTP_CHUNKED) == 0) more_chunks(request);
}

/* ---- /slow?ms= ---- */

static void wake(fin_http_request *request) { fin_http_reply(request, 200, TEXT, "Awake\n", 6); }

static void slow(fin_http_request *request) {
  uint64_t ms;
  if (!ask(request, "ms", false, SLOW_MS_MAX,
           "ms is the time until the reply, up to a day: /slow?ms=500\n", &ms))
    return;
  if (ms > 0)
    fin_http_set_timer(request, (uint32_t)ms);
  else
    wake(request);
}

/* ---- /echo: comes back while it still arrives, as fast as the client takes it ---- */

static void echo_nothing_yet(fin_http_request *request) {
  (void)request; /* who begins to reply here tells a client not to send what it has announced */
}

static bool echo_begin(fin_http_request *request) {
  if (fin_http_data(request)) return true;
  fin_http_set_data(request, request);
  return fin_http_begin(request, 200, BYTES, fin_http_body_length(request)) == 0;
}

static void echo_more(fin_http_request *request, const char *data, size_t len) {
  if (!echo_begin(request)) return;
  fin_http_write(request, data, len);
  if (!has_room(request)) fin_http_pause(request);
}

static void echo_end(fin_http_request *request) {
  if (echo_begin(request)) fin_http_end(request);
}

const fin_http_route serve_http_routes[SERVE_HTTP_ROUTES] = {
    {.method = "GET", .path = "/", .on_request = hello},
    {.method = "GET",
     .path = "/bytes",
     .on_request = bytes,
     .on_writable = more_bytes,
     .on_close = end_job},
    {.method = "POST",
     .path = "/echo",
     .on_request = echo_nothing_yet,
     .on_body = echo_more,
     .on_body_end = echo_end,
     .on_writable = fin_http_resume},
    {.method = "GET", .path = "/slow", .on_request = slow, .on_timer = wake},
    {.method = "GET",
     .path = "/stream",
     .on_request = stream,
     .on_timer = more_chunks,
     .on_writable = more_chunks,
     .on_close = end_job}};
