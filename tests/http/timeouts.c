/* SPDX-License-Identifier: MIT
 *
 * The times of a request: who is late gets a whole reply and then a close, or at least no half.
 */
#include <string.h>

#include "http/web.h"
#include "net/more.h"

enum { SHORT_MS = 150, LATE_MS = 5000, BIG = 8 * 1000 * 1000 };

static void add_field_only(fin_http_request *request) { fin_http_add_header(request, "X", "y"); }

static void begin_only(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", 10);
  fin_http_write(request, "half", 4);
}

static void begin_big(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", BIG + 1);
  fin_http_write(request, net_pattern(BIG), BIG); /* the last byte never comes */
}

static void reply_big(fin_http_request *request) {
  fin_http_reply(request, 200, "text/plain", net_pattern(BIG), BIG);
}

static void drip(fin_http_request *request) {
  enum { PIECES = 5 };
  uintptr_t done = (uintptr_t)fin_http_data(request);
  if (done == 0) fin_http_begin(request, 200, "text/plain", PIECES);
  fin_http_write(request, &"drips"[done], 1);
  fin_http_set_data(request, (void *)(done + 1));
  if (done + 1 == PIECES)
    fin_http_end(request);
  else
    fin_http_set_timer(request, SHORT_MS / 2);
}

static void in_a_while(fin_http_request *request) { fin_http_set_timer(request, 2 * SHORT_MS); }

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "POST", .path = "/echo", .on_request = web_echo},
    {.method = "POST", .path = "/stream", .on_request = web_nothing, .on_body = web_drop},
    {.method = "POST", .path = "/holds", .on_request = fin_http_pause, .on_body = web_drop},
    {.method = "GET", .path = "/never", .on_request = add_field_only},
    {.method = "GET", .path = "/stops", .on_request = begin_only},
    {.method = "GET", .path = "/big-stream", .on_request = begin_big},
    {.method = "GET", .path = "/big", .on_request = reply_big},
    {.method = "GET", .path = "/drips", .on_request = drip, .on_timer = drip},
    {.method = "GET", .path = "/later", .on_request = in_a_while, .on_timer = web_hello},
    {0},
};

static void begin(struct web *web, uint32_t header_ms, uint32_t request_ms) {
  web_begin(web,
            &(fin_http_options){.routes = routes, .header_ms = header_ms, .request_ms = request_ms},
            NULL);
}

static void expect_408(struct web_client *client) {
  web_expect(client, 408, NULL);
  cr_assert(web_has(client, "Connection", "close"));
  web_expect_fin(client);
}

static unsigned since(uint64_t begun) { return (unsigned)(net_now_ms() - begun); }

#define expect_between(ms, least, most) \
  cr_assert((ms) >= (least) && (ms) < (most), "after %u ms, not %u to %u", ms, least, most)

/* ---- header_ms ---- */

/* A byte now and then, until something comes. */
static void trickle_header(struct web *web, struct web_client *client) {
  static const char start[] = "GET /hello HTTP/1.1\r\nHost: a\r\nX: ";
  for (size_t i = 0; web_waiting(client) == 0; i++) {
    web_send(client, i < sizeof start - 1 ? start + i : "x", 1);
    turn_for(&web->net, 10);
    cr_assert(i < 1000, "a byte every so often keeps it alive");
  }
}

Test(http_timeouts, header_in_all) {
  struct web web;
  struct web_client client;
  begin(&web, SHORT_MS, 0);
  uint64_t begun = net_now_ms();
  web_open(&client, &web);
  trickle_header(&web, &client);
  expect_between(since(begun), SHORT_MS, LATE_MS);
  expect_408(&client);
  cr_assert_eq(web.requests, 0);
  web_leave(&client);
  net_until(&web.net, web_ended(&web, FIN_REASON_SLOW_WRITER) == 1);
  web_end(&web);
}

Test(http_timeouts, header_begins_with_the_connection) {
  struct web web;
  struct web_client client;
  begin(&web, 4 * SHORT_MS, 0);
  uint64_t begun = net_now_ms();
  web_open(&client, &web);
  turn_for(&web.net, 3 * SHORT_MS);
  web_say(&client, "GET /hello HTTP/1.1\r\n");
  expect_408(&client);
  expect_between(since(begun), 4 * SHORT_MS, 7 * SHORT_MS);
  web_leave(&client);
  web_end(&web);
}

Test(http_timeouts, header_of_a_later_request_begins_with_its_first_byte) {
  struct web web;
  struct web_client client;
  begin(&web, SHORT_MS, 0);
  web_open(&client, &web);
  web_expect_alive(&client);
  turn_for(&web.net, SHORT_MS + 50);
  web_expect_alive(&client);
  turn_for(&web.net, SHORT_MS + 50);
  uint64_t begun = net_now_ms();
  trickle_header(&web, &client);
  expect_between(since(begun), SHORT_MS, LATE_MS);
  expect_408(&client);
  web_leave(&client);
  web_end(&web);
}

Test(http_timeouts, header_time_is_not_stall_ms) {
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes, .header_ms = 4 * SHORT_MS},
            &(fin_conn_options){.stall_ms = SHORT_MS / 2, .idle_ms = SHORT_MS / 2});
  web_open(&client, &web);
  uint64_t begun = net_now_ms();
  web_say(&client, "GET /hello HTTP/1.1\r\n");
  expect_408(&client);
  expect_between(since(begun), 3 * SHORT_MS, LATE_MS);
  web_leave(&client);
  web_end(&web);
}

/* There is no request to reply to. */
static void expect_silence(const char *said) {
  struct web web;
  struct web_client client;
  begin(&web, SHORT_MS, 0);
  uint64_t begun = net_now_ms();
  web_open(&client, &web);
  web_say(&client, said);
  web_expect_fin(&client);
  expect_between(since(begun), SHORT_MS, LATE_MS);
  web_leave(&client);
  net_until(&web.net, web_ended(&web, FIN_REASON_IDLE) == 1);
  web_end(&web);
}

Test(http_timeouts, who_never_speaks_is_closed_silently) { expect_silence(""); }
Test(http_timeouts, an_empty_line_is_silence) { expect_silence("\r\n"); }

/* ---- request_ms ---- */

Test(http_timeouts, body_that_does_not_come) {
  static const char *const heads[] = {
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab",
      "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n1234",
      "POST /nowhere HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
  };
  struct web web;
  begin(&web, 0, SHORT_MS);
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    struct web_client client;
    web_open(&client, &web);
    uint64_t begun = net_now_ms();
    web_say(&client, heads[i]);
    if (i == 3) {
      web_expect(&client, 404, NULL); /* which needs no body, unlike the request behind it */
      web_expect_fin(&client);
    } else {
      expect_408(&client);
    }
    expect_between(since(begun), SHORT_MS, LATE_MS);
    web_leave(&client);
  }
  cr_assert_eq(web.requests, 1);
  cr_assert_eq(web.closed, 1);
  cr_assert_eq(web.replied, 0, "the handler has not replied");
  web_end(&web);
}

Test(http_timeouts, body_that_does_not_come_after_100) {
  struct web web;
  struct web_client client;
  begin(&web, 0, SHORT_MS);
  web_open(&client, &web);
  web_say(&client,
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  web_expect(&client, 100, "");
  expect_408(&client);
  web_leave(&client);
  web_end(&web);
}

Test(http_timeouts, handler_that_never_answers) {
  struct web web;
  struct web_client client;
  begin(&web, 0, SHORT_MS);
  web_open(&client, &web);
  uint64_t begun = net_now_ms();
  web_get(&client, "/never");
  web_expect(&client, 503, NULL);
  expect_between(since(begun), SHORT_MS, LATE_MS);
  cr_assert(web_has(&client, "Connection", "close"));
  cr_assert(web_lacks(&client, "X"), "which was meant for the handler's reply");
  web_expect_fin(&client);
  cr_assert_eq(web.closed, 1);
  cr_assert_eq(web.replied, 0, "the handler has not replied");
  web_leave(&client);
  web_end(&web);
}

/* It is not the client who is late then. */
Test(http_timeouts, handler_that_holds_the_body_back) {
  struct web web;
  struct web_client client;
  begin(&web, 0, SHORT_MS);
  web_open(&client, &web);
  web_say(&client, "POST /holds HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345");
  web_expect(&client, 503, NULL);
  web_expect_fin(&client);
  cr_assert_eq(web.replied, 0);
  web_leave(&client);
  web_end(&web);
}

/* Browsers connect before they have anything to ask. */
Test(http_timeouts, request_begins_with_its_first_byte) {
  struct web web;
  struct web_client client;
  begin(&web, 0, 3 * SHORT_MS);
  web_open(&client, &web);
  turn_for(&web.net, 3 * SHORT_MS + 50);
  web_get(&client, "/later");
  web_expect(&client, 200, "hello");
  web_leave(&client);
  web_end(&web);
}

Test(http_timeouts, handler_that_stops_in_a_reply) {
  struct web web;
  struct web_client client;
  begin(&web, 0, SHORT_MS);
  web_open(&client, &web);
  uint64_t begun = net_now_ms();
  web_get(&client, "/stops");
  web_expect_reset(&client);
  expect_between(since(begun), SHORT_MS, LATE_MS);
  cr_assert_eq(web.closed, 1);
  cr_assert_eq(web.replied, 0);
  web_leave(&client);
  web_end(&web);
}

Test(http_timeouts, each_piece_of_a_reply_has_its_time) {
  struct web web;
  struct web_client client;
  begin(&web, 0, SHORT_MS);
  web_open(&client, &web);
  uint64_t begun = net_now_ms();
  web_get(&client, "/drips");
  web_expect(&client, 200, "drips");
  cr_assert(since(begun) >= 2 * SHORT_MS, "the test shows nothing");
  web_expect_alive(&client);
  web_leave(&client);
  web_end(&web);
}

Test(http_timeouts, no_other_time_cuts_a_reply_that_takes_its_time) {
  struct web web;
  struct web_client client;
  web_begin(&web,
            &(fin_http_options){.routes = routes, .header_ms = SHORT_MS, .request_ms = FIN_NEVER},
            &(fin_conn_options){.idle_ms = SHORT_MS, .stall_ms = SHORT_MS, .half_ms = SHORT_MS});
  web_open(&client, &web);
  web_get(&client, "/later");
  web_expect(&client, 200, "hello");
  web_get(&client, "/later");
  web_get(&client, "/hello"); /* and waits behind it */
  web_expect(&client, 200, "hello");
  web_expect(&client, 200, "hello");
  web_leave(&client);
  web_end(&web);
}

Test(http_timeouts, no_other_time_cuts_an_upload) {
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes, .header_ms = SHORT_MS},
            &(fin_conn_options){.idle_ms = SHORT_MS, .stall_ms = SHORT_MS, .half_ms = SHORT_MS});
  web_open(&client, &web);
  web_say(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  turn_for(&web.net, 2 * SHORT_MS);
  web_say(&client, "ab");
  turn_for(&web.net, 2 * SHORT_MS);
  web_say(&client, "cd");
  web_expect(&client, 200, "abcd");
  web_say(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab");
  turn_for(&web.net, 2 * SHORT_MS);
  web_say(&client, "cd\r\n");
  turn_for(&web.net, 2 * SHORT_MS);
  web_say(&client, "0\r\n\r\n");
  web_expect(&client, 200, "abcd");
  web_leave(&client);
  web_end(&web);
}

/* ---- between requests ---- */

Test(http_timeouts, keep_alive_ends_politely_and_not_before_the_time_it_names) {
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes}, &(fin_conn_options){.idle_ms = 1100});
  web_open(&client, &web);
  web_expect_alive(&client);
  turn_for(&web.net, 900);
  web_get(&client, "/later"); /* and its reply begin it anew */
  web_expect(&client, 200, "hello");
  cr_assert(web_has(&client, "Keep-Alive", "timeout=1"));
  uint64_t begun = net_now_ms();
  web_expect_fin(&client);
  expect_between(since(begun), 1000, LATE_MS);
  web_leave(&client);
  net_until(&web.net, web_ended(&web, FIN_REASON_IDLE) == 1);
  web_end(&web);
}

static void expect_named(uint32_t idle_ms, const char *named) {
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes}, &(fin_conn_options){.idle_ms = idle_ms});
  web_open(&client, &web);
  web_get(&client, "/hello");
  web_expect(&client, 200, "hello");
  cr_assert(named ? web_has(&client, "Keep-Alive", named) : web_lacks(&client, "Keep-Alive"));
  web_leave(&client);
  web_end(&web);
}

Test(http_timeouts, keep_alive_names_less_than_it_waits) {
  expect_named(0, "timeout=70");
  expect_named(2000, "timeout=1");
  expect_named(900, NULL);
  expect_named(FIN_NEVER, NULL);
}

/* ---- the client that does not read ---- */

static void stall(const char *path, unsigned replied) {
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes, .request_ms = SHORT_MS / 2},
            &(fin_conn_options){.stall_ms = 2 * SHORT_MS});
  web_open_small(&client, &web, 4096);
  uint64_t begun = net_now_ms();
  web_get(&client, path);
  net_until(&web.net, web_ended(&web, FIN_REASON_SLOW_READER) == 1);
  expect_between(since(begun), 2 * SHORT_MS, LATE_MS);
  cr_assert_eq(web.closed, 1);
  cr_assert_eq(web.replied, replied);
  web_leave(&client);
  web_end(&web);
}

/* Its time is stall_ms: the handler is not blamed for its waiting. */
Test(http_timeouts, reader_that_stops_in_a_stream) { stall("/big-stream", 0); }
Test(http_timeouts, reader_that_stops_in_a_whole_reply) { stall("/big", 1); }
