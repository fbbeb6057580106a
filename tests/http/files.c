/* SPDX-License-Identifier: MIT
 *
 * Files over HTTP: what is found, and what is refused.
 */
#include <errno.h>
#include <finale/http_files.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http/files_site.h"

static void expect_body(struct files_site *site, const char *target, const char *expected) {
  struct files_reply reply;
  files_ask(site, "GET", target, "", &reply);
  cr_assert(reply.status == 200, "%s: %u", target, reply.status);
  cr_assert(strcmp(reply.body, expected) == 0, "%s: %s", target, reply.body);
  files_forget(&reply);
}

static void expect_status(struct files_site *site, const char *target, unsigned expected) {
  unsigned status = files_status(site, target, "");
  cr_assert(status == expected, "%s: %u, not %u", target, status, expected);
}

/* ---- what is found ---- */

Test(http_files, a_file_and_all_that_is_said_of_it) {
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  tree_touch(&site.tree, "a.txt", 784111777, 255);
  files_ask(&site, "GET", "/a.txt", "", &reply);
  cr_assert_eq(reply.status, 200);
  cr_assert_str_eq(reply.body, "This is a.\n");
  files_expect_field(&reply, "Content-Length", "11");
  files_expect_field(&reply, "Content-Type", "text/plain; charset=utf-8");
  files_expect_field(&reply, "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT");
  files_expect_field(&reply, "ETag", "\"ae1b981bc490aff-b\"");
  files_expect_field(&reply, "Accept-Ranges", "bytes");
  files_expect_field(&reply, "X-Content-Type-Options", "nosniff");
  files_expect_field(&reply, "Content-Range", NULL);
  files_expect_field(&reply, "Transfer-Encoding", NULL);
  files_forget(&reply);
  files_end(&site);
}

Test(http_files, names) {
  struct files_site site;
  files_begin(&site);
  tree_text(&site.tree, "a b", "blank");
  tree_text(&site.tree, "%41", "percent");
  tree_text(&site.tree, "q?x#y&=+", "odd");
  tree_text(&site.tree, "\xc3\xa4.txt", "umlaut");
  tree_text(&site.tree, "dir/...", "dots");
  expect_body(&site, "/a%20b", "blank");
  expect_body(&site, "/%2541", "percent");
  expect_body(&site, "/q%3fx%23y&=+", "odd");
  expect_body(&site, "/%c3%A4.txt", "umlaut");
  expect_body(&site, "/dir/...", "dots");
  expect_body(&site, "/%61.txt", "This is a.\n");
  expect_body(&site, "/a.txt?q=1&r", "This is a.\n");
  expect_body(&site, "/dir/../a.txt", "This is a.\n");
  expect_body(&site, "/dir/bare/%2e%2E/./b.json", "{}\n");
  expect_body(&site, "http://a/a.txt", "This is a.\n");
  expect_body(&site, "/empty.css", "");
  expect_body(&site, "/deep/down/dir/b.json", "{}\n");
  files_end(&site);
}

Test(http_files, index_of_a_directory) {
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  tree_directory(&site.tree, "odd");
  tree_directory(&site.tree, "odd/index.html");
  expect_body(&site, "/", "<p>top\n");
  expect_body(&site, "/?x", "<p>top\n");
  expect_body(&site, "/dir/", "<p>dir\n");
  expect_body(&site, "/deep/down/", "<p>top\n");
  expect_body(&site, "/deep/down/dir/", "<p>dir\n");
  expect_status(&site, "/dir/bare/", 404);
  expect_status(&site, "/odd/", 404);
  expect_status(&site, "/a.txt/", 404);
  files_ask(&site, "GET", "/dir/", "", &reply);
  files_expect_field(&reply, "Content-Type", "text/html; charset=utf-8");
  files_forget(&reply);
  files_end(&site);
}

static void expect_location(struct files_site *site, const char *target, const char *location) {
  struct files_reply reply;
  files_ask(site, "GET", target, "", &reply);
  cr_assert(reply.status == (location ? 301 : 404), "%s: %u", target, reply.status);
  files_expect_field(&reply, "Location", location);
  files_expect_field(&reply, "ETag", NULL);
  files_forget(&reply);
}

Test(http_files, directory_without_its_slash) {
  struct files_site site;
  char many[5000], expected[5000];
  files_begin(&site);
  tree_directory(&site.tree, "d r");
  expect_location(&site, "/dir", "/dir/");
  expect_location(&site, "/dir/bare", "/dir/bare/");
  expect_location(&site, "/d%20r", "/d%20r/");
  expect_location(&site, "/%64ir", "/dir/");
  expect_location(&site, "/x/../dir", "/dir/");
  expect_location(&site, "/dir?a=b&c=/", "/dir/?a=b&c=/");
  expect_location(&site, "/dir?", "/dir/?");
  expect_location(&site, "/dir?//host", "/dir/?//host");
  expect_location(&site, "/deep/down/dir?q", "/deep/down/dir/?q");
  expect_location(&site, "http://elsewhere/dir?q", "/dir/?q");
  const char *query = net_pattern(4000);
  snprintf(many, sizeof many, "/dir?%.4000s", query);
  snprintf(expected, sizeof expected, "/dir/?%.4000s", query);
  expect_location(&site, many, expected);
  files_end(&site);
}

/* Nobody is sent to another host. */
Test(http_files, no_open_redirect) {
  struct files_site site;
  files_begin(&site);
  tree_directory(&site.tree, "host");
  expect_location(&site, "//host", NULL);
  expect_location(&site, "//host/..", NULL);
  expect_location(&site, "///host", NULL);
  expect_location(&site, "/.//host", NULL);
  expect_location(&site, "/x/..//host", NULL);
  expect_location(&site, "/%2fhost", NULL);
  expect_location(&site, "/%5chost", NULL);
  expect_location(&site, "/%5C/host", NULL);
  expect_location(&site, "/deep/down//host", NULL);
  expect_location(&site, "/host%0d%0aX:y", NULL);
  files_end(&site);
}

Test(http_files, types) {
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  files_ask(&site, "GET", "/dir/b.json", "", &reply);
  files_expect_field(&reply, "Content-Type", "application/json");
  files_forget(&reply);
  files_ask(&site, "GET", "/large.bin", "", &reply);
  files_expect_field(&reply, "Content-Type", "application/octet-stream");
  files_expect_field(&reply, "X-Content-Type-Options", "nosniff");
  files_forget(&reply);
  files_end(&site);
}

/* ---- what is not ---- */

struct escape {
  const char *target;
  unsigned status;
};

static const struct escape escapes[] = {
    {"/../outside/secret", 404},
    {"/../../../../../../etc/passwd", 404},
    {"/%2e%2e/outside/secret", 404},
    {"/%2e%2e%2foutside%2fsecret", 404},
    {"/..%2foutside/secret", 404},
    {"/..%2Foutside/secret", 404},
    {"/%2f..%2foutside/secret", 404},
    {"/..%5coutside%5csecret", 404},
    {"/dir/..%2f..%2foutside/secret", 404},
    {"/dir/%2e%2e/%2e%2e/outside/secret", 404},
    {"/dir/../../outside/secret", 404},
    {"/%252e%252e/outside/secret", 404},
    {"/%252e%252e%252foutside%252fsecret", 404},
    {"/%c0%ae%c0%ae/outside/secret", 404},
    {"/dir%2fb.json", 404},
    {"//etc/passwd", 404},
    {"/%2fetc/passwd", 404},
    {"/deep/down/../../../outside/secret", 404},
    {"/deep/down//etc/passwd", 404},
    {"/deep/down/%2fetc/passwd", 404},
    {"/dir//b.json", 404},
    {"/a.txt%00.html", 400},
    {"/%00", 400},
    {"/a%", 400},
    {"/a%2", 400},
    {"/a%zz", 400},
    {"/to_passwd", 404},
    {"/to_secret", 404},
    {"/to_outside/secret", 404},
    {"/to_outside/", 404},
    {"/to_outside", 404},
    {"/to_etc/passwd", 404},
    {"/to_parent/outside/secret", 404},
    {"/loop", 404},
    {"/dangling", 404},
    {"/a.txt/b", 404},
    {"/missing", 404},
    {"/missing/", 404},
    {"/fifo", 404},
    {"/socket", 404},
};

static void make_traps(const struct tree *tree) {
  tree_link(tree, "to_passwd", "/etc/passwd");
  tree_link(tree, "to_secret", "../outside/secret");
  tree_link(tree, "to_outside", "../outside");
  tree_link(tree, "to_etc", "/etc");
  tree_link(tree, "to_parent", "..");
  tree_link(tree, "loop", "loop");
  tree_link(tree, "dangling", "nowhere");
  tree_fifo(tree, "fifo");
  tree_socket(tree, "socket");
}

static void expect_no_escape(struct files_site *site) {
  struct files_reply reply;
  make_traps(&site->tree);
  for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
    files_ask(site, "GET", escapes[i].target, "", &reply);
    cr_assert(reply.status == escapes[i].status, "%s: %u", escapes[i].target, reply.status);
    cr_assert(!strstr(reply.body, "root:"), "%s: %s", escapes[i].target, reply.body);
    files_forget(&reply);
  }
}

Test(http_files, no_way_out) {
  struct files_site site;
  files_begin(&site);
  expect_no_escape(&site);
  files_end(&site);
}

static void expect_walking(int error) {
  struct files_site site;
  files_begin(&site);
  tree_without_openat2(error);
  tree_link(&site.tree, "to_a", "a.txt");
  expect_no_escape(&site);
  expect_body(&site, "/a.txt", "This is a.\n");
  expect_body(&site, "/dir/b.json", "{}\n");
  expect_body(&site, "/dir/", "<p>dir\n");
  expect_location(&site, "/dir/bare", "/dir/bare/");
  expect_status(&site, "/to_a", 404); /* no link at all */
  files_end(&site);
}

Test(http_files, no_way_out_where_there_is_no_openat2) { expect_walking(ENOSYS); }
Test(http_files, no_way_out_where_openat2_is_forbidden) { expect_walking(EPERM); }

Test(http_files, links_that_stay_inside) {
  struct files_site site;
  files_begin(&site);
  tree_link(&site.tree, "to_a", "a.txt");
  tree_link(&site.tree, "to_dir", "dir");
  tree_link(&site.tree, "dir/up", "../a.txt");
  expect_body(&site, "/to_a", "This is a.\n");
  expect_body(&site, "/to_dir/b.json", "{}\n");
  expect_body(&site, "/to_dir/", "<p>dir\n");
  expect_body(&site, "/to_dir/up", "This is a.\n");
  expect_location(&site, "/to_dir", "/to_dir/");
  files_end(&site);
}

Test(http_files, devices) {
  struct files_site site;
  files_begin_with(&site, "/dev", NULL);
  expect_status(&site, "/null", 404);
  expect_status(&site, "/zero", 404);
  expect_status(&site, "/tty", 404);
  expect_status(&site, "/", 404);
  files_end(&site);
}

/* Who is root may read everything, hence somebody else asks. */
Test(http_files, unreadable) {
  struct files_site site;
  bool root = geteuid() == 0;
  files_begin(&site);
  tree_text(&site.tree, "private", "private");
  tree_mode(&site.tree, "private", 0);
  tree_directory(&site.tree, "closed");
  tree_text(&site.tree, "closed/a", "a");
  tree_mode(&site.tree, "closed", 0);
  site.peer = files_dial(&site, 0);
  if (root) cr_assert_eq(seteuid(65534), 0);
  expect_status(&site, "/private", 403);
  expect_status(&site, "/closed/a", 403);
  expect_status(&site, "/closed/", 403);
  expect_status(&site, "/closed", 403);
  expect_status(&site, "/a.txt", 200);
  if (root) cr_assert_eq(seteuid(0), 0);
  tree_mode(&site.tree, "closed", 0755);
  files_end(&site);
}

/* Longer than any name, than any path, and just within the request's bounds. */
Test(http_files, long_names) {
  static const size_t lens[] = {255, 256, 300, 4085, 4086, 4095, 4096, 4097, 7000};
  struct files_site site;
  files_begin(&site);
  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
    char target[8192] = "/";
    memcpy(target + 1, net_pattern(lens[i]), lens[i]);
    target[1 + lens[i]] = '\0';
    expect_status(&site, target, 404);
    for (size_t at = 100; at < lens[i]; at += 100) target[at] = '/';
    expect_status(&site, target, 404);
  }
  files_end(&site);
}

Test(http_files, no_descriptor_left) {
  struct files_site site;
  struct rlimit before, none;
  files_begin(&site);
  expect_status(&site, "/a.txt", 200);
  cr_assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
  none = before;
  none.rlim_cur = 3;
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  expect_status(&site, "/a.txt", 503);
  expect_status(&site, "/large.bin", 503);
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
  expect_status(&site, "/a.txt", 200);
  files_end(&site);
}

Test(http_files, methods) {
  static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH"};
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    files_ask(&site, methods[i], "/a.txt", "Content-Length: 0\r\n", &reply);
    cr_assert_eq(reply.status, 405, "%s: %u", methods[i], reply.status);
    const char *allow = files_field(&reply, "Allow");
    cr_assert(allow && strstr(allow, "GET") && strstr(allow, "HEAD") && !strstr(allow, methods[i]));
    files_forget(&reply);
  }
  files_end(&site);
}

/* ---- the object ---- */

Test(http_files, roots_that_are_none) {
  struct tree tree;
  char path[128];
  tree_begin(&tree);
  tree_text(&tree, "file", "");
  snprintf(path, sizeof path, "%s/missing", tree.root);
  errno = 0;
  cr_assert(fin_http_files_new(path) == NULL && errno == ENOENT);
  snprintf(path, sizeof path, "%s/file", tree.root);
  errno = 0;
  cr_assert(fin_http_files_new(path) == NULL && errno == ENOTDIR);
  fin_http_files_free(NULL);
  tree_end(&tree);
}

Test(http_files, routes_that_are_none) {
  struct tree tree;
  char path[] = "/a/";
  tree_begin(&tree);
  fin_http_files *files = fin_http_files_new(tree.root);
  cr_assert(files != NULL);
  cr_assert(!fin_http_files_route(files, "").on_request);
  cr_assert(!fin_http_files_route(files, "files/").on_request);
  cr_assert(!fin_http_files_route(files, "/files").on_request);
  cr_assert(!fin_http_files_route(files, "/files/*").on_request);
  fin_http_route route = fin_http_files_route(files, path);
  cr_assert(route.on_request && strcmp(route.method, "GET") == 0);
  path[1] = 'b';
  cr_assert_str_eq(route.path, "/a/*", "the path is copied");
  fin_http_files_free(files);
  tree_end(&tree);
}
