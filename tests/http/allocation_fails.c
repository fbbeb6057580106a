/* SPDX-License-Identifier: MIT
 *
 * Each allocation of the library fails once, in exchanges that make every kind of them: a client
 * gets the whole right reply, or 503, or none; the handlers are told; nothing is leaked, and the
 * next client is served.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counted.h"
#include "http/web.h"
#include "net/more.h"

enum { BODY = 20 * 1000, LARGE = 300 * 1000 };

/* ---- routes ---- */

static void in_a_while(fin_http_request *request) { fin_http_set_timer(request, 1); }

/* By then the request's own copy of its header is needed. */
static void say_path(fin_http_request *request) {
  fin_http_text path = fin_http_path(request);
  fin_http_reply(request, 200, "text/plain", path.data, path.len);
}

static void say_field(fin_http_request *request) {
  fin_http_text value = fin_http_header(request, "x-29");
  fin_http_add_header(request, "X-One", "1");
  fin_http_add_header(request, "X-Two", "2");
  fin_http_reply(request, 200, "text/plain", value.data, value.len);
}

static void stream(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED);
  fin_http_write(request, net_pattern(LARGE), LARGE);
  fin_http_write(request, "end", 3);
  fin_http_end(request);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  fin_conn_write(conn, data, len);
  return len;
}

static const fin_handler echo = {.state_size = 100, .on_data = on_data};

static void switch_over(fin_http_request *request) {
  struct web *web = web_of(request);
  if (fin_http_upgrade(request, 101, &echo, NULL, NULL)) {
    fin_http_abort(request);
    return;
  }
  web->upgraded++;
  web->live[0].request = NULL;
  web->request = NULL;
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "GET", .path = "/field", .on_request = say_field},
    {.method = "GET", .path = "/later", .on_request = in_a_while, .on_timer = say_path},
    {.method = "POST", .path = "/echo", .on_request = web_echo},
    {.method = "GET", .path = "/stream", .on_request = stream},
    {.method = "GET", .path = "/switch", .on_request = switch_over},
    {0},
};

/* ---- the exchanges ---- */

struct exchange {
  const char *first, *rest; /* of the request, in two segments */
  const char *body;         /* of the reply */
  unsigned status;
};

static char posted[BODY + 200], field[2000], streamed[LARGE + 4];

static void write_texts(void) {
  char *to = field + sprintf(field, "GET /%%66ield HTTP/1.1\r\nHost: a\r\n");
  for (unsigned i = 0; i < 60; i++) to += sprintf(to, "X-%u: value %u\r\n", i, i);
  strcpy(to, "\r\n");
  sprintf(posted, "%.*s", BODY, net_pattern(BODY));
  sprintf(streamed, "%.*send", LARGE, net_pattern(LARGE));
}

enum outcome { RIGHT, REFUSED, GONE };

/* Waits for a whole reply or the end of the connection. */
static enum outcome hear(struct web_client *client, const struct exchange *exchange) {
  for (;;) {
    http_reply_free(&client->reply);
    long used = http_reply_read(&client->reply, client->data + client->taken,
                                client->len - client->taken, false, client->ended);
    struct http_reply *reply = &client->reply;
    cr_assert(used != HTTP_REPLY_WRONG, "%s", reply->fault);
    if (used > 0) {
      cr_assert(!http_reply_complaint(reply), "%s", http_reply_complaint(reply));
      client->taken += (size_t)used;
      if (reply->status == 503) return REFUSED;
      cr_assert_eq(reply->status, exchange->status);
      cr_assert(
          reply->body_len == strlen(exchange->body) &&
              (reply->body_len == 0 || memcmp(reply->body, exchange->body, reply->body_len) == 0),
          "another body, of %zu bytes", reply->body_len);
      return RIGHT;
    }
    if (client->ended || client->error) return GONE;
    web_waiting(client);
    net_turn(&client->web->net, 1);
  }
}

static enum outcome run(struct web_client *client, const struct exchange *exchange) {
  web_say(client, exchange->first);
  net_turn(&client->web->net, 1);
  web_say(client, exchange->rest);
  enum outcome outcome = hear(client, exchange);
  if (outcome == RIGHT && strcmp(exchange->first, field) == 0) {
    cr_assert(web_has(client, "X-One", "1"));
    cr_assert(web_has(client, "X-Two", "2"));
  }
  if (outcome == REFUSED) cr_assert(web_has(client, "Connection", "close"));
  return outcome;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* False if the failure was met. */
static bool run_all(struct web_client *client) {
  const struct exchange exchanges[] = {
      {"GET /hel", "lo HTTP/1.1\r\nHost: a\r\n\r\n", "hello", 200},
      {GET("/later"), "", "/later", 200},
      {field, "", "value 29", 200},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n", posted, posted, 200},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab",
       "cd\r\n1\r\ne\r\n0\r\n\r\n", "abcde", 200},
      {"OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n", "", "", 204},
      {GET("/stream"), "", streamed, 200},
      {GET("/switch"), "", "", 101},
  };
  for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++)
    if (run(client, &exchanges[i]) != RIGHT) return false;
  web_say(client, "echo");
  while (web_waiting(client) < 4 && !client->ended && !client->error)
    net_turn(&client->web->net, 1);
  return client->len - client->taken == 4;
}

/* Returns false once the exchanges need no more allocations than those before the one to fail. */
static bool play(size_t fail_in) {
  struct web web;
  struct web_client client;
  counted_begin();
  web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
  web_open(&client, &web);
  counted_fail_in(fail_in);
  bool whole = run_all(&client);
  bool met = counted.fail_at > 0 && counted.calls >= counted.fail_at;
  cr_assert(whole || met, "not all was served, though nothing failed");
  counted.fail_at = 0;
  web_leave(&client);
  net_until(&web.net, web_connections(&web) == 0);
  cr_assert_eq(web.closed + web.upgraded, web.requests);
  web_open(&client, &web);
  web_expect_alive(&client);
  web_leave(&client);
  web_end(&web);
  cr_assert_eq(counted.live, 0, "%zu allocations leaked", counted.live);
  return met;
}

Test(http_allocation_fails, each_once) {
  size_t fail_in = 1;
  write_texts();
  while (play(fail_in)) fail_in++;
  cr_assert(fail_in > 15, "only %zu allocations were made", fail_in - 1);
}

Test(http_allocation_fails, of_the_routes) {
  counted_begin();
  counted_fail_in(1);
  errno = 0;
  cr_assert(fin_http_new(&(fin_http_options){.routes = routes}) == NULL);
  cr_assert_eq(errno, ENOMEM);
  cr_assert_eq(counted.live, 0);
}
