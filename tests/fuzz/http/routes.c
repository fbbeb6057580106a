/* SPDX-License-Identifier: MIT
 *
 * Routes that do all that http.h allows, and some things that it refuses. What is done about a
 * request is a letter:
 *
 *   a  reply at once                        j  begin to reply, then abort, a timer later
 *   b  reply when the body has ended        k  upgrade
 *   c  reply a timer later                  l  begin to reply, and never go on
 *   d  reply outside of every callback      m  do not reply
 *   e  pieces, a timer before each          n  write less than was announced
 *   f  pieces, as fast as they are taken    o  write more than was announced
 *   g  send the body back as it comes       p  reply twice
 *   h  pause after each piece of the body   q  a status that forbids a body
 *   i  reply and close                      r  what is refused, then a reply
 *   t  upgrade outside of every callback    s  reply after the client's FIN
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/http/exchange.h"

enum { PIECE = 3000, PIECES = 6, FAST_PIECES = 12 };

static struct exchange *exchange_of(const fin_http_request *request) {
  return fin_conn_context(fin_http_conn(request));
}

/* ---- replying ---- */

static bool begin(struct asked *asked, unsigned status, uint64_t length) {
  return fin_http_begin(asked->request, status, "text/plain", length) == 0;
}

static bool say(struct asked *asked, const char *data, size_t len) {
  if (fin_http_write(asked->request, data, len)) return false;
  asked->sum = sum_add(asked->sum, data, len);
  asked->len += len;
  return true;
}

static void end(struct asked *asked) { asked->given |= fin_http_end(asked->request) == 0; }

static void reply_with(struct asked *asked, unsigned status, const char *data, size_t len) {
  if (fin_http_reply(asked->request, status, "text/plain", data, len)) return;
  asked->sum = sum_add(0, data, len);
  asked->len = len;
  asked->given = true;
}

static void reply(struct asked *asked) {
  if (asked->given) return;
  fin_http_text body = fin_http_body(asked->request);
  if (body.len > 0)
    reply_with(asked, 200, body.data, body.len);
  else
    reply_with(asked, 200, "Hello\n", 6);
}

static void say_piece(struct asked *asked, unsigned pieces) {
  if (say(asked, pattern(asked->pieces, 0), PIECE) && ++asked->pieces == pieces) end(asked);
}

static bool has_room(const fin_http_request *request) {
  return fin_http_output_len(request) <= fin_conn_limits(fin_http_conn(request))->output_high;
}

static void say_fast(struct asked *asked) {
  while (!asked->given && has_room(asked->request)) {
    unsigned before = asked->pieces;
    say_piece(asked, FAST_PIECES);
    if (asked->pieces == before) return;
  }
}

/* ---- another protocol ---- */

static size_t echo_data(fin_conn *conn, const char *data, size_t len) {
  struct exchange *exchange = fin_conn_context(conn);
  if (fin_conn_write(conn, data, len) == 0) exchange->echoed += len;
  return len;
}

static const fin_handler echo = {.state_size = 40, .on_data = echo_data};

static void upgrade(struct asked *asked) {
  fin_http_request *request = asked->request;
  fin_http_text method = fin_http_method(request);
  bool connect = method.len == 7 && memcmp(method.data, "CONNECT", 7) == 0;
  fin_http_add_header(request, "Upgrade", "echo");
  struct exchange *exchange = exchange_of(request);
  int error = fin_http_upgrade(request, connect ? 200 : 101, &echo, exchange, NULL);
  if (error) {
    reply_with(asked, 426, "no\n", 3);
    return;
  }
  asked->upgraded = true;
  asked->request = NULL;
}

/* ---- what is refused ---- */

static void reply_twice(struct asked *asked) {
  fin_http_request *request = asked->request;
  reply(asked);
  EXPECT(fin_http_reply(request, 200, NULL, "again", 5) == -EALREADY, "a second reply");
  EXPECT(fin_http_begin(request, 200, NULL, 5) == -EALREADY, "a second header");
  EXPECT(fin_http_add_header(request, "X", "y") == -EALREADY, "a field behind the reply");
  if (!asked->given) return;
  EXPECT(fin_http_write(request, "again", 5) == -EALREADY, "more of it");
  EXPECT(fin_http_end(request) == -EALREADY, "a second end");
}

static void try_wrong(struct asked *asked) {
  fin_http_request *request = asked->request;
  EXPECT(fin_http_write(request, "x", 1) == -EALREADY, "a body before its header");
  EXPECT(fin_http_end(request) == -EALREADY, "an end before the beginning");
  EXPECT(fin_http_add_header(request, "Date", "today") == -EINVAL, "a field of ours");
  EXPECT(fin_http_add_header(request, "a b", "c") == -EINVAL, "no name");
  EXPECT(fin_http_add_header(request, "a", "b\r\nc: d") == -EINVAL, "no value");
  EXPECT(fin_http_reply(request, 199, NULL, "x", 1) == -EINVAL, "no final status");
  EXPECT(fin_http_reply(request, 200, "a\r\nb: c", "x", 1) == -EINVAL, "no type");
  reply(asked);
}

/* ---- callbacks ---- */

static void act(struct asked *asked) {
  fin_http_request *request = asked->request;
  switch (asked->does) {
    case 'a':
      reply(asked);
      break;
    case 'c':
    case 'e':
      fin_http_set_timer(request, 7);
      if (asked->does == 'e') begin(asked, 200, FIN_HTTP_CHUNKED);
      break;
    case 'f':
      if (begin(asked, 200, FAST_PIECES * PIECE)) say_fast(asked);
      break;
    case 'i':
      fin_http_close(request);
      reply(asked);
      break;
    case 'j':
      if (begin(asked, 200, FIN_HTTP_CHUNKED)) say(asked, "half", 4);
      fin_http_set_timer(request, 0);
      break;
    case 'k':
      upgrade(asked);
      break;
    case 'l':
      if (begin(asked, 200, FIN_HTTP_CHUNKED)) say(asked, "half", 4);
      break;
    case 'n':
      if (begin(asked, 200, 10) && say(asked, "half", 4)) end(asked);
      break;
    case 'o':
      if (begin(asked, 200, 3)) say(asked, "more", 4);
      break;
    case 'p':
      reply_twice(asked);
      break;
    case 'q':
      reply_with(asked, asked->head ? 205 : fin_http_minor(request) ? 204 : 304, "body", 4);
      break;
    case 'r':
      try_wrong(asked);
      break;
    default:
      break;
  }
}

static void on_request(fin_http_request *request) {
  struct exchange *exchange = exchange_of(request);
  fin_http_text method = fin_http_method(request), target = fin_http_target(request);
  EXPECT(exchange->count < ASKED_MAX, "more requests than are allowed");
  EXPECT(method.len > 0 && target.len > 0 && fin_http_path(request).len > 0, "nothing asked");
  for (unsigned i = 0; i < fin_http_header_count(request); i++)
    EXPECT(fin_http_header_name(request, i).len > 0, "a field without a name");
  struct asked *asked = &exchange->asked[exchange->count];
  asked->request = request;
  asked->head = method.len == 4 && memcmp(method.data, "HEAD", 4) == 0;
  asked->does = exchange->does[exchange->count % exchange->does_len];
  fin_http_set_data(request, asked);
  char number[12];
  snprintf(number, sizeof number, "%u", exchange->count++);
  if (fin_http_add_header(request, "X-Asked", number) == 0) act(asked);
}

static void on_request_collected(fin_http_request *request) {
  on_request(request);
  struct exchange *exchange = exchange_of(request);
  struct asked *asked = &exchange->asked[exchange->count - 1];
  if (asked->request && strchr("bgh", asked->does)) reply(asked);
}

static void on_body(fin_http_request *request, const char *data, size_t len) {
  struct asked *asked = fin_http_data(request);
  EXPECT(!asked->given, "a body behind the reply");
  if (asked->does == 'h') {
    fin_http_pause(request);
    fin_http_set_timer(request, 3);
  }
  if (asked->does != 'g') return;
  if (asked->pieces++ == 0) begin(asked, 200, fin_http_body_length(request));
  say(asked, data, len);
  if (!has_room(request)) fin_http_pause(request);
}

static void on_body_end(fin_http_request *request) {
  struct asked *asked = fin_http_data(request);
  if (strchr("bh", asked->does)) reply(asked);
  if (asked->does != 'g') return;
  if (asked->pieces == 0) begin(asked, 200, fin_http_body_length(request));
  end(asked);
}

static void on_writable(fin_http_request *request) {
  struct asked *asked = fin_http_data(request);
  if (asked->does == 'f') say_fast(asked);
  if (asked->does == 'g') fin_http_resume(request);
}

static void on_timer(fin_http_request *request) {
  struct asked *asked = fin_http_data(request);
  if (asked->does == 'c') reply(asked);
  if (asked->does == 'e') {
    fin_http_set_timer(request, 5);
    say_piece(asked, PIECES);
  }
  if (asked->does == 'h') fin_http_resume(request);
  if (asked->does == 'j') fin_http_abort(request);
}

static void on_peer_end(fin_http_request *request) {
  struct asked *asked = fin_http_data(request);
  if (asked->does == 's') reply(asked);
}

static void on_close(fin_http_request *request, bool replied) {
  struct asked *asked = fin_http_data(request);
  EXPECT(asked->request == request, "on_close of another request");
  EXPECT(!replied || asked->given, "replied to without a reply");
  asked->request = NULL;
  asked->closed++;
}

void exchange_act(struct exchange *exchange) {
  for (unsigned i = 0; i < exchange->count; i++) {
    struct asked *asked = &exchange->asked[i];
    if (!asked->request || asked->given) continue;
    if (asked->does == 'd') reply(asked);
    if (asked->does == 't') upgrade(asked);
  }
}

#define STREAMED .on_request = on_request, .on_body = on_body, .on_body_end = on_body_end
#define COLLECTED .on_request = on_request_collected
#define REST \
  .on_writable = on_writable, .on_timer = on_timer, .on_peer_end = on_peer_end, .on_close = on_close

const fin_http_route exchange_routes[] = {
    {.method = "GET", .path = "/hello", COLLECTED, REST},
    {.method = "POST", .path = "/echo", STREAMED, REST},
    {.path = "/s*", STREAMED, REST},
    {.path = "/c*", COLLECTED, REST},
    {.path = "/", COLLECTED, REST},
    {.method = "CONNECT", .path = "*", COLLECTED, REST},
    {0},
};
