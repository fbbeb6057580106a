/* SPDX-License-Identifier: MIT
 *
 * What serving files is made of: each line of the input is one more field of a request, but for the
 * first, which is its path.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http_date.h"
#include "proto/http_files_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "does not hold: %s\n", what);
  abort();
}

/* A name leads down, from segment to segment. */
static void check_name(const char *name) {
  expect(name[0] != '/', "it begins at the root");
  expect(!strchr(name, '\\'), "a backslash");
  for (const char *at = name; *at;) {
    size_t len = strcspn(at, "/");
    bool dots = (len == 1 || len == 2) && strspn(at, ".") == len;
    expect(len > 0 && !dots, "a segment of nothing, or of dots");
    at += len + (at[len] == '/');
  }
}

static void try_path(fin_http_text path) {
  char whole[4096], tight[16];
  unsigned status = fin_http_files_name(path, whole, sizeof whole);
  expect(status == 0 || status == 400 || status == 404, "a status of a path");
  if (status == 0) {
    check_name(whole);
    expect(fin_http_files_type(whole)[0] != '\0', "a type");
  }
  if (fin_http_files_name(path, tight, sizeof tight) == 0) {
    check_name(tight);
    expect(status == 0 && strcmp(whole, tight) == 0, "the same name with less room");
  }
}

static void try_date(fin_http_text text, int64_t now) {
  char formatted[FIN_HTTP_DATE_SIZE];
  int64_t time, again;
  if (!fin_http_date_parse(text, now, &time)) return;
  if (time < 0) return; /* those before 1970 are read, not written */
  fin_http_date_format(formatted, time);
  expect(strlen(formatted) == FIN_HTTP_DATE_SIZE - 1, "a date's length");
  fin_http_text back = {formatted, FIN_HTTP_DATE_SIZE - 1};
  expect(fin_http_date_parse(back, now, &again) && again == time, "a date and back");
}

static void check_part(unsigned status, uint64_t size, const struct fin_http_part *part) {
  if (status != 206) return;
  expect(part->len > 0 && part->first < size && part->len <= size - part->first, "a part of it");
}

static void try_range(fin_http_text value, uint64_t size) {
  struct fin_http_part part;
  unsigned status = fin_http_files_range(value, size, &part);
  expect(status == 200 || status == 206 || status == 416, "a status of a range");
  check_part(status, size, &part);
}

static fin_http_text take_line(const char **at, const char *end) {
  const char *begin = *at, *newline = memchr(begin, '\n', (size_t)(end - begin));
  *at = newline ? newline + 1 : end;
  return (fin_http_text){begin, (size_t)((newline ? newline : end) - begin)};
}

static void add_field(struct fin_http_ask *ask, const struct fin_http_version *version,
                      fin_http_text line) {
  const char *colon = memchr(line.data, ':', line.len);
  if (!colon) return;
  fin_http_text name = {line.data, (size_t)(colon - line.data)};
  fin_http_text value = {colon + 1, line.len - name.len - 1};
  while (value.len > 0 && *value.data == ' ') value.data++, value.len--;
  fin_http_ask_add(ask, version, name, value);
  try_date(value, version->now);
  try_range(value, version->size);
  try_range(value, 0);
  try_range(value, UINT64_MAX);
}

static void try_ask(const char *at, const char *end, int64_t now) {
  struct fin_http_version version;
  struct fin_http_ask ask = {0};
  struct stat file = {.st_size = 1000, .st_mtim = {.tv_sec = 784111777}};
  fin_http_version_of(&version, &file, now);
  while (at < end) add_field(&ask, &version, take_line(&at, end));
  for (int get = 0; get < 2; get++) {
    struct fin_http_part part;
    unsigned status = fin_http_ask_status(&ask, &version, get, &part);
    expect(status == 200 || status == 206 || status == 304 || status == 412 || status == 416,
           "a status of conditions");
    expect(get || (status != 206 && status != 416), "a range of HEAD");
    if (status == 200) expect(part.first == 0 && part.len == version.size, "all of it");
    check_part(status, version.size, &part);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *at = (const char *)data, *end = at + size;
  if (size == 0) return 0;
  try_path(take_line(&at, end));
  try_ask(at, end, 784111777);
  try_ask(at, end, 1800000000);
  return 0;
}
