/* SPDX-License-Identifier: MIT
 *
 * What http.h promises of callbacks, whatever happens to whom and when.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/web.h"
#include "net/more.h"

/* ---- calls at the wrong time ---- */

static void reply_twice(fin_http_request *request) {
  cr_assert_eq(fin_http_reply(request, 200, NULL, "once", 4), 0);
  cr_assert_eq(fin_http_reply(request, 200, NULL, "twice", 5), -EALREADY);
  cr_assert_eq(fin_http_begin(request, 200, NULL, 5), -EALREADY);
  cr_assert_eq(fin_http_write(request, "more", 4), -EALREADY);
  cr_assert_eq(fin_http_end(request), -EALREADY);
  cr_assert_eq(fin_http_add_header(request, "X", "late"), -EALREADY);
}

static void begin_twice(fin_http_request *request) {
  cr_assert_eq(fin_http_begin(request, 200, NULL, 4), 0);
  cr_assert_eq(fin_http_begin(request, 404, NULL, 5), -EALREADY);
  cr_assert_eq(fin_http_reply(request, 404, NULL, "twice", 5), -EALREADY);
  cr_assert_eq(fin_http_add_header(request, "X", "late"), -EALREADY);
  cr_assert_eq(fin_http_write(request, "once", 4), 0);
  cr_assert_eq(fin_http_end(request), 0);
  cr_assert_eq(fin_http_end(request), -EALREADY);
  cr_assert_eq(fin_http_write(request, "more", 4), -EALREADY);
}

static void write_before_begin(fin_http_request *request) {
  cr_assert(fin_http_write(request, "early", 5) < 0);
  cr_assert(fin_http_end(request) < 0);
  fin_http_reply(request, 200, NULL, "once", 4);
}

Test(http_contract, calls_at_the_wrong_time) {
  static const fin_http_route routes[] = {
      {.method = "GET", .path = "/hello", .on_request = web_hello},
      {.method = "GET", .path = "/twice", .on_request = reply_twice},
      {.method = "GET", .path = "/begin-twice", .on_request = begin_twice},
      {.method = "GET", .path = "/write", .on_request = write_before_begin},
      {0},
  };
  static const char *const paths[] = {"/twice", "/begin-twice", "/write"};
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  web_open(&client, &web);
  for (size_t i = 0; i < 3; i++) {
    web_get(&client, paths[i]);
    web_expect(&client, 200, "once");
    cr_assert(web_lacks(&client, "X"));
    web_expect_alive(&client);
  }
  web_leave(&client);
  web_end(&web);
}

/* ---- a reply from each callback ---- */

static void reply_in_body(fin_http_request *request, const char *data, size_t len) {
  (void)data, (void)len;
  web_hello(request);
}

static void set_timer(fin_http_request *request) { fin_http_set_timer(request, 1); }

/* So much that some waits; the rest of the reply is its end. */
static void fill_up(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, FIN_HTTP_CHUNKED);
  for (int i = 0; i < 300 && fin_http_output_len(request) <= 64 * 1024; i++)
    fin_http_write(request, net_pattern(32 * 1024), 32 * 1024);
}

static void end_reply(fin_http_request *request) { fin_http_end(request); }

Test(http_contract, a_reply_from_each_callback) {
  static const fin_http_route routes[] = {
      {.method = "GET", .path = "/hello", .on_request = web_hello},
      {.path = "/body", .on_request = web_nothing, .on_body = reply_in_body},
      {.path = "/body-end",
       .on_request = web_nothing,
       .on_body = web_drop,
       .on_body_end = web_hello},
      {.path = "/timer", .on_request = set_timer, .on_timer = web_hello},
      {.path = "/writable", .on_request = fill_up, .on_writable = end_reply},
      {.path = "/peer-end", .on_request = web_nothing, .on_peer_end = web_hello},
      {0},
  };
  static const char *const paths[] = {"/hello", "/timer", "/body-end"};
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  web_open_small(&client, &web, 16 * 1024);
  for (size_t i = 0; i < 3; i++) {
    web_get(&client, paths[i]);
    web_expect(&client, 200, "hello");
  }
  web_say(&client, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
  web_expect(&client, 200, "hello");
  web_get(&client, "/writable");
  net_until(&web.net, web_waiting(&client) && web.closed == 5); /* then it has all been read */
  web_expect(&client, 200, NULL);
  cr_assert(web.writables >= 1);
  web_get(&client, "/peer-end");
  net_fin(client.peer);
  web_expect(&client, 200, "hello");
  web_expect_fin(&client);
  cr_assert_eq(web.replied, 6);
  web_leave(&client);
  web_end(&web);
}

/* ---- on_close ---- */

static void use_everything(fin_http_request *request, bool replied) {
  fin_http_text path = fin_http_path(request), host = fin_http_header(request, "host");
  cr_assert(path.len > 0 && path.data[0] == '/');
  cr_assert(host.len == 1 && host.data[0] == 'a');
  cr_assert(fin_http_conn(request) != NULL);
  fin_http_pause(request);
  fin_http_resume(request);
  fin_http_set_timer(request, 0);
  fin_http_add_header(request, "X", "y");
  cr_assert(fin_http_reply(request, 200, NULL, "late", 4) < 0);
  cr_assert(fin_http_begin(request, 200, NULL, 4) < 0);
  cr_assert(fin_http_write(request, "late", 4) < 0);
  cr_assert(fin_http_end(request) < 0);
  if (!replied) fin_http_abort(request);
  fin_http_close(request);
}

static void begin_only(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", 10);
  fin_http_write(request, "12345", 5);
}

static void begin_and_fill(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, FIN_HTTP_CHUNKED);
  fin_http_write(request, net_pattern(9000000), 9000000);
}

static void pause_body(fin_http_request *request, const char *data, size_t len) {
  (void)data, (void)len;
  fin_http_pause(request);
}

static const fin_http_route all_routes[] = {
    {.path = "/hello", .on_request = web_hello, .on_close = use_everything},
    {.path = "/never", .on_request = web_nothing, .on_close = use_everything},
    {.path = "/begins", .on_request = begin_only, .on_close = use_everything},
    {.path = "/fills", .on_request = begin_and_fill, .on_close = use_everything},
    {.path = "/echo", .on_request = web_echo, .on_close = use_everything},
    {.path = "/stream", .on_request = web_nothing, .on_body = web_drop, .on_close = use_everything},
    {.path = "/early", .on_request = web_hello, .on_body = web_drop, .on_close = use_everything},
    {.path = "/holds",
     .on_request = fin_http_pause,
     .on_body = pause_body,
     .on_close = use_everything},
    {.path = "/begins-early",
     .on_request = begin_only,
     .on_body = web_drop,
     .on_close = use_everything},
    {0},
};

Test(http_contract, everything_may_be_called_in_on_close) {
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = all_routes}, NULL);
  web_open(&client, &web);
  web_say(&client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  web_expect(&client, 200, "hello");
  web_say(&client, "GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
  net_until(&web.net, web.requests == 2);
  web_hello(web.request);
  web_expect(&client, 200, "hello");
  cr_assert_eq(web_waiting(&client), 0);
  web_leave(&client);
  web_end(&web);
}

/* How far a request is, and what then ends the connection. */

#define POST(path) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static const char *const stages[] = {
    "",
    "GET /hel",
    GET("/hello"),
    GET("/never"),
    GET("/never") GET("/hello"),
    GET("/begins"),
    GET("/begins") GET("/hello"),
    GET("/fills"),
    POST("/echo"),
    POST("/stream"),
    POST("/early"),
    POST("/holds"),
    POST("/begins-early"),
    "POST /stream HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
    "POST /holds HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n",
};
enum { STAGES = sizeof stages / sizeof *stages };

enum ending { FIN, RST, FIN_THEN_RST, CLOSE, END, ABORT, HTTP_ABORT, HTTP_CLOSE, DRAIN, KILL };

static void end_request(fin_http_request *request, enum ending ending) {
  fin_conn *conn = fin_http_conn(request);
  if (ending == CLOSE) fin_conn_close(conn, 0);
  if (ending == END) fin_conn_end(conn);
  if (ending == ABORT) fin_conn_abort(conn);
  if (ending == HTTP_ABORT) fin_http_abort(request);
  if (ending == HTTP_CLOSE) fin_http_close(request);
}

static void end_all(struct web *web, const struct web_client *clients, enum ending ending) {
  for (size_t i = 0; i < STAGES; i++)
    if (ending == FIN || ending == FIN_THEN_RST) net_fin(clients[i].peer);
  for (size_t i = 0; i < WEB_LIVE_MAX; i++)
    if (web->live[i].request) end_request(web->live[i].request, ending);
  if (ending == DRAIN) fin_server_drain(web->net.server);
  if (ending == KILL) fin_server_abort(web->net.server);
}

/* Whatever it is, every on_request gets its on_close, once, and nothing stays: web_end looks. */
static void end_in_every_stage(enum ending ending) {
  struct web web;
  struct web_client clients[STAGES];
  web_begin(&web, &(fin_http_options){.routes = all_routes}, &(fin_conn_options){.half_ms = 100});
  for (size_t i = 0; i < STAGES; i++) {
    web_open(&clients[i], &web);
    web_say(&clients[i], stages[i]);
  }
  turn_for(&web.net, 10);
  cr_assert_eq(web.requests, STAGES - 3, "those that are complete enough: %u", web.requests);
  end_all(&web, clients, ending);
  turn_for(&web.net, ending == FIN_THEN_RST ? 10 : 0);
  for (size_t i = 0; i < STAGES; i++) net_reset(&web.net, clients[i].peer);
  net_until(&web.net, web_connections(&web) == 0);
  cr_assert_eq(web.closed, web.requests, "%u of %u", web.closed, web.requests);
  web_end(&web);
}

Test(http_contract, on_close_behind_fin) { end_in_every_stage(FIN); }
Test(http_contract, on_close_behind_reset) { end_in_every_stage(RST); }
Test(http_contract, on_close_behind_fin_and_reset) { end_in_every_stage(FIN_THEN_RST); }
Test(http_contract, on_close_behind_close) { end_in_every_stage(CLOSE); }
Test(http_contract, on_close_behind_end) { end_in_every_stage(END); }
Test(http_contract, on_close_behind_abort) { end_in_every_stage(ABORT); }
Test(http_contract, on_close_behind_http_abort) { end_in_every_stage(HTTP_ABORT); }
Test(http_contract, on_close_behind_http_close) { end_in_every_stage(HTTP_CLOSE); }
Test(http_contract, on_close_behind_drain) { end_in_every_stage(DRAIN); }
Test(http_contract, on_close_behind_abort_of_the_server) { end_in_every_stage(KILL); }

/* ---- the connection's own bounds and verbs ---- */

/* What the connection does not keep, HTTP does not wait for. */
Test(http_contract, a_header_longer_than_the_connection_keeps) {
  char text[4000];
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = all_routes},
            &(fin_conn_options){.input_max = 2048});
  web_open(&client, &web);
  snprintf(text, sizeof text, "GET /hello HTTP/1.1\r\nHost: a\r\nX: %.1900s\r\n\r\n",
           net_pattern(1900));
  web_say(&client, text);
  web_expect(&client, 200, "hello");
  snprintf(text, sizeof text, "GET /hello HTTP/1.1\r\nHost: a\r\nX: %.3000s", net_pattern(3000));
  web_say(&client, text);
  web_expect(&client, 431, NULL);
  web_expect_fin(&client);
  web_leave(&client);
  web_end(&web);
}

static void close_under(fin_http_request *request) {
  fin_conn_close(fin_http_conn(request), 0);
  cr_assert_eq(fin_http_reply(request, 200, NULL, "x", 1), -EPIPE);
}

static void reply_then_close_under(fin_http_request *request) {
  web_hello(request);
  fin_conn_close(fin_http_conn(request), 0);
}

static void end_under(fin_http_request *request) {
  fin_conn_end(fin_http_conn(request));
  cr_assert_eq(fin_http_begin(request, 200, NULL, 1), -EPIPE);
  cr_assert_eq(fin_http_write(request, "x", 1), -EPIPE);
}

Test(http_contract, a_connection_that_is_closed_under_a_request) {
  static const fin_http_route routes[] = {
      {.path = "/close", .on_request = close_under},
      {.path = "/reply-close", .on_request = reply_then_close_under},
      {.path = "/end", .on_request = end_under},
      {0},
  };
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  web_open(&client, &web);
  web_say(&client, GET("/close") GET("/close"));
  web_expect_fin(&client);
  web_leave(&client);
  web_open(&client, &web);
  web_say(&client, GET("/end"));
  web_expect_fin(&client);
  web_leave(&client);
  net_until(&web.net, web.closed == 2);
  cr_assert_eq(web.replied, 0);
  web_open(&client, &web);
  web_say(&client, GET("/reply-close") GET("/close"));
  web_expect(&client, 200, "hello");
  web_expect_fin(&client);
  web_leave(&client);
  cr_assert_eq(web.requests, 3);
  web_end(&web);
}
