/* SPDX-License-Identifier: MIT
 *
 * IPv4, IPv6, and both on one listener.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/net.h"

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  return fin_conn_write(conn, data, len) == 0 ? len : 0;
}

static const fin_handler handler = {.on_data = echo};

static bool has_ipv6(void) {
  struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  bool has = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
  if (fd >= 0) close(fd);
  return has;
}

/* "127.0.0.1:80", "[::1]:80": `name` of the peer's socket, as fin_conn_..._address has it. */
static void expect_name(int (*name)(int, struct sockaddr *, socklen_t *), int peer,
                        int (*address)(const fin_conn *, char *, size_t), const fin_conn *conn) {
  char host[INET6_ADDRSTRLEN], port[8], expected[FIN_ADDRESS_MAX], text[FIN_ADDRESS_MAX];
  struct sockaddr_storage own;
  socklen_t len = sizeof own;
  cr_assert_eq(name(peer, (struct sockaddr *)&own, &len), 0);
  cr_assert_eq(getnameinfo((struct sockaddr *)&own, len, host, sizeof host, port, sizeof port,
                           NI_NUMERICHOST | NI_NUMERICSERV),
               0);
  snprintf(expected, sizeof expected, own.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
  cr_assert_eq(address(conn, text, sizeof text), 0);
  cr_assert_str_eq(text, expected);
  cr_assert_eq(address(conn, text, strlen(expected) + 1), 0);
  cr_assert_eq(address(conn, text, strlen(expected)), -ENOSPC);
}

static void talk(struct net *net, const char *address) {
  int ending;
  unsigned closed = net->closed;
  int peer = net_connect_to(net, address);
  expect_name(getsockname, peer, fin_conn_peer_address, net->conn);
  expect_name(getpeername, peer, fin_conn_own_address, net->conn);
  net_send(net, peer, "hello", 5);
  net_expect(net, peer, "hello", 5);
  net_fin(peer);
  cr_assert_eq(net_receive_all(net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_until(net, net->closed == closed + 1);
  net_reason(net, PEER_ENDED);
  net_close(net, peer);
}

static bool refused(const char *address, uint16_t port) {
  struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  cr_assert_eq(inet_pton(AF_INET, address, &in4.sin_addr), 1);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  bool refusal = connect(fd, (struct sockaddr *)&in4, sizeof in4) != 0 && errno == ECONNREFUSED;
  close(fd);
  return refusal;
}

Test(addresses, ipv4) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler});
  talk(&net, "127.0.0.1");
  cr_assert(refused("127.0.0.2", net.port), "only where it was told to listen");
  net_end(&net);
}

Test(addresses, ipv6) {
  struct net net;
  if (!has_ipv6()) cr_skip_test("no IPv6 here");
  net_begin(&net, &(fin_listen){.handler = &handler, .host = "::1"});
  talk(&net, "::1");
  cr_assert(refused("127.0.0.1", net.port));
  net_end(&net);
}

Test(addresses, every_one_of_both_kinds) {
  struct net net;
  if (!has_ipv6()) cr_skip_test("no IPv6 here");
  net_begin(&net, &(fin_listen){.handler = &handler, .host = NET_EVERY_HOST});
  talk(&net, "127.0.0.1");
  talk(&net, "127.0.0.2");
  talk(&net, "::1");
  cr_assert_eq(net.closed, 3);
  net_end(&net);
}

Test(addresses, gone_with_the_peer) {
  struct net net;
  char text[FIN_ADDRESS_MAX];
  const fin_handler paused = {.on_open = fin_conn_pause, .on_data = echo};
  net_begin(&net, &(fin_listen){.handler = &paused});
  int peer = net_connect(&net);
  fin_conn_abort(net.conn);
  cr_assert_eq(fin_conn_peer_address(net.conn, text, sizeof text), -ENOTCONN);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_end(&net);
}
