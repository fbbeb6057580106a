/* SPDX-License-Identifier: MIT
 *
 * Every state of TCP on real sockets: the census must name it, its holder, its queues and its
 * timer.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"

TestSuite(census, .init = skip_without_census);

/* Writes until the peer's window is closed and the persist timer runs. */
static struct sight close_window(int fd, uint16_t local, uint16_t remote) {
  static char block[1 << 16];
  struct sight sight;
  uint64_t since = 0;
  do {
    while (send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) continue;
    sight = await_row(local, remote, FIN_TCP_ANY, FIN_HOLDER_OWNED);
  } while (sight.row.timer != FIN_TCP_TIMER_PERSIST && still_time(&since));
  cr_assert_eq(sight.row.timer, FIN_TCP_TIMER_PERSIST);
  return sight;
}

TEST_BOTH(census, established) {
  struct wire wire = wire_open(family);
  struct sight server = await_server(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED);
  struct sight client = await_client(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED);
  uint64_t cookie;
  socklen_t len = sizeof cookie;
  cr_assert_eq(server.row.family, family);
  cr_assert_eq(server.row.recv_queue, 0);
  cr_assert_eq(server.row.send_queue, 0);
  cr_assert_eq(server.row.uid, geteuid());
  cr_assert_lt(server.row.heard_ms, 60000);
  cr_assert_eq(server.row.owner_count, 1);
  cr_assert_eq(server.owners[0].pid, getpid());
  cr_assert_eq(server.owners[0].fd, wire.server);
  cr_assert_eq(server.owners[0].inode, server.row.inode);
  cr_assert_neq(server.owners[0].name[0], '\0');
  cr_assert_eq(client.owners[0].fd, wire.client);
  cr_assert_arr_eq(server.row.local, client.row.remote, 16);
  cr_assert_eq(server.row.local[family == AF_INET ? 3 : 15], 1);
  cr_assert_eq(getsockopt(wire.server, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
  cr_assert_eq(server.row.cookie, cookie);
  wire_close(&wire);
}

TEST_BOTH(census, listener) {
  struct wire wire = wire_listen(family, false);
  struct sight listener = await_row(wire.port, 0, FIN_TCP_LISTEN, FIN_HOLDER_OWNED);
  cr_assert_eq(listener.row.recv_queue, 0);
  cr_assert_eq(listener.row.send_queue, 16);
  cr_assert_eq(listener.row.heard_ms, UINT32_MAX);
  cr_assert_eq(listener.owners[0].fd, wire.listener);
  wire_close(&wire);
}

TEST_BOTH(census, close_wait_tells_what_is_unread) {
  struct wire wire = wire_open(family);
  wire_send(wire.client, "hello");
  await_server(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED);
  cr_assert_eq(shutdown(wire.client, SHUT_WR), 0);
  cr_assert_eq(await_server(&wire, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_OWNED).row.recv_queue, 6);
  wire_read_end(wire.server);
  cr_assert_eq(await_server(&wire, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_OWNED).row.recv_queue, 0);
  wire_close(&wire);
}

TEST_BOTH(census, close_wait_with_fin_unread) {
  struct wire wire = wire_open(family);
  struct sight server;
  wire_close_fd(&wire.client);
  server = await_server(&wire, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_OWNED);
  cr_assert_eq(server.row.recv_queue, 1);
  cr_assert_eq(server.row.timer, FIN_TCP_TIMER_NONE);
  cr_assert_eq(server.owners[0].fd, wire.server);
  wire_close(&wire);
}

TEST_BOTH(census, fin_wait2_owned_has_no_timer) {
  struct wire wire = wire_open(family);
  struct sight client;
  cr_assert_eq(shutdown(wire.client, SHUT_WR), 0);
  client = await_client(&wire, FIN_TCP_FIN_WAIT2, FIN_HOLDER_OWNED);
  cr_assert_eq(client.row.timer, FIN_TCP_TIMER_NONE);
  cr_assert_eq(client.row.timer_ms, 0);
  cr_assert_eq(client.owners[0].fd, wire.client);
  wire_close(&wire);
}

TEST_BOTH(census, fin_wait2_orphan_is_a_time_wait_bucket) {
  struct wire wire = wire_open(family);
  const int seconds = 30;
  struct sight client;
  cr_assert_eq(setsockopt(wire.client, IPPROTO_TCP, TCP_LINGER2, &seconds, sizeof seconds), 0);
  wire_close_fd(&wire.client);
  client = await_client(&wire, FIN_TCP_FIN_WAIT2, FIN_HOLDER_ORPHAN);
  cr_assert_eq(client.row.timer, FIN_TCP_TIMER_TIME_WAIT);
  cr_assert_gt(client.row.timer_ms, 0);
  cr_assert_leq(client.row.timer_ms, 30000);
  cr_assert_eq(client.row.inode, 0);
  cr_assert_eq(client.row.owner_count, 0);
  wire_close(&wire);
}

TEST_BOTH(census, time_wait) {
  struct wire wire = wire_open(family);
  struct sight client;
  cr_assert_eq(shutdown(wire.client, SHUT_WR), 0);
  await_server(&wire, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_OWNED);
  wire_close_fd(&wire.server);
  await_gone(wire.port, wire.client_port);
  client = await_client(&wire, FIN_TCP_TIME_WAIT, FIN_HOLDER_TIME_WAIT);
  cr_assert_eq(client.row.timer, FIN_TCP_TIMER_TIME_WAIT);
  cr_assert_leq(client.row.timer_ms, 60000);
  cr_assert_eq(client.row.heard_ms, UINT32_MAX);
  wire_close(&wire);
}

TEST_BOTH(census, queued_until_accepted) {
  struct wire wire = wire_listen(family, false);
  struct sight server;
  wire_connect(&wire);
  server = await_server(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_QUEUED);
  cr_assert_eq(server.row.inode, 0);
  cr_assert_eq(await_row(wire.port, 0, FIN_TCP_LISTEN, FIN_HOLDER_OWNED).row.recv_queue, 1);
  wire_send(wire.client, "hello");
  wire_close_fd(&wire.client);
  server = await_server(&wire, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_QUEUED);
  cr_assert_eq(server.row.recv_queue, 6);
  cr_assert_eq(server.row.owner_count, 0);
  wire_accept(&wire);
  server = await_server(&wire, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_OWNED);
  cr_assert_eq(server.owners[0].fd, wire.server);
  wire_close(&wire);
}

/* TCP_DEFER_ACCEPT ignores the third segment of the handshake until data comes. */
TEST_BOTH(census, syn_recv_is_queued) {
  struct wire wire = wire_listen(family, false);
  const int seconds = 5;
  cr_assert_eq(setsockopt(wire.listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds),
               0);
  wire_connect(&wire);
  cr_assert_eq(await_server(&wire, FIN_TCP_SYN_RECV, FIN_HOLDER_QUEUED).row.inode, 0);
  wire_close(&wire);
}

/* A full accept queue drops the SYN. */
TEST_BOTH(census, syn_sent) {
  struct wire wire = wire_listen(family, false);
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  struct sight late;
  uint16_t port;
  int fd;
  cr_assert_eq(listen(wire.listener, 0), 0);
  wire_connect(&wire);
  await_server(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_QUEUED);
  cr_assert_eq(getsockname(wire.listener, (struct sockaddr *)&address, &len), 0);
  fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  cr_assert_eq(connect(fd, (struct sockaddr *)&address, len), -1);
  port = wire_port_of(fd);
  late = await_row(port, wire.port, FIN_TCP_SYN_SENT, FIN_HOLDER_OWNED);
  cr_assert_eq(late.row.timer, FIN_TCP_TIMER_RETRANSMIT);
  cr_assert_eq(late.row.send_queue, 1);
  cr_assert_eq(late.row.heard_ms, UINT32_MAX);
  cr_assert_eq(late.owners[0].fd, fd);
  wire_close_fd(&fd);
  wire_close(&wire);
}

/* A reader that does not read: no CLOSE_WAIT anywhere, because the FIN waits behind the data. */
TEST_BOTH(census, closed_window_hides_the_fin) {
  struct wire wire = wire_listen(family, true);
  struct sight client, server;
  uint64_t since = 0;
  wire_connect(&wire);
  wire_accept(&wire);
  client = close_window(wire.client, wire.client_port, wire.port);
  cr_assert_eq(client.row.state, FIN_TCP_ESTABLISHED);
  cr_assert_gt(client.row.send_queue, 0);
  wire_close_fd(&wire.client);
  {
    const struct sight orphan = await_client(&wire, FIN_TCP_FIN_WAIT1, FIN_HOLDER_ORPHAN);
    cr_assert_eq(orphan.row.send_queue, client.row.send_queue + 1);
    cr_assert_eq(orphan.row.timer, FIN_TCP_TIMER_PERSIST);
  }
  while (client.row.retransmits == 0 && still_time(&since)) {
    client = await_client(&wire, FIN_TCP_FIN_WAIT1, FIN_HOLDER_ORPHAN);
  }
  cr_assert_gt(client.row.retransmits, 0, "window probes");
  server = await_server(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED);
  cr_assert_gt(server.row.recv_queue, 0);
  wire_close(&wire);
}

/* The same from the side that ends last: its FIN waits too. */
TEST_BOTH(census, last_ack_is_an_orphan) {
  struct wire wire = wire_listen(family, true);
  wire_connect(&wire);
  wire_accept(&wire);
  cr_assert_eq(shutdown(wire.server, SHUT_WR), 0);
  await_client(&wire, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_OWNED);
  wire_read_end(wire.client);
  close_window(wire.client, wire.client_port, wire.port);
  wire_close_fd(&wire.client);
  cr_assert_gt(await_client(&wire, FIN_TCP_LAST_ACK, FIN_HOLDER_ORPHAN).row.send_queue, 1);
  wire_close(&wire);
}

/* Both ends have sent their FIN, and ours has not been acknowledged. */
TEST_BOTH(census, closing) {
  struct wire wire = wire_listen(family, true);
  wire_connect(&wire);
  wire_accept(&wire);
  close_window(wire.client, wire.client_port, wire.port);
  cr_assert_eq(shutdown(wire.client, SHUT_WR), 0);
  await_client(&wire, FIN_TCP_FIN_WAIT1, FIN_HOLDER_OWNED);
  cr_assert_eq(shutdown(wire.server, SHUT_WR), 0);
  await_client(&wire, FIN_TCP_CLOSING, FIN_HOLDER_OWNED);
  wire_read_end(wire.client);
  wire_close_fd(&wire.client);
  await_client(&wire, FIN_TCP_CLOSING, FIN_HOLDER_ORPHAN);
  wire_close(&wire);
}

Test(census, ipv4_over_an_ipv6_socket) {
  struct wire wire = {.server = -1};
  struct sockaddr_in6 any = {.sin6_family = AF_INET6};
  struct sockaddr_in target = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
  struct sight server;
  const int off = 0;
  wire.listener = socket(AF_INET6, SOCK_STREAM, 0);
  if (wire.listener < 0) cr_skip_test("no IPv6 on this machine");
  cr_assert_eq(setsockopt(wire.listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off), 0);
  cr_assert_eq(bind(wire.listener, (struct sockaddr *)&any, sizeof any), 0);
  cr_assert_eq(listen(wire.listener, 1), 0);
  wire.port = wire_port_of(wire.listener);
  target.sin_port = htons(wire.port);
  wire.client = socket(AF_INET, SOCK_STREAM, 0);
  cr_assert_eq(connect(wire.client, (struct sockaddr *)&target, sizeof target), 0);
  wire.client_port = wire_port_of(wire.client);
  wire_accept(&wire);
  server = await_server(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED);
  cr_assert_eq(server.row.family, AF_INET6);
  cr_assert_arr_eq(server.row.local, mapped, sizeof mapped);
  cr_assert_eq(await_client(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED).row.family, AF_INET);
  wire_close(&wire);
}

Test(census, every_owner_is_found) {
  struct wire wire = wire_open(AF_INET);
  const int twin = dup(wire.server);
  struct sight server;
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  cr_assert_gt(child, 0);
  close(twin);
  server = await_server(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED);
  cr_assert_eq(server.row.owner_count, 3);
  cr_assert_eq(server.owners[0].pid, getpid() < child ? getpid() : child);
  wire_close_fd(&wire.server); /* the child's copies still hold it: no FIN leaves */
  server = await_server(&wire, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED);
  cr_assert_eq(server.row.owner_count, 2);
  cr_assert_eq(server.owners[0].pid, child);
  cr_assert_eq(server.owners[1].pid, child);
  kill(child, SIGKILL);
  cr_assert_eq(waitpid(child, NULL, 0), child);
  await_client(&wire, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_OWNED);
  wire_close(&wire);
}

Test(census, ports_choose_rows) {
  struct wire a = wire_open(AF_INET), b = wire_open(AF_INET), c = wire_open(AF_INET);
  const uint16_t ports[] = {a.port, c.client_port};
  fin_census *census = take(&(fin_census_query){.ports = ports, .port_count = 2, .pid = getpid()});
  cr_assert_eq(census->row_count, 5); /* a: listener and both ends; c: both ends */
  cr_assert_eq(fin_census_count(census, FIN_TCP_ANY, FIN_HOLDER_ANY), 5);
  cr_assert_eq(fin_census_count(census, FIN_TCP_ESTABLISHED, FIN_HOLDER_ANY), 4);
  cr_assert_eq(fin_census_count(census, FIN_TCP_LISTEN, FIN_HOLDER_OWNED), 1);
  cr_assert_eq(fin_census_count(census, FIN_TCP_ANY, FIN_HOLDER_ORPHAN), 0);
  cr_assert_eq(census->unseen_rows, 0);
  fin_census_free(census);
  wire_close(&a);
  wire_close(&b);
  wire_close(&c);
}

Test(census, owners_and_ages_cost_and_are_not_found_unless_asked_for) {
  struct wire wire = wire_open(AF_INET);
  fin_census *census = take(&(fin_census_query){.ports = &wire.port, .port_count = 1});
  cr_assert_geq(census->row_count, 3); /* others may have the same port in TIME_WAIT */
  for (size_t i = 0; i < census->row_count; i++) {
    const fin_census_row *row = &census->rows[i];
    cr_assert(row->local_port == wire.port || row->remote_port == wire.port);
    cr_assert_eq(row->owner_count, 0);
    cr_assert_eq(row->heard_ms, UINT32_MAX);
  }
  cr_assert_eq(census->unseen_rows, 0);
  fin_census_free(census);
  wire_close(&wire);
}

Test(census, null_query_is_everything) {
  struct wire wire = wire_open(AF_INET);
  fin_census *census = take(NULL);
  cr_assert_geq(census->row_count, 3);
  fin_census_free(census);
  fin_census_free(NULL);
  wire_close(&wire);
}

/* More rows than one reply of the kernel holds. */
Test(census, many_rows) {
  enum { PAIRS = 400 };
  static int clients[PAIRS], servers[PAIRS];
  struct wire wire = wire_listen(AF_INET, false);
  fin_census *census;
  for (size_t i = 0; i < PAIRS; i++) {
    wire_connect(&wire);
    wire_accept(&wire);
    clients[i] = wire.client;
    servers[i] = wire.server;
  }
  census = take(
      &(fin_census_query){.ports = &wire.port, .port_count = 1, .pid = getpid(), .heard = true});
  cr_assert_eq(fin_census_count(census, FIN_TCP_ESTABLISHED, FIN_HOLDER_OWNED), 2 * PAIRS);
  for (size_t i = 0; i < census->row_count; i++) cr_assert_eq(census->rows[i].owner_count, 1);
  cr_assert_eq(census->invisible_count, 0);
  fin_census_free(census);
  for (size_t i = 0; i < PAIRS; i++) {
    close(clients[i]);
    close(servers[i]);
  }
  close(wire.listener);
}

/* Also without libmnl. */
Test(names, and_numbers_are_those_of_the_system) {
  cr_assert_eq(FIN_TCP_ESTABLISHED, TCP_ESTABLISHED);
  cr_assert_eq(FIN_TCP_SYN_SENT, TCP_SYN_SENT);
  cr_assert_eq(FIN_TCP_SYN_RECV, TCP_SYN_RECV);
  cr_assert_eq(FIN_TCP_FIN_WAIT1, TCP_FIN_WAIT1);
  cr_assert_eq(FIN_TCP_FIN_WAIT2, TCP_FIN_WAIT2);
  cr_assert_eq(FIN_TCP_TIME_WAIT, TCP_TIME_WAIT);
  cr_assert_eq(FIN_TCP_CLOSE, TCP_CLOSE);
  cr_assert_eq(FIN_TCP_CLOSE_WAIT, TCP_CLOSE_WAIT);
  cr_assert_eq(FIN_TCP_LAST_ACK, TCP_LAST_ACK);
  cr_assert_eq(FIN_TCP_LISTEN, TCP_LISTEN);
  cr_assert_eq(FIN_TCP_CLOSING, TCP_CLOSING);
  cr_assert_str_eq(fin_tcp_state_name(FIN_TCP_CLOSE_WAIT), "CLOSE-WAIT");
  cr_assert_str_eq(fin_tcp_state_name(FIN_TCP_ANY), "?");
  cr_assert_str_eq(fin_tcp_state_name((fin_tcp_state)77), "?");
  cr_assert_str_eq(fin_holder_name(FIN_HOLDER_TIME_WAIT), "time-wait");
  cr_assert_str_eq(fin_holder_name((fin_holder)-1), "?");
  cr_assert_str_eq(fin_tcp_timer_name(FIN_TCP_TIMER_PERSIST), "persist");
  cr_assert_str_eq(fin_tcp_timer_name((fin_tcp_timer)9), "?");
}
