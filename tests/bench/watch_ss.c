/* SPDX-License-Identifier: MIT
 *
 * The watch and ss(8) count the same sockets.
 */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "watched.h"

enum { CONNECTIONS = 40 };

struct counts {
  uint32_t server[FIN_TCP_STATE_COUNT], clients[FIN_TCP_STATE_COUNT];
};

static fin_tcp_state state_of(const char *text) {
  for (unsigned state = 1; state < FIN_TCP_STATE_COUNT; state++) {
    if (strcmp(fin_tcp_state_name((fin_tcp_state)state), text) == 0) return (fin_tcp_state)state;
  }
  return FIN_TCP_ANY;
}

/* "ESTAB 0 0 127.0.0.1:7000 127.0.0.1:41234" */
static struct counts ask_ss(uint16_t port) {
  struct counts counts = {0};
  char line[512], ours[16];
  FILE *ss = popen("ss -Htan 2>&1", "r");
  cr_assert_not_null(ss);
  snprintf(ours, sizeof ours, ":%u", (unsigned)port);
  while (fgets(line, sizeof line, ss) != NULL) {
    char name[32], local[128], remote[128];
    fin_tcp_state state;
    if (sscanf(line, "%31s %*s %*s %127s %127s", name, local, remote) != 3) continue;
    state = state_of(name);
    cr_assert_neq(state, FIN_TCP_ANY, "ss: %s", line);
    if (state == FIN_TCP_LISTEN) continue;
    if (strcmp(strrchr(local, ':'), ours) == 0)
      counts.server[state]++;
    else if (strcmp(strrchr(remote, ':'), ours) == 0)
      counts.clients[state]++;
  }
  pclose(ss);
  return counts;
}

static void expect_same(const struct counts *counts, const struct watch_sample *sample) {
  for (unsigned state = 1; state < FIN_TCP_STATE_COUNT; state++) {
    uint32_t server = 0;
    for (unsigned holder = 1; holder < FIN_HOLDER_COUNT; holder++) {
      server += sample->sockets[state][holder];
    }
    cr_expect_eq(server, counts->server[state], "%s: %" PRIu32 " and %" PRIu32 " by ss",
                 fin_tcp_state_name((fin_tcp_state)state), server, counts->server[state]);
    cr_expect_eq(sample->clients[state], counts->clients[state],
                 "ours in %s: %" PRIu32 " and %" PRIu32 " by ss",
                 fin_tcp_state_name((fin_tcp_state)state), sample->clients[state],
                 counts->clients[state]);
  }
}

/* Of forty connections ten each: open; ended by us and kept (CLOSE_WAIT); ended and closed (our
 * TIME_WAIT); half-closed by us and kept. */
Test(watch_ss, agrees) {
  struct watched watched;
  struct counts counts;
  int fds[CONNECTIONS];
  if (system("ss -V >/dev/null 2>&1") != 0) cr_skip_test("ss (iproute2) is not installed");
  watched_begin(&watched, &(struct fault){.keep_every = 2});
  for (size_t i = 0; i < CONNECTIONS; i++) fds[i] = watched_connect(&watched);
  for (size_t i = 0; i < CONNECTIONS; i += 4) {
    close(fds[i]);
    close(fds[i + 1]);
    shutdown(fds[i + 2], SHUT_WR);
  }
  watched_load(&watched, 0);
  watched_settle(&watched);
  counts = ask_ss(watched.target.port);
  expect_same(&counts, &watched.result->after);
  cr_expect_eq(counts.server[FIN_TCP_ESTABLISHED], CONNECTIONS / 4);
  cr_expect_eq(counts.server[FIN_TCP_CLOSE_WAIT], CONNECTIONS * 3 / 4 / 2);
  cr_expect(watched_gate(&watched, "leftover.close_wait==15"));
  for (size_t i = 0; i < CONNECTIONS; i += 4) {
    close(fds[i + 2]);
    close(fds[i + 3]);
  }
  watched_end(&watched);
}
