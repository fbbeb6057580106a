/* SPDX-License-Identifier: MIT
 *
 * Servers of HTTP that are wrong, each in its way: every request is counted once, as what it is.
 */
#include "peer.h"

#define HEAD "HTTP/1.1 200 OK\r\n"

/* All requests of the load have this fate. */
#define EXPECT_ALL(result, fate, count) \
  do { \
    cr_expect_eq((result)->counts.errors.fate, (count), #fate ": %llu", \
                 (unsigned long long)(result)->counts.errors.fate); \
    cr_expect_eq((result)->counts.requests + load_errors_sum(&(result)->counts.errors), (count), \
                 "%llu good ones", (unsigned long long)(result)->counts.requests); \
  } while (0)

static struct load_result *load_http(struct peer *peer) {
  struct load_options options = peer_options(peer, "http");
  return peer_load(&options);
}

/* ---- the connection ends too early ---- */

static void truncate_reply(struct peer *peer, int fd) {
  (void)peer;
  if (peer_ask(fd)) peer_say(fd, HEAD "Content-Length: 100\r\n\r\nhalf of it");
}

Test(bench_http, reply_is_cut_off) {
  struct peer *peer = peer_begin(truncate_reply, NULL);
  struct load_result *result = load_http(peer);
  EXPECT_ALL(result, truncated, 20);
  cr_expect_eq(result->counts.resets, 0);
  cr_expect_eq(result->connections, 20);
  peer_load_free(result);
  peer_end(peer);
}

static void truncate_head(struct peer *peer, int fd) {
  (void)peer;
  if (peer_ask(fd)) peer_say(fd, HEAD "Content-Le");
}

Test(bench_http, head_is_cut_off) {
  struct peer *peer = peer_begin(truncate_head, NULL);
  struct load_result *result = load_http(peer);
  EXPECT_ALL(result, truncated, 20);
  peer_load_free(result);
  peer_end(peer);
}

static void truncate_chunks(struct peer *peer, int fd) {
  (void)peer;
  if (peer_ask(fd)) peer_say(fd, HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
}

Test(bench_http, last_chunk_is_missing) {
  struct peer *peer = peer_begin(truncate_chunks, NULL);
  struct load_result *result = load_http(peer);
  EXPECT_ALL(result, truncated, 20);
  peer_load_free(result);
  peer_end(peer);
}

static void say_nothing(struct peer *peer, int fd) { (void)peer, peer_ask(fd); }

Test(bench_http, closed_without_reply) {
  struct peer *peer = peer_begin(say_nothing, NULL);
  struct load_result *result = load_http(peer);
  EXPECT_ALL(result, lost, 20);
  cr_expect_eq(result->counts.resets, 0);
  peer_load_free(result);
  peer_end(peer);
}

static void reset_at_once(struct peer *peer, int fd) {
  (void)peer;
  if (peer_ask(fd)) peer_reset(fd);
}

Test(bench_http, reset_without_reply) {
  struct peer *peer = peer_begin(reset_at_once, NULL);
  struct load_result *result = load_http(peer);
  EXPECT_ALL(result, lost, 20);
  cr_expect_eq(result->counts.resets, 20);
  peer_load_free(result);
  peer_end(peer);
}

static void close_at_once(struct peer *peer, int fd) { (void)peer, (void)fd; }

Test(bench_http, closes_at_once) {
  struct peer *peer = peer_begin(close_at_once, NULL);
  struct load_result *result = load_http(peer);
  EXPECT_ALL(result, lost, 20);
  peer_load_free(result);
  peer_end(peer);
}

/* ---- the reply is wrong ---- */

static void answer(struct peer *peer, int fd) {
  while (peer_ask(fd)) peer_say(fd, peer->context);
}

static struct load_result *load_answered(const char *reply) {
  struct peer *peer = peer_begin(answer, (void *)(uintptr_t)reply);
  struct load_result *result = load_http(peer);
  peer_end(peer);
  return result;
}

Test(bench_http, wrong_status) {
  struct load_result *result = load_answered("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno");
  EXPECT_ALL(result, status, 20);
  cr_expect_eq(result->connections, 1, "the connection is as good as before");
  peer_load_free(result);
}

Test(bench_http, redirection_is_no_success) {
  struct load_result *result = load_answered("HTTP/1.1 302 Go\r\nContent-Length: 0\r\n\r\n");
  EXPECT_ALL(result, status, 20);
  peer_load_free(result);
}

Test(bench_http, garbage) {
  struct load_result *result = load_answered("who goes there?\r\n");
  EXPECT_ALL(result, malformed, 20);
  cr_expect_eq(result->connections, 20, "each on a connection of its own");
  peer_load_free(result);
}

Test(bench_http, two_lengths) {
  struct load_result *result =
      load_answered(HEAD "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello");
  EXPECT_ALL(result, malformed, 20);
  peer_load_free(result);
}

/* The second of two replies is nobody's. */
Test(bench_http, more_replies_than_requests) {
  struct load_result *result = load_answered(PEER_REPLY PEER_REPLY);
  cr_expect_eq(result->counts.requests, 10);
  cr_expect_eq(result->counts.errors.malformed, 10);
  peer_load_free(result);
}

static void answer_differently(struct peer *peer, int fd) {
  bool first = peer->visits == 1;
  for (; peer_ask(fd); first = false) peer_say(fd, first ? PEER_REPLY : peer->context);
}

Test(bench_http, another_length) {
  struct peer *peer = peer_begin(answer_differently, HEAD "Content-Length: 6\r\n\r\nhello!");
  struct load_options options = peer_options(peer, "http");
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.requests, 1);
  cr_expect_eq(result->counts.errors.length, 19);
  peer_load_free(result);
  peer_end(peer);
}

Test(bench_http, another_length_may_be_allowed) {
  struct peer *peer = peer_begin(answer_differently, HEAD "Content-Length: 6\r\n\r\nhello!");
  struct load_options options = peer_options(peer, "http");
  options.any_length = true;
  struct load_result *result = peer_load(&options);
  cr_expect_eq(result->counts.requests, 20);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  peer_load_free(result);
  peer_end(peer);
}

/* Other bytes of the same length are another page, not an error. */
Test(bench_http, another_body_of_that_length) {
  struct peer *peer = peer_begin(answer_differently, HEAD "Content-Length: 5\r\n\r\nHELLO");
  struct load_result *result = load_http(peer);
  cr_expect_eq(result->counts.requests, 20);
  cr_expect_eq(load_errors_sum(&result->counts.errors), 0);
  peer_load_free(result);
  peer_end(peer);
}

/* ---- there is none ---- */

static void keep_silent(struct peer *peer, int fd) {
  while (peer_ask(fd)) {
  }
  (void)peer;
}

Test(bench_http, never_answers) {
  struct peer *peer = peer_begin(keep_silent, NULL);
  struct load_options options = peer_options(peer, "http");
  options.requests = 4;
  options.connections = 2;
  options.timeout_ms = 200;
  struct load_result *result = peer_load(&options);
  EXPECT_ALL(result, late, 4);
  peer_load_free(result);
  peer_end(peer);
}

static void answer_half(struct peer *peer, int fd) {
  (void)peer;
  if (!peer_ask(fd)) return;
  peer_say(fd, HEAD "Content-Length: 100\r\n\r\nhalf of it");
  peer_next(fd);
}

Test(bench_http, never_finishes) {
  struct peer *peer = peer_begin(answer_half, NULL);
  struct load_options options = peer_options(peer, "http");
  options.requests = 2;
  options.timeout_ms = 200;
  struct load_result *result = peer_load(&options);
  EXPECT_ALL(result, late, 2);
  peer_load_free(result);
  peer_end(peer);
}
