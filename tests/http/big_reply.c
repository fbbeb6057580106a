/* SPDX-License-Identifier: MIT
 *
 * A reply larger than what may wait, to a reader slower than the handler: on_writable says when to
 * write on.
 */
#include <errno.h>
#include <string.h>

#include "http/web.h"
#include "net/more.h"

enum { PIECE = 32 * 1024, HIGH = 64 * 1024, MAX = 256 * 1024 };
static const size_t whole = 100 * 1000 * 1000;

struct source {
  size_t done, most; /* written; that waited at once */
  bool chunks;
};

static void write_on(fin_http_request *request) {
  struct source *source = web_of(request)->test;
  while (source->done < whole && fin_http_output_len(request) <= HIGH) {
    size_t at = source->done % (8 * 1000 * 1000), len = whole - source->done;
    if (len > PIECE) len = PIECE;
    cr_assert_eq(fin_http_write(request, net_pattern(9 * 1000 * 1000) + at, len), 0);
    source->done += len;
    if (fin_http_output_len(request) > source->most) source->most = fin_http_output_len(request);
  }
  if (source->done == whole) cr_assert_eq(fin_http_end(request), 0);
}

static void begin_reply(fin_http_request *request) {
  struct source *source = web_of(request)->test;
  fin_http_begin(request, 200, NULL, source->chunks ? FIN_HTTP_CHUNKED : whole);
  write_on(request);
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "GET", .path = "/big", .on_request = begin_reply, .on_writable = write_on},
    {0},
};

/* Reads a little, then lets the server work. Returns the number of bytes up to the FIN. */
static size_t read_slowly(struct web_client *client) {
  static char piece[256 * 1024];
  size_t total = 0;
  uint64_t moved = net_now_ms();
  for (;;) {
    ssize_t count = recv(client->peer, piece, sizeof piece, 0);
    if (count == 0) return total;
    if (count > 0) {
      total += (size_t)count;
      moved = net_now_ms();
    }
    net_turn(&client->web->net, count > 0 ? 0 : 5);
    cr_assert(net_now_ms() - moved < NET_DEADLINE_MS, "it stops after %zu bytes", total);
  }
}

static void send_big(bool chunks) {
  struct web web;
  struct web_client client;
  struct source source = {.chunks = chunks};
  web_begin(&web, &(fin_http_options){.routes = routes},
            &(fin_conn_options){.output_high = HIGH, .output_max = MAX});
  web.test = &source;
  web_open_small(&client, &web, 64 * 1024);
  web_say(&client, "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  size_t total = read_slowly(&client);
  size_t framing = chunks ? 7 * (whole / PIECE) + 20 : 0; /* "8000" CRLF, CRLF */
  cr_assert(total >= whole + framing && total < whole + 2 * framing + 500, "%zu bytes", total);
  cr_assert(web.writables > 20, "on_writable came %u times", web.writables);
  cr_assert(source.most <= HIGH + PIECE + 16, "%zu bytes waited", source.most);
  cr_assert_eq(web.replied, 1);
  cr_assert_eq(web_ended(&web, FIN_REASON_OUTPUT_FULL), 0);
  web_leave(&client);
  web_end(&web);
}

Test(http_big_reply, of_known_length) { send_big(false); }
Test(http_big_reply, in_chunks) { send_big(true); }

/* The same bytes, not only as many. */
Test(http_big_reply, arrives_as_it_was_sent) {
  enum { LAST = 1000 * 1000 };
  struct web web;
  struct web_client client;
  struct source source = {.done = whole - LAST, .chunks = true};
  const char *expected = net_pattern(9 * 1000 * 1000) + source.done % (8 * 1000 * 1000);
  web_begin(&web, &(fin_http_options){.routes = routes},
            &(fin_conn_options){.output_high = HIGH, .output_max = MAX});
  web.test = &source;
  web_open_small(&client, &web, 16 * 1024);
  web_get(&client, "/big");
  web_get(&client, "/hello");
  net_until(&web.net, web_waiting(&client) > LAST);
  web_expect(&client, 200, NULL);
  cr_assert_eq(client.reply.body_len, LAST);
  cr_assert(memcmp(client.reply.body, expected, LAST) == 0);
  web_expect(&client, 200, "hello");
  web_leave(&client);
  web_end(&web);
}

/* Who does not heed output_high meets output_max: the client sees that it is not whole. */
static void reply_too_much(fin_http_request *request) {
  cr_assert_eq(fin_http_reply(request, 200, NULL, net_pattern(MAX + 1), MAX + 1), -ENOBUFS);
}

static void write_too_much(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, FIN_HTTP_CHUNKED);
  int error = 0;
  for (unsigned i = 0; i < 1000 && !error; i++)
    error = fin_http_write(request, net_pattern(PIECE), PIECE);
  cr_assert(error < 0);
}

static void fill_up(void (*on_request)(fin_http_request *)) {
  const fin_http_route heedless[] = {{.method = "GET", .path = "/big", .on_request = on_request},
                                     {0}};
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = heedless},
            &(fin_conn_options){.output_high = HIGH, .output_max = MAX});
  web_open_small(&client, &web, 16 * 1024);
  web_get(&client, "/big");
  web_expect_reset(&client);
  net_until(&web.net, web.closed == 1);
  cr_assert_eq(web.replied, 0);
  cr_assert_eq(web_ended(&web, FIN_REASON_OUTPUT_FULL), 1);
  web_leave(&client);
  web_end(&web);
}

Test(http_big_reply, that_nobody_holds_back) { fill_up(write_too_much); }
Test(http_big_reply, more_at_once_than_may_wait) { fill_up(reply_too_much); }
