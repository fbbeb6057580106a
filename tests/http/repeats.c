/* SPDX-License-Identifier: MIT
 *
 * A request that is byte for byte the one before it gets what it would get on its own, whatever has
 * happened in between.
 */
#include <stdio.h>
#include <string.h>

#include "http/web.h"
#include "net/more.h"

static void say_asked(fin_http_request *request) {
  char text[512];
  fin_http_text method = fin_http_method(request), target = fin_http_target(request);
  fin_http_text path = fin_http_path(request), query = fin_http_query(request);
  fin_http_text last = fin_http_header(request, "last");
  int len = snprintf(text, sizeof text, "%.*s %.*s %.*s %.*s 1.%u %u last=%.*s body=%.*s",
                     (int)method.len, method.data, (int)target.len, target.data, (int)path.len,
                     path.data, (int)query.len, query.data ? query.data : "",
                     fin_http_minor(request), fin_http_header_count(request), (int)last.len,
                     last.data ? last.data : "", (int)fin_http_body(request).len,
                     fin_http_body(request).data ? fin_http_body(request).data : "");
  fin_http_reply(request, 200, "text/plain", text, (size_t)len);
}

/* Sometimes at once, sometimes the test replies later. */
static void say_maybe(fin_http_request *request) {
  const bool *at_once = web_of(request)->test;
  if (*at_once) web_reply(request, "at once");
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "GET", .path = "/maybe", .on_request = say_maybe},
    {.path = "/asked", .on_request = say_asked},
    {0},
};

static void begin(struct web *web) { web_begin(web, &(fin_http_options){.routes = routes}, NULL); }

/* Asks so three times on one connection, then on another, then once more on the first. */
static void expect_each_time(const char *request, unsigned status, const char *body) {
  struct web web;
  struct web_client first, second;
  begin(&web);
  web_open(&first, &web);
  web_open(&second, &web);
  for (int i = 0; i < 5; i++) {
    struct web_client *client = i == 3 ? &second : &first;
    web_say(client, request);
    web_expect(client, status, body);
  }
  web_expect_alive(&first);
  web_leave(&first);
  web_leave(&second);
  web_end(&web);
}

Test(http_repeats, plain) {
  expect_each_time("GET /asked?a=b HTTP/1.1\r\nHost: a\r\nLast: x\r\n\r\n", 200,
                   "GET /asked?a=b /asked a=b 1.1 2 last=x body=");
}

Test(http_repeats, with_a_path_that_is_rewritten) {
  expect_each_time("GET /x/../%61sked HTTP/1.1\r\nHost: a\r\n\r\n", 200,
                   "GET /x/../%61sked /asked  1.1 1 last= body=");
}

Test(http_repeats, with_a_body) {
  expect_each_time("POST /asked HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab", 200,
                   "POST /asked /asked  1.1 2 last= body=ab");
}

Test(http_repeats, in_chunks) {
  expect_each_time(
      "POST /asked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
      200, "POST /asked /asked  1.1 2 last= body=ab");
}

Test(http_repeats, that_nothing_answers) {
  expect_each_time("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404, NULL);
  expect_each_time("DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405, NULL);
}

Test(http_repeats, with_many_fields) {
  char request[2048] = "GET /asked HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 60; i++) strcat(request, "X: y\r\n");
  strcat(request, "Last: z\r\n\r\n");
  expect_each_time(request, 200, "GET /asked /asked  1.1 62 last=z body=");
}

/* The same but for the method, the version, a field, and the body behind it. */
Test(http_repeats, almost) {
  static const struct {
    const char *request, *body;
  } asked[] = {
      {"GET /asked HTTP/1.1\r\nHost: a\r\n\r\n", "GET /asked /asked  1.1 1 last= body="},
      {"PUT /asked HTTP/1.1\r\nHost: a\r\n\r\n", "PUT /asked /asked  1.1 1 last= body="},
      {"PUT /asked HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
       "PUT /asked /asked  1.1 2 last= body=x"},
      {"GET /asked HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
       "GET /asked /asked  1.0 2 last= body="},
      {"GET /asked HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
       "GET /asked /asked  1.1 2 last= body="},
      {"GET /asked HTTP/1.1\r\nLast: b\r\nHost: a\r\n\r\n",
       "GET /asked /asked  1.1 2 last=b body="},
  };
  enum { COUNT = sizeof asked / sizeof *asked };
  struct web web;
  struct web_client client;
  begin(&web);
  web_open(&client, &web);
  for (int i = 0; i < COUNT * COUNT; i++) {
    const int which[] = {i % COUNT, i / COUNT, i / COUNT, i % COUNT};
    for (int k = 0; k < 4; k++) web_say(&client, asked[which[k]].request);
    for (int k = 0; k < 4; k++) web_expect(&client, 200, asked[which[k]].body);
  }
  web_leave(&client);
  web_end(&web);
}

Test(http_repeats, cut_anywhere) {
  static const char request[] = "GET /asked HTTP/1.1\r\nHost: a\r\n\r\n";
  struct web web;
  struct web_client client;
  begin(&web);
  web_open(&client, &web);
  for (size_t cut = 1; cut < sizeof request - 1; cut++) {
    web_say(&client, request);
    web_expect(&client, 200, "GET /asked /asked  1.1 1 last= body=");
    web_send(&client, request, cut);
    net_turn(&web.net, 5);
    web_send(&client, request + cut, sizeof request - 1 - cut);
    web_expect(&client, 200, "GET /asked /asked  1.1 1 last= body=");
  }
  web_leave(&client);
  web_end(&web);
}

/* Others ask the same while the first still waits for its reply. */
Test(http_repeats, while_the_first_waits) {
  enum { CLIENTS = 8 };
  struct web web;
  struct web_client clients[CLIENTS];
  fin_http_request *requests[CLIENTS];
  bool at_once = true;
  begin(&web);
  web.test = &at_once;
  for (unsigned i = 0; i < CLIENTS; i++) {
    web_open(&clients[i], &web);
    at_once = true;
    web_get(&clients[i], "/maybe");
    web_expect(&clients[i], 200, "at once");
    at_once = false;
    web_get(&clients[i], "/maybe");
    net_until(&web.net, web.requests == 2 * i + 2);
    requests[i] = web.request;
  }
  for (unsigned i = 0; i < CLIENTS; i++) {
    fin_http_text target = fin_http_target(requests[i]);
    cr_assert_eq(target.len, 6);
    cr_assert_arr_eq(target.data, "/maybe", 6);
    web_reply(requests[i], "late");
    web_expect(&clients[i], 200, "late");
    web_expect_alive(&clients[i]);
    web_leave(&clients[i]);
  }
  web_end(&web);
}

Test(http_repeats, that_ask_for_the_end) {
  struct web web;
  begin(&web);
  for (int i = 0; i < 3; i++) {
    struct web_client client;
    web_open(&client, &web);
    web_say(&client, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    web_expect(&client, 200, "hello");
    cr_assert(web_has(&client, "Connection", "close"));
    web_expect_fin(&client);
    web_leave(&client);
  }
  web_end(&web);
}

Test(http_repeats, up_to_the_greatest_number) {
  struct web web;
  web_begin(&web, &(fin_http_options){.routes = routes, .requests_max = 3}, NULL);
  for (int i = 0; i < 2; i++) {
    struct web_client client;
    web_open(&client, &web);
    for (int k = 0; k < 3; k++) {
      web_get(&client, "/hello");
      web_expect(&client, 200, "hello");
      cr_assert_eq(web_has(&client, "Connection", "close"), k == 2);
    }
    web_expect_fin(&client);
    web_leave(&client);
  }
  web_end(&web);
}
