/* SPDX-License-Identifier: MIT
 *
 * The fixture that other tests rely on must see what they would leave behind.
 */
#include "support/leftover.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "sockets.h"

TestSuite(leftover, .init = skip_without_census);

Test(leftover, nothing) {
  const struct leftover_baseline baseline = leftover_begin();
  struct wire wire = wire_open(AF_INET);
  cr_assert_eq(leftover_count(&baseline, false), 3);
  wire_close(&wire);
  leftover_end(&baseline);
}

Test(leftover, what_was_there_before_may_stay_and_may_change_its_state) {
  struct wire wire = wire_open(AF_INET);
  const struct leftover_baseline baseline = leftover_begin();
  cr_assert_eq(shutdown(wire.client, SHUT_WR), 0);
  wire_read_end(wire.server);
  cr_assert_eq(shutdown(wire.server, SHUT_WR), 0);
  await_gone(wire.port, wire.client_port);
  leftover_end(&baseline);
  wire_close(&wire);
}

Test(leftover, invisible_sockets_count) {
  const struct linger now = {.l_onoff = 1};
  const struct leftover_baseline baseline = leftover_begin();
  struct wire wire = wire_open(AF_INET);
  cr_assert_eq(setsockopt(wire.client, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  wire_close_fd(&wire.client);
  wire_close_fd(&wire.listener);
  await_gone(wire.port, wire.client_port);
  cr_assert_eq(leftover_count(&baseline, false), 1);
  wire_close(&wire);
  leftover_end(&baseline);
}

Test(leftover, one_closed_too_many_does_not_hide_one_closed_too_few) {
  struct wire old = wire_open(AF_INET);
  const struct leftover_baseline baseline = leftover_begin();
  const int leaked = dup(STDIN_FILENO);
  struct wire wire = wire_listen(AF_INET, false);
  wire_close_fd(&old.client);
  close(leaked);
  cr_assert_eq(leftover_count(&baseline, false), 1);
  wire_close(&wire);
  wire_close(&old);
}

Test(leftover, other_descriptors_count_both_ways) {
  const int before = dup(STDIN_FILENO);
  const struct leftover_baseline baseline = leftover_begin();
  const int more = dup(STDIN_FILENO);
  cr_assert_eq(leftover_count(&baseline, false), 1);
  close(more);
  cr_assert_eq(leftover_count(&baseline, false), 0);
  close(before);
  cr_assert_eq(leftover_count(&baseline, false), 1);
}

static int late_fd;

static void close_late(int signal) {
  (void)signal;
  close(late_fd);
}

Test(leftover, waits_for_what_is_on_its_way) {
  const struct itimerval soon = {.it_value = {.tv_usec = 50000}};
  const struct leftover_baseline baseline = leftover_begin();
  struct wire wire = wire_open(AF_INET);
  late_fd = wire.server;
  wire.server = -1;
  wire_close(&wire);
  cr_assert_eq(leftover_count(&baseline, false), 1);
  cr_assert_neq(signal(SIGALRM, close_late), SIG_ERR);
  cr_assert_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
  leftover_end(&baseline);
}
