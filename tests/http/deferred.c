/* SPDX-License-Identifier: MIT
 *
 * Replies that are given later, from wherever, and what may have happened by then.
 */
#include <errno.h>
#include <string.h>

#include "http/web.h"
#include "net/more.h"

enum { HALF_MS = 300 };

static void in_a_while(fin_http_request *request) { fin_http_set_timer(request, 20); }

static void say_asked(fin_http_request *request) {
  char text[512];
  fin_http_text method = fin_http_method(request), path = fin_http_path(request);
  fin_http_text value = fin_http_query_value(request, "q"), x = fin_http_header(request, "x");
  fin_http_text body = fin_http_body(request);
  int len = snprintf(text, sizeof text, "%.*s %.*s q=%.*s x=%.*s %.*s", (int)method.len,
                     method.data, (int)path.len, path.data, (int)value.len, value.data, (int)x.len,
                     x.data, (int)body.len, body.data);
  fin_http_reply(request, 200, "text/plain", text, (size_t)len);
}

static void reply_to_waiting(fin_http_request *request) {
  fin_http_request **waiting = web_of(request)->test;
  web_reply(*waiting, "from another connection");
  web_hello(request);
}

static void wait_here(fin_http_request *request) {
  *(fin_http_request **)web_of(request)->test = request;
}

static void begin_half(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", 10);
  fin_http_write(request, "12345", 5);
}

static void hear_end(fin_http_request *request) { fin_http_set_timer(request, 20); }
static void reply_at_once(fin_http_request *request) { web_reply(request, "you have ended"); }

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.path = "/later", .on_request = in_a_while, .on_timer = say_asked},
    {.method = "GET", .path = "/waiting", .on_request = wait_here},
    {.method = "GET", .path = "/reply-to-waiting", .on_request = reply_to_waiting},
    {.method = "GET", .path = "/never", .on_request = web_nothing},
    {.method = "GET", .path = "/half", .on_request = begin_half},
    {.method = "GET",
     .path = "/hears",
     .on_request = web_nothing,
     .on_peer_end = hear_end,
     .on_timer = web_hello},
    {.method = "GET",
     .path = "/hears-at-once",
     .on_request = web_nothing,
     .on_peer_end = reply_at_once},
    {.method = "POST", .path = "/paused", .on_request = fin_http_pause, .on_body = web_drop},
    {.method = "POST", .path = "/stream", .on_request = web_nothing, .on_body = web_drop},
    {0},
};

struct scene {
  struct web web;
  struct web_client client;
  fin_http_request *waiting;
};

static void begin(struct scene *scene) {
  web_begin(&scene->web, &(fin_http_options){.routes = routes},
            &(fin_conn_options){.half_ms = HALF_MS});
  scene->web.test = &scene->waiting;
  web_open(&scene->client, &scene->web);
}

static void end(struct scene *scene) {
  web_leave(&scene->client);
  web_end(&scene->web);
}

/* The request is there, and not answered. */
static fin_http_request *ask(struct scene *scene, const char *path) {
  unsigned requests = scene->web.requests;
  web_get(&scene->client, path);
  net_until(&scene->web.net, scene->web.requests > requests);
  return scene->web.request;
}

/* ---- from where ---- */

Test(http_deferred, from_on_timer) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/later?q=1");
  web_expect(&scene.client, 200, "GET /later q=1 x= ");
  cr_assert_eq(scene.web.timers, 1);
  web_expect_alive(&scene.client);
  end(&scene);
}

/* What was asked stays, though more input has come since. */
Test(http_deferred, the_request_stays_readable) {
  struct scene scene;
  struct web_client other;
  begin(&scene);
  web_say(&scene.client,
          "POST /x/../%6cater?p&q=abc HTTP/1.1\r\nHost: a\r\nX:  y  \r\n"
          "Content-Length: 4\r\n\r\nbo");
  web_say(&scene.client, "dyPUT /later?q=def HTTP/1.1\r\nX: z\r\nHost: b\r\n\r\n");
  web_open(&other, &scene.web);
  web_expect_alive(&other);
  web_expect(&scene.client, 200, "POST /later q=abc x=y body");
  web_expect(&scene.client, 200, "PUT /later q=def x=z ");
  web_leave(&other);
  end(&scene);
}

static void on_timer(uv_timer_t *timer) { web_hello(timer->data); }

/* Outside of all callbacks of the library, and before the loop sleeps again. */
Test(http_deferred, from_a_timer_of_the_embedder) {
  struct scene scene;
  uv_timer_t timer;
  begin(&scene);
  timer.data = ask(&scene, "/never");
  uv_timer_init(&scene.web.net.loop, &timer);
  uv_timer_start(&timer, on_timer, 20, 0);
  uint64_t begun = net_now_ms();
  while (web_waiting(&scene.client) == 0) net_turn(&scene.web.net, 3000);
  cr_assert(net_now_ms() - begun < 1000, "the loop slept");
  web_expect(&scene.client, 200, "hello");
  net_until(&scene.web.net, scene.web.closed == 1);
  cr_assert_eq(scene.web.replied, 1);
  web_expect_alive(&scene.client);
  uv_close((uv_handle_t *)&timer, NULL);
  end(&scene);
}

Test(http_deferred, from_another_connection) {
  struct scene scene;
  struct web_client other;
  begin(&scene);
  ask(&scene, "/waiting");
  web_open(&other, &scene.web);
  web_get(&other, "/reply-to-waiting");
  web_expect(&other, 200, "hello");
  web_expect(&scene.client, 200, "from another connection");
  web_expect_alive(&scene.client);
  web_expect_alive(&other);
  web_leave(&other);
  end(&scene);
}

Test(http_deferred, in_pieces_from_outside) {
  struct scene scene;
  begin(&scene);
  fin_http_request *request = ask(&scene, "/never");
  web_get(&scene.client, "/hello"); /* waits behind it */
  cr_assert_eq(fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED), 0);
  net_until(&scene.web.net, web_waiting(&scene.client) > 0);
  cr_assert_eq(fin_http_write(request, "one", 3), 0);
  turn_for(&scene.web.net, 10);
  cr_assert_eq(fin_http_write(request, "two", 3), 0);
  turn_for(&scene.web.net, 10);
  cr_assert_eq(scene.web.requests, 1);
  cr_assert_eq(fin_http_end(request), 0);
  web_expect(&scene.client, 200, "onetwo");
  web_expect(&scene.client, 200, "hello");
  end(&scene);
}

Test(http_deferred, close_from_outside) {
  struct scene scene;
  begin(&scene);
  fin_http_request *request = ask(&scene, "/never");
  fin_http_close(request);
  web_hello(request);
  web_expect(&scene.client, 200, "hello");
  cr_assert(web_has(&scene.client, "Connection", "close"));
  web_expect_fin(&scene.client);
  end(&scene);
}

Test(http_deferred, abort_from_outside) {
  struct scene scene;
  begin(&scene);
  fin_http_request *request = ask(&scene, "/never");
  fin_http_abort(request);
  cr_assert_eq(fin_http_reply(request, 200, NULL, "x", 1), -EPIPE);
  web_expect_reset(&scene.client);
  net_until(&scene.web.net, scene.web.closed == 1);
  cr_assert_eq(scene.web.replied, 0);
  end(&scene);
}

/* ---- early: the body is still to come ---- */

static void reply_early(const char *path, bool then_close) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, "POST ");
  web_say(&scene.client, path);
  web_say(&scene.client, " HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
  web_send(&scene.client, net_pattern(100000), 100000);
  net_until(&scene.web.net, scene.web.requests == 1);
  web_hello(scene.web.request);
  if (then_close) fin_http_close(scene.web.request);
  web_expect(&scene.client, 200, "hello");
  if (then_close) {
    uint64_t begun = net_now_ms();
    web_expect_fin(&scene.client);
    cr_assert(net_now_ms() - begun < 1000, "it waits for the rest of the body");
  } else {
    web_send(&scene.client, net_pattern(100000), 100000); /* discarded unseen */
    web_expect_alive(&scene.client);
  }
  cr_assert_eq(scene.web.replied, scene.web.requests);
  end(&scene);
}

Test(http_deferred, early_from_outside) { reply_early("/stream", false); }
Test(http_deferred, early_from_outside_while_paused) { reply_early("/paused", false); }
Test(http_deferred, early_from_outside_then_close) { reply_early("/stream", true); }

/* ---- the client's FIN ---- */

Test(http_deferred, fin_behind_the_request_is_told_and_the_reply_still_sent) {
  struct scene scene;
  begin(&scene);
  ask(&scene, "/hears");
  net_fin(scene.client.peer);
  web_expect(&scene.client, 200, "hello");
  cr_assert_eq(scene.web.peer_ends, 1);
  cr_assert(web_has(&scene.client, "Connection", "close"));
  web_expect_fin(&scene.client);
  net_until(&scene.web.net, web_ended(&scene.web, FIN_REASON_PEER_ENDED) == 1);
  cr_assert_eq(scene.web.replied, 1);
  end(&scene);
}

Test(http_deferred, reply_in_on_peer_end) {
  struct scene scene;
  begin(&scene);
  ask(&scene, "/hears-at-once");
  net_fin(scene.client.peer);
  web_expect(&scene.client, 200, "you have ended");
  web_expect_fin(&scene.client);
  end(&scene);
}

Test(http_deferred, fin_is_no_abort_though_nobody_hears_of_it) {
  struct scene scene;
  begin(&scene);
  fin_http_request *request = ask(&scene, "/never");
  net_fin(scene.client.peer);
  turn_for(&scene.web.net, HALF_MS / 3);
  cr_assert_eq(scene.web.closed, 0);
  web_hello(request);
  web_expect(&scene.client, 200, "hello");
  web_expect_fin(&scene.client);
  end(&scene);
}

static void expect_half_timeout(const char *path) {
  struct scene scene;
  begin(&scene);
  ask(&scene, path);
  uint64_t begun = net_now_ms();
  net_fin(scene.client.peer);
  net_until(&scene.web.net, scene.web.closed == 1);
  cr_assert(net_now_ms() - begun >= HALF_MS);
  cr_assert_eq(scene.web.replied, 0);
  cr_assert_eq(web_ended(&scene.web, FIN_REASON_HALF_TIMEOUT), 1);
  end(&scene);
}

Test(http_deferred, fin_leaves_half_ms) { expect_half_timeout("/never"); }
Test(http_deferred, fin_leaves_half_ms_to_a_stream) { expect_half_timeout("/half"); }

/* ---- the client has gone ---- */

Test(http_deferred, reset_meanwhile) {
  static const char *const paths[] = {"/never", "/half", "/hears"};
  for (size_t i = 0; i < 3; i++) {
    struct scene scene;
    begin(&scene);
    ask(&scene, paths[i]);
    net_reset(&scene.web.net, scene.client.peer);
    net_until(&scene.web.net, scene.web.closed == 1);
    cr_assert_eq(scene.web.replied, 0);
    cr_assert_eq(scene.web.peer_ends, 0);
    web_open(&scene.client, &scene.web);
    end(&scene);
  }
}

Test(http_deferred, reset_with_more_requests_waiting) {
  struct scene scene;
  begin(&scene);
  ask(&scene, "/never");
  for (int i = 0; i < 100; i++) web_get(&scene.client, "/hello");
  net_reset(&scene.web.net, scene.client.peer);
  net_until(&scene.web.net, scene.web.closed == 1);
  cr_assert_eq(scene.web.requests, 1);
  cr_assert_eq(scene.web.replied, 0);
  web_open(&scene.client, &scene.web);
  end(&scene);
}

/* The reset is there, and nobody has looked yet. */
Test(http_deferred, reply_to_a_client_that_has_gone) {
  for (int stream = 0; stream < 2; stream++) {
    struct scene scene;
    begin(&scene);
    fin_http_request *request = ask(&scene, stream ? "/half" : "/never");
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(scene.client.peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(scene.client.peer);
    if (stream)
      fin_http_write(request, "67890", 5);
    else
      web_hello(request);
    if (stream) fin_http_end(request);
    net_until(&scene.web.net, scene.web.closed == 1);
    net_until(&scene.web.net, web_connections(&scene.web) == 0);
    cr_assert_eq(scene.web.closed, 1);
    web_open(&scene.client, &scene.web);
    end(&scene);
  }
}

/* Larger than what leaves at once: the write meets the reset. */
Test(http_deferred, large_reply_to_a_client_that_has_gone) {
  enum { LARGE = 1000 * 1000 };
  struct scene scene;
  begin(&scene);
  fin_http_request *request = ask(&scene, "/never");
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(scene.client.peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(scene.client.peer);
  int error = fin_http_reply(request, 200, NULL, net_pattern(LARGE), LARGE);
  cr_assert_eq(error, -EPIPE, "%d", error);
  net_until(&scene.web.net, scene.web.closed == 1);
  cr_assert_eq(scene.web.replied, 0);
  web_open(&scene.client, &scene.web);
  end(&scene);
}
