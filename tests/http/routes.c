/* SPDX-License-Identifier: MIT
 *
 * Which route answers, and that no spelling of a path leads around one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http/web.h"

/* Each route replies with its name. */
#define NAMED(name) \
  static void name(fin_http_request *request) { web_reply(request, #name); }
NAMED(root)
NAMED(exact)
NAMED(posted)
NAMED(below)
NAMED(deeper)
NAMED(first)
NAMED(admin)
NAMED(starts)
NAMED(any)
NAMED(rest)

/* 2xx is an upgrade's to say (RFC 9110, 9.3.6). */
static void tunnel(fin_http_request *request) {
  cr_assert_eq(fin_http_reply(request, 200, NULL, NULL, 0), -EINVAL);
  cr_assert_eq(fin_http_begin(request, 204, NULL, 0), -EINVAL);
  fin_http_reply(request, 403, NULL, NULL, 0);
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/", .on_request = root},
    {.method = "GET", .path = "/exact", .on_request = exact},
    {.method = "POST", .path = "/exact", .on_request = posted},
    {.method = "GET", .path = "/below/deeper/*", .on_request = deeper},
    {.method = "GET", .path = "/below/*", .on_request = below},
    {.method = "GET", .path = "/twice", .on_request = first},
    {.method = "GET", .path = "/twice", .on_request = exact},
    {.path = "/admin/*", .on_request = admin},
    {.path = "/admin", .on_request = admin},
    {.method = "GET", .path = "/starts*", .on_request = starts},
    {.path = "/any", .on_request = any},
    {0},
};

static const fin_http_route with_rest[] = {
    {.path = "/admin/*", .on_request = admin},
    {.path = "/admin", .on_request = admin},
    {.path = "*", .on_request = rest},
    {0},
};

static const fin_http_route with_connect[] = {
    {.path = "*", .on_request = rest},
    {.method = "CONNECT", .path = "*", .on_request = tunnel},
    {0},
};

static struct web web;

static void begin(const fin_http_route *of) {
  web_begin(&web, &(fin_http_options){.routes = of}, NULL);
}

static void expect(const char *method, const char *target, unsigned status, const char *body) {
  struct web_client client;
  char request[512];
  snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", method, target);
  web_open(&client, &web);
  web_say(&client, request);
  if (strcmp(method, "HEAD") == 0)
    web_expect_bodiless(&client, status);
  else
    web_expect(&client, status, body);
  web_leave(&client);
}

static void expect_allow(const char *method, const char *target, unsigned status,
                         const char *allow) {
  struct web_client client;
  char request[512];
  snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", method, target);
  web_open(&client, &web);
  web_say(&client, request);
  web_expect(&client, status, NULL);
  const struct http_reply_field *field = http_reply_field(&client.reply, "Allow");
  cr_assert(field != NULL && http_reply_text_is(field->value, allow), "%s %s: %.*s", method, target,
            field ? (int)field->value.len : 7, field ? field->value.data : "nothing");
  cr_assert(!web_has(&client, "Connection", "close"));
  web_leave(&client);
}

Test(http_routes, by_path) {
  begin(routes);
  expect("GET", "/", 200, "root");
  expect("GET", "/?q", 200, "root");
  expect("GET", "/exact", 200, "exact");
  expect("GET", "/exact?a=b", 200, "exact");
  expect("GET", "/exact/", 404, NULL);
  expect("GET", "/exac", 404, NULL);
  expect("GET", "/exacts", 404, NULL);
  expect("GET", "/Exact", 404, NULL);
  expect("GET", "/below/", 200, "below");
  expect("GET", "/below/x/y", 200, "below");
  expect("GET", "/below", 404, NULL);
  expect("GET", "/starts", 200, "starts");
  expect("GET", "/startsx/y", 200, "starts");
  expect("GET", "/start", 404, NULL);
  expect("GET", "/*", 404, NULL);
  expect("GET", "http://other/exact", 200, "exact");
  expect("GET", "http://other", 200, "root");
  expect("GET", "HTTPS://other:1/exact?q", 200, "exact");
  web_end(&web);
}

Test(http_routes, first_that_fits) {
  begin(routes);
  expect("GET", "/below/deeper/x", 200, "deeper");
  expect("GET", "/twice", 200, "first");
  web_end(&web);
  begin(with_connect);
  expect("GET", "/exact", 200, "rest");
  web_end(&web);
}

Test(http_routes, by_method) {
  begin(routes);
  expect("POST", "/exact", 200, "posted");
  expect("HEAD", "/exact", 200, NULL);
  expect("DELETE", "/any", 200, "any");
  expect("OPTIONS", "/any", 200, "any");
  expect("PROPFIND", "/any", 200, "any");
  expect("HEAD", "/any", 200, NULL);
  web_end(&web);
}

Test(http_routes, without_the_method) {
  begin(routes);
  expect_allow("PUT", "/exact", 405, "GET, HEAD, POST, OPTIONS");
  expect_allow("POST", "/below/x", 405, "GET, HEAD, OPTIONS");
  expect_allow("DELETE", "/", 405, "GET, HEAD, OPTIONS");
  expect_allow("OPTIONS", "/exact", 204, "GET, HEAD, POST, OPTIONS");
  expect_allow("OPTIONS", "*", 204, "GET, HEAD, POST, OPTIONS");
  expect("OPTIONS", "/nowhere", 404, NULL);
  expect("BREW", "/exact", 501, NULL);
  web_end(&web);
}

/* It asks for something of another kind. */
Test(http_routes, connect_by_name_only) {
  begin(with_rest);
  expect("CONNECT", "a:80", 501, NULL);
  web_end(&web);
  begin(with_connect);
  expect("CONNECT", "a:80", 403, NULL);
  web_end(&web);
}

/* ---- spellings ---- */

Test(http_routes, no_spelling_leads_around_a_route) {
  static const char *const spellings[] = {
      "/admin/x",
      "/admin/",
      "/admin",
      "/%61dmin/x",
      "/%61%64%6d%69%6E/x",
      "/./admin/x",
      "/x/../admin/x",
      "/x/%2e%2e/admin/x",
      "/x/.%2E/admin/x",
      "/%2e/admin/x",
      "/../admin/x",
      "/../../admin/x",
      "/x/y/../../admin/x",
      "/x/./../admin/x",
      "/admin/../admin/x",
      "/admin/.",
      "/admin/x/..",
      "/admin?q=/../x",
      "/admin/x?/..",
      "/x/..//../admin",
      "http://a/admin/x",
      "http://a/x/../admin/x",
  };
  begin(with_rest);
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
    expect("GET", spellings[i], 200, "admin");
  web_end(&web);
}

/* What stays encoded is another path (RFC 3986, 6.2.2), and what would become a route's only by
 * being decoded twice is no path at all. */
Test(http_routes, other_paths) {
  static const char *const others[] = {"//admin/x",  "/admin%2Fx",       "/%2561dmin/x",
                                       "/x/admin/x", "/admin/..",        "/admi%6Eistrator",
                                       "/.admin/x",  "/admin%00",        "/..admin/x",
                                       "/admin;/x",  "/x%2F..%2Fadmin/x"};
  static const char *const none[] = {"/%%361dmin/x", "/%6", "/%", "/%zz", "/admi%6", "/%6%31"};
  begin(with_rest);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) expect("GET", others[i], 200, "rest");
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) expect("GET", none[i], 400, NULL);
  expect("GET", "/x?q=100%", 200, "rest"); /* a query may be of any form */
  web_end(&web);
}

/* ---- fin_http_new ---- */

static void expect_invalid(const fin_http_options *options) {
  errno = 0;
  fin_http *http = fin_http_new(options);
  cr_assert(http == NULL);
  cr_assert_eq(errno, EINVAL);
}

Test(http_routes, that_are_none) {
  static const fin_http_route bad[][2] = {
      {{.path = "exact", .on_request = exact}, {0}},
      {{.path = "", .on_request = exact}, {0}},
      {{.path = NULL, .on_request = exact}, {0}},
      {{.path = "?", .on_request = exact}, {0}},
      {{.method = "BREW", .path = "/", .on_request = exact}, {0}},
      {{.method = "get", .path = "/", .on_request = exact}, {0}},
      {{.method = "", .path = "/", .on_request = exact}, {0}},
      {{.method = "PRI", .path = "/", .on_request = exact}, {0}},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    expect_invalid(&(fin_http_options){.routes = bad[i]});
  expect_invalid(&(fin_http_options){.routes = NULL});
}

Test(http_routes, options_out_of_range) {
  uint32_t too_long_ms = 25u * 24 * 3600 * 1000;
  expect_invalid(&(fin_http_options){.routes = routes, .header_ms = FIN_NEVER});
  expect_invalid(&(fin_http_options){.routes = routes, .header_ms = too_long_ms});
  expect_invalid(&(fin_http_options){.routes = routes, .request_ms = too_long_ms});
  expect_invalid(&(fin_http_options){.routes = routes, .connection_age_ms = too_long_ms});
  expect_invalid(&(fin_http_options){.routes = routes, .header_bytes_max = 64 * 1024});
  fin_http *http = fin_http_new(&(fin_http_options){.routes = routes,
                                                    .request_ms = FIN_NEVER,
                                                    .connection_age_ms = FIN_NEVER,
                                                    .header_bytes_max = 64 * 1024 - 1});
  cr_assert(http != NULL);
  fin_http_free(http);
  fin_http_free(NULL);
}

Test(http_routes, none_at_all) {
  static const fin_http_route none[] = {{0}};
  begin(none);
  expect("GET", "/", 404, NULL);
  expect("OPTIONS", "*", 204, NULL);
  web_end(&web);
}
