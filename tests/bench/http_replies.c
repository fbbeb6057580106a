/* SPDX-License-Identifier: MIT
 *
 * Whatever a server of HTTP may rightly do counts as a good reply.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"

#define HEAD "HTTP/1.1 200 OK\r\n"

static void expect_good(const struct load_result *result, uint64_t requests) {
  cr_expect_eq(result->counts.requests, requests, "%llu",
               (unsigned long long)result->counts.requests);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  cr_expect_eq(result->counts.resets, 0);
}

static struct load_result *load_on(void (*serve)(struct peer *, int), const char *reply,
                                   unsigned depth) {
  struct peer *peer = peer_begin(serve, (void *)(uintptr_t)reply);
  struct load_options options = peer_options(peer, "http");
  if (depth > 1) options.workload = LOAD_PIPELINE_WORKLOAD;
  options.depth = depth;
  struct load_result *result = peer_load(&options);
  peer_end(peer);
  return result;
}

static void answer(struct peer *peer, int fd) {
  while (peer_ask(fd)) peer_say(fd, peer->context);
}

Test(bench_http, the_number_of_requests_is_kept) {
  struct load_result *result = load_on(answer, PEER_REPLY, 1);
  expect_good(result, 20);
  cr_expect_eq(result->connections, 1);
  cr_expect_eq(result->latency.count, 20);
  cr_expect_eq(result->counts.bytes_in, 20 * strlen(PEER_REPLY));
  peer_load_free(result);
}

Test(bench_http, chunked) {
  struct load_result *result =
      load_on(answer, HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 1);
  expect_good(result, 20);
  cr_expect_eq(result->connections, 1);
  peer_load_free(result);
}

Test(bench_http, interim_reply) {
  struct load_result *result = load_on(answer, "HTTP/1.1 103 Hm\r\n\r\n" PEER_REPLY, 1);
  expect_good(result, 20);
  peer_load_free(result);
}

Test(bench_http, no_content) {
  struct load_result *result = load_on(answer, "HTTP/1.1 204 OK\r\n\r\n", 3);
  expect_good(result, 20);
  peer_load_free(result);
}

/* Pieces of a reply: a byte at a time. */
static void answer_slowly(struct peer *peer, int fd) {
  const char *reply = peer->context;
  while (peer_ask(fd))
    for (const char *at = reply; *at; at++) peer_say(fd, (char[]){*at, '\0'});
}

Test(bench_http, in_pieces) {
  struct load_result *result = load_on(answer_slowly, PEER_REPLY, 4);
  expect_good(result, 20);
  cr_expect_eq(result->connections, 1);
  peer_load_free(result);
}

/* Its end is the connection's. */
static void answer_and_close(struct peer *peer, int fd) {
  if (peer_ask(fd)) peer_say(fd, peer->context);
}

Test(bench_http, ends_with_the_connection) {
  struct load_result *result = load_on(answer_and_close, HEAD "\r\nhello", 1);
  expect_good(result, 20);
  cr_expect_eq(result->connections, 20);
  peer_load_free(result);
}

/* Three on each connection, the last of which says so. */
static void answer_three(struct peer *peer, int fd) {
  (void)peer;
  for (int i = 0; i < 3 && peer_ask(fd); i++)
    peer_say(fd, i < 2 ? PEER_REPLY : HEAD "Connection: close\r\nContent-Length: 5\r\n\r\nhello");
  shutdown(fd, SHUT_WR);
  while (peer_ask(fd)) { /* what was sent behind it is not answered */
  }
}

Test(bench_http, server_closes_politely) {
  struct load_result *result = load_on(answer_three, NULL, 1);
  expect_good(result, 20);
  cr_expect_eq(result->connections, 7);
  peer_load_free(result);
}

/* Each is the last one, and the same as the one before. */
static void answer_one(struct peer *peer, int fd) {
  if (peer_ask(fd)) peer_say(fd, HEAD "Connection: close\r\nContent-Length: 5\r\n\r\nhello");
  shutdown(fd, SHUT_WR);
  PEER_EXPECT(peer, !peer_ask(fd), "asked again");
}

Test(bench_http, server_closes_politely_each_time) {
  struct load_result *result = load_on(answer_one, NULL, 1);
  expect_good(result, 20);
  cr_expect_eq(result->connections, 20);
  peer_load_free(result);
}

/* Requests behind the last reply are asked again. */
Test(bench_http, server_closes_politely_in_a_pipeline) {
  struct load_result *result = load_on(answer_three, NULL, 4);
  expect_good(result, 20);
  cr_expect_eq(result->connections, 7);
  peer_load_free(result);
}

/* A server whose patience with idle connections is short. A request that crosses its FIN on the way
 * is lost, as it should be; that happens when the machine stalls. */
static void close_when_idle(struct peer *peer, int fd) {
  _Atomic unsigned *crossed = peer->context;
  if (peer_ask(fd)) peer_say(fd, PEER_REPLY);
  shutdown(fd, SHUT_WR);
  while (peer_ask(fd)) ++*crossed;
}

Test(bench_http, server_closes_between_requests) {
  _Atomic unsigned crossed = 0;
  struct peer *peer = peer_begin(close_when_idle, &crossed);
  struct load_options options = peer_options(peer, "http");
  options.requests = 5;
  options.rate = 10;
  struct load_result *result = peer_load(&options);
  peer_end(peer);
  cr_expect_eq(result->counts.requests, 5 - crossed);
  cr_expect_eq(result->counts.errors.lost, crossed);
  cr_expect_eq(load_errors_sum(&result->counts.errors), crossed);
  cr_expect_eq(result->counts.resets, 0);
  peer_load_free(result);
}

static void read_pipeline(struct peer *peer, int fd) {
  const unsigned depth = 5;
  for (unsigned batch = 0; batch < 4; batch++) {
    for (unsigned i = 0; i < depth; i++) PEER_EXPECT(peer, peer_ask(fd), "request %u", i);
    /* All are there before the first is answered, and no more than these. */
    char byte;
    PEER_EXPECT(peer, recv(fd, &byte, 1, MSG_DONTWAIT) < 0, "more than %u requests", depth);
    for (unsigned i = 0; i < depth; i++) peer_say(fd, PEER_REPLY);
  }
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "it did not close");
}

Test(bench_http, pipeline_has_its_depth) {
  struct load_result *result = load_on(read_pipeline, NULL, 5);
  expect_good(result, 20);
  peer_load_free(result);
}

/* ---- connections ---- */

static void close_after(struct peer *peer, int fd) {
  char request[256] = "", *at = request;
  while (!strstr(request, "\r\n\r\n") && recv(fd, at, 1, 0) == 1) at++;
  PEER_EXPECT(peer, strstr(request, "\r\nConnection: close\r\n"), "%s", request);
  PEER_EXPECT(peer, strncmp(request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:", 32) == 0, "%s", request);
  peer_say(fd, PEER_REPLY);
  /* It is ours to close: until then it stays. */
  shutdown(fd, SHUT_WR);
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "no FIN behind ours");
}

Test(bench_http, churn_closed_by_the_server) {
  struct peer *peer = peer_begin(close_after, NULL);
  struct load_options options = peer_options(peer, "http");
  options.workload = LOAD_CHURN_WORKLOAD;
  options.server_closes = true;
  struct load_result *result = peer_load(&options);
  expect_good(result, 20);
  cr_expect_eq(result->counts.connections, 20);
  peer_load_free(result);
  peer_end(peer);
}

static void wait_for_fin(struct peer *peer, int fd) {
  PEER_EXPECT(peer, peer_ask(fd), "no request");
  peer_say(fd, PEER_REPLY);
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "it did not close");
}

Test(bench_http, churn_closed_by_the_client) {
  struct peer *peer = peer_begin(wait_for_fin, NULL);
  struct load_options options = peer_options(peer, "http");
  options.workload = LOAD_CHURN_WORKLOAD;
  struct load_result *result = peer_load(&options);
  expect_good(result, 20);
  cr_expect_eq(result->counts.connections, 20);
  peer_load_free(result);
  peer_end(peer);
}
