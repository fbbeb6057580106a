/* SPDX-License-Identifier: MIT
 *
 * Requests that do not wait for the replies before them (RFC 9112, 9.3.2).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/conn.h"
#include "http/web.h"
#include "net/more.h"

enum { BULK = 10 * 1000 };

static void say_path(fin_http_request *request) {
  fin_http_text path = fin_http_path(request);
  fin_http_reply(request, 200, "text/plain", path.data, path.len);
}

static void reply_bulk(fin_http_request *request) {
  size_t *most = web_of(request)->test;
  fin_http_reply(request, 200, "text/plain", net_pattern(BULK), BULK);
  if (fin_http_output_len(request) > *most) *most = fin_http_output_len(request);
}

static void say_last(fin_http_request *request) {
  fin_http_close(request);
  web_reply(request, "last");
}

static void in_a_while(fin_http_request *request) { fin_http_set_timer(request, 30); }

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "GET", .path = "/n/*", .on_request = say_path},
    {.method = "GET", .path = "/later/*", .on_request = in_a_while, .on_timer = say_path},
    {.method = "GET", .path = "/never", .on_request = web_nothing},
    {.method = "GET", .path = "/last", .on_request = say_last},
    {.method = "GET", .path = "/bulk", .on_request = reply_bulk},
    {.method = "POST", .path = "/echo", .on_request = web_echo},
    {0},
};

struct scene {
  struct web web;
  struct web_client client;
  const char *rest; /* of a request that was sent in part */
};

static void begin(struct scene *scene) {
  web_begin(&scene->web, &(fin_http_options){.routes = routes}, NULL);
  web_open(&scene->client, &scene->web);
}

static void end(struct scene *scene) {
  web_leave(&scene->client);
  web_end(&scene->web);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

Test(http_pipelining, in_order_though_some_take_longer) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, GET("/n/1") GET("/later/2") GET("/n/3") GET("/later/4") GET("/n/5"));
  web_expect(&scene.client, 200, "/n/1");
  web_expect(&scene.client, 200, "/later/2");
  web_expect(&scene.client, 200, "/n/3");
  web_expect(&scene.client, 200, "/later/4");
  web_expect(&scene.client, 200, "/n/5");
  web_expect_alive(&scene.client);
  end(&scene);
}

static void expect_numbered(struct web_client *client, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    char path[32];
    snprintf(path, sizeof path, "/n/%u", i);
    web_expect(client, 200, path);
  }
}

static char *numbered(unsigned count) {
  char *text = malloc(count * 64 + 1), *next = text;
  cr_assert(text != NULL);
  for (unsigned i = 0; i < count; i++) next += sprintf(next, GET("/n/%u"), i);
  return text;
}

Test(http_pipelining, a_thousand_at_once) {
  enum { COUNT = 1000 };
  struct scene scene;
  char *text = numbered(COUNT);
  begin(&scene);
  web_say(&scene.client, text);
  expect_numbered(&scene.client, COUNT);
  web_expect_alive(&scene.client);
  cr_assert_eq(scene.web.requests, COUNT + 1);
  free(text);
  end(&scene);
}

Test(http_pipelining, bodies_among_them) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client,
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n" GET("/n/not-me") GET(
              "/n/1") "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "3\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n" GET("/n/2")
                          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" GET(
                              "/later/3")
                              "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET"
                              "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nz");
  web_expect(&scene.client, 200, GET("/n/not-me"));
  web_expect(&scene.client, 200, "/n/1");
  web_expect(&scene.client, 200, "abcde");
  web_expect(&scene.client, 200, "/n/2");
  web_expect(&scene.client, 200, "");
  web_expect(&scene.client, 200, "/later/3");
  web_expect(&scene.client, 404, NULL);
  web_expect(&scene.client, 200, "z");
  web_expect_alive(&scene.client);
  end(&scene);
}

/* ---- nothing behind the last one ---- */

static void expect_last(const char *requests, unsigned last) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, requests);
  web_expect(&scene.client, 200, "/n/1");
  web_expect(&scene.client, 200, "/later/2");
  web_expect(&scene.client, last, NULL);
  cr_assert(web_has(&scene.client, "Connection", "close"));
  web_expect_fin(&scene.client);
  cr_assert(scene.web.requests <= 3, "what follows is no request");
  end(&scene);
}

Test(http_pipelining, error_among_them) {
  expect_last(GET("/n/1") GET("/later/2") "GET /n/3 HTTP/1.1\r\n\r\n" GET("/n/4"), 400);
}

Test(http_pipelining, close_of_the_client_among_them) {
  expect_last(GET("/n/1") GET("/later/2") "GET /later/3 HTTP/1.1\r\nHost: a\r\n"
                                          "Connection: close\r\n\r\n" GET("/n/4"),
              200);
}

Test(http_pipelining, close_of_the_handler_among_them) {
  expect_last(GET("/n/1") GET("/later/2") GET("/last") GET("/n/4"), 200);
}

Test(http_pipelining, http_1_0_among_them) {
  expect_last(GET("/n/1") GET("/later/2") "GET /n/3 HTTP/1.0\r\n\r\n" GET("/n/4"), 200);
}

/* ---- the client's FIN ---- */

Test(http_pipelining, all_are_answered_before_our_fin) {
  enum { COUNT = 300 };
  struct scene scene;
  char *text = numbered(COUNT);
  begin(&scene);
  web_say(&scene.client, GET("/later/0"));
  web_say(&scene.client, text);
  web_say(&scene.client, GET("/later/1") GET("/hello"));
  net_fin(scene.client.peer);
  web_expect(&scene.client, 200, "/later/0");
  expect_numbered(&scene.client, COUNT);
  web_expect(&scene.client, 200, "/later/1");
  web_expect(&scene.client, 200, "hello");
  web_expect_fin(&scene.client);
  net_until(&scene.web.net, web_ended(&scene.web, FIN_REASON_PEER_ENDED) == 1);
  free(text);
  end(&scene);
}

Test(http_pipelining, fin_within_a_request) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, GET("/n/1") GET("/later/2") "GET /n/3 HTTP/1.1\r\nHo");
  net_fin(scene.client.peer);
  web_expect(&scene.client, 200, "/n/1");
  web_expect(&scene.client, 200, "/later/2");
  web_expect(&scene.client, 400, NULL);
  web_expect_fin(&scene.client);
  end(&scene);
}

/* ---- no more memory than the bounds say ---- */

static size_t kept_input(const struct web *web) {
  return web->request ? fin_inbuf_len(&fin_http_conn(web->request)->input) : 0;
}

/* Sends request after request for as long as any are taken; returns how many, whole ones. */
static unsigned send_until_stuck(struct scene *scene, const char *request, size_t enough) {
  size_t len = strlen(request), at = 0;
  unsigned sent = 0;
  uint64_t moved = net_now_ms();
  while (sent < enough && net_now_ms() - moved < 200) {
    size_t some = net_send_some(scene->client.peer, request + at, len - at);
    at += some;
    if (some > 0) moved = net_now_ms();
    if (at == len) {
      sent++;
      at = 0;
    } else {
      net_turn(&scene->web.net, 2);
    }
    cr_assert(kept_input(&scene->web) <= 128 * 1024, "%zu bytes are kept", kept_input(&scene->web));
  }
  scene->rest = at > 0 ? request + at : "";
  return sent;
}

static void expect_bulk(struct web_client *client) {
  web_expect(client, 200, NULL);
  cr_assert_eq(client->reply.body_len, BULK);
  cr_assert(memcmp(client->reply.body, net_pattern(BULK), BULK) == 0);
  /* It need not be kept: the test is about memory. */
  client->len -= client->taken;
  memmove(client->data, client->data + client->taken, client->len);
  client->taken = 0;
}

Test(http_pipelining, a_client_that_does_not_read) {
  enum { COUNT = 4000 };
  struct scene scene;
  size_t most = 0;
  web_begin(&scene.web, &(fin_http_options){.routes = routes}, NULL);
  scene.web.test = &most;
  web_open_small(&scene.client, &scene.web, 16 * 1024);
  unsigned count = send_until_stuck(&scene, GET("/bulk"), COUNT);
  turn_for(&scene.web.net, 50);
  cr_assert(scene.web.requests < count, "all %u were answered", count);
  cr_assert(most <= 64 * 1024 + BULK + 1024, "%zu bytes waited", most);
  for (unsigned i = 0; i < count; i++) expect_bulk(&scene.client);
  if (*scene.rest) {
    web_say(&scene.client, scene.rest);
    expect_bulk(&scene.client);
  }
  cr_assert(most <= 64 * 1024 + BULK + 1024, "%zu bytes waited", most);
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_pipelining, a_handler_that_does_not_answer) {
  enum { ENOUGH = 10 * 1000, FILLER = 4000 };
  struct scene scene;
  char request[FILLER + 100];
  begin(&scene);
  web_say(&scene.client, GET("/never"));
  net_until(&scene.web.net, scene.web.requests == 1);
  sprintf(request, "GET /hello HTTP/1.1\r\nHost: a\r\nX: %.*s\r\n\r\n", FILLER,
          net_pattern(FILLER));
  unsigned count = send_until_stuck(&scene, request, ENOUGH);
  cr_assert(count < ENOUGH, "the client feels nothing of it");
  cr_assert_eq(scene.web.requests, 1);
  web_hello(scene.web.request);
  web_say(&scene.client, scene.rest);
  if (*scene.rest) count++;
  for (unsigned i = 0; i <= count; i++) web_expect(&scene.client, 200, "hello");
  web_expect_alive(&scene.client);
  end(&scene);
}
