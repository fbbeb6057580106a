/* SPDX-License-Identifier: MIT
 *
 * Connections that go on with another protocol: here one that sends back what it gets in brackets.
 */
#include <errno.h>
#include <string.h>

#include "http/web.h"
#include "net/more.h"

enum { SHORT_MS = 200 };

/* ---- the other protocol ---- */

struct other {
  unsigned opened, ended, closed;
  fin_report report;
};

static void on_open(fin_conn *conn) {
  struct other *other = fin_conn_context(conn);
  cr_assert_eq(*(char *)fin_conn_state(conn), 0);
  other->opened++;
  fin_conn_write(conn, "<open>", 6);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct other *other = fin_conn_context(conn);
  cr_assert_eq(other->opened, 1, "on_open comes first");
  if (data[0] != '!') return 0; /* a message is a line that begins like this */
  const char *end = memchr(data, '\n', len);
  if (!end) return 0;
  fin_conn_write(conn, "[", 1);
  fin_conn_write(conn, data, (size_t)(end - data));
  fin_conn_write(conn, "]", 1);
  return (size_t)(end - data) + 1;
}

static void on_end(fin_conn *conn) {
  ((struct other *)fin_conn_context(conn))->ended++;
  fin_conn_write(conn, "<end>", 5);
  fin_conn_close(conn, 0);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct other *other = fin_conn_context(conn);
  other->closed++;
  other->report = *report;
}

static const fin_handler handler = {.state_size = 1000,
                                    .on_open = on_open,
                                    .on_data = on_data,
                                    .on_end = on_end,
                                    .on_close = on_close};

/* ---- routes ---- */

static struct other *other_of(const fin_http_request *request) { return web_of(request)->test; }

static void switch_over(fin_http_request *request) {
  struct web *web = web_of(request);
  fin_http_text method = fin_http_method(request);
  bool connect = method.len == 7 && memcmp(method.data, "CONNECT", 7) == 0;
  fin_http_add_header(request, "Upgrade", "brackets");
  int error = fin_http_upgrade(request, connect ? 200 : 101, &handler, web->test, NULL);
  cr_assert_eq(error, 0, "%d", error);
  web->upgraded++;
  for (size_t i = 0; i < WEB_LIVE_MAX; i++)
    if (web->live[i].request == request) web->live[i].request = NULL;
  web->request = NULL;
}

static void switch_over_soon(fin_http_request *request) { fin_http_set_timer(request, 20); }

static void switch_over_to_idle(fin_http_request *request) {
  struct web *web = web_of(request);
  fin_conn_options options = {.idle_ms = SHORT_MS};
  cr_assert_eq(fin_http_upgrade(request, 101, &handler, web->test, &options), 0);
  web->upgraded++;
  web->live[0].request = NULL;
}

/* What cannot be, after which the request is as it was. */
static void try_badly(fin_http_request *request) {
  static const fin_handler deaf = {.on_open = on_open};
  static const unsigned bad[] = {0, 100, 102, 200, 204, 299, 300, 426, 500};
  struct other *other = other_of(request);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_eq(fin_http_upgrade(request, bad[i], &handler, other, NULL), -EINVAL, "%u", bad[i]);
  cr_assert_eq(fin_http_upgrade(request, 101, &deaf, other, NULL), -EINVAL);
  cr_assert_eq(fin_http_upgrade(request, 101, NULL, other, NULL), -EINVAL);
  fin_conn_options options = {.half_ms = FIN_NEVER};
  cr_assert_eq(fin_http_upgrade(request, 101, &handler, other, &options), -EINVAL);
  web_hello(request);
  cr_assert_eq(fin_http_upgrade(request, 101, &handler, other, NULL), -EALREADY);
}

static void try_in_a_reply(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", 5);
  cr_assert_eq(fin_http_upgrade(request, 101, &handler, other_of(request), NULL), -EALREADY);
  fin_http_write(request, "hello", 5);
  fin_http_end(request);
}

static void try_before_the_end(fin_http_request *request) {
  cr_assert_eq(fin_http_upgrade(request, 101, &handler, other_of(request), NULL), -EINVAL);
}

static void try_after_abort(fin_http_request *request) {
  fin_http_abort(request);
  cr_assert_eq(fin_http_upgrade(request, 101, &handler, other_of(request), NULL), -EPIPE);
}

/* It knows no 1xx (RFC 9110, 7.8 and 15.2). */
static void try_1_0(fin_http_request *request) {
  cr_assert_eq(fin_http_upgrade(request, 101, &handler, other_of(request), NULL), -EINVAL);
  web_hello(request);
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.path = "/switch", .on_request = switch_over},
    {.method = "CONNECT", .path = "*", .on_request = switch_over},
    {.path = "/soon", .on_request = switch_over_soon, .on_timer = switch_over},
    {.path = "/later", .on_request = web_nothing},
    {.path = "/peer-end", .on_request = web_nothing, .on_peer_end = switch_over},
    {.path = "/to-idle", .on_request = switch_over_to_idle},
    {.path = "/badly", .on_request = try_badly},
    {.path = "/in-a-reply", .on_request = try_in_a_reply},
    {.path = "/after-abort", .on_request = try_after_abort},
    {.path = "/1.0", .on_request = try_1_0},
    {.method = "POST",
     .path = "/stream",
     .on_request = try_before_the_end,
     .on_body = web_drop,
     .on_body_end = switch_over},
    {0},
};

struct scene {
  struct web web;
  struct web_client client;
  struct other other;
};

static void begin(struct scene *scene) {
  memset(scene, 0, sizeof *scene);
  web_begin(
      &scene->web,
      &(fin_http_options){.routes = routes, .header_ms = SHORT_MS / 2, .request_ms = SHORT_MS / 2},
      NULL);
  scene->web.test = &scene->other;
  web_open(&scene->client, &scene->web);
}

static void end(struct scene *scene) {
  web_leave(&scene->client);
  net_until(&scene->web.net, web_connections(&scene->web) == 0);
  cr_assert_eq(scene->other.opened, scene->web.upgraded);
  cr_assert_eq(scene->other.closed, scene->web.upgraded);
  web_end(&scene->web);
}

static void expect_bytes(struct web_client *client, const char *expected) {
  size_t len = strlen(expected);
  net_until(&client->web->net, web_waiting(client) >= len);
  cr_assert(memcmp(client->data + client->taken, expected, len) == 0, "%.*s",
            (int)(client->len - client->taken), client->data + client->taken);
  client->taken += len;
}

static void expect_switch(struct scene *scene) {
  web_expect(&scene->client, 101, "");
  cr_assert(web_has(&scene->client, "Connection", "Upgrade"));
  cr_assert(web_has(&scene->client, "Upgrade", "brackets"));
  expect_bytes(&scene->client, "<open>");
}

/* The clocks of HTTP are over, and so is what it would say to a FIN. */
static void expect_brackets(struct scene *scene) {
  turn_for(&scene->web.net, SHORT_MS);
  web_say(&scene->client, "!one\n!t");
  expect_bytes(&scene->client, "[!one]");
  web_say(&scene->client, "wo\n");
  expect_bytes(&scene->client, "[!two]");
  net_fin(scene->client.peer);
  expect_bytes(&scene->client, "<end>");
  web_expect_fin(&scene->client);
  cr_assert_eq(scene->other.ended, 1);
}

#define ASK(path) \
  "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: brackets\r\n\r\n"

Test(http_upgrade, at_once) {
  struct scene scene;
  begin(&scene);
  web_expect_alive(&scene.client);
  web_say(&scene.client, ASK("/switch"));
  expect_switch(&scene);
  expect_brackets(&scene);
  end(&scene);
}

Test(http_upgrade, with_what_follows) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client,
          "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" ASK("/switch") "!GET / HTTP/1.1\r\n!x");
  web_expect(&scene.client, 200, "hello");
  expect_switch(&scene);
  expect_bytes(&scene.client, "[!GET / HTTP/1.1\r]");
  web_say(&scene.client, "y\n");
  expect_bytes(&scene.client, "[!xy]");
  expect_brackets(&scene);
  cr_assert_eq(scene.web.requests, 2);
  end(&scene);
}

Test(http_upgrade, with_what_follows_and_fin) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, ASK("/switch") "!x\n");
  net_fin(scene.client.peer);
  expect_switch(&scene);
  expect_bytes(&scene.client, "[!x]<end>");
  web_expect_fin(&scene.client);
  end(&scene);
}

Test(http_upgrade, later) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, ASK("/soon") "!behind\n");
  expect_switch(&scene);
  expect_bytes(&scene.client, "[!behind]");
  expect_brackets(&scene);
  end(&scene);
}

Test(http_upgrade, from_outside) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, ASK("/later") "!behind\n");
  net_until(&scene.web.net, scene.web.requests == 1);
  switch_over(scene.web.request);
  expect_switch(&scene);
  expect_bytes(&scene.client, "[!behind]");
  expect_brackets(&scene);
  end(&scene);
}

Test(http_upgrade, after_the_clients_fin) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, ASK("/peer-end"));
  net_fin(scene.client.peer);
  expect_switch(&scene);
  expect_bytes(&scene.client, "<end>");
  web_expect_fin(&scene.client);
  cr_assert_eq(scene.other.ended, 1);
  end(&scene);
}

Test(http_upgrade, behind_a_body) {
  for (int stream = 0; stream < 2; stream++) {
    struct scene scene;
    begin(&scene);
    web_say(&scene.client, stream
                               ? "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo"
                               : "POST /switch HTTP/1.1\r\nHost: a\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n4\r\nbo");
    web_say(&scene.client, stream ? "dy!x\n" : "dy\r\n0\r\n\r\n!x\n");
    expect_switch(&scene);
    expect_bytes(&scene.client, "[!x]");
    expect_brackets(&scene);
    end(&scene);
  }
}

Test(http_upgrade, connect) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n!x\n");
  web_expect_bodiless(&scene.client, 200);
  cr_assert(web_lacks(&scene.client, "Content-Length")); /* RFC 9110, 9.3.6 */
  cr_assert(web_lacks(&scene.client, "Transfer-Encoding"));
  cr_assert(web_lacks(&scene.client, "Connection"));
  expect_bytes(&scene.client, "<open>[!x]");
  expect_brackets(&scene);
  end(&scene);
}

Test(http_upgrade, with_other_bounds) {
  struct scene scene;
  begin(&scene);
  uint64_t begun = net_now_ms();
  web_say(&scene.client, ASK("/to-idle"));
  web_expect(&scene.client, 101, "");
  expect_bytes(&scene.client, "<open>");
  web_expect_fin(&scene.client);
  cr_assert(net_now_ms() - begun < 2000);
  end(&scene);
  cr_assert_eq(scene.other.report.reason, FIN_REASON_IDLE);
}

Test(http_upgrade, reset_meanwhile) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, ASK("/later"));
  net_until(&scene.web.net, scene.web.requests == 1);
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  setsockopt(scene.client.peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(scene.client.peer);
  switch_over(scene.web.request); /* nobody has looked yet */
  net_until(&scene.web.net, scene.other.closed == 1);
  cr_assert_eq(scene.other.report.reason, FIN_REASON_PEER_RESET);
  web_open(&scene.client, &scene.web);
  end(&scene);
}

Test(http_upgrade, that_cannot_be) {
  struct scene scene;
  begin(&scene);
  web_say(&scene.client, ASK("/badly"));
  web_expect(&scene.client, 200, "hello");
  web_say(&scene.client, ASK("/in-a-reply"));
  web_expect(&scene.client, 200, "hello");
  web_say(&scene.client, "GET /1.0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  web_expect(&scene.client, 200, "hello");
  web_expect_alive(&scene.client);
  web_say(&scene.client, ASK("/after-abort"));
  web_expect_reset(&scene.client);
  end(&scene);
  cr_assert_eq(scene.other.opened, 0);
}
