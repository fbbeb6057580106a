/* SPDX-License-Identifier: MIT
 *
 * Closing while the client still sends. A plain close(2) then resets the connection, and the reset
 * destroys the part of the reply that the client has not read (RFC 9112, 9.6). A lingering close
 * delivers all of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/net.h"

enum {
  REQUEST_LEN = 300 * 1000,
  REPLY_LEN = 1000 * 1000,
  LONG_LEN = 12 * 1000 * 1000,
  CLIENT_BUFFER = 64 * 1024 /* most of the reply is still on its way at the close */
};

/* Decides on the first bytes, without hearing the rest. */
static size_t reply_and_close(fin_conn *conn, const char *data, size_t len) {
  (void)data, (void)len;
  cr_assert_eq(fin_conn_write(conn, net_pattern(REPLY_LEN), REPLY_LEN), 0);
  fin_conn_close(conn, FIN_REASON_CLOSED);
  return 0;
}

static const fin_handler handler = {.on_data = reply_and_close};

static void expect_whole_reply(struct net *net, int peer) {
  int ending;
  net_expect(net, peer, net_pattern(REPLY_LEN), REPLY_LEN);
  cr_assert_eq(net_receive_all(net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
}

Test(unread_input_at_close, lingering_close_delivers_the_reply) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect_small(&net, CLIENT_BUFFER, 0);
  net_send(&net, peer, net_pattern(REQUEST_LEN), REQUEST_LEN);
  expect_whole_reply(&net, peer);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.report.bytes_in, REQUEST_LEN, "what was discarded counts");
  cr_assert_eq(net.report.bytes_acked, REPLY_LEN);
  net_end(&net);
}

/* Input comes after our FIN as well as before. */
Test(unread_input_at_close, and_more_behind_our_fin) {
  struct net net;
  net_begin(&net, &(fin_listen){.handler = &handler});
  int peer = net_connect_small(&net, CLIENT_BUFFER, 0);
  net_send(&net, peer, net_pattern(REQUEST_LEN), REQUEST_LEN);
  net_expect(&net, peer, net_pattern(REPLY_LEN), REPLY_LEN);
  net_send(&net, peer, net_pattern(REQUEST_LEN), REQUEST_LEN);
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.report.bytes_in, 2 * REQUEST_LEN);
  net_end(&net);
}

/* The client does not read before it has sent all of it. Both sides are more than the kernels hold,
 * so that nothing moves unless input is discarded while output waits. */
static size_t reply_at_length_and_close(fin_conn *conn, const char *data, size_t len) {
  (void)data, (void)len;
  cr_assert_eq(fin_conn_write(conn, net_pattern(LONG_LEN), LONG_LEN), 0);
  fin_conn_close(conn, FIN_REASON_CLOSED);
  return 0;
}

Test(unread_input_at_close, of_a_client_that_sends_all_before_it_reads) {
  struct net net;
  int ending;
  const fin_handler long_winded = {.on_data = reply_at_length_and_close};
  net_begin(&net, &(fin_listen){.handler = &long_winded});
  int peer = net_connect_small(&net, CLIENT_BUFFER, 0);
  net_send(&net, peer, net_pattern(LONG_LEN), LONG_LEN);
  net_expect(&net, peer, net_pattern(LONG_LEN), LONG_LEN);
  cr_assert_eq(net_receive_all(&net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN");
  net_close(&net, peer);
  net_until(&net, net.closed == 1);
  net_reason(&net, CLOSED);
  cr_assert_eq(net.report.bytes_in, LONG_LEN);
  net_end(&net);
}

/* ---- the same without lingering ---- */

struct plain {
  int client, server;
};

static struct plain plain_connect(void) {
  struct plain plain;
  const int size = CLIENT_BUFFER;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  cr_assert_eq(bind(listener, (struct sockaddr *)&address, len), 0);
  cr_assert_eq(listen(listener, 1), 0);
  cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
  plain.client = socket(AF_INET, SOCK_STREAM, 0);
  cr_assert_eq(setsockopt(plain.client, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
  cr_assert_eq(connect(plain.client, (struct sockaddr *)&address, len), 0);
  plain.server = accept(listener, NULL, NULL);
  cr_assert_geq(plain.server, 0);
  close(listener);
  return plain;
}

/* Waits for input, leaves all but its first byte unread, hands the whole reply to the kernel and
 * closes. The client takes what it must so that the kernel can. */
static size_t plain_serve(struct plain *plain) {
  char first, piece[4096];
  size_t sent = 0, received = 0;
  cr_assert_eq(recv(plain->server, &first, 1, 0), 1);
  while (sent < REPLY_LEN) {
    ssize_t count = send(plain->server, net_pattern(REPLY_LEN) + sent, REPLY_LEN - sent,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) {
      sent += (size_t)count;
      continue;
    }
    cr_assert_eq(errno, EAGAIN);
    count = recv(plain->client, piece, sizeof piece, 0);
    cr_assert_gt(count, 0);
    received += (size_t)count;
  }
  close(plain->server);
  return received;
}

Test(unread_input_at_close, plain_close_truncates_the_reply) {
  struct leftover_baseline baseline = leftover_begin();
  struct plain plain = plain_connect();
  char piece[4096];
  ssize_t count;
  cr_assert_gt(send(plain.client, net_pattern(REQUEST_LEN), REQUEST_LEN, MSG_DONTWAIT), 1);
  size_t received = plain_serve(&plain);
  while ((count = recv(plain.client, piece, sizeof piece, 0)) > 0) received += (size_t)count;
  cr_assert_eq(count, -1);
  cr_assert_eq(errno, ECONNRESET);
  cr_assert_lt(received, REPLY_LEN, "the plain close delivered all of it");
  close(plain.client);
  leftover_end(&baseline);
}
