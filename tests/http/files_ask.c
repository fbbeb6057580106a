/* SPDX-License-Identifier: MIT
 *
 * Conditions, in their order (RFC 9110, 13.2.2), of a file of 1000 bytes that was last changed on
 * Sun, 06 Nov 1994 08:49:37 GMT.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/http_files_parts.h"

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define THEN "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"
#define TAG "\"a-3e8\""

static struct fin_http_version the_version(void) {
  return (struct fin_http_version){
      .size = 1000, .modified = 784111777, .now = 1704067200, .etag = TAG};
}

/* Fields as lines: "Name: value\nName: value". */
static unsigned ask(const char *fields, const struct fin_http_version *version, bool get,
                    struct fin_http_part *part) {
  struct fin_http_ask asked = {.lines = {0}};
  for (const char *line = fields; *line;) {
    size_t len = strcspn(line, "\n"), name_len = strcspn(line, ":");
    cr_assert(name_len + 2 <= len, "%s", line);
    fin_http_text name = {line, name_len}, value = {line + name_len + 2, len - name_len - 2};
    fin_http_ask_add(&asked, version, name, value);
    line += len + (line[len] == '\n');
  }
  return fin_http_ask_status(&asked, version, get, part);
}

static void expect(const char *fields, unsigned expected) {
  const struct fin_http_version version = the_version();
  struct fin_http_part part;
  unsigned status = ask(fields, &version, true, &part);
  cr_assert(status == expected, "%u instead of %u:\n%s", status, expected, fields);
  if (status == 200) cr_assert(part.first == 0 && part.len == 1000);
}

Test(http_files_ask, nothing) {
  expect("", 200);
  expect("Host: a\nAccept: */*\nIf: x\nRanges: bytes=0-1\nIf-None-Matc: *\nIf-None-Matchh: *", 200);
}

Test(http_files_ask, if_none_match) {
  expect("If-None-Match: " TAG, 304);
  expect("if-none-match: " TAG, 304);
  expect("If-None-Match: W/" TAG, 304); /* compared weakly */
  expect("If-None-Match: *", 304);
  expect("If-None-Match: \"x\", " TAG, 304);
  expect("If-None-Match: \"x\"," TAG ",\"y\"", 304);
  expect("If-None-Match: W/\"x\"\t,\t W/" TAG, 304);
  expect("If-None-Match: , ," TAG, 304);
  expect("If-None-Match: \"a,b\", " TAG, 304);
  expect("If-None-Match: \"\", " TAG, 304);
  expect("If-None-Match: \"x\"\nIf-None-Match: " TAG, 304);
  expect("If-None-Match: " TAG "\nIf-None-Match: \"x\"", 304);

  expect("If-None-Match: ", 200);
  expect("If-None-Match: \"x\"", 200);
  expect("If-None-Match: \"a-3E8\"", 200);
  expect("If-None-Match: \"a-3e\"", 200);
  expect("If-None-Match: \"a-3e88\"", 200);
  expect("If-None-Match: a-3e8", 200);
  expect("If-None-Match: w/" TAG, 200);
  expect("If-None-Match: W/", 200);
  expect("If-None-Match: \"", 200);
  expect("If-None-Match: \"a-3e8", 200);
  expect("If-None-Match: \"**\"", 200);
  expect("If-None-Match: **", 200);
  expect("If-None-Match: nonsense, " TAG, 200);
}

Test(http_files_ask, if_modified_since) {
  expect("If-Modified-Since: " BEFORE, 200);
  expect("If-Modified-Since: " THEN, 304);
  expect("If-Modified-Since: " AFTER, 304);
  expect("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304);
  expect("If-Modified-Since: Sun Nov  6 08:49:37 1994", 304);
  expect("If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", 304);
  expect("If-Modified-Since: yesterday", 200);
  expect("If-Modified-Since: " THEN "\nIf-Modified-Since: " THEN, 200); /* there is one or none */
}

/* The tag knows more than the date. */
Test(http_files_ask, if_none_match_beats_if_modified_since) {
  expect("If-None-Match: \"x\"\nIf-Modified-Since: " AFTER, 200);
  expect("If-None-Match: " TAG "\nIf-Modified-Since: " BEFORE, 304);
  expect("If-Modified-Since: " AFTER "\nIf-None-Match: nonsense", 200);
}

Test(http_files_ask, if_match) {
  expect("If-Match: " TAG, 200);
  expect("If-Match: *", 200);
  expect("If-Match: \"x\", " TAG, 200);
  expect("If-Match: \"x\"\nIf-Match: " TAG, 200);
  expect("If-Match: W/" TAG ", " TAG, 200);
  expect("If-Match: \"x\"", 412);
  expect("If-Match: W/" TAG, 412); /* compared strongly */
  expect("If-Match: " TAG "\nIf-None-Match: " TAG, 304);
  expect("If-Match: \"x\"\nIf-None-Match: " TAG, 412);
  expect("If-Match: \"x\"\nRange: bytes=0-0", 412);
  expect("If-Match: " TAG "\nRange: bytes=0-0", 206);
}

Test(http_files_ask, if_unmodified_since) {
  expect("If-Unmodified-Since: " BEFORE, 412);
  expect("If-Unmodified-Since: " THEN, 200);
  expect("If-Unmodified-Since: " AFTER, 200);
  expect("If-Unmodified-Since: yesterday", 200);
  expect("If-Match: " TAG "\nIf-Unmodified-Since: " BEFORE, 200);
  expect("If-Unmodified-Since: " THEN "\nIf-Modified-Since: " THEN, 304);
}

Test(http_files_ask, range) {
  const struct fin_http_version version = the_version();
  struct fin_http_part part;
  expect("Range: bytes=0-9", 206);
  expect("Range: bytes=1000-", 416);
  expect("Range: bytes=0-9,20-29", 200);
  expect("Range: bytes=0-9\nRange: bytes=20-29", 200);
  expect("Range: bytes=0-9\nIf-None-Match: " TAG, 304);
  expect("Range: bytes=0-9\nIf-None-Match: \"x\"", 206);
  expect("Range: bytes=1000-\nIf-None-Match: " TAG, 304);
  cr_assert_eq(ask("Range: bytes=-5", &version, true, &part), 206);
  cr_assert(part.first == 995 && part.len == 5);
}

/* Ranges are for GET alone (14.2). */
Test(http_files_ask, head_has_no_range) {
  const struct fin_http_version version = the_version();
  struct fin_http_part part;
  cr_assert_eq(ask("Range: bytes=0-9", &version, false, &part), 200);
  cr_assert(part.first == 0 && part.len == 1000);
  cr_assert_eq(ask("Range: bytes=1000-", &version, false, &part), 200);
  cr_assert_eq(ask("If-None-Match: *", &version, false, &part), 304);
  cr_assert_eq(ask("If-Match: \"x\"", &version, false, &part), 412);
}

/* The range if it is still the same file, or else all of it. */
Test(http_files_ask, if_range) {
  expect("Range: bytes=0-9\nIf-Range: " TAG, 206);
  expect("If-Range: " TAG "\nRange: bytes=1000-", 416);
  expect("Range: bytes=0-9\nIf-Range: " THEN, 206);
  expect("Range: bytes=0-9\nIf-Range: Sunday, 06-Nov-94 08:49:37 GMT", 206);
  expect("Range: bytes=0-9\nIf-Range: \"x\"", 200);
  expect("Range: bytes=0-9\nIf-Range: W/" TAG, 200); /* compared strongly */
  expect("Range: bytes=0-9\nIf-Range: *", 200);
  expect("Range: bytes=0-9\nIf-Range: " TAG ", " TAG, 200);
  expect("Range: bytes=0-9\nIf-Range: " BEFORE, 200);
  expect("Range: bytes=0-9\nIf-Range: " AFTER, 200); /* it must be equal */
  expect("Range: bytes=0-9\nIf-Range: nonsense", 200);
  expect("Range: bytes=0-9\nIf-Range: ", 200);
  expect("Range: bytes=0-9\nIf-Range: " TAG "\nIf-Range: " TAG, 200);
  expect("Range: bytes=1000-\nIf-Range: \"x\"", 200);
  expect("If-Range: " TAG, 200);
}

/* A file may change twice in a second: its date proves something only when that second is over
 * (8.8.2.2). */
Test(http_files_ask, a_date_of_this_second_is_weak) {
  struct fin_http_version version = the_version();
  struct fin_http_part part;
  const char *fields = "Range: bytes=0-9\nIf-Range: " THEN;
  version.now = version.modified;
  cr_assert_eq(ask(fields, &version, true, &part), 200);
  version.now = version.modified + 1;
  cr_assert_eq(ask(fields, &version, true, &part), 206);
}

/* ---- a file's version ---- */

static struct fin_http_version version_of(int64_t seconds, long nanoseconds, off_t size,
                                          int64_t now) {
  struct stat file = {.st_size = size};
  struct fin_http_version version;
  file.st_mtim.tv_sec = seconds;
  file.st_mtim.tv_nsec = nanoseconds;
  fin_http_version_of(&version, &file, now);
  return version;
}

Test(http_files_ask, version_tells_changes_apart) {
  struct fin_http_version version = version_of(1000, 5, 7, 2000);
  cr_assert_eq(version.size, 7);
  cr_assert_eq(version.modified, 1000);
  cr_assert_str_eq(version.etag, "\"e8d4a51005-7\"");
  cr_assert_str_neq(version_of(1000, 6, 7, 2000).etag, version.etag);
  cr_assert_str_neq(version_of(1001, 5, 7, 2000).etag, version.etag);
  cr_assert_str_neq(version_of(1000, 5, 8, 2000).etag, version.etag);
  cr_assert_str_eq(version_of(1000, 5, 7, 3000).etag, version.etag);
  cr_assert_eq(version_of(INT64_MIN, 0, INT64_MAX, 2000).modified, INT64_MIN);
}

/* Never later than the reply (8.8.2.1). */
Test(http_files_ask, version_is_not_of_the_future) {
  struct fin_http_version version = version_of(3000, 0, 7, 2000);
  cr_assert_eq(version.modified, 2000);
  cr_assert_str_eq(version.etag, version_of(3000, 0, 7, 2500).etag);
}
