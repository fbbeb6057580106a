/* SPDX-License-Identifier: MIT
 *
 * A reset at one end of a tunnel is a reset at the other, so that nobody takes a part for the
 * whole; and a killed process leaves nothing behind, whichever end it held.
 */
#include <netinet/tcp.h>
#include <sys/prctl.h>

#include "tunnel_ends.h"

enum { PIECE = 1000 * 1000 };

/* ---- a reset goes on as a reset ---- */

static void reset(struct ends *ends, int broken, int other) {
  struct net *net = &ends->net;
  net_send(net, broken, "hello", 5);
  net_expect(net, other, "hello", 5);
  net_reset(net, broken);
  cr_assert_eq(ends_ending(ends, other), ECONNRESET);
  net_until(net, ends_legs(ends) == 0);
  cr_assert_eq(ends_reason(ends, PEER_RESET), 1);
  cr_assert_eq(ends_reason(ends, ABORTED), 1);
  net_close(net, other);
  ends_end(ends);
}

Test(tunnel_reset, by_the_client) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  reset(&ends, ends.client, ends.target);
}

Test(tunnel_reset, by_the_target) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  reset(&ends, ends.target, ends.client);
}

/* As much as the tunnel takes, which nobody reads. */
static void fill(struct ends *ends, int from) {
  for (unsigned still = 0; still < 10; still++) {
    if (net_send_some(from, net_pattern(PIECE), PIECE) > 0) still = 0;
    net_turn(&ends->net, 1);
  }
}

/* The one that is held back learns of it, too. */
Test(tunnel_reset, by_who_does_not_read) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  fill(&ends, ends.client);
  net_reset(&ends.net, ends.target);
  net_until(&ends.net, ends_legs(&ends) == 0);
  net_until(&ends.net, net_tcp_state(ends.client) == TCP_CLOSE);
  net_close(&ends.net, ends.client);
  ends_end(&ends);
}

Test(tunnel_reset, by_who_is_not_read) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  fill(&ends, ends.client);
  net_reset(&ends.net, ends.client);
  cr_assert_eq(ends_ending(&ends, ends.target), ECONNRESET);
  net_close(&ends.net, ends.target);
  ends_end(&ends);
}

Test(tunnel_reset, after_a_fin) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  net_fin(ends.client);
  cr_assert_eq(ends_ending(&ends, ends.target), 0);
  net_reset(&ends.net, ends.target);
  cr_assert_eq(ends_ending(&ends, ends.client), ECONNRESET);
  net_close(&ends.net, ends.client);
  ends_end(&ends);
}

/* Nobody reads what waits for one end: the other is reset when that one's time is up. */
Test(tunnel_reset, by_a_stalled_end) {
  struct ends ends;
  ends_begin(&ends, &(fin_conn_options){.stall_ms = 200});
  ends_open(&ends);
  fill(&ends, ends.target);
  cr_assert_eq(ends_ending(&ends, ends.target), ECONNRESET);
  net_until(&ends.net, ends_legs(&ends) == 0);
  cr_assert_eq(ends_reason(&ends, SLOW_READER), 1);
  cr_assert_eq(ends_reason(&ends, ABORTED), 1);
  net_close(&ends.net, ends.client);
  net_close(&ends.net, ends.target);
  ends_end(&ends);
}

/* ---- kill -9 ---- */

/* Another process holds that end alone; then it is killed. */
static void kill_holder(struct ends *ends, int end) {
  pid_t holder = fork();
  cr_assert(holder >= 0, "fork: %s", strerror(errno));
  if (holder == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  close(end);
  kill(holder, SIGKILL);
  cr_assert_eq(waitpid(holder, NULL, 0), holder);
  net_turn(&ends->net, 0);
}

static const fin_conn_options half_soon = {.half_ms = 300, .linger_ms = 300};

/* Its kernel says FIN, for all is read. The other end may be as silent as it likes. */
static void kill_idle(bool the_client) {
  struct ends ends;
  ends_begin(&ends, &half_soon);
  ends_open(&ends);
  int killed = the_client ? ends.client : ends.target;
  int other = the_client ? ends.target : ends.client;
  kill_holder(&ends, killed);
  cr_assert_eq(ends_ending(&ends, other), 0);
  net_until(&ends.net, ends_legs(&ends) == 0);
  net_close(&ends.net, other);
  ends_end(&ends);
}

Test(tunnel_reset, client_killed) { kill_idle(true); }
Test(tunnel_reset, target_killed) { kill_idle(false); }

/* Its kernel says RST, for there was more to read. */
static void kill_reading(bool the_client) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  int killed = the_client ? ends.client : ends.target;
  int other = the_client ? ends.target : ends.client;
  net_send(&ends.net, other, "hello", 5);
  net_until(&ends.net, net_unread(killed) == 5);
  kill_holder(&ends, killed);
  cr_assert_eq(ends_ending(&ends, other), ECONNRESET);
  net_until(&ends.net, ends_legs(&ends) == 0);
  net_close(&ends.net, other);
  ends_end(&ends);
}

Test(tunnel_reset, client_killed_with_input_unread) { kill_reading(true); }
Test(tunnel_reset, target_killed_with_input_unread) { kill_reading(false); }

/* In the midst of a stream towards it, and of one from it. */
static void kill_streaming(bool the_client, bool sending) {
  struct ends ends;
  ends_begin(&ends, NULL);
  ends_open(&ends);
  int killed = the_client ? ends.client : ends.target;
  int other = the_client ? ends.target : ends.client;
  fill(&ends, sending ? killed : other);
  kill_holder(&ends, killed);
  if (sending) { /* a FIN, behind all of that */
    cr_assert_eq(ends_ending(&ends, other), 0);
    net_fin(other);
  } else {
    net_until(&ends.net, net_tcp_state(other) == TCP_CLOSE);
  }
  net_until(&ends.net, ends_legs(&ends) == 0);
  net_close(&ends.net, other);
  ends_end(&ends);
}

Test(tunnel_reset, client_killed_while_it_sends) { kill_streaming(true, true); }
Test(tunnel_reset, target_killed_while_it_sends) { kill_streaming(false, true); }
Test(tunnel_reset, client_killed_while_it_receives) { kill_streaming(true, false); }
Test(tunnel_reset, target_killed_while_it_receives) { kill_streaming(false, false); }
