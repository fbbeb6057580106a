/* SPDX-License-Identifier: MIT
 *
 * Through a tunnel each end may say that it has finished while the other goes on: as nc -N does,
 * and every protocol whose message lasts until the FIN.
 */
#include <netinet/tcp.h>

#include "tunnel_ends.h"

enum { LEN = 3 * 1000 * 1000 };

static void expect_fin(struct ends *ends, int end) {
  char more;
  int ending;
  cr_assert_eq(net_receive_all(&ends->net, end, &more, 1, &ending), 0);
  cr_assert_eq(ending, 0, "FIN, not %s", strerror(ending));
}

/* `asker` sends a request and its FIN; only then `answerer` replies. */
static void ask_and_answer(struct ends *ends, int asker, int answerer) {
  struct net *net = &ends->net;
  net_send(net, asker, "question", 8);
  net_fin(asker);
  net_expect(net, answerer, "question", 8);
  expect_fin(ends, answerer);
  net_send(net, answerer, net_pattern(LEN), 1000);
  net_expect(net, asker, net_pattern(LEN), 1000);
  cr_assert_eq(ends_legs(ends), 2, "the other direction stays open");
  net_send(net, answerer, net_pattern(LEN), 1000);
  net_fin(answerer);
  net_expect(net, asker, net_pattern(LEN), 1000);
  expect_fin(ends, asker);
}

static void end(struct ends *ends) {
  net_until(&ends->net, ends_legs(ends) == 0);
  net_close(&ends->net, ends->client);
  net_close(&ends->net, ends->target);
  ends_end(ends);
}

Test(tunnel_half_close, by_the_client) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  ask_and_answer(&ends, ends.client, ends.target);
  end(&ends);
}

Test(tunnel_half_close, by_the_target) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  ask_and_answer(&ends, ends.target, ends.client);
  end(&ends);
}

Test(tunnel_half_close, both_end_at_once) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  net_fin(ends.client);
  net_fin(ends.target);
  expect_fin(&ends, ends.client);
  expect_fin(&ends, ends.target);
  end(&ends);
}

/* The FIN waits for what precedes it: far more than the kernels hold. */
static void send_much(struct ends *ends, int from, int to) {
  struct net *net = &ends->net;
  const size_t len = 20 * 1000 * 1000;
  size_t sent = 0, received = 0;
  char piece[64 * 1024];
  while (sent < len) {
    size_t count = net_receive_some(to, piece, sizeof piece);
    cr_assert_eq(memcmp(piece, net_pattern(len) + received, count), 0);
    received += count;
    sent += net_send_some(from, net_pattern(len) + sent, len - sent);
    net_turn(net, 0);
  }
  net_fin(from);
  net_expect(net, to, net_pattern(len) + received, len - received);
  expect_fin(ends, to);
  net_send(net, to, "thanks", 6);
  net_fin(to);
  net_expect(net, from, "thanks", 6);
  expect_fin(ends, from);
}

Test(tunnel_half_close, much_before_the_fin) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  send_much(&ends, ends.client, ends.target);
  end(&ends);
  ends_begin(&ends, NULL);
  ends_open(&ends);
  send_much(&ends, ends.target, ends.client);
  end(&ends);
}

/* An end that has gone altogether takes nothing any more: its kernel resets what is written to it,
 * and the reset reaches who wrote. */
Test(tunnel_half_close, by_closing) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  net_close(&ends.net, ends.client);
  expect_fin(&ends, ends.target);
  net_send(&ends.net, ends.target, "hello", 5);
  net_until(&ends.net, net_tcp_state(ends.target) == TCP_CLOSE); /* without a FIN of its own */
  net_until(&ends.net, ends_legs(&ends) == 0);
  cr_assert_eq(ends_reason(&ends, PEER_RESET), 1);
  cr_assert_eq(ends_reason(&ends, ABORTED), 1);
  net_close(&ends.net, ends.target);
  ends_end(&ends);
}

/* Half-closed, and then silence: half_ms bounds both legs. */
Test(tunnel_half_close, and_silence) {
  struct ends ends;
  ends_begin(&ends, &(fin_conn_options){.half_ms = 200, .linger_ms = 200});
  ends_open(&ends);
  net_fin(ends.client);
  expect_fin(&ends, ends.target);
  net_until(&ends.net, ends_legs(&ends) == 0);
  net_close(&ends.net, ends.client);
  net_close(&ends.net, ends.target);
  ends_end(&ends);
}

/* ---- who is slow is not silent ---- */

enum { SLOW_LEN = 12 * 1000 * 1000, BITE = 8 * 1024, HALF_MS = 500, SLOW_MS = 5 * HALF_MS };

static const fin_conn_options impatient = {.half_ms = HALF_MS, .stall_ms = HALF_MS};

/* What waits in the tunnel is taken slowly, for many times half_ms. The leg that it came from, on
 * which nothing happens for most of that time, is not given up. */
static void take_slowly(struct ends *ends, int to, size_t len) {
  struct net *net = &ends->net;
  char piece[BITE];
  size_t received = 0;
  uint64_t begun_ms = net_now_ms();
  while (received < len && net_now_ms() - begun_ms < SLOW_MS) {
    size_t count = net_receive_some(to, piece, sizeof piece);
    cr_assert_eq(memcmp(piece, net_pattern(SLOW_LEN) + received, count), 0);
    received += count;
    turn_for(net, 5);
    cr_assert_eq(ends_reason(ends, HALF_TIMEOUT), 0, "given up after %zu of %zu", received, len);
  }
  net_expect(net, to, net_pattern(SLOW_LEN) + received, len - received);
}

/* As much of it as goes in, while nobody reads. */
static size_t send_what_fits(struct ends *ends, int from, size_t len) {
  size_t sent = 0;
  for (unsigned still = 0; still < 10; still++) {
    size_t count = net_send_some(from, net_pattern(SLOW_LEN) + sent, len - sent);
    sent += count;
    if (count > 0) still = 0;
    net_turn(&ends->net, 1);
  }
  return sent;
}

/* A long question, and a short answer. */
static void ask(struct ends *ends, int from, int to, size_t len) {
  struct net *net = &ends->net;
  size_t sent = send_what_fits(ends, from, len);
  net_fin(from);
  take_slowly(ends, to, sent);
  expect_fin(ends, to);
  net_send(net, to, "answer", 6);
  net_fin(to);
  net_expect(net, from, "answer", 6);
  expect_fin(ends, from);
}

static void ask_slowly(struct ends *ends, int from, int to) { ask(ends, from, to, SLOW_LEN); }

/* A short question, and a long answer. */
static void answer_slowly(struct ends *ends, int from, int to) {
  struct net *net = &ends->net;
  net_send(net, from, "question", 8);
  net_fin(from);
  net_expect(net, to, "question", 8);
  expect_fin(ends, to);
  size_t sent = send_what_fits(ends, to, SLOW_LEN);
  net_fin(to);
  take_slowly(ends, from, sent);
  expect_fin(ends, from);
}

static void slowly(void (*how)(struct ends *ends, int from, int to), bool from_client) {
  struct ends ends;
  ends_begin(&ends, &impatient);
  ends_open(&ends);
  how(&ends, from_client ? ends.client : ends.target, from_client ? ends.target : ends.client);
  end(&ends);
}

Test(tunnel_half_close, a_slow_target_of_a_long_question) { slowly(ask_slowly, true); }
Test(tunnel_half_close, a_slow_client_of_a_long_question) { slowly(ask_slowly, false); }
Test(tunnel_half_close, a_slow_client_of_a_long_answer) { slowly(answer_slowly, true); }
Test(tunnel_half_close, a_slow_target_of_a_long_answer) { slowly(answer_slowly, false); }

/* All of it is in the kernel that sends to the target, and so is the FIN. */
Test(tunnel_half_close, a_slow_target_of_a_question_that_the_kernel_holds) {
  enum { LITTLE_ROOM = 8 * 1024 };
  struct ends ends;
  ends_begin(&ends, &impatient);
  cr_assert_eq(setsockopt(ends.listener, SOL_SOCKET, SO_RCVBUF, &(int){LITTLE_ROOM}, sizeof(int)),
               0);
  ends_open(&ends);
  ask(&ends, ends.client, ends.target, 2 * 1000 * 1000);
  end(&ends);
}
