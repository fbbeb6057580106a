/* SPDX-License-Identifier: MIT
 *
 * Bodies of requests that are too long, or are cut short.
 */
#include "http/web.h"
#include "net/more.h"

enum { SMALL_MAX = 10 };

static void abort_in_body(fin_http_request *request, const char *data, size_t len) {
  (void)data, (void)len;
  fin_http_abort(request);
}

static void impossible(fin_http_request *request) {
  (void)request;
  cr_assert_fail("its body has not ended, or nobody is left to hear of it");
}

static void begin_only(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED);
}

static const fin_http_route routes[] = {
    {.method = "POST", .path = "/echo", .on_request = web_echo},
    {.method = "POST", .path = "/small", .on_request = web_echo, .body_max = SMALL_MAX},
    {.method = "POST",
     .path = "/silent",
     .on_request = web_nothing,
     .on_body = web_drop,
     .on_body_end = impossible},
    {.method = "POST", .path = "/holds", .on_request = fin_http_pause, .on_body = web_drop},
    {.method = "POST", .path = "/begins", .on_request = begin_only, .on_body = web_drop},
    {.method = "POST",
     .path = "/aborts",
     .on_request = web_nothing,
     .on_body = abort_in_body,
     .on_body_end = impossible},
    {0},
};

struct scene {
  struct web web;
  struct web_client client;
};

static void begin_with(struct scene *scene, uint64_t body_max) {
  web_begin(&scene->web, &(fin_http_options){.routes = routes, .body_max = body_max}, NULL);
  web_open(&scene->client, &scene->web);
}

static void begin(struct scene *scene) { begin_with(scene, 0); }

static void end(struct scene *scene) {
  web_leave(&scene->client);
  web_end(&scene->web);
}

/* ---- too much ---- */

static void expect_413(struct scene *scene) {
  web_expect(&scene->client, 413, NULL);
  cr_assert(web_has(&scene->client, "Connection", "close"));
  web_expect_fin(&scene->client);
  net_until(&scene->web.net, web_ended(&scene->web, FIN_REASON_TOO_LONG) == 1);
}

static void limit(const char *path, uint64_t body_max, size_t most) {
  struct scene scene;
  for (int chunks = 0; chunks < 2; chunks++) {
    begin_with(&scene, body_max);
    if (chunks)
      web_post_chunks(&scene.client, path);
    else
      web_post(&scene.client, path, most);
    web_send_pieces(&scene.client, most, chunks);
    web_expect(&scene.client, 200, NULL);
    cr_assert_eq(scene.client.reply.body_len, most);
    if (chunks) {
      web_post_chunks(&scene.client, path);
      web_send_pieces(&scene.client, most + 1, true);
    } else {
      web_post(&scene.client, path, most + 1); /* and nothing of it */
    }
    expect_413(&scene);
    cr_assert_eq(scene.web.requests, 1);
    end(&scene);
  }
}

Test(http_bodies, limit_of_all_routes) { limit("/echo", 500, 500); }
Test(http_bodies, limit_of_all_routes_by_default) { limit("/echo", 0, 1024 * 1024); }
Test(http_bodies, lower_limit_of_a_route) { limit("/small", 0, SMALL_MAX); }
Test(http_bodies, higher_limit_of_a_route) { limit("/small", SMALL_MAX / 2, SMALL_MAX); }

Test(http_bodies, limit_within_a_stream) {
  struct scene scene;
  begin_with(&scene, 500);
  web_post_chunks(&scene.client, "/silent");
  web_send_pieces(&scene.client, 10000, true);
  expect_413(&scene);
  cr_assert(scene.web.body_len <= 500);
  cr_assert_eq(scene.web.closed, 1);
  cr_assert_eq(scene.web.replied, 0, "the handler has not replied");
  end(&scene);
}

/* ---- cut short ---- */

Test(http_bodies, fin_within_it) {
  static const char *const paths[] = {"/silent", "/echo"};
  for (int i = 0; i < 4; i++) {
    struct scene scene;
    begin(&scene);
    if (i < 2)
      web_post(&scene.client, paths[i], 10);
    else
      web_post_chunks(&scene.client, paths[i - 2]);
    web_say(&scene.client, i < 2 ? "abc" : "3\r\nabc\r\n");
    net_fin(scene.client.peer);
    web_expect(&scene.client, 400, NULL);
    web_expect_fin(&scene.client);
    cr_assert_eq(scene.web.requests, i % 2 == 0);
    cr_assert_eq(scene.web.replied, 0, "the handler has not replied");
    end(&scene);
  }
}

Test(http_bodies, reset_within_it) {
  static const char *const paths[] = {"/silent", "/echo", "/holds", "/begins"};
  for (int i = 0; i < 4; i++) {
    struct scene scene;
    begin(&scene);
    web_post(&scene.client, paths[i], 10);
    web_say(&scene.client, "abc");
    net_until(&scene.web.net, scene.web.requests == (i != 1));
    net_reset(&scene.web.net, scene.client.peer);
    net_until(&scene.web.net, web_connections(&scene.web) == 0);
    cr_assert_eq(scene.web.closed, scene.web.requests);
    cr_assert_eq(scene.web.replied, 0);
    web_open(&scene.client, &scene.web);
    end(&scene);
  }
}

Test(http_bodies, aborted_by_the_handler) {
  for (int chunks = 0; chunks < 2; chunks++) {
    struct scene scene;
    begin(&scene);
    web_say(&scene.client,
            chunks ? "POST /aborts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
                   : "POST /aborts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
    web_expect_reset(&scene.client);
    cr_assert_eq(scene.web.pieces, 1);
    cr_assert_eq(scene.web.closed, 1);
    cr_assert_eq(scene.web.replied, 0);
    end(&scene);
  }
}

/* As soon as it is clear that it will never be whole. */
Test(http_bodies, badly_chunked) {
  struct scene scene;
  begin(&scene);
  web_post_chunks(&scene.client, "/silent");
  web_say(&scene.client, "3\r\nabcd\r\n");
  web_expect(&scene.client, 400, NULL);
  web_expect_fin(&scene.client);
  cr_assert_eq(scene.web.closed, 1);
  cr_assert_eq(scene.web.replied, 0, "the handler has not replied");
  end(&scene);
}
