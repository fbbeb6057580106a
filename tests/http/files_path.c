/* SPDX-License-Identifier: MIT
 *
 * From a request's path to a file's name: decoded once, and never a name that leads elsewhere.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http_files_parts.h"
#include "support/random.h"

static unsigned name_of(const char *path, size_t len, char *name, size_t size) {
  /* A copy without anything behind it, so that a sanitizer sees who reads too far. */
  char *copy = malloc(len > 0 ? len : 1);
  cr_assert(copy != NULL);
  memcpy(copy, path, len);
  unsigned refused = fin_http_files_name((fin_http_text){copy, len}, name, size);
  free(copy);
  return refused;
}

static void expect_name(const char *path, const char *expected) {
  char name[256];
  unsigned refused = name_of(path, strlen(path), name, sizeof name);
  cr_assert(refused == 0, "%s: %u", path, refused);
  cr_assert_str_eq(name, expected);
}

static void expect_refused(const char *path, unsigned status) {
  char name[256];
  unsigned refused = name_of(path, strlen(path), name, sizeof name);
  cr_assert(refused == status, "%s: %u instead of %u", path, refused, status);
}

Test(http_files_path, plain) {
  expect_name("", "");
  expect_name("a", "a");
  expect_name("a/b.html", "a/b.html");
  expect_name("a/", "a/");
  expect_name("a/b/", "a/b/");
  expect_name("...", "...");
  expect_name("..a/.b/c..", "..a/.b/c..");
}

Test(http_files_path, decoded_once) {
  expect_name("a%20b", "a b");
  expect_name("%e4%C3%a4", "\xe4\xc3\xa4");
  expect_name("%25", "%");
  expect_name("%252e%252e%252f", "%2e%2e%2f");
  expect_name("%2500", "%00");
  expect_name("a%3Fb%23c", "a?b#c");
  expect_name("a+b", "a+b");
  expect_name("%0a", "\n");
}

Test(http_files_path, no_path) {
  static const char *const paths[] = {"%",   "a%",   "a%2",  "%zz",      "%2g",   "%g2",
                                      "% 2", "%-1",  "%+1",  "%00",      "a%00b", "a/%00",
                                      "%%",  "%2%2", "%u00", "%2f/../%", "..\\%"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) expect_refused(paths[i], 400);
  char name[16];
  cr_assert_eq(name_of("a\0b", 3, name, sizeof name), 400);
}

Test(http_files_path, nobodys) {
  static const char *const paths[] = {
      "..",       "../",    "../a",     "a/..",     "a/../b",  ".",      "./a",         "a/.",
      "a/./b",    "%2e%2e", "%2E%2e/a", "a/%2e/b",  ".%2e",    "%2e.",   "..%2fetc",    "%2f",
      "a%2Fb",    "/",      "/a",       "//host",   "a//b",    "a//",    "/etc/passwd", "\\",
      "..\\..\\", "a\\b",   "%5c",      "..%5c..",  "%5C%5Ca", "a/b/..", "..//",        "a%2f",
      "%2e%2e/",  "%2f..",  "..%2f",    "./..//..", "a/%2E%2E"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) expect_refused(paths[i], 404);
}

Test(http_files_path, too_long) {
  char name[8];
  cr_assert_eq(name_of("1234567", 7, name, sizeof name), 0);
  cr_assert_str_eq(name, "1234567");
  cr_assert_eq(name_of("12345678", 8, name, sizeof name), 404);
  cr_assert_eq(name_of("123456%41", 9, name, sizeof name), 0);
  cr_assert_str_eq(name, "123456A");
  cr_assert_eq(name_of("1234567/", 8, name, sizeof name), 404);
  cr_assert_eq(name_of("123456789012345678901234567890%", 31, name, sizeof name), 400);
}

/* Whatever is asked for: a name that is taken leads down, step by step. */
Test(http_files_path, random_paths_lead_down) {
  static const char *const pieces[] = {"..",  ".",   "/",   "//",  "%2e", "%2E", "%2f", "%5c",
                                       "\\",  "a",   "b.c", "%41", "%25", "2e",  "%00", "%",
                                       "%2F", "...", "%20", "~",   "%c0", "%ae", "%af"};
  enum { PIECES = sizeof pieces / sizeof *pieces, PATHS = 200 * 1000 };
  uint64_t random = 1;
  unsigned taken = 0;
  for (int i = 0; i < PATHS; i++) {
    char path[64] = "", name[64];
    uint64_t count = random_below(&random, 10);
    for (uint64_t j = 0; j < count; j++) strcat(path, pieces[random_below(&random, PIECES)]);
    if (fin_http_files_name((fin_http_text){path, strlen(path)}, name, sizeof name) != 0) continue;
    taken++;
    cr_assert(name[0] != '/', "%s", path);
    for (char *segment = strtok(name, "/"); segment; segment = strtok(NULL, "/")) {
      cr_assert(strcmp(segment, ".") != 0 && strcmp(segment, "..") != 0, "%s", path);
      cr_assert(!strchr(segment, '\\'), "%s", path);
    }
  }
  cr_assert_gt(taken, PATHS / 50);
}
