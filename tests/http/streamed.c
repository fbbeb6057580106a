/* SPDX-License-Identifier: MIT
 *
 * Replies in pieces: their framing for every kind of client, and that nothing half is taken for a
 * whole.
 */
#include <errno.h>
#include <string.h>

#include "http/web.h"
#include "net/more.h"

#define PIECES "one,", "two,", "three"
#define WHOLE "one,two,three"
enum { WHOLE_LEN = sizeof WHOLE - 1 };

static void write_pieces(fin_http_request *request) {
  static const char *const pieces[] = {PIECES};
  for (size_t i = 0; i < 3; i++) {
    cr_assert_eq(fin_http_write(request, pieces[i], strlen(pieces[i])), 0);
    cr_assert_eq(fin_http_write(request, NULL, 0), 0, "which is no end");
  }
  cr_assert_eq(fin_http_end(request), 0);
}

static void send_sized(fin_http_request *request) {
  cr_assert_eq(fin_http_begin(request, 200, "text/plain", WHOLE_LEN), 0);
  write_pieces(request);
}

static void send_chunks(fin_http_request *request) {
  cr_assert_eq(fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED), 0);
  write_pieces(request);
}

static void send_empty(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", 0);
  cr_assert_eq(fin_http_end(request), 0);
}

static void send_no_chunks(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED);
  cr_assert_eq(fin_http_end(request), 0);
}

static void send_to_nobody(fin_http_request *request) {
  fin_http_begin(request, 204, NULL, FIN_HTTP_CHUNKED);
  write_pieces(request);
}

static void send_not_modified(fin_http_request *request) {
  fin_http_begin(request, 304, NULL, WHOLE_LEN);
  write_pieces(request);
}

static void send_large_chunk(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, FIN_HTTP_CHUNKED);
  fin_http_write(request, net_pattern(70000), 70000);
  fin_http_write(request, net_pattern(5000), 2040); /* about what is sent as one */
  fin_http_end(request);
}

static void send_in_time(fin_http_request *request) {
  size_t done = (size_t)fin_http_data(request);
  if (done == 0) fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED);
  if (done == WHOLE_LEN) {
    fin_http_end(request);
    return;
  }
  fin_http_write(request, &WHOLE[done], 1);
  fin_http_set_data(request, (void *)(done + 1));
  fin_http_set_timer(request, 2);
}

/* ---- what goes wrong ---- */

static void send_more(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, 10);
  fin_http_write(request, "123456789", 9);
  cr_assert_eq(fin_http_write(request, "0!", 2), -EINVAL);
  cr_assert(fin_http_end(request) < 0);
}

static void send_more_than_nothing(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, 0);
  cr_assert_eq(fin_http_write(request, "!", 1), -EINVAL);
}

static void send_less(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, 10);
  fin_http_write(request, "123456789", 9);
  cr_assert_eq(fin_http_end(request), -EINVAL);
}

static void send_none(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, 10);
  cr_assert_eq(fin_http_end(request), -EINVAL);
}

static void abort_sized(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, WHOLE_LEN);
  fin_http_write(request, WHOLE, WHOLE_LEN); /* all of it, but it was not ended */
  fin_http_abort(request);
}

static void abort_chunks(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, FIN_HTTP_CHUNKED);
  fin_http_write(request, WHOLE, WHOLE_LEN);
  fin_http_abort(request);
  cr_assert_eq(fin_http_write(request, "x", 1), -EPIPE);
  cr_assert_eq(fin_http_end(request), -EPIPE);
}

static void abort_given(fin_http_request *request) {
  web_hello(request);
  fin_http_abort(request);
}

static void abort_at_once(fin_http_request *request) { fin_http_abort(request); }

/* Ends the life of the connection behind the request's back. */
static void close_connection(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, FIN_HTTP_CHUNKED);
  fin_http_write(request, WHOLE, WHOLE_LEN);
  fin_conn_abort(fin_http_conn(request));
}

#define ROUTE(name, handler) \
  { .path = name, .on_request = handler }

static const fin_http_route good[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "GET", .path = "/sized", .on_request = send_sized},
    {.method = "GET", .path = "/chunks", .on_request = send_chunks},
    {.method = "GET", .path = "/empty", .on_request = send_empty},
    {.method = "GET", .path = "/no-chunks", .on_request = send_no_chunks},
    {.method = "GET", .path = "/nobody", .on_request = send_to_nobody},
    {.method = "GET", .path = "/not-modified", .on_request = send_not_modified},
    {.method = "GET", .path = "/large", .on_request = send_large_chunk},
    {.method = "GET", .path = "/in-time", .on_request = send_in_time, .on_timer = send_in_time},
    {0},
};

static const fin_http_route bad[] = {
    ROUTE("/more", send_more),
    ROUTE("/more-than-nothing", send_more_than_nothing),
    ROUTE("/less", send_less),
    ROUTE("/none", send_none),
    ROUTE("/abort-sized", abort_sized),
    ROUTE("/abort-chunks", abort_chunks),
    ROUTE("/abort-given", abort_given),
    ROUTE("/abort-at-once", abort_at_once),
    ROUTE("/connection", close_connection),
    {0},
};

struct scene {
  struct web web;
  struct web_client client;
};

static void begin(struct scene *scene) {
  web_begin(&scene->web, &(fin_http_options){.routes = good}, NULL);
  web_open(&scene->client, &scene->web);
}

static void end(struct scene *scene) {
  web_leave(&scene->client);
  cr_assert_eq(scene->web.replied, scene->web.requests);
  web_end(&scene->web);
}

Test(http_streamed, of_known_length) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/sized");
  web_expect(&scene.client, 200, WHOLE);
  cr_assert(web_has(&scene.client, "Content-Length", "13"));
  cr_assert(web_has(&scene.client, "Content-Type", "text/plain"));
  web_get(&scene.client, "/empty");
  web_expect(&scene.client, 200, "");
  cr_assert(web_has(&scene.client, "Content-Length", "0"));
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_streamed, in_chunks) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/chunks");
  web_expect(&scene.client, 200, WHOLE);
  cr_assert(scene.client.reply.chunked);
  web_get(&scene.client, "/no-chunks");
  web_expect(&scene.client, 200, "");
  cr_assert(scene.client.reply.chunked);
  web_get(&scene.client, "/in-time");
  web_expect(&scene.client, 200, WHOLE);
  web_get(&scene.client, "/large");
  web_expect(&scene.client, 200, NULL);
  cr_assert_eq(scene.client.reply.body_len, 72040);
  cr_assert_eq(memcmp(scene.client.reply.body, net_pattern(70000), 70000), 0);
  cr_assert_eq(memcmp(scene.client.reply.body + 70000, net_pattern(2040), 2040), 0);
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_streamed, to_http_1_0) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, "GET /sized HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  web_expect(&scene.client, 200, WHOLE);
  cr_assert(web_has(&scene.client, "Content-Length", "13"));
  cr_assert(web_has(&scene.client, "Connection", "keep-alive"));
  web_say(&scene.client, "GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  web_expect(&scene.client, 200, WHOLE);
  cr_assert(scene.client.reply.until_end, "HTTP/1.0 knows no chunks");
  cr_assert(web_has(&scene.client, "Connection", "close"));
  web_expect_fin(&scene.client);
  end(&scene);
}

Test(http_streamed, to_head) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, "HEAD /sized HTTP/1.1\r\nHost: a\r\n\r\n");
  web_expect_bodiless(&scene.client, 200);
  cr_assert(web_has(&scene.client, "Content-Length", "13"));
  web_say(&scene.client, "HEAD /chunks HTTP/1.1\r\nHost: a\r\n\r\n");
  web_expect_bodiless(&scene.client, 200);
  cr_assert(web_lacks(&scene.client, "Content-Length"));
  web_say(&scene.client, "HEAD /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  web_expect_bodiless(&scene.client, 200);
  cr_assert(web_lacks(&scene.client, "Transfer-Encoding"));
  web_expect_alive(&scene.client);
  end(&scene);
}

Test(http_streamed, where_the_status_forbids_a_body) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/nobody");
  web_expect(&scene.client, 204, "");
  web_get(&scene.client, "/not-modified");
  web_expect(&scene.client, 304, "");
  web_expect_alive(&scene.client);
  end(&scene);
}

/* ---- nothing half passes for a whole ---- */

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static void expect_broken(const char *const *requests, size_t count) {
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = bad}, NULL);
  for (size_t i = 1; i <= count; i++) {
    web_open(&client, &web);
    web_say(&client, requests[i - 1]);
    web_expect_reset(&client);
    net_until(&web.net, web_ended(&web, FIN_REASON_ABORTED) == i);
    cr_assert_eq(web.requests, i);
    web_leave(&client);
  }
  cr_assert_eq(web.closed, count);
  cr_assert_eq(web.replied, 0);
  web_end(&web);
}

Test(http_streamed, more_or_less_than_was_announced) {
  static const char *const requests[] = {
      GET("/more"),
      GET("/more-than-nothing"),
      "HEAD /more HTTP/1.1\r\nHost: a\r\n\r\n",
      GET("/less"),
      GET("/none"),
  };
  expect_broken(requests, sizeof requests / sizeof *requests);
}

Test(http_streamed, aborted) {
  static const char *const requests[] = {
      GET("/abort-sized"),
      GET("/abort-chunks"),
      "GET /abort-chunks HTTP/1.0\r\n\r\n", /* whose end is the FIN that must not come */
      GET("/abort-given"),
      GET("/abort-at-once"),
      GET("/connection"),
      GET("/abort-at-once") GET("/abort-at-once"),
  };
  expect_broken(requests, sizeof requests / sizeof *requests);
}
