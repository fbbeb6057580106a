/* SPDX-License-Identifier: MIT
 *
 * The first moments of a tunnel: the client is there and the target not yet, or never.
 */
#include <netinet/tcp.h>

#include "tunnel_ends.h"

enum { LEN = 3 * 1000 * 1000 };

/* ---- what comes before the target is there ---- */

Test(tunnel_opening, what_the_client_sends_meanwhile_arrives) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_be_deaf(&ends);
  ends.client = ends_dial(&ends);
  size_t sent = 0;
  for (int turn = 0; turn < 30; turn++) {
    sent += net_send_some(ends.client, net_pattern(LEN) + sent, LEN - sent);
    net_turn(&ends.net, 1);
  }
  ends_answer(&ends);
  ends.target = ends_accept(&ends);
  net_expect(&ends.net, ends.target, net_pattern(LEN), sent);
  net_send(&ends.net, ends.target, "hello", 5);
  net_expect(&ends.net, ends.client, "hello", 5);
  net_fin(ends.client);
  net_fin(ends.target);
  cr_assert_eq(ends_ending(&ends, ends.client), 0);
  cr_assert_eq(ends_ending(&ends, ends.target), 0);
  net_close(&ends.net, ends.client);
  net_close(&ends.net, ends.target);
  ends_end(&ends);
}

/* It has sent all that it has to say, and its FIN. */
Test(tunnel_opening, so_does_its_fin) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_be_deaf(&ends);
  ends.client = ends_dial(&ends);
  net_send(&ends.net, ends.client, "question", 8);
  net_fin(ends.client);
  net_turn(&ends.net, 0);
  ends_answer(&ends);
  ends.target = ends_accept(&ends);
  char question[16];
  int ending;
  cr_assert_eq(net_receive_all(&ends.net, ends.target, question, sizeof question, &ending), 8);
  cr_assert_eq(ending, 0);
  cr_assert_eq(memcmp(question, "question", 8), 0);
  net_send(&ends.net, ends.target, "answer", 6);
  net_fin(ends.target);
  net_expect(&ends.net, ends.client, "answer", 6);
  cr_assert_eq(ends_ending(&ends, ends.client), 0);
  net_close(&ends.net, ends.client);
  net_close(&ends.net, ends.target);
  ends_end(&ends);
}

/* ---- who leaves before the target is there ---- */

Test(tunnel_opening, the_client_resets) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_be_deaf(&ends);
  ends.client = ends_dial(&ends);
  net_until(&ends.net, ends_legs(&ends) == 2);
  net_reset(&ends.net, ends.client);
  net_until(&ends.net, ends_legs(&ends) == 0);
  cr_assert_eq(ends_reason(&ends, PEER_RESET), 1);
  ends_answer(&ends);
  ends_end(&ends);
}

/* ---- no target ---- */

static void expect_no_target(struct ends *ends, const char *why, unsigned reason) {
  ends->client = ends_dial(ends);
  net_send(&ends->net, ends->client, "hello", 5);
  net_until(&ends->net, net_tcp_state(ends->client) == TCP_CLOSE);
  cr_assert_eq(ends_ending(ends, ends->client), ECONNRESET, "%s", why);
  net_until(&ends->net, ends_legs(ends) == 0);
  cr_assert_eq(stats_of(&ends->net).closed[reason], 1, "%s", why);
  cr_assert_eq(ends_reason(ends, ABORTED), 1);
  net_close(&ends->net, ends->client);
}

Test(tunnel_opening, refused) {
  struct ends ends;
  ends_begin(&ends, NULL);
  net_close(&ends.net, ends.listener);
  ends.listener = -1;
  expect_no_target(&ends, "refused", FIN_REASON_NOT_OPENED);
  ends_end(&ends);
}

Test(tunnel_opening, no_such_name) {
  struct ends ends;
  ends_begin_to(&ends, &(fin_tunnel_options){.host = "no such name", .port = 1});
  expect_no_target(&ends, "no such name", FIN_REASON_NOT_OPENED);
  ends_end(&ends);
}

Test(tunnel_opening, too_slow) {
  struct ends ends;
  ends_begin(&ends, &(fin_conn_options){.open_ms = 200});
  ends_be_deaf(&ends);
  expect_no_target(&ends, "too slow", FIN_REASON_OPEN_TIMEOUT);
  ends_answer(&ends);
  ends_end(&ends);
}

/* ---- options ---- */

static void refuses(fin_tunnel_options options) {
  errno = 0;
  cr_assert_null(fin_tunnel_new(&options));
  cr_assert_eq(errno, EINVAL);
}

Test(tunnel_opening, options_out_of_range) {
  refuses((fin_tunnel_options){.port = 80});
  refuses((fin_tunnel_options){.host = "", .port = 80});
  refuses((fin_tunnel_options){.host = "localhost"});
  fin_tunnel_free(NULL);
}
