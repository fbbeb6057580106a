/* SPDX-License-Identifier: MIT
 *
 * What a reply looks like, and what it may not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http/web.h"
#include "net/more.h"

enum { VALUE_LEN = 1000, MUCH = 16 * 1024 / (VALUE_LEN + 5) };

static unsigned status_asked(const fin_http_request *request) {
  fin_http_text value = fin_http_query_value(request, "s");
  unsigned status = 0;
  for (size_t i = 0; i < value.len; i++) status = status * 10 + (unsigned)(value.data[i] - '0');
  return status;
}

static void say_status(fin_http_request *request) {
  if (status_asked(request) == 405) fin_http_add_header(request, "Allow", "GET");
  cr_assert_eq(fin_http_reply(request, status_asked(request), "text/plain", "body", 4), 0);
}

static void say_nothing(fin_http_request *request) {
  if (status_asked(request) == 405) fin_http_add_header(request, "Allow", "GET");
  cr_assert_eq(fin_http_reply(request, status_asked(request), NULL, NULL, 0), 0);
}

static void add_fields(fin_http_request *request) {
  cr_assert_eq(fin_http_add_header(request, "X-One", "1"), 0);
  cr_assert_eq(fin_http_add_header(request, "x-two", ""), 0);
  cr_assert_eq(fin_http_add_header(request, "Set-Cookie", "a=b"), 0);
  cr_assert_eq(fin_http_add_header(request, "Set-Cookie", "c=d\t\xc3\xa4"), 0);
  web_hello(request);
}

/* None of these must reach the client. */
static void add_bad_fields(fin_http_request *request) {
  static const char *const bad[][2] = {
      {"X", "a\r\nInjected: b"},
      {"X", "a\nInjected: b"},
      {"X", "a\rb"},
      {"X", "\x01"},
      {"X", "a\x7f"},
      {"Injected: x\r\nX", "a"},
      {"Injected:", "a"},
      {"X X", "a"},
      {"", "a"},
      {"X\t", "a"},
      {"X\xc3\xa4", "a"},
      {" X", "a"},
      {"Connection", "close"},
      {"content-length", "3"},
      {"DATE", "now"},
      {"Keep-alive", "x"},
      {"transfer-Encoding", "chunked"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_eq(fin_http_add_header(request, bad[i][0], bad[i][1]), -EINVAL, "%zu", i);
  web_hello(request);
}

static void reply_badly(fin_http_request *request) {
  static const unsigned bad[] = {0, 1, 99, 100, 101, 103, 199, 600, 999, 1000, 65736, 4294967295};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cr_assert_eq(fin_http_reply(request, bad[i], NULL, "x", 1), -EINVAL, "%u", bad[i]);
    cr_assert_eq(fin_http_begin(request, bad[i], NULL, 1), -EINVAL, "%u", bad[i]);
  }
  cr_assert_eq(fin_http_reply(request, 200, "a\r\nInjected: b", "x", 1), -EINVAL);
  cr_assert_eq(fin_http_begin(request, 200, "a\nInjected: b", 1), -EINVAL);
  web_hello(request);
}

/* 16 KiB of fields, and no more. */
static void add_much(fin_http_request *request) {
  char value[VALUE_LEN + 1] = "";
  memset(value, 'v', VALUE_LEN);
  for (unsigned i = 0; i < MUCH; i++) cr_assert_eq(fin_http_add_header(request, "X", value), 0);
  web_hello(request);
}

static void add_too_much(fin_http_request *request) {
  while (fin_http_add_header(request, "X", "x") == 0) continue;
  cr_assert_eq(fin_http_reply(request, 200, NULL, NULL, 0), -EPIPE);
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "GET", .path = "/status", .on_request = say_status},
    {.method = "GET", .path = "/bare", .on_request = say_nothing},
    {.method = "GET", .path = "/fields", .on_request = add_fields},
    {.method = "GET", .path = "/bad-fields", .on_request = add_bad_fields},
    {.method = "GET", .path = "/badly", .on_request = reply_badly},
    {.method = "GET", .path = "/much", .on_request = add_much},
    {.method = "GET", .path = "/too-much", .on_request = add_too_much},
    {0},
};

struct scene {
  struct web web;
  struct web_client client;
};

static void begin(struct scene *scene) {
  web_begin(&scene->web, &(fin_http_options){.routes = routes}, NULL);
  web_open(&scene->client, &scene->web);
}

static void end(struct scene *scene) {
  web_leave(&scene->client);
  web_end(&scene->web);
}

static void get_status(struct scene *scene, const char *path, unsigned status) {
  char target[64];
  snprintf(target, sizeof target, "%s?s=%u", path, status);
  web_get(&scene->client, target);
}

/* ---- status ---- */

Test(http_replies, of_every_status) {
  struct scene scene;
  begin(&scene);
  for (unsigned status = 200; status <= 599; status++) {
    bool bodiless = status == 204 || status == 205 || status == 304;
    get_status(&scene, "/status", status);
    web_expect(&scene.client, status, bodiless ? "" : "body");
    cr_assert(scene.client.reply.reason.len > 0);
    get_status(&scene, "/bare", status);
    web_expect(&scene.client, status, "");
    cr_assert(web_lacks(&scene.client, "Content-Type"));
  }
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_replies, that_have_no_body) {
  struct scene scene;
  begin(&scene);
  get_status(&scene, "/status", 204);
  web_expect(&scene.client, 204, "");
  cr_assert(web_lacks(&scene.client, "Content-Length"));
  get_status(&scene, "/status", 205); /* RFC 9110, 15.3.6 */
  web_expect(&scene.client, 205, "");
  cr_assert(web_has(&scene.client, "Content-Length", "0"));
  get_status(&scene, "/status", 304);
  web_expect(&scene.client, 304, "");
  web_say(&scene.client, "HEAD /status?s=200 HTTP/1.1\r\nHost: a\r\n\r\n");
  web_expect_bodiless(&scene.client, 200);
  cr_assert(web_has(&scene.client, "Content-Length", "4"));
  web_say(&scene.client, "HEAD /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
  web_expect_bodiless(&scene.client, 404);
  web_expect_alive(&scene.client);
  end(&scene);
}

/* Nor has any reply to HEAD, whatever is wrong with it (RFC 9110, 9.3.2). */
static void head_wrong(struct web *web, const char *request, unsigned status) {
  struct web_client client;
  web_open(&client, web);
  web_say(&client, request);
  web_expect_bodiless(&client, status);
  web_expect_fin(&client);
  web_leave(&client);
}

Test(http_replies, to_a_head_that_is_wrong) {
  struct web web;
  char text[20 * 1024];
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  head_wrong(&web, "HEAD /hello HTTP/1.1\r\n\r\n", 400);
  head_wrong(&web, "HEAD /hello HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417);
  head_wrong(&web, "HEAD /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n", 413);
  head_wrong(&web, "HEAD /hello HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n", 400);
  head_wrong(&web, "HEAD /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505);
  snprintf(text, sizeof text, "HEAD /hello HTTP/1.1\r\nX: %.18000s", net_pattern(18000));
  head_wrong(&web, text, 431);
  snprintf(text, sizeof text, "HEAD /%.9000s", net_pattern(9000));
  head_wrong(&web, text, 414);
  web_end(&web);
}

Test(http_replies, are_refused_with_a_status_or_type_that_is_none) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/badly");
  web_expect(&scene.client, 200, "hello");
  cr_assert(web_lacks(&scene.client, "Injected"));
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_replies, status_text) {
  cr_assert_str_eq(fin_http_status_text(200), "OK");
  cr_assert_str_eq(fin_http_status_text(404), "Not Found");
  cr_assert_str_eq(fin_http_status_text(413), "Content Too Large");
  cr_assert_str_eq(fin_http_status_text(101), "Switching Protocols");
  cr_assert_str_eq(fin_http_status_text(299), "Unknown");
  cr_assert_str_eq(fin_http_status_text(0), "Unknown");
  cr_assert_str_eq(fin_http_status_text(4294967295), "Unknown");
}

/* ---- fields ---- */

Test(http_replies, with_fields_of_the_handler) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/fields");
  web_expect(&scene.client, 200, "hello");
  cr_assert(web_has(&scene.client, "X-One", "1"));
  cr_assert(web_has(&scene.client, "X-Two", ""));
  cr_assert_eq(http_reply_count(&scene.client.reply, "Set-Cookie"), 2);
  web_get(&scene.client, "/hello"); /* the next reply has none of them */
  web_expect(&scene.client, 200, "hello");
  cr_assert(web_lacks(&scene.client, "X-One"));
  web_get(&scene.client, "/much");
  web_expect(&scene.client, 200, "hello");
  cr_assert_eq(http_reply_count(&scene.client.reply, "X"), MUCH);
  end(&scene);
}

/* A reply that lacks some of them is not whole. */
Test(http_replies, with_more_fields_than_there_may_be) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/too-much");
  web_expect_reset(&scene.client);
  net_until(&scene.web.net, scene.web.closed == 1);
  cr_assert_eq(scene.web.replied, 0);
  end(&scene);
}

Test(http_replies, without_fields_that_are_none_or_ours) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/bad-fields");
  web_expect(&scene.client, 200, "hello");
  cr_assert(web_lacks(&scene.client, "X"));
  cr_assert(web_lacks(&scene.client, "Injected"));
  cr_assert(!web_has(&scene.client, "Connection", "close"));
  web_expect_alive(&scene.client);
  end(&scene);
}

/* ---- Date ---- */

static time_t date_of(const struct web_client *client) {
  struct tm t = {0};
  char text[64];
  const struct http_reply_field *date = http_reply_field(&client->reply, "Date");
  snprintf(text, sizeof text, "%.*s", (int)date->value.len, date->value.data);
  const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &t);
  cr_assert(end && !*end, "%s", text);
  int weekday = t.tm_wday;
  time_t at = timegm(&t);
  cr_assert_eq(t.tm_wday, weekday, "%s", text);
  return at;
}

static void expect_date_now(struct scene *scene) {
  time_t before = time(NULL);
  web_get(&scene->client, "/hello");
  web_expect(&scene->client, 200, "hello");
  time_t date = date_of(&scene->client);
  cr_assert(date >= before && date <= time(NULL), "%ld s off", (long)(date - before));
}

Test(http_replies, with_the_date_as_it_is) {
  struct scene scene;
  begin(&scene);
  expect_date_now(&scene);
  expect_date_now(&scene);
  turn_for(&scene.web.net, 1050); /* into the next second */
  expect_date_now(&scene);
  end(&scene);
}
