/* SPDX-License-Identifier: MIT
 *
 * Bodies of requests: in pieces or collected, held back by the handler, and not waited for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/web.h"
#include "net/more.h"

enum { LARGE = 900 * 1000 };

/* What arrived must be the pattern, in order. */
static void check_piece(fin_http_request *request, const char *data, size_t len) {
  size_t before = web_of(request)->body_len - len;
  cr_assert(memcmp(data, net_pattern(LARGE) + before, len) == 0, "other bytes at %zu", before);
}

static void check_and_pause(fin_http_request *request, const char *data, size_t len) {
  check_piece(request, data, len);
  fin_http_pause(request);
}

static void reply_in_body(fin_http_request *request, const char *data, size_t len) {
  (void)data, (void)len;
  web_hello(request);
}

static void reply_length(fin_http_request *request) {
  char text[32];
  uint64_t length = fin_http_body_length(request);
  snprintf(text, sizeof text, length == FIN_HTTP_CHUNKED ? "chunked" : "%llu",
           (unsigned long long)length);
  web_reply(request, text);
}

/* Sends it back as it comes. */
static void echo_begin(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED);
}

static void echo_piece(fin_http_request *request, const char *data, size_t len) {
  fin_http_write(request, data, len);
}

static void echo_end(fin_http_request *request) { fin_http_end(request); }

static void impossible(fin_http_request *request) {
  (void)request;
  cr_assert_fail("after the reply was given");
}

static void reply_and_pause(fin_http_request *request) {
  web_hello(request);
  fin_http_pause(request);
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "POST", .path = "/echo", .on_request = web_echo},
    {.path = "/stream",
     .on_request = web_nothing,
     .on_body = check_piece,
     .on_body_end = web_hello},
    {.method = "POST",
     .path = "/holds",
     .on_request = fin_http_pause,
     .on_body = check_and_pause,
     .on_body_end = web_hello},
    {.method = "POST",
     .path = "/pauses",
     .on_request = web_nothing,
     .on_body = check_and_pause,
     .on_body_end = web_hello},
    {.method = "POST",
     .path = "/early",
     .on_request = web_hello,
     .on_body = reply_in_body,
     .on_body_end = impossible},
    {.method = "POST",
     .path = "/early-and-holds",
     .on_request = reply_and_pause,
     .on_body = reply_in_body,
     .on_body_end = impossible},
    {.method = "POST",
     .path = "/at-first-piece",
     .on_request = web_nothing,
     .on_body = reply_in_body,
     .on_body_end = impossible},
    {.path = "/length", .on_request = reply_length, .on_body = web_drop, .on_body_end = impossible},
    {.method = "POST",
     .path = "/streamed-echo",
     .on_request = echo_begin,
     .on_body = echo_piece,
     .on_body_end = echo_end},
    {.method = "POST",
     .path = "/silent",
     .on_request = web_nothing,
     .on_body = web_drop,
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

/* ---- whole ---- */

static void arrive(const char *path, bool chunks) {
  struct scene scene;
  begin(&scene);
  if (chunks)
    web_post_chunks(&scene.client, path);
  else
    web_post(&scene.client, path, LARGE);
  web_send_pieces(&scene.client, LARGE, chunks);
  web_expect(&scene.client, 200, NULL);
  if (strcmp(path, "/stream") == 0) {
    cr_assert_eq(scene.web.body_len, LARGE);
    cr_assert_eq(scene.web.ends, 1);
  } else {
    cr_assert_eq(scene.client.reply.body_len, LARGE);
    cr_assert(memcmp(scene.client.reply.body, net_pattern(LARGE), LARGE) == 0);
  }
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_bodies, in_pieces) { arrive("/stream", false); }
Test(http_bodies, in_pieces_of_chunks) { arrive("/stream", true); }
Test(http_bodies, collected) { arrive("/echo", false); }
Test(http_bodies, collected_from_chunks) { arrive("/echo", true); }
Test(http_bodies, sent_back_as_it_comes) { arrive("/streamed-echo", false); }
Test(http_bodies, chunks_sent_back_as_they_come) { arrive("/streamed-echo", true); }

Test(http_bodies, of_any_bytes) {
  struct scene scene;
  char body[256];
  for (size_t i = 0; i < sizeof body; i++) body[i] = (char)i;
  begin(&scene);
  web_post(&scene.client, "/echo", sizeof body);
  web_send(&scene.client, body, sizeof body);
  web_expect(&scene.client, 200, NULL);
  cr_assert_eq(scene.client.reply.body_len, sizeof body);
  cr_assert(memcmp(scene.client.reply.body, body, sizeof body) == 0);
  end(&scene);
}

Test(http_bodies, of_no_length) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/stream"); /* its end comes all the same */
  web_expect(&scene.client, 200, "hello");
  web_post(&scene.client, "/stream", 0);
  web_expect(&scene.client, 200, "hello");
  web_post_chunks(&scene.client, "/stream");
  web_say(&scene.client, "0\r\n\r\n");
  web_expect(&scene.client, 200, "hello");
  cr_assert_eq(scene.web.ends, 3);
  cr_assert_eq(scene.web.pieces, 0);
  web_post(&scene.client, "/echo", 0);
  web_expect(&scene.client, 200, "");
  end(&scene);
}

Test(http_bodies, length_as_it_was_announced) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/length");
  web_expect(&scene.client, 200, "0");
  web_post(&scene.client, "/length", 3);
  web_expect(&scene.client, 200, "3");
  web_say(&scene.client, "abc");
  web_post_chunks(&scene.client, "/length");
  web_expect(&scene.client, 200, "chunked");
  web_say(&scene.client, "1\r\na\r\n0\r\n\r\n");
  web_expect_alive(&scene.client);
  end(&scene);
}

/* Counted against the limits, and dropped (RFC 9110, 6.5.1). */
Test(http_bodies, trailers) {
  struct scene scene;
  begin(&scene);
  web_post_chunks(&scene.client, "/echo");
  web_say(&scene.client, "3;a=b\r\nabc\r\n0\r\nHost: b\r\nContent-Length: 7\r\nX: y\r\n\r\n");
  web_expect(&scene.client, 200, "abc");
  web_expect_alive(&scene.client);
  end(&scene);
}

/* ---- held back ---- */

static void resume_until_replied(struct scene *scene) {
  while (web_waiting(&scene->client) == 0) {
    if (scene->web.request) fin_http_resume(scene->web.request);
    net_turn(&scene->web.net, 1);
  }
  web_expect(&scene->client, 200, "hello");
}

Test(http_bodies, held_back_is_felt_and_nothing_is_lost) {
  enum { HUGE = 40 * 1000 * 1000 };
  struct scene scene;
  web_begin(&scene.web, &(fin_http_options){.routes = routes, .body_max = HUGE}, NULL);
  web_open(&scene.client, &scene.web);
  web_post(&scene.client, "/silent", HUGE);
  net_until(&scene.web.net, scene.web.requests == 1);
  fin_http_pause(scene.web.request);
  size_t sent = 0;
  uint64_t moved = net_now_ms();
  while (sent < HUGE - 1 && net_now_ms() - moved < 200) {
    size_t len = HUGE - 1 - sent < LARGE ? HUGE - 1 - sent : LARGE;
    size_t some = net_send_some(scene.client.peer, net_pattern(LARGE), len);
    sent += some;
    if (some > 0) moved = net_now_ms();
    net_turn(&scene.web.net, 1);
  }
  cr_assert(sent < HUGE - 1, "the client feels nothing");
  cr_assert(scene.web.body_len < 1000 * 1000);
  fin_http_resume(scene.web.request);
  net_until(&scene.web.net, scene.web.body_len == sent);
  fin_http_abort(scene.web.request);
  end(&scene);
}

static void hold(const char *path, bool chunks) {
  struct scene scene;
  begin(&scene);
  if (chunks)
    web_post_chunks(&scene.client, path);
  else
    web_post(&scene.client, path, 50000);
  net_until(&scene.web.net, scene.web.requests == 1);
  turn_for(&scene.web.net, 20);
  cr_assert_eq(scene.web.pieces, 0);
  web_send_pieces(&scene.client, 50000, chunks);
  turn_for(&scene.web.net, 20);
  cr_assert(scene.web.pieces <= 1, "%u pieces during the pause", scene.web.pieces);
  resume_until_replied(&scene);
  cr_assert_eq(scene.web.body_len, 50000);
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_bodies, held_back_from_the_first) { hold("/holds", false); }
Test(http_bodies, chunks_held_back_from_the_first) { hold("/holds", true); }
Test(http_bodies, held_back_after_each_piece) { hold("/pauses", false); }
Test(http_bodies, chunks_held_back_after_each) { hold("/pauses", true); }

/* Whole in one segment, and with another request behind it. */
static void hold_at_once(const char *request) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, request);
  resume_until_replied(&scene);
  web_expect(&scene.client, 200, "hello");
  web_expect_alive(&scene.client);
  cr_assert_eq(scene.web.body_len, 3);
  end(&scene);
}

#define HELLO "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

Test(http_bodies, held_back_after_the_last_piece) {
  hold_at_once("POST /pauses HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" HELLO);
}

Test(http_bodies, chunks_held_back_after_the_last) {
  hold_at_once(
      "POST /pauses HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n" HELLO);
}

Test(http_bodies, held_back_though_it_is_all_there) {
  hold_at_once("POST /holds HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" HELLO);
}

/* ---- the reply comes first ---- */

static void reply_early(const char *path, bool chunks, unsigned pieces) {
  struct scene scene;
  begin(&scene);
  for (int i = 0; i < 2; i++) {
    if (chunks)
      web_post_chunks(&scene.client, path);
    else
      web_post(&scene.client, path, LARGE);
    web_send_pieces(&scene.client, LARGE, chunks);
    web_expect(&scene.client, 200, "hello");
    cr_assert(!web_has(&scene.client, "Connection", "close"));
  }
  web_expect_alive(&scene.client);
  cr_assert_eq(scene.web.pieces, 2 * pieces, "the rest is discarded unseen");
  cr_assert_eq(scene.web.replied, scene.web.requests);
  end(&scene);
}

Test(http_bodies, early_reply) { reply_early("/early", false, 0); }
Test(http_bodies, early_reply_before_chunks) { reply_early("/early", true, 0); }
Test(http_bodies, early_reply_and_a_pause) { reply_early("/early-and-holds", false, 0); }
Test(http_bodies, reply_at_the_first_piece) { reply_early("/at-first-piece", false, 1); }
Test(http_bodies, reply_at_the_first_chunk) { reply_early("/at-first-piece", true, 1); }

/* What is discarded has its limit too. */
Test(http_bodies, early_reply_before_too_much) {
  struct scene scene;
  begin_with(&scene, 1000);
  web_post_chunks(&scene.client, "/early");
  web_expect(&scene.client, 200, "hello");
  web_send_pieces(&scene.client, 2000, true);
  web_expect_fin(&scene.client);
  end(&scene);
}
