/* SPDX-License-Identifier: MIT
 *
 * See web.h.
 */
#include "http/web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/more.h"

/* ---- callbacks ---- */

static const fin_http_route *route_of(const fin_http_request *request) {
  return &((const struct web_route *)fin_http_context(request))->route;
}

struct web *web_of(const fin_http_request *request) {
  return ((const struct web_route *)fin_http_context(request))->web;
}

void *web_context(const fin_http_request *request) { return route_of(request)->context; }

static struct web_live *find(struct web *web, const fin_http_request *request) {
  for (size_t i = 0; i < WEB_LIVE_MAX; i++)
    if (web->live[i].request == request) return &web->live[i];
  return NULL;
}

static struct web_live *expect_live(const fin_http_request *request) {
  struct web_live *live = find(web_of(request), request);
  cr_assert(live != NULL, "a callback before on_request, or after on_close");
  return live;
}

static void on_request(fin_http_request *request) {
  struct web *web = web_of(request);
  cr_assert(find(web, request) == NULL, "on_request twice");
  struct web_live *live = find(web, NULL);
  cr_assert(live != NULL, "more requests at once than expected");
  *live = (struct web_live){.request = request};
  cr_assert(fin_http_data(request) == NULL);
  web->requests++;
  web->request = request;
  route_of(request)->on_request(request);
}

static void on_body(fin_http_request *request, const char *data, size_t len) {
  cr_assert(!expect_live(request)->ended, "on_body behind on_body_end");
  cr_assert(len > 0);
  web_of(request)->pieces++;
  web_of(request)->body_len += len;
  route_of(request)->on_body(request, data, len);
}

static void on_body_end(fin_http_request *request) {
  struct web_live *live = expect_live(request);
  cr_assert(!live->ended, "on_body_end twice");
  live->ended = true;
  web_of(request)->ends++;
  route_of(request)->on_body_end(request);
}

static void on_writable(fin_http_request *request) {
  expect_live(request);
  web_of(request)->writables++;
  route_of(request)->on_writable(request);
}

static void on_timer(fin_http_request *request) {
  expect_live(request);
  web_of(request)->timers++;
  route_of(request)->on_timer(request);
}

static void on_peer_end(fin_http_request *request) {
  expect_live(request);
  web_of(request)->peer_ends++;
  route_of(request)->on_peer_end(request);
}

static void on_close(fin_http_request *request, bool replied) {
  struct web *web = web_of(request);
  expect_live(request)->request = NULL;
  web->closed++;
  web->replied += replied;
  if (web->request == request) web->request = NULL;
  if (route_of(request)->on_close) route_of(request)->on_close(request, replied);
}

static void wrap(struct web *web, const fin_http_route *routes) {
  for (size_t i = 0; routes[i].on_request; i++) {
    cr_assert(i < WEB_ROUTES_MAX);
    web->routes[i] = (struct web_route){routes[i], web};
    web->wrapped[i] = routes[i];
    fin_http_route *wrapped = &web->wrapped[i];
    wrapped->context = &web->routes[i];
    wrapped->on_request = on_request;
    wrapped->on_close = on_close;
    if (wrapped->on_body) wrapped->on_body = on_body;
    if (wrapped->on_body_end) wrapped->on_body_end = on_body_end;
    if (wrapped->on_writable) wrapped->on_writable = on_writable;
    if (wrapped->on_timer) wrapped->on_timer = on_timer;
    if (wrapped->on_peer_end) wrapped->on_peer_end = on_peer_end;
  }
}

void web_reply(fin_http_request *request, const char *text) {
  fin_http_reply(request, 200, "text/plain", text, strlen(text));
}

void web_hello(fin_http_request *request) { web_reply(request, "hello"); }

void web_echo(fin_http_request *request) {
  fin_http_text body = fin_http_body(request);
  fin_http_reply(request, 200, "text/plain", body.data, body.len);
}

void web_nothing(fin_http_request *request) { (void)request; }

void web_drop(fin_http_request *request, const char *data, size_t len) {
  (void)request, (void)data, (void)len;
}

/* ---- the server ---- */

static size_t no_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

/* HTTP wants its own handler, not net's: so net's listener stays unused. */
void web_begin(struct web *web, const fin_http_options *options, const fin_conn_options *conn) {
  static const fin_handler unused = {.on_data = no_data};
  memset(web, 0, sizeof *web);
  net_begin(&web->net, &(fin_listen){.handler = &unused});
  wrap(web, options->routes);
  fin_http_options ours = *options;
  ours.routes = web->wrapped;
  web->http = fin_http_new(&ours);
  cr_assert(web->http != NULL, "fin_http_new: %s", strerror(errno));
  fin_listen listen = {.host = "127.0.0.1", .handler = fin_http_handler(web->http)};
  if (conn) listen.conn = *conn;
  int error = fin_server_listen(web->net.server, &listen);
  cr_assert(error == 0, "fin_server_listen: %s", fin_strerror(error));
  web->net.port = fin_server_port(web->net.server);
}

void web_end(struct web *web) {
  fin_server_drain(web->net.server);
  net_until(&web->net, web->net.drained);
  fin_server_stats stats = stats_of(&web->net);
  net_end(&web->net);
  fin_http_free(web->http);
  cr_assert_eq(stats.closed[FIN_REASON_BUG], 0);
  cr_assert_eq(stats.connections, 0);
  cr_assert_eq(web->requests, web->closed + web->upgraded, "%u requests, %u ended", web->requests,
               web->closed + web->upgraded);
}

uint64_t web_ended(const struct web *web, fin_reason reason) {
  return stats_of(&web->net).closed[reason];
}

unsigned web_connections(const struct web *web) { return stats_of(&web->net).connections; }

/* ---- clients ---- */

void web_open_small(struct web_client *client, struct web *web, int receive_buffer) {
  *client = (struct web_client){.web = web};
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(peer >= 0, "socket: %s", strerror(errno));
  if (receive_buffer > 0)
    setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  uint64_t accepted = stats_of(&web->net).accepted;
  client->peer = dial_with(peer, web->net.port);
  cr_assert(client->peer == peer, "connect: %s", strerror(errno));
  net_until(&web->net, stats_of(&web->net).accepted > accepted);
}

void web_open(struct web_client *client, struct web *web) { web_open_small(client, web, 0); }

void web_leave(struct web_client *client) {
  net_close(&client->web->net, client->peer);
  http_reply_free(&client->reply);
  free(client->data);
}

void web_send(struct web_client *client, const void *data, size_t len) {
  const char *next = data;
  while (len > 0) {
    ssize_t sent = 0;
    net_until(&client->web->net, (sent = send(client->peer, next, len, MSG_NOSIGNAL)) >= 0 ||
                                     (errno != EAGAIN && errno != EWOULDBLOCK));
    if (sent < 0) return;
    next += sent;
    len -= (size_t)sent;
  }
  net_turn(&client->web->net, 0);
}

void web_say(struct web_client *client, const char *text) { web_send(client, text, strlen(text)); }

void web_get(struct web_client *client, const char *path) {
  char text[512];
  snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
  web_say(client, text);
}

void web_post(struct web_client *client, const char *path, size_t len) {
  char head[256];
  snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", path,
           len);
  web_say(client, head);
}

void web_post_chunks(struct web_client *client, const char *path) {
  char head[256];
  snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
           path);
  web_say(client, head);
}

void web_send_pieces(struct web_client *client, size_t len, bool chunks) {
  char size[16];
  size_t at = 0;
  for (size_t i = 0; at < len; i++) {
    size_t piece = i * 7919 % 5000 + 1;
    if (piece > len - at) piece = len - at;
    if (chunks) web_send(client, size, (size_t)sprintf(size, "%zx\r\n", piece));
    web_send(client, net_pattern(len) + at, piece);
    if (chunks) web_say(client, "\r\n");
    at += piece;
  }
  if (chunks) web_say(client, "0\r\n\r\n");
}

/* What is there now; false: nothing new. */
static bool receive(struct web_client *client) {
  if (client->ended || client->error) return false;
  if (client->len == client->room) {
    client->room = client->room ? client->room * 2 : 8192;
    client->data = realloc(client->data, client->room);
    cr_assert(client->data != NULL);
  }
  ssize_t count = recv(client->peer, client->data + client->len, client->room - client->len, 0);
  if (count > 0) client->len += (size_t)count;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (count < 0) client->error = errno;
  client->ended = count == 0;
  return true;
}

static const char *shown(const struct web_client *client) {
  static char text[400];
  size_t len = client->len - client->taken;
  snprintf(text, sizeof text, "%.*s", (int)(len < 300 ? len : 300), client->data + client->taken);
  return len > 0 ? text : "nothing";
}

static void take_reply(struct web_client *client, bool bodiless) {
  long used = HTTP_REPLY_MORE;
  http_reply_free(&client->reply);
  for (;;) {
    used = http_reply_read(&client->reply, client->data + client->taken,
                           client->len - client->taken, bodiless, client->ended);
    if (used != HTTP_REPLY_MORE) break;
    http_reply_free(&client->reply);
    cr_assert(!client->ended && !client->error, "no whole reply but %s behind: %s",
              client->ended ? "FIN" : strerror(client->error), shown(client));
    net_until(&client->web->net, receive(client));
  }
  cr_assert(used > 0, "%s: %s", client->reply.fault, shown(client));
  const char *complaint = http_reply_complaint(&client->reply);
  cr_assert(complaint == NULL, "%s: %s", complaint, shown(client));
  cr_assert(http_reply_text_is(client->reply.reason, fin_http_status_text(client->reply.status)));
  client->taken += (size_t)used;
}

void web_expect_bodiless(struct web_client *client, unsigned status) {
  take_reply(client, true);
  cr_assert_eq(client->reply.status, status, "status %u, not %u", client->reply.status, status);
}

void web_expect(struct web_client *client, unsigned status, const char *body) {
  take_reply(client, false);
  const struct http_reply *reply = &client->reply;
  cr_assert_eq(reply->status, status, "status %u, not %u: %.*s", reply->status, status,
               (int)reply->body_len, reply->body ? reply->body : "");
  if (!body) return;
  bool same = reply->body_len == strlen(body) &&
              (reply->body_len == 0 || memcmp(reply->body, body, reply->body_len) == 0);
  cr_assert(same, "another body, of %zu bytes: %.*s", reply->body_len,
            (int)(reply->body_len < 200 ? reply->body_len : 200), reply->body);
}

bool web_has(const struct web_client *client, const char *name, const char *value) {
  const struct http_reply_field *field = http_reply_field(&client->reply, name);
  return field && http_reply_count(&client->reply, name) == 1 &&
         http_reply_text_is(field->value, value);
}

bool web_lacks(const struct web_client *client, const char *name) {
  return !http_reply_field(&client->reply, name);
}

static void expect_end(struct web_client *client) {
  while (!client->ended && !client->error) net_until(&client->web->net, receive(client));
  cr_assert_eq(client->len, client->taken, "more came: %s", shown(client));
}

void web_expect_fin(struct web_client *client) {
  expect_end(client);
  cr_assert(client->ended, "%s, not FIN", strerror(client->error));
}

void web_expect_reset(struct web_client *client) {
  while (!client->ended && !client->error) net_until(&client->web->net, receive(client));
  cr_assert_eq(client->error, ECONNRESET, "%s, not RST",
               client->ended ? "FIN" : strerror(client->error));
}

size_t web_waiting(struct web_client *client) {
  net_turn(&client->web->net, 0);
  while (receive(client)) continue;
  return client->len - client->taken;
}

void web_expect_alive(struct web_client *client) {
  web_get(client, "/hello");
  web_expect(client, 200, "hello");
  cr_assert_eq(web_waiting(client), 0, "more came: %s", shown(client));
  cr_assert(!client->ended && !client->error);
}

void web_ask(struct web *web, const char *request, unsigned status, const char *body) {
  struct web_client client;
  web_open(&client, web);
  web_say(&client, request);
  web_expect(&client, status, body);
  web_leave(&client);
}
