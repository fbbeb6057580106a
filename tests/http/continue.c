/* SPDX-License-Identifier: MIT
 *
 * 100-continue (RFC 9110, 10.1.1) in every order of client and handler.
 */
#include <string.h>

#include "http/web.h"
#include "net/more.h"

static void pause_a_little(fin_http_request *request) {
  fin_http_pause(request);
  fin_http_set_timer(request, 20);
}

static void refuse(fin_http_request *request) {
  fin_http_reply(request, 403, "text/plain", "no", 2);
}

static void begin_reply(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", 5);
}

static void end_reply(fin_http_request *request) {
  fin_http_write(request, "hello", 5);
  fin_http_end(request);
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "POST", .path = "/echo", .on_request = web_echo},
    {.method = "POST", .path = "/small", .on_request = web_echo, .body_max = 4},
    {.method = "POST",
     .path = "/stream",
     .on_request = web_nothing,
     .on_body = web_drop,
     .on_body_end = web_hello},
    {.method = "POST",
     .path = "/pauses",
     .on_request = fin_http_pause,
     .on_body = web_drop,
     .on_body_end = web_hello},
    {.method = "POST", .path = "/refuses", .on_request = refuse, .on_body = web_drop},
    {.method = "POST",
     .path = "/refuses-later",
     .on_request = pause_a_little,
     .on_timer = refuse,
     .on_body = web_drop},
    {.method = "POST",
     .path = "/begins",
     .on_request = begin_reply,
     .on_body = web_drop,
     .on_body_end = end_reply},
    {.method = "GET", .path = "/later", .on_request = web_nothing},
    {0},
};

#define HEAD(path) \
  "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"

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

/* A final status came before the body was asked for: whether it still comes, nobody knows. */
static void expect_refused(struct scene *scene, unsigned status) {
  web_expect(&scene->client, status, NULL);
  cr_assert(web_has(&scene->client, "Connection", "close"));
  web_expect_fin(&scene->client);
}

/* What the answer is when 100 need not have come before it (RFC 9110, 10.1.1). */
static void expect_maybe_behind_100(struct web_client *client, const char *body) {
  static const char interim[] = "HTTP/1.1 100 ";
  net_until(&client->web->net, web_waiting(client) >= sizeof interim);
  if (memcmp(client->data + client->taken, interim, sizeof interim - 1) == 0)
    web_expect(client, 100, "");
  web_expect(client, 200, body);
}

/* ---- the client waits ---- */

static void wait_for_100(const char *head, const char *body, const char *reply) {
  struct scene scene;
  begin(&scene);
  for (int i = 0; i < 2; i++) { /* and once more on the same connection */
    web_say(&scene.client, head);
    web_expect(&scene.client, 100, "");
    cr_assert_eq(scene.client.reply.field_count, 0);
    cr_assert_eq(web_waiting(&scene.client), 0, "nothing but 100 before the body");
    web_say(&scene.client, body);
    web_expect(&scene.client, 200, reply);
    cr_assert(web_lacks(&scene.client, "Connection") ||
              !web_has(&scene.client, "Connection", "close"));
  }
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_continue, client_waits) { wait_for_100(HEAD("/echo"), "12345", "12345"); }
Test(http_continue, client_waits_for_a_stream) { wait_for_100(HEAD("/stream"), "12345", "hello"); }

Test(http_continue, client_waits_with_chunks) {
  wait_for_100(
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
      "Expect: 100-continue\r\n\r\n",
      "5\r\n12345\r\n0\r\n\r\n", "12345");
}

Test(http_continue, in_other_letters) {
  wait_for_100(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nexpect:100-Continue \r\n\r\n",
      "12345", "12345");
}

/* ---- the client does not wait ---- */

static void send_at_once(const char *request) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, request);
  expect_maybe_behind_100(&scene.client, "12345");
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_continue, client_does_not_wait) { send_at_once(HEAD("/echo") "12345"); }

Test(http_continue, client_waits_half) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, HEAD("/echo") "12");
  turn_for(&scene.web.net, 20);
  web_say(&scene.client, "345");
  expect_maybe_behind_100(&scene.client, "12345");
  web_expect_alive(&scene.client);
  end(&scene);
}

/* ---- the handler pauses first ---- */

Test(http_continue, not_before_the_handler_wants_the_body) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, HEAD("/pauses"));
  net_until(&scene.web.net, scene.web.requests == 1);
  turn_for(&scene.web.net, 50);
  cr_assert_eq(web_waiting(&scene.client), 0, "100 before the body is wanted");
  fin_http_resume(scene.web.request);
  web_expect(&scene.client, 100, "");
  web_say(&scene.client, "12345");
  web_expect(&scene.client, 200, "hello");
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_continue, once_however_often_the_handler_pauses) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, HEAD("/pauses"));
  net_until(&scene.web.net, scene.web.requests == 1);
  for (int i = 0; i < 3; i++) {
    fin_http_resume(scene.web.request);
    fin_http_pause(scene.web.request);
  }
  fin_http_resume(scene.web.request);
  web_expect(&scene.client, 100, "");
  web_say(&scene.client, "12345");
  web_expect(&scene.client, 200, "hello");
  end(&scene);
}

Test(http_continue, refused_during_the_pause) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, HEAD("/refuses-later"));
  expect_refused(&scene, 403);
  end(&scene);
}

Test(http_continue, refused_outside_of_callbacks) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, HEAD("/pauses"));
  net_until(&scene.web.net, scene.web.requests == 1);
  refuse(scene.web.request);
  expect_refused(&scene, 403);
  end(&scene);
}

/* ---- a final status comes first ---- */

Test(http_continue, refused_at_once) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, HEAD("/refuses"));
  expect_refused(&scene, 403);
  end(&scene);
}

Test(http_continue, refused_though_the_body_comes) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, HEAD("/refuses") "12345" HEAD("/echo") "12345");
  expect_refused(&scene, 403);
  cr_assert_eq(scene.web.requests, 1);
  end(&scene);
}

Test(http_continue, a_reply_that_has_begun_is_followed_by_no_100) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, HEAD("/begins"));
  net_until(&scene.web.net, web_waiting(&scene.client) > 0);
  web_say(&scene.client, "12345");
  expect_refused(&scene, 200);
  end(&scene);
}

Test(http_continue, no_route_wants_it) {
  static const struct {
    const char *head;
    unsigned status;
  } cases[] = {
      {HEAD("/nowhere"), 404},
      {HEAD("/hello"), 405},
      {HEAD("/small"), 413},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n",
       413},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 200-ok\r\n\r\n", 417},
      {"GET /hello HTTP/1.1\r\nHost: a\r\nExpect: the unexpected\r\n\r\n", 417},
  };
  struct scene scene;
  begin(&scene);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    web_say(&scene.client, cases[i].head);
    expect_refused(&scene, cases[i].status);
    web_leave(&scene.client);
    web_open(&scene.client, &scene.web);
  }
  cr_assert_eq(scene.web.requests, 0);
  end(&scene);
}

/* ---- where there is nothing to wait for ---- */

Test(http_continue, without_a_body) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
  web_expect(&scene.client, 200, "hello");
  web_say(&scene.client,
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
          "Expect: 100-continue\r\n\r\n");
  web_expect(&scene.client, 200, "");
  web_expect_alive(&scene.client);
  end(&scene);
}

/* It knows no 1xx, and must be spared it (RFC 9110, 15.2). */
Test(http_continue, http_1_0) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client,
          "POST /echo HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  turn_for(&scene.web.net, 50);
  cr_assert_eq(web_waiting(&scene.client), 0, "HTTP/1.0 got 100");
  web_say(&scene.client, "12345");
  web_expect(&scene.client, 200, "12345");
  web_expect_fin(&scene.client);
  end(&scene);
}

/* ---- behind other requests ---- */

Test(http_continue, pipelined) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n" HEAD("/echo"));
  net_until(&scene.web.net, scene.web.requests == 1);
  turn_for(&scene.web.net, 50);
  cr_assert_eq(web_waiting(&scene.client), 0, "100 before the reply to the request before");
  web_hello(scene.web.request);
  web_expect(&scene.client, 200, "hello");
  web_expect(&scene.client, 100, "");
  web_say(&scene.client, "12345GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  web_expect(&scene.client, 200, "12345");
  web_expect(&scene.client, 200, "hello");
  end(&scene);
}
