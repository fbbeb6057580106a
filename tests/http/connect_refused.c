/* SPDX-License-Identifier: MIT
 *
 * CONNECT that fails: a proper reply, and no connection is left on either side. What the client has
 * sent behind its request is not answered.
 */
#include <stdio.h>

#include "base/counted.h"
#include "http/connect_proxy.h"
#include "net/more.h"

/* The reply and the end of the connection. */
static void expect_refusal(struct web_client *client, unsigned status) {
  web_expect(client, status, NULL);
  cr_assert(web_has(client, "Connection", "close"));
  web_expect_fin(client);
  web_leave(client);
}

/* ---- the target ---- */

static const char *const no_targets[] = {
    "example.org",
    "example.org:",
    ":443",
    "example.org:0",
    "example.org:65536",
    "example.org:100000",
    "example.org:4294967739",
    "example.org:-443",
    "example.org:+443",
    "example.org:443x",
    "example.org:0x1bb",
    "example.org:443:443",
    "user@example.org:443",
    "http://example.org:443",
    "https://example.org:443/",
    "/hello:443",
    "*:443",
    "exam%70le.org:443",
    "example..org:443",
    ".example.org:443",
    "[]:443",
    "[::1:443",
    "::1]:443",
    "::1:443",
    "[127.0.0.1]:443",
    "[::1%25lo]:443",
    "[example.org]:443",
    "127.1:443",
    "2130706433:443",
    "0x7f000001:443",
    "0x7f.0.0.0x1:443",
    "127.0.0.0x1:443",
    "127.0.0.1.:443",
    "0177.0.0.1:443",
    "127.0.0.256:443",
    "example.1:443",
};

Test(connect_refused, no_target) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  for (size_t i = 0; i < sizeof no_targets / sizeof *no_targets; i++) {
    proxy_ask_for(&proxy, &client, no_targets[i]);
    web_expect(&client, 400, NULL);
    cr_assert_eq(proxy.asked, 0, "%s is asked for", no_targets[i]);
    web_expect_fin(&client);
    web_leave(&client);
  }
  cr_assert_eq(stats_of(&proxy.web.net).dialled, 0);
  proxy_end(&proxy);
}

Test(connect_refused, a_host_that_is_too_long) {
  struct proxy proxy;
  struct web_client client;
  char target[300];
  proxy_begin(&proxy, NULL);
  memset(target, 'a', sizeof target);
  memcpy(target + 256, ":443", 5);
  proxy_ask_for(&proxy, &client, target);
  expect_refusal(&client, 400);
  proxy_end(&proxy);
}

/* ---- allowed or not ---- */

static bool never(fin_http_request *request, const char *host, uint16_t port, void *context) {
  (void)request, (void)host, (void)port, (void)context;
  return false;
}

Test(connect_refused, not_allowed) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, &(fin_http_connect_options){.allow = never});
  proxy_ask_for(&proxy, &client, "example.org:443");
  expect_refusal(&client, 403);
  cr_assert_eq(stats_of(&proxy.web.net).dialled, 0);
  proxy_end(&proxy);
}

static bool not_without_a_name(fin_http_request *request, const char *host, uint16_t port,
                               void *context) {
  (void)host, (void)port, (void)context;
  fin_http_add_header(request, "Proxy-Authenticate", "Basic realm=\"a\"");
  fin_http_reply(request, 407, "text/plain", "who?", 4);
  return false;
}

Test(connect_refused, by_a_reply_of_its_own) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, &(fin_http_connect_options){.allow = not_without_a_name});
  proxy_ask_for(&proxy, &client, "example.org:443");
  web_expect(&client, 407, "who?");
  cr_assert(web_has(&client, "Proxy-Authenticate", "Basic realm=\"a\""));
  web_expect_fin(&client);
  web_leave(&client);
  proxy_end(&proxy);
}

/* Without options only what CONNECT is for is allowed. */
Test(connect_refused, another_port_by_default) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy.options.allow = NULL;
  proxy_ask(&proxy, &client, "");
  expect_refusal(&client, 403);
  fin_http_route route = fin_http_connect_route(NULL);
  cr_assert_str_eq(route.method, "CONNECT");
  cr_assert_not_null(route.context);
  proxy_end(&proxy);
}

/* ---- the target cannot be reached ---- */

Test(connect_refused, nobody_listens) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy_target_leaves(&proxy);
  proxy_ask(&proxy, &client, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  expect_refusal(&client, 502);
  proxy_end(&proxy);
}

/* Longer than a label may be, so that no resolver has to be asked. */
Test(connect_refused, no_such_name) {
  struct proxy proxy;
  struct web_client client;
  char target[128];
  proxy_begin(&proxy, NULL);
  memset(target, 'a', sizeof target);
  memcpy(target + 100, ":443", 5);
  proxy_ask_for(&proxy, &client, target);
  expect_refusal(&client, 502);
  proxy_end(&proxy);
}

Test(connect_refused, too_slow) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, &(fin_http_connect_options){.conn = {.open_ms = 200}});
  proxy_target_is_deaf(&proxy);
  proxy_ask(&proxy, &client, "");
  expect_refusal(&client, 504);
  proxy_target_hears(&proxy);
  proxy_end(&proxy);
}

/* The next client is served. */
Test(connect_refused, then_another_request) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy_target_leaves(&proxy);
  proxy_ask(&proxy, &client, "");
  expect_refusal(&client, 502);
  web_open(&client, &proxy.web);
  web_expect_alive(&client);
  web_leave(&client);
  proxy_end(&proxy);
}

/* The route is for CONNECT alone: other requests are answered as if it were not there. */
Test(connect_refused, other_methods_are_none_of_its_business) {
  struct proxy proxy;
  proxy_begin(&proxy, NULL);
  web_ask(&proxy.web, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404, NULL);
  struct web_client client;
  web_open(&client, &proxy.web);
  web_say(&client, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  web_expect(&client, 405, NULL);
  cr_assert(web_has(&client, "Allow", "GET, HEAD, OPTIONS"));
  web_leave(&client);
  proxy_end(&proxy);
}

/* ---- somebody leaves while the target is dialled ---- */

Test(connect_refused, client_resets_meanwhile) {
  struct proxy proxy;
  struct web_client client;
  struct net *net = &proxy.web.net;
  proxy_begin(&proxy, NULL);
  proxy_target_is_deaf(&proxy);
  proxy_ask(&proxy, &client, "");
  net_until(net, stats_of(net).connections == 2);
  net_reset(net, client.peer);
  net_until(net, stats_of(net).connections == 0);
  cr_assert_eq(web_ended(&proxy.web, FIN_REASON_PEER_RESET), 1);
  cr_assert_eq(web_ended(&proxy.web, FIN_REASON_ABORTED), 1);
  free(client.data);
  proxy_target_hears(&proxy);
  proxy_end(&proxy);
}

/* A client that has ended its output has not left. */
Test(connect_refused, client_ends_meanwhile) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, &(fin_http_connect_options){.conn = {.open_ms = 200}});
  proxy_target_is_deaf(&proxy);
  proxy_ask(&proxy, &client, "");
  net_fin(client.peer);
  expect_refusal(&client, 504);
  proxy_target_hears(&proxy);
  proxy_end(&proxy);
}

Test(connect_refused, server_aborts_meanwhile) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy_target_is_deaf(&proxy);
  proxy_ask(&proxy, &client, "");
  net_until(&proxy.web.net, stats_of(&proxy.web.net).connections == 2);
  fin_server_abort(proxy.web.net.server);
  web_expect_reset(&client);
  web_leave(&client);
  proxy_target_hears(&proxy);
  proxy_end(&proxy);
}

Test(connect_refused, server_drains_meanwhile) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, &(fin_http_connect_options){.conn = {.open_ms = 500}});
  proxy_target_is_deaf(&proxy);
  proxy_ask(&proxy, &client, "");
  net_until(&proxy.web.net, stats_of(&proxy.web.net).connections == 2);
  fin_server_drain(proxy.web.net.server);
  web_expect(&client, 503, NULL);
  web_expect_fin(&client);
  web_leave(&client);
  proxy_target_hears(&proxy);
  proxy_end(&proxy);
}

/* ---- memory ---- */

/* Whatever allocation fails: the client is told, or reset, and nothing is left. False: all went
 * well, so that all of them have failed. */
static bool fails_at(size_t nth) {
  struct proxy proxy;
  struct web_client client;
  struct net *net = &proxy.web.net;
  char text[128];
  counted_begin();
  proxy_begin(&proxy, NULL);
  web_open(&client, &proxy.web);
  int len = snprintf(text, sizeof text, "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: a\r\n\r\nhello",
                     proxy.to_port);
  counted_fail_in(nth);
  web_send(&client, text, (size_t)len);
  int target = -1;
  char piece[16];
  size_t through = 0;
  while (through < 5 && !client.ended && !client.error) {
    cr_assert_geq(web_waiting(&client), 0);
    if (target < 0) target = accept4(proxy.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ssize_t count = target >= 0 ? recv(target, piece, sizeof piece, 0) : 0;
    if (count > 0) through += (size_t)count;
    net_turn(net, 1);
  }
  bool failed = counted.fail_at > 0 && counted.calls >= counted.fail_at;
  cr_assert(failed || through == 5);
  counted.fail_at = 0;
  web_leave(&client);
  if (target >= 0) net_close(net, target);
  target = accept4(proxy.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (target >= 0) net_close(net, target);
  proxy_end(&proxy);
  cr_assert_eq(counted.live, 0);
  return failed;
}

Test(connect_refused, each_allocation_fails_once) {
  size_t nth = 1;
  while (fails_at(nth)) nth++;
  cr_assert(nth > 5, "only %zu allocations", nth);
}
