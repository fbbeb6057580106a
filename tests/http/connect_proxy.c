/* SPDX-License-Identifier: MIT
 *
 * See connect_proxy.h.
 */
#include "http/connect_proxy.h"

#include <stdio.h>

#include "net/more.h"

enum { BACKLOG = 64 };

static size_t no_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static bool allow(fin_http_request *request, const char *host, uint16_t port, void *context) {
  struct proxy *proxy = context;
  (void)request;
  snprintf(proxy->host, sizeof proxy->host, "%s", host);
  proxy->port = port;
  proxy->asked++;
  return true;
}

static int listen_both(uint16_t *port) {
  struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
  socklen_t len = sizeof at;
  int listener = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  cr_assert_geq(listener, 0, "socket: %s", strerror(errno));
  cr_assert_eq(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int)), 0);
  cr_assert_eq(bind(listener, (struct sockaddr *)&at, len), 0, "bind: %s", strerror(errno));
  cr_assert_eq(listen(listener, BACKLOG), 0);
  cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
  *port = ntohs(at.sin6_port);
  return listener;
}

void proxy_begin(struct proxy *proxy, const fin_http_connect_options *options) {
  static const fin_handler unused = {.on_data = no_data};
  struct net *net = &proxy->web.net;
  memset(proxy, 0, sizeof *proxy);
  net_begin(net, &(fin_listen){.handler = &unused});
  proxy->listener = listen_both(&proxy->to_port);
  if (options) proxy->options = *options;
  if (!proxy->options.allow) proxy->options.allow = allow;
  proxy->options.context = proxy;
  proxy->routes[0] = fin_http_connect_route(&proxy->options);
  proxy->routes[1] = (fin_http_route){.method = "GET", .path = "/hello", .on_request = web_hello};
  proxy->web.http = fin_http_new(&(fin_http_options){.routes = proxy->routes});
  cr_assert_not_null(proxy->web.http);
  fin_listen listen = {.host = "127.0.0.1", .handler = fin_http_handler(proxy->web.http)};
  cr_assert_eq(fin_server_listen(net->server, &listen), 0);
  net->port = fin_server_port(net->server);
}

void proxy_end(struct proxy *proxy) {
  net_until(&proxy->web.net, web_connections(&proxy->web) == 0);
  proxy_target_leaves(proxy);
  web_end(&proxy->web);
}

static void ask(struct proxy *proxy, struct web_client *client, const char *target,
                const char *more) {
  char text[2048];
  int len = snprintf(text, sizeof text, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n%s", target, target,
                     more);
  web_open(client, &proxy->web);
  web_send(client, text, (size_t)len);
}

void proxy_ask(struct proxy *proxy, struct web_client *client, const char *more) {
  char target[64];
  snprintf(target, sizeof target, "127.0.0.1:%u", proxy->to_port);
  ask(proxy, client, target, more);
}

void proxy_ask_for(struct proxy *proxy, struct web_client *client, const char *target) {
  ask(proxy, client, target, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
}

int proxy_accept(struct proxy *proxy) {
  int target = -1;
  net_until(&proxy->web.net,
            (target = accept4(proxy->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
  return target;
}

/* A backlog of one, and that one taken: the kernel drops what knocks. */
void proxy_target_is_deaf(struct proxy *proxy) {
  cr_assert_eq(listen(proxy->listener, 0), 0);
  proxy->plug = dial(proxy->to_port);
}

void proxy_target_hears(struct proxy *proxy) {
  int plugged = proxy_accept(proxy);
  net_close(&proxy->web.net, plugged);
  net_close(&proxy->web.net, proxy->plug);
  cr_assert_eq(listen(proxy->listener, BACKLOG), 0);
}

void proxy_target_leaves(struct proxy *proxy) {
  if (proxy->listener >= 0) net_close(&proxy->web.net, proxy->listener);
  proxy->listener = -1;
}

void proxy_expect_tunnel(struct web_client *client) {
  web_expect_bodiless(client, 200);
  cr_assert(web_lacks(client, "Content-Length"));
  cr_assert(web_lacks(client, "Transfer-Encoding"));
  cr_assert(web_lacks(client, "Connection"));
}

void proxy_expect(struct web_client *client, const void *data, size_t len) {
  size_t waiting;
  net_until(&client->web->net, (waiting = web_waiting(client)) >= len || client->ended);
  cr_assert_geq(waiting, len, "%zu of %zu bytes", waiting, len);
  cr_assert_eq(memcmp(client->data + client->taken, data, len), 0);
  client->taken += len;
}
