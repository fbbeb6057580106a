/* SPDX-License-Identifier: MIT
 *
 * CONNECT that succeeds: the connection becomes a tunnel, with whatever came behind the request.
 */
#include <netinet/tcp.h>
#include <stdio.h>

#include "http/connect_proxy.h"
#include "net/more.h"

enum { MUCH = 5 * 1000 * 1000 };

static void talk(struct proxy *proxy, struct web_client *client, int target) {
  struct net *net = &proxy->web.net;
  web_say(client, "question");
  net_expect(net, target, "question", 8);
  net_send(net, target, "answer", 6);
  proxy_expect(client, "answer", 6);
}

/* Each ends its output, one after the other. */
static void part(struct proxy *proxy, struct web_client *client, int target) {
  struct net *net = &proxy->web.net;
  int ending;
  net_fin(client->peer);
  cr_assert_eq(net_receive_all(net, target, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_send(net, target, "thanks", 6);
  proxy_expect(client, "thanks", 6);
  net_fin(target);
  web_expect_fin(client);
  net_close(net, target);
  web_leave(client);
}

Test(connect, becomes_a_tunnel) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy_ask(&proxy, &client, "");
  int target = proxy_accept(&proxy);
  proxy_expect_tunnel(&client);
  talk(&proxy, &client, target);
  part(&proxy, &client, target);
  proxy_end(&proxy);
  cr_assert_eq(proxy.asked, 1);
}

/* The server speaks first, as those of mail do. */
Test(connect, target_speaks_first) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy_ask(&proxy, &client, "");
  int target = proxy_accept(&proxy);
  net_send(&proxy.web.net, target, "220 welcome", 11);
  proxy_expect_tunnel(&client);
  proxy_expect(&client, "220 welcome", 11);
  part(&proxy, &client, target);
  proxy_end(&proxy);
}

/* ---- what came with the request ---- */

Test(connect, bytes_behind_the_request_go_first) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy_ask(&proxy, &client, "early ");
  web_say(&client, "bird");
  int target = proxy_accept(&proxy);
  net_expect(&proxy.web.net, target, "early bird", 10);
  proxy_expect_tunnel(&client);
  talk(&proxy, &client, target);
  part(&proxy, &client, target);
  proxy_end(&proxy);
}

/* They look like another request, but nobody takes them for one. */
Test(connect, bytes_behind_the_request_are_not_read) {
  static const char hello[] = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy_ask(&proxy, &client, hello);
  int target = proxy_accept(&proxy);
  net_expect(&proxy.web.net, target, hello, sizeof hello - 1);
  proxy_expect_tunnel(&client);
  cr_assert_eq(web_waiting(&client), 0);
  part(&proxy, &client, target);
  proxy_end(&proxy);
}

/* The target takes its time; the client has said all, its FIN included. */
Test(connect, much_and_a_fin_before_the_target_is_there) {
  struct proxy proxy;
  struct web_client client;
  char *got = malloc(MUCH);
  int ending;
  cr_assert_not_null(got);
  proxy_begin(&proxy, NULL);
  proxy_target_is_deaf(&proxy);
  proxy_ask(&proxy, &client, "");
  size_t sent = 0;
  for (int turn = 0; turn < 30; turn++) {
    sent += net_send_some(client.peer, net_pattern(MUCH) + sent, MUCH - sent);
    net_turn(&proxy.web.net, 1);
  }
  net_fin(client.peer);
  proxy_target_hears(&proxy);
  int target = proxy_accept(&proxy);
  cr_assert_eq(net_receive_all(&proxy.web.net, target, got, MUCH, &ending), sent);
  cr_assert(sent == MUCH || ending == 0);
  cr_assert_eq(memcmp(got, net_pattern(MUCH), sent), 0);
  proxy_expect_tunnel(&client);
  net_send(&proxy.web.net, target, "thanks", 6);
  proxy_expect(&client, "thanks", 6);
  net_close(&proxy.web.net, target);
  web_expect_fin(&client);
  web_leave(&client);
  proxy_end(&proxy);
  free(got);
}

/* ---- on a connection that has been used ---- */

Test(connect, after_other_requests) {
  struct proxy proxy;
  struct web_client client;
  char text[256];
  proxy_begin(&proxy, NULL);
  web_open(&client, &proxy.web);
  web_expect_alive(&client);
  snprintf(text, sizeof text,
           "GET /hello HTTP/1.1\r\nHost: a\r\n\r\nCONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: a\r\n\r\n",
           proxy.to_port);
  web_say(&client, text);
  int target = proxy_accept(&proxy);
  web_expect(&client, 200, "hello");
  proxy_expect_tunnel(&client);
  talk(&proxy, &client, target);
  part(&proxy, &client, target);
  proxy_end(&proxy);
}

Test(connect, of_http_1_0) {
  struct proxy proxy;
  struct web_client client;
  char text[256];
  proxy_begin(&proxy, NULL);
  web_open(&client, &proxy.web);
  snprintf(text, sizeof text, "CONNECT 127.0.0.1:%u HTTP/1.0\r\n\r\n", proxy.to_port);
  web_say(&client, text);
  int target = proxy_accept(&proxy);
  web_expect_bodiless(&client, 200);
  talk(&proxy, &client, target);
  part(&proxy, &client, target);
  proxy_end(&proxy);
}

/* ---- targets ---- */

static void reach(const char *host, const char *seen) {
  struct proxy proxy;
  struct web_client client;
  char target_text[300];
  proxy_begin(&proxy, NULL);
  snprintf(target_text, sizeof target_text, "%s:%u", host, proxy.to_port);
  proxy_ask_for(&proxy, &client, target_text);
  int target = proxy_accept(&proxy);
  proxy_expect_tunnel(&client);
  cr_assert_str_eq(proxy.host, seen);
  cr_assert_eq(proxy.port, proxy.to_port);
  net_close(&proxy.web.net, target); /* with input unread */
  web_expect_reset(&client);
  web_leave(&client);
  proxy_end(&proxy);
}

Test(connect, to_an_address) { reach("127.0.0.1", "127.0.0.1"); }
Test(connect, to_an_ipv6_address) { reach("[::1]", "::1"); }
Test(connect, to_a_name) { reach("localhost", "localhost"); }
Test(connect, to_a_mapped_address) { reach("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"); }

/* ---- bounds ---- */

Test(connect, idle_closes_both_legs) {
  struct proxy proxy;
  struct web_client client;
  int ending;
  proxy_begin(&proxy, &(fin_http_connect_options){.conn = {.idle_ms = 200}});
  proxy_ask(&proxy, &client, "");
  int target = proxy_accept(&proxy);
  proxy_expect_tunnel(&client);
  web_expect_fin(&client);
  cr_assert_eq(net_receive_all(&proxy.web.net, target, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_close(&proxy.web.net, target);
  web_leave(&client);
  net_until(&proxy.web.net, web_connections(&proxy.web) == 0);
  cr_assert_eq(web_ended(&proxy.web, FIN_REASON_IDLE), 2);
  proxy_end(&proxy);
}

Test(connect, a_reset_goes_on) {
  struct proxy proxy;
  struct web_client client;
  proxy_begin(&proxy, NULL);
  proxy_ask(&proxy, &client, "");
  int target = proxy_accept(&proxy);
  proxy_expect_tunnel(&client);
  net_reset(&proxy.web.net, target);
  web_expect_reset(&client);
  web_leave(&client);
  proxy_ask(&proxy, &client, "");
  target = proxy_accept(&proxy);
  proxy_expect_tunnel(&client);
  net_reset(&proxy.web.net, client.peer);
  client.peer = dial(proxy.web.net.port); /* for web_leave */
  net_until(&proxy.web.net, net_tcp_state(target) == TCP_CLOSE);
  web_leave(&client);
  net_close(&proxy.web.net, target);
  proxy_end(&proxy);
}
