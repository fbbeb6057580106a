/* SPDX-License-Identifier: MIT
 *
 * Files over HTTP: HEAD, conditional requests and byte ranges.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "http/files_site.h"

/* ---- HEAD ---- */

/* All but the time, which may go on in between. */
static void drop_date(char *head) {
  char *date = strstr(head, "\r\nDate: ");
  cr_assert(date != NULL);
  char *next = strstr(date + 2, "\r\n");
  memmove(date, next, strlen(next) + 1);
}

Test(http_files_versions, head_is_the_header_of_get) {
  static const char *const fields[] = {"", "If-None-Match: *\r\n", "If-Match: \"x\"\r\n"};
  static const char *const targets[] = {"/a.txt",    "/empty.css", "/large.bin", "/",
                                        "/dir",      "/dir/",      "/missing",   "/dir/bare/",
                                        "/to%00end", "/dir?x"};
  struct files_site site;
  struct files_reply get, head;
  files_begin(&site);
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    for (size_t j = 0; j < sizeof fields / sizeof *fields; j++) {
      files_ask(&site, "GET", targets[i], fields[j], &get);
      files_ask(&site, "HEAD", targets[i], fields[j], &head);
      drop_date(get.head);
      drop_date(head.head);
      cr_assert(strcmp(get.head, head.head) == 0, "%s:\n%s%s", targets[i], get.head, head.head);
      files_forget(&get);
      files_forget(&head);
    }
  files_end(&site);
}

Test(http_files_versions, head_has_no_range) {
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  files_ask(&site, "HEAD", "/large.bin", "Range: bytes=1-2\r\n", &reply);
  cr_assert_eq(reply.status, 200);
  cr_assert_eq(reply.length, FILES_LARGE);
  files_expect_field(&reply, "Content-Range", NULL);
  files_forget(&reply);
  files_end(&site);
}

/* ---- conditions and ranges ---- */

static void field_of(char *line, size_t size, const char *name, const struct files_reply *reply,
                     const char *of) {
  const char *value = files_field(reply, of);
  cr_assert(value != NULL, "%s", of);
  snprintf(line, size, "%s: %s\r\n", name, value);
}

Test(http_files_versions, not_modified) {
  struct files_site site;
  struct files_reply reply;
  char by_tag[128], by_date[128];
  files_begin(&site);
  files_ask(&site, "GET", "/a.txt", "", &reply);
  field_of(by_tag, sizeof by_tag, "If-None-Match", &reply, "ETag");
  field_of(by_date, sizeof by_date, "If-Modified-Since", &reply, "Last-Modified");
  files_forget(&reply);
  cr_assert_eq(files_status(&site, "/a.txt", by_date), 304);
  files_ask(&site, "GET", "/a.txt", by_tag, &reply);
  cr_assert_eq(reply.status, 304);
  cr_assert(strstr(by_tag, files_field(&reply, "ETag")));
  cr_assert(files_field(&reply, "Date") != NULL);
  files_expect_field(&reply, "Content-Length", NULL);
  files_expect_field(&reply, "Content-Type", NULL);
  files_expect_field(&reply, "Last-Modified", NULL); /* RFC 9110, 15.4.5: the tag says it */
  files_forget(&reply);

  /* Another version, of the same length and second. */
  struct stat file;
  char path[128];
  snprintf(path, sizeof path, "%s/a.txt", site.tree.root);
  cr_assert_eq(stat(path, &file), 0);
  tree_text(&site.tree, "a.txt", "This is b.\n");
  tree_touch(&site.tree, "a.txt", file.st_mtim.tv_sec, (file.st_mtim.tv_nsec + 1) % 1000000000);
  cr_assert_eq(files_status(&site, "/a.txt", by_date), 304, "what a date cannot tell");
  cr_assert_eq(files_status(&site, "/a.txt", by_tag), 200);
  files_end(&site);
}

Test(http_files_versions, preconditions) {
  struct files_site site;
  struct files_reply reply;
  char by_tag[128];
  files_begin(&site);
  files_ask(&site, "GET", "/a.txt", "", &reply);
  field_of(by_tag, sizeof by_tag, "If-Match", &reply, "ETag");
  files_forget(&reply);
  cr_assert_eq(files_status(&site, "/a.txt", by_tag), 200);
  cr_assert_eq(files_status(&site, "/a.txt", "If-Match: \"x\"\r\nIf-Match: *\r\n"), 200);
  cr_assert_eq(files_status(&site, "/a.txt", "If-Match: \"x\"\r\n"), 412);
  cr_assert_eq(files_status(&site, "/missing", "If-Match: \"x\"\r\n"), 404);
  files_end(&site);
}

static void expect_part(struct files_site *site, const char *target, const char *range,
                        size_t first, size_t len, const char *content_range) {
  struct files_reply reply;
  char fields[128];
  snprintf(fields, sizeof fields, "Range: %s\r\n", range);
  files_ask(site, "GET", target, fields, &reply);
  cr_assert(reply.status == 206, "%s: %u", range, reply.status);
  files_expect_field(&reply, "Content-Range", content_range);
  files_expect_field(&reply, "Content-Type", "application/octet-stream");
  cr_assert(files_field(&reply, "ETag") != NULL);
  cr_assert(reply.len == len && memcmp(reply.body, net_pattern(FILES_LARGE) + first, len) == 0,
            "%s", range);
  files_forget(&reply);
}

Test(http_files_versions, ranges) {
  struct files_site site;
  files_begin(&site);
  tree_file(&site.tree, "small.bin", net_pattern(1000), 1000);
  expect_part(&site, "/small.bin", "bytes=0-0", 0, 1, "bytes 0-0/1000");
  expect_part(&site, "/small.bin", "bytes=10-19", 10, 10, "bytes 10-19/1000");
  expect_part(&site, "/small.bin", "bytes=990-", 990, 10, "bytes 990-999/1000");
  expect_part(&site, "/small.bin", "bytes=-3", 997, 3, "bytes 997-999/1000");
  expect_part(&site, "/small.bin", "bytes=0-5000", 0, 1000, "bytes 0-999/1000");
  expect_part(&site, "/large.bin", "bytes=0-0", 0, 1, "bytes 0-0/300000");
  expect_part(&site, "/large.bin", "bytes=200000-200009", 200000, 10, "bytes 200000-200009/300000");
  expect_part(&site, "/large.bin", "bytes=1-", 1, FILES_LARGE - 1, "bytes 1-299999/300000");
  expect_part(&site, "/large.bin", "bytes=-200000", 100000, 200000, "bytes 100000-299999/300000");
  files_end(&site);
}

Test(http_files_versions, range_that_cannot_be) {
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  files_ask(&site, "GET", "/a.txt", "Range: bytes=11-\r\n", &reply);
  cr_assert_eq(reply.status, 416);
  files_expect_field(&reply, "Content-Range", "bytes */11");
  files_expect_field(&reply, "ETag", NULL);
  cr_assert(!strstr(reply.body, "This is a."));
  files_forget(&reply);
  files_ask(&site, "GET", "/empty.css", "Range: bytes=0-\r\n", &reply);
  cr_assert_eq(reply.status, 416);
  files_expect_field(&reply, "Content-Range", "bytes */0");
  files_forget(&reply);
  cr_assert_eq(files_status(&site, "/empty.css", "Range: bytes=-5\r\n"), 200);
  files_end(&site);
}

Test(http_files_versions, ranges_that_do_not_count) {
  static const char *const ranges[] = {"bytes=0-1,3-4", "bytes=5-3", "lines=0-1", "bytes=x",
                                       "bytes=0-1\r\nRange: bytes=0-1"};
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
    char fields[128];
    snprintf(fields, sizeof fields, "Range: %s\r\n", ranges[i]);
    files_ask(&site, "GET", "/a.txt", fields, &reply);
    cr_assert(reply.status == 200 && reply.len == 11, "%s: %u", ranges[i], reply.status);
    files_expect_field(&reply, "Content-Range", NULL);
    files_forget(&reply);
  }
  files_end(&site);
}

Test(http_files_versions, range_if_it_is_the_same) {
  struct files_site site;
  struct files_reply reply;
  char by_tag[128], by_date[128], fields[256];
  files_begin(&site);
  tree_touch(&site.tree, "a.txt", 784111777, 255);
  files_ask(&site, "GET", "/a.txt", "", &reply);
  field_of(by_tag, sizeof by_tag, "If-Range", &reply, "ETag");
  field_of(by_date, sizeof by_date, "If-Range", &reply, "Last-Modified");
  files_forget(&reply);
  snprintf(fields, sizeof fields, "Range: bytes=0-3\r\n%s", by_tag);
  cr_assert_eq(files_status(&site, "/a.txt", fields), 206);
  snprintf(fields, sizeof fields, "Range: bytes=0-3\r\n%s", by_date);
  cr_assert_eq(files_status(&site, "/a.txt", fields), 206);
  tree_text(&site.tree, "a.txt", "This is b.\n");
  cr_assert_eq(files_status(&site, "/a.txt", fields), 200);
  snprintf(fields, sizeof fields, "Range: bytes=0-3\r\n%s", by_tag);
  cr_assert_eq(files_status(&site, "/a.txt", fields), 200);
  files_end(&site);
}

/* RFC 9110, 8.8.2.1: not later than Date. */
Test(http_files_versions, a_file_of_the_future) {
  struct files_site site;
  struct files_reply reply;
  char modified[64];
  files_begin(&site);
  tree_touch(&site.tree, "a.txt", (long long)time(NULL) + 1000 * 1000, 0);
  files_ask(&site, "GET", "/a.txt", "", &reply);
  strcpy(modified, files_field(&reply, "Last-Modified"));
  files_expect_field(&reply, "Date", modified);
  files_forget(&reply);
  files_end(&site);
}
