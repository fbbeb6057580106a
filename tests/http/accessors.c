/* SPDX-License-Identifier: MIT
 *
 * What a handler sees of a request.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/web.h"
#include "net/more.h"

enum { FIELDS = 100 };

static bool is(fin_http_text text, const char *expected) {
  if (!expected) return text.data == NULL && text.len == 0;
  return text.data && text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

#define expect_text(text, expected) \
  cr_assert(is(text, expected), "%.*s", (int)(text).len, (text).data)

/* Looks at it now, or later: the test's function is in `web->test`. */
static void look(fin_http_request *request) {
  void (*check)(fin_http_request *) = *(void (**)(fin_http_request *))web_of(request)->test;
  check(request);
  web_hello(request);
}

static void look_later(fin_http_request *request) { fin_http_set_timer(request, 1); }

static const fin_http_route routes[] = {
    {.path = "/later*", .on_request = look_later, .on_timer = look},
    {.path = "*", .on_request = look},
    {.method = "CONNECT", .path = "*", .on_request = look},
    {0},
};

static void check_all(const char *request, void (*check)(fin_http_request *)) {
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  web.test = &check;
  web_open(&client, &web);
  web_say(&client, request);
  web_expect(&client, 200, "hello");
  web_leave(&client);
  web_open(&client, &web);
  for (size_t i = 0; request[i]; i++) web_send(&client, request + i, 1);
  web_expect(&client, 200, "hello");
  cr_assert_eq(web.requests, 2);
  web_leave(&client);
  web_end(&web);
}

/* ---- the request line ---- */

static void check_line(fin_http_request *request) {
  expect_text(fin_http_method(request), "PATCH");
  expect_text(fin_http_target(request), "/x/../later/%7Ea%2f?b=c&&d=%20&e&f=&=g&b=h&xb=i");
  expect_text(fin_http_path(request), "/later/~a%2f");
  expect_text(fin_http_query(request), "b=c&&d=%20&e&f=&=g&b=h&xb=i");
  expect_text(fin_http_query_value(request, "b"), "c");
  expect_text(fin_http_query_value(request, "d"), "%20");
  expect_text(fin_http_query_value(request, "e"), NULL);
  expect_text(fin_http_query_value(request, "f"), "");
  expect_text(fin_http_query_value(request, "xb"), "i");
  expect_text(fin_http_query_value(request, "B"), NULL);
  expect_text(fin_http_query_value(request, "x"), NULL);
  expect_text(fin_http_query_value(request, "b=c"), NULL);
  expect_text(fin_http_query_value(request, "e&f"), NULL);
  cr_assert_eq(fin_http_minor(request), 1);
}

Test(http_accessors, request_line) {
  check_all("PATCH /x/../later/%7Ea%2f?b=c&&d=%20&e&f=&=g&b=h&xb=i HTTP/1.1\r\nHost: a\r\n\r\n",
            check_line);
}

static void check_bare(fin_http_request *request) {
  expect_text(fin_http_method(request), "GET");
  expect_text(fin_http_target(request), "/");
  expect_text(fin_http_path(request), "/");
  expect_text(fin_http_query(request), NULL);
  expect_text(fin_http_query_value(request, "b"), NULL);
  expect_text(fin_http_header(request, "Host"), NULL);
  expect_text(fin_http_body(request), NULL);
  cr_assert_eq(fin_http_header_count(request), 0);
  cr_assert_eq(fin_http_minor(request), 0);
  cr_assert_eq(fin_http_body_length(request), 0);
}

Test(http_accessors, of_as_little_as_there_can_be) {
  check_all("GET / HTTP/1.0\r\n\r\n", check_bare);
}

static void check_empty_query(fin_http_request *request) {
  expect_text(fin_http_path(request), "/later");
  expect_text(fin_http_query(request), "");
  expect_text(fin_http_query_value(request, "b"), NULL);
}

Test(http_accessors, empty_query) {
  check_all("GET /later? HTTP/1.1\r\nHost: a\r\n\r\n", check_empty_query);
}

static void check_absolute(fin_http_request *request) {
  expect_text(fin_http_target(request), "http://a:8080/b?c=d");
  expect_text(fin_http_path(request), "/b");
  expect_text(fin_http_query_value(request, "c"), "d");
}

Test(http_accessors, absolute_target) {
  check_all("GET http://a:8080/b?c=d HTTP/1.1\r\nHost: a\r\n\r\n", check_absolute);
}

static void check_no_path(fin_http_request *request) {
  expect_text(fin_http_path(request), "/");
  expect_text(fin_http_query(request), "c=/d");
}

Test(http_accessors, absolute_target_without_a_path) {
  check_all("GET http://a?c=/d HTTP/1.1\r\nHost: a\r\n\r\n", check_no_path);
}

static void check_star(fin_http_request *request) {
  expect_text(fin_http_target(request), "*");
  expect_text(fin_http_path(request), "*");
}

Test(http_accessors, asterisk) { check_all("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", check_star); }

static void check_authority(fin_http_request *request) {
  expect_text(fin_http_target(request), "a.b:443");
  expect_text(fin_http_path(request), "a.b:443");
  expect_text(fin_http_query(request), NULL);
  fin_http_close(request); /* it is no tunnel */
}

/* What is said to CONNECT but 2xx is an ordinary reply. */
static void look_and_refuse(fin_http_request *request) {
  check_authority(request);
  fin_http_reply(request, 403, NULL, "no", 2);
}

Test(http_accessors, authority) {
  static const fin_http_route tunnels[] = {
      {.method = "CONNECT", .path = "*", .on_request = look_and_refuse}, {0}};
  struct web web;
  web_begin(&web, &(fin_http_options){.routes = tunnels}, NULL);
  web_ask(&web, "CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n", 403, "no");
  web_end(&web);
}

/* ---- fields ---- */

static void check_fields(fin_http_request *request) {
  cr_assert_eq(fin_http_header_count(request), 6);
  expect_text(fin_http_header_name(request, 1), "X-one");
  expect_text(fin_http_header_value(request, 1), "1 and \t1");
  expect_text(fin_http_header(request, "x-ONE"), "1 and \t1");
  expect_text(fin_http_header(request, "X-Two"), "");
  expect_text(fin_http_header(request, "x-three"), "first");
  expect_text(fin_http_header_value(request, 4), "second");
  expect_text(fin_http_header(request, "X-Four"), "a:b: \xc3\xa4");
  expect_text(fin_http_header(request, "X-on"), NULL);
  expect_text(fin_http_header(request, "X-one1"), NULL);
  expect_text(fin_http_header(request, ""), NULL);
}

Test(http_accessors, fields) {
  check_all(
      "GET /later HTTP/1.1\r\nHost: a\r\nX-one:  \t 1 and \t1 \t \r\nX-Two:\r\n"
      "X-Three: first\r\nX-Three: second\r\nX-Four:a:b: \xc3\xa4\r\n\r\n",
      check_fields);
}

static void check_many(fin_http_request *request) {
  cr_assert_eq(fin_http_header_count(request), FIELDS);
  for (unsigned i = 1; i < FIELDS; i++) {
    char name[16], value[16];
    snprintf(name, sizeof name, "x-%u", i);
    snprintf(value, sizeof value, "value %u", i);
    expect_text(fin_http_header(request, name), value);
    expect_text(fin_http_header_value(request, i), value);
    cr_assert_eq(strncasecmp(fin_http_header_name(request, i).data, name, strlen(name)), 0);
  }
}

static void many(char *text, unsigned count) {
  text += sprintf(text, "GET /later HTTP/1.1\r\nHost: a\r\n");
  for (unsigned i = 1; i < count; i++) text += sprintf(text, "X-%u: value %u\r\n", i, i);
  strcpy(text, "\r\n");
}

Test(http_accessors, as_many_fields_as_may_be) {
  char text[FIELDS * 32];
  many(text, FIELDS);
  check_all(text, check_many);
}

static void impossible(fin_http_request *request) {
  (void)request;
  cr_assert_fail("there is one field too many");
}

Test(http_accessors, one_field_more) {
  struct web web;
  void (*check)(fin_http_request *) = impossible;
  char text[FIELDS * 32];
  many(text, FIELDS + 1);
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  web.test = &check;
  web_ask(&web, text, 431, NULL);
  web_end(&web);
}

/* Of two requests in one segment each has its own. */
static void check_number(fin_http_request *request) {
  char number[16];
  snprintf(number, sizeof number, "%u", web_of(request)->requests);
  expect_text(fin_http_header(request, "N"), number);
  expect_text(fin_http_query(request), number);
  cr_assert_eq(fin_http_header_count(request), web_of(request)->requests == 2 ? 3 : 2);
}

Test(http_accessors, of_each_of_many_requests) {
  struct web web;
  struct web_client client;
  void (*check)(fin_http_request *) = check_number;
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  web.test = &check;
  web_open(&client, &web);
  web_say(&client,
          "GET /later?1 HTTP/1.1\r\nHost: a\r\nN: 1\r\n\r\n"
          "GET /now?2 HTTP/1.1\r\nHost: a\r\nM: x\r\nN: 2\r\n\r\n"
          "GET /later?3 HTTP/1.1\r\nN: 3\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 3; i++) web_expect(&client, 200, "hello");
  web_leave(&client);
  web_end(&web);
}

/* ---- the rest ---- */

static void check_rest(fin_http_request *request) {
  static int data;
  char address[FIN_ADDRESS_MAX];
  cr_assert(fin_http_data(request) == NULL);
  fin_http_set_data(request, &data);
  cr_assert(fin_http_data(request) == &data);
  cr_assert_eq(fin_conn_peer_address(fin_http_conn(request), address, sizeof address), 0);
  cr_assert_eq(strncmp(address, "127.0.0.1:", 10), 0);
}

Test(http_accessors, data_and_connection) {
  check_all("GET /later HTTP/1.1\r\nHost: a\r\n\r\n", check_rest);
}

static void say_context(fin_http_request *request) { web_reply(request, web_context(request)); }

Test(http_accessors, context_of_the_route) {
  static char one[] = "one", two[] = "two";
  static const fin_http_route contexts[] = {
      {.method = "GET", .path = "/1", .on_request = say_context, .context = one},
      {.method = "GET", .path = "/2", .on_request = say_context, .context = two},
      {0},
  };
  struct web web;
  web_begin(&web, &(fin_http_options){.routes = contexts}, NULL);
  web_ask(&web, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n", 200, "one");
  web_ask(&web, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 200, "two");
  web_end(&web);
}
