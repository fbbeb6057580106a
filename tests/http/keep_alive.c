/* SPDX-License-Identifier: MIT
 *
 * Whether the connection stays for another request (RFC 9112, 9.3), and that both sides are told
 * the same.
 */
#include <stdio.h>
#include <string.h>

#include "http/web.h"
#include "net/more.h"

static void say_last(fin_http_request *request) {
  fin_http_close(request);
  web_reply(request, "last");
}

static void begin_then_close(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", 4);
  fin_http_close(request);
  fin_http_write(request, "last", 4);
  fin_http_end(request);
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "POST", .path = "/echo", .on_request = web_echo},
    {.method = "GET", .path = "/last", .on_request = say_last},
    {.method = "GET", .path = "/last-begun", .on_request = begin_then_close},
    {.method = "GET", .path = "/never", .on_request = web_nothing},
    {0},
};

struct scene {
  struct web web;
  struct web_client client;
};

static void begin_with(struct scene *scene, const fin_http_options *options) {
  fin_http_options ours = *options;
  ours.routes = routes;
  web_begin(&scene->web, &ours, NULL);
  web_open(&scene->client, &scene->web);
}

static void begin(struct scene *scene) { begin_with(scene, &(fin_http_options){0}); }

static void end(struct scene *scene) {
  web_leave(&scene->client);
  web_end(&scene->web);
}

/* ---- what the client says ---- */

static void say_hello(struct web_client *client, const char *version, const char *fields) {
  char request[256];
  snprintf(request, sizeof request, "GET /hello %s\r\nHost: a\r\n%s\r\n", version, fields);
  web_say(client, request);
  web_expect(client, 200, "hello");
}

static void stay(struct web *web, const char *version, const char *fields) {
  struct web_client client;
  web_open(&client, web);
  for (int i = 0; i < 3; i++) {
    say_hello(&client, version, fields);
    cr_assert(!web_has(&client, "Connection", "close"));
    if (strcmp(version, "HTTP/1.0") == 0) /* which must be told (RFC 9112, 9.3) */
      cr_assert(web_has(&client, "Connection", "keep-alive"));
  }
  web_expect_alive(&client);
  web_leave(&client);
}

static void leave(struct web *web, const char *version, const char *fields) {
  struct web_client client;
  web_open(&client, web);
  say_hello(&client, version, fields);
  cr_assert(web_has(&client, "Connection", "close"));
  cr_assert(web_lacks(&client, "Keep-Alive"));
  web_expect_fin(&client);
  web_leave(&client);
}

Test(http_keep_alive, as_the_client_says) {
  struct web web;
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  stay(&web, "HTTP/1.1", "");
  stay(&web, "HTTP/1.1", "Connection: keep-alive\r\n");
  stay(&web, "HTTP/1.1", "Connection: x-close, closed\r\n");
  stay(&web, "HTTP/1.1", "Close: yes\r\n");
  stay(&web, "HTTP/1.0", "Connection: keep-alive\r\n");
  stay(&web, "HTTP/1.0", "Connection: Keep-Alive\r\n");
  stay(&web, "HTTP/1.0", "Connection: x, keep-alive\r\n");
  leave(&web, "HTTP/1.1", "Connection: close\r\n");
  leave(&web, "HTTP/1.1", "Connection: Close\r\n");
  leave(&web, "HTTP/1.1", "Connection: x, close\r\n");
  leave(&web, "HTTP/1.1", "Connection: close, x\r\n");
  leave(&web, "HTTP/1.1", "Connection: x\r\nConnection: close\r\n");
  leave(&web, "HTTP/1.1", "Connection: keep-alive, close\r\n");
  leave(&web, "HTTP/1.0", "");
  leave(&web, "HTTP/1.0", "Connection: close\r\n");
  leave(&web, "HTTP/1.0", "Connection: keep-alive, close\r\n");
  leave(&web, "HTTP/1.0", "Keep-Alive: timeout=5\r\n");
  web_end(&web);
}

/* ---- what the handler says, and the limits ---- */

static void expect_last(struct scene *scene) {
  web_expect(&scene->client, 200, NULL);
  cr_assert(web_has(&scene->client, "Connection", "close"));
  web_expect_fin(&scene->client);
}

Test(http_keep_alive, handler_closes) {
  struct scene scene;
  begin(&scene);
  web_expect_alive(&scene.client);
  web_get(&scene.client, "/last");
  expect_last(&scene);
  net_until(&scene.web.net, web_ended(&scene.web, FIN_REASON_CLOSED) == 1);
  end(&scene);
}

Test(http_keep_alive, handler_closes_within_a_reply) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/last-begun");
  web_expect(&scene.client, 200, "last");
  web_expect_fin(&scene.client);
  end(&scene);
}

Test(http_keep_alive, so_many_requests) {
  struct scene scene;
  begin_with(&scene, &(fin_http_options){.requests_max = 3});
  web_expect_alive(&scene.client);
  web_get(&scene.client, "/nowhere"); /* which counts */
  web_expect(&scene.client, 404, NULL);
  web_get(&scene.client, "/hello");
  web_get(&scene.client, "/hello");
  expect_last(&scene);
  cr_assert_eq(scene.web.requests, 2);
  end(&scene);
}

Test(http_keep_alive, one_request) {
  struct scene scene;
  begin_with(&scene, &(fin_http_options){.requests_max = 1});
  web_get(&scene.client, "/hello");
  expect_last(&scene);
  end(&scene);
}

Test(http_keep_alive, so_long) {
  enum { AGE_MS = 300 };
  struct scene scene;
  begin_with(&scene, &(fin_http_options){.connection_age_ms = AGE_MS, .header_ms = AGE_MS / 2});
  web_expect_alive(&scene.client);
  turn_for(&scene.web.net, AGE_MS + 50);
  web_get(&scene.client, "/hello"); /* may have been on its way already */
  expect_last(&scene);
  end(&scene);
}

Test(http_keep_alive, so_long_without_another_request) {
  enum { AGE_MS = 300 };
  struct scene scene;
  begin_with(&scene, &(fin_http_options){.connection_age_ms = AGE_MS, .header_ms = AGE_MS / 2});
  uint64_t begun = net_now_ms();
  web_get(&scene.client, "/never"); /* which leaves its own timer behind */
  net_until(&scene.web.net, scene.web.requests == 1);
  web_hello(scene.web.request);
  web_expect(&scene.client, 200, "hello");
  web_expect_fin(&scene.client);
  unsigned passed = (unsigned)(net_now_ms() - begun);
  cr_assert(passed >= AGE_MS && passed < 10 * AGE_MS, "after %u ms", passed);
  net_until(&scene.web.net, web_ended(&scene.web, FIN_REASON_CLOSED) == 1);
  end(&scene);
}

Test(http_keep_alive, age_does_not_cut_a_request) {
  enum { AGE_MS = 100 };
  struct scene scene;
  begin_with(&scene, &(fin_http_options){.connection_age_ms = AGE_MS});
  web_get(&scene.client, "/never");
  turn_for(&scene.web.net, 3 * AGE_MS);
  cr_assert_eq(scene.web.closed, 0);
  web_hello(scene.web.request);
  web_expect(&scene.client, 200, "hello");
  end(&scene);
}

/* ---- drain ---- */

Test(http_keep_alive, drain_gives_idle_connections_a_grace) {
  struct scene scene;
  struct web_client other, silent;
  begin(&scene);
  web_open(&other, &scene.web);
  web_open(&silent, &scene.web); /* has never asked anything */
  web_expect_alive(&scene.client);
  web_expect_alive(&other);
  uint64_t begun = net_now_ms();
  fin_server_drain(scene.web.net.server);
  turn_for(&scene.web.net, 300);
  web_get(&scene.client, "/hello"); /* was on its way */
  expect_last(&scene);
  web_expect_fin(&other);
  web_expect_fin(&silent);
  unsigned passed = (unsigned)(net_now_ms() - begun);
  cr_assert(passed >= 1000 && passed < 2500, "after %u ms", passed);
  web_leave(&other);
  web_leave(&silent);
  net_until(&scene.web.net, scene.web.net.drained);
  cr_assert(web_ended(&scene.web, FIN_REASON_DRAINED) >= 2);
  end(&scene);
}

Test(http_keep_alive, drain_lets_requests_finish) {
  struct scene scene;
  struct web_client half;
  begin(&scene);
  web_open(&half, &scene.web);
  web_say(&half, "POST /echo HTTP/1.1\r\nHost: a\r\nConte");
  web_get(&scene.client, "/never");
  net_until(&scene.web.net, scene.web.requests == 1);
  fin_http_request *deferred = scene.web.request;
  fin_server_drain(scene.web.net.server);
  turn_for(&scene.web.net, 1200); /* longer than the grace */
  cr_assert_eq(scene.web.closed, 0);
  web_say(&half, "nt-Length: 4\r\n\r\nbo");
  turn_for(&scene.web.net, 50);
  web_say(&half, "dy");
  web_expect(&half, 200, "body");
  cr_assert(web_has(&half, "Connection", "close"));
  web_expect_fin(&half);
  web_leave(&half);
  web_hello(deferred);
  expect_last(&scene);
  net_until(&scene.web.net, scene.web.net.drained);
  cr_assert_eq(scene.web.replied, 2);
  end(&scene);
}

Test(http_keep_alive, abort_of_the_server_ends_requests) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/never");
  net_until(&scene.web.net, scene.web.requests == 1);
  fin_server_abort(scene.web.net.server);
  net_until(&scene.web.net, scene.web.closed == 1);
  cr_assert_eq(scene.web.replied, 0);
  end(&scene);
}
