/* SPDX-License-Identifier: MIT
 *
 * body_rate: bodies that come too slowly, and those that are slow by no fault of the client. The
 * first five seconds do not count, so that everything here takes as long, and happens at once.
 */
#include <string.h>

#include "http/web.h"
#include "net/more.h"

enum { RATE = 500, STEP_MS = 50, STEPS = 130, WINDOW_MS = 5000 };

static void pause_a_while(fin_http_request *request) {
  fin_http_pause(request);
  fin_http_set_timer(request, 6000);
}

static void echo_begin(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED);
}

static void echo_piece(fin_http_request *request, const char *data, size_t len) {
  fin_http_write(request, data, len);
}

static void echo_end(fin_http_request *request) { fin_http_end(request); }

static void reply_end(fin_http_request *request) { web_reply(request, "received"); }

static const fin_http_route routes[] = {
    {.method = "POST", .path = "/echo", .on_request = web_echo},
    {.method = "POST", .path = "/early", .on_request = web_hello, .on_body = web_drop},
    {.method = "POST", .path = "/paused", .on_request = fin_http_pause, .on_body = web_drop},
    {.method = "POST",
     .path = "/waits",
     .on_request = pause_a_while,
     .on_timer = fin_http_resume,
     .on_body = web_drop,
     .on_body_end = reply_end},
    {.method = "POST",
     .path = "/streamed-echo",
     .on_request = echo_begin,
     .on_body = echo_piece,
     .on_body_end = echo_end},
    {0},
};

/* One of those that upload at once. */
struct upload {
  const char *head, *piece; /* the piece is sent again and again */
  size_t piece_len;
  struct web_client client;
  unsigned ended_ms; /* when a reply, or the end, was seen */
};

static void begin(struct web *web) {
  web_begin(web, &(fin_http_options){.routes = routes, .body_rate = RATE, .request_ms = FIN_NEVER},
            NULL);
}

static void open_all(struct web *web, struct upload *uploads, size_t count) {
  for (size_t i = 0; i < count; i++) {
    web_open(&uploads[i].client, web);
    web_say(&uploads[i].client, uploads[i].head);
  }
}

#define HEAD(path) "POST " path " HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"

#define CHUNKED "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

enum { SLOW = 5, RESUMED = 3, EARLY = 4, QUICK = 3, WAITS = SLOW + 2, ALL = SLOW + QUICK };

/* Uploads at their pace, until something came back. */
static void upload_all(struct web *web, struct upload *uploads) {
  uint64_t begun = net_now_ms();
  for (unsigned step = 1; step <= STEPS; step++) {
    for (size_t i = 0; i < ALL; i++) {
      struct upload *upload = &uploads[i];
      if (upload->ended_ms > 0) continue;
      web_send(&upload->client, upload->piece, upload->piece_len);
      if (web_waiting(&upload->client) > 0 || upload->client.ended)
        upload->ended_ms = (unsigned)(net_now_ms() - begun);
    }
    while (net_now_ms() - begun < (uint64_t)step * STEP_MS) net_turn(&web->net, 5);
  }
}

static void expect_cut(struct upload *upload, bool replied) {
  unsigned ms = upload->ended_ms;
  cr_assert(ms >= WINDOW_MS - STEP_MS && ms < WINDOW_MS + 1000, "%.20s after %u ms", upload->head,
            ms);
  if (!replied) web_expect(&upload->client, 408, NULL);
  if (!replied) cr_assert(web_has(&upload->client, "Connection", "close"));
  web_expect_fin(&upload->client);
}

static void finish(struct upload *uploads) {
  char rest[100000] = {0};
  web_send(&uploads[SLOW].client, rest, sizeof rest - STEPS * uploads[SLOW].piece_len);
  web_say(&uploads[SLOW + 1].client, "0\r\n\r\n");
  web_send(&uploads[WAITS].client, rest, sizeof rest);
  for (size_t i = SLOW; i < ALL; i++)
    web_expect(&uploads[i].client, 200, i == WAITS ? "received" : NULL);
}

Test(http_timeouts_body, each_by_its_rate) {
  static const char bytes[75] = {0};
  static const char extended[] = "1;x=0123456789012345678901234567890123456789\r\nb\r\n";
  static const char chunk[] = "32\r\n01234567890123456789012345678901234567890123456789\r\n";
  struct upload uploads[ALL] = {
      {HEAD("/echo"), "", 0, {0}, 0},
      {HEAD("/echo"), bytes, RATE * STEP_MS / 1000 / 2, {0}, 0},
      {CHUNKED, extended, sizeof extended - 1, {0}, 0},
      {HEAD("/paused"), "", 0, {0}, 0},
      {HEAD("/early"), "", 0, {0}, 0},
      {HEAD("/echo"), bytes, sizeof bytes, {0}, 0},
      {CHUNKED, chunk, sizeof chunk - 1, {0}, 0},
      {HEAD("/waits"), "", 0, {0}, 0},
  };
  struct web web;
  begin(&web);
  open_all(&web, uploads, RESUMED + 1);
  cr_assert(web.request != NULL, "the one that is paused");
  fin_http_resume(web.request);
  open_all(&web, &uploads[EARLY], ALL - EARLY);
  web_expect(&uploads[EARLY].client, 200, "hello"); /* whose rest is slow no less */
  upload_all(&web, uploads);
  for (size_t i = 0; i < SLOW; i++) expect_cut(&uploads[i], i == EARLY);
  for (size_t i = SLOW; i < ALL; i++)
    cr_assert_eq(uploads[i].ended_ms, 0, "%zu was cut after %u ms", i, uploads[i].ended_ms);
  finish(uploads);
  for (size_t i = 0; i < ALL; i++) web_leave(&uploads[i].client);
  net_until(&web.net, web_connections(&web) == 0);
  cr_assert_eq(web_ended(&web, FIN_REASON_SLOW_WRITER), SLOW);
  cr_assert_eq(web.requests, 5);
  cr_assert_eq(web.replied, 4, "all but the one that was paused, and too slow then");
  web_end(&web);
}

/* Sends the pattern without waiting: as much as there is room for. */
static size_t send_on(struct web *web, int peer, size_t sent, size_t len) {
  size_t some = 1;
  while (some > 0 && sent < len) {
    some = net_send_some(peer, net_pattern(len) + sent, len - sent);
    sent += some;
    net_turn(&web->net, 1);
  }
  return sent;
}

/* The client is to read its echo before it sends on: what we hold back is not slow. */
Test(http_timeouts_body, held_back_by_its_own_echo) {
  enum { LARGE = 12 * 1000 * 1000 };
  struct web web;
  struct web_client client;
  web_begin(&web, &(fin_http_options){.routes = routes, .body_rate = LARGE / 4, .body_max = LARGE},
            NULL);
  web_open_small(&client, &web, 64 * 1024);
  web_say(&client, "POST /streamed-echo HTTP/1.1\r\nHost: a\r\nContent-Length: 12000000\r\n\r\n");
  size_t sent = 0;
  uint64_t begun = net_now_ms();
  while (net_now_ms() - begun < WINDOW_MS + 500) sent = send_on(&web, client.peer, sent, LARGE);
  cr_assert(sent < LARGE, "nothing was held back");
  for (int i = 0; i < 20; i++, turn_for(&web.net, 5)) web_waiting(&client);
  while (sent < LARGE || web_waiting(&client) < LARGE) {
    web_waiting(&client);
    sent = send_on(&web, client.peer, sent, LARGE);
    cr_assert(!client.error, "cut after %zu bytes", sent);
  }
  web_expect(&client, 200, NULL);
  cr_assert_eq(client.reply.body_len, LARGE);
  cr_assert(memcmp(client.reply.body, net_pattern(LARGE), LARGE) == 0);
  web_leave(&client);
  web_end(&web);
}
