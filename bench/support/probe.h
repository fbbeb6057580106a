/* SPDX-License-Identifier: MIT
 *
 * Bytes sent to a server, each on a connection of its own, and what comes back, many at once.
 */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe {
  const char *send;
  size_t send_len;
  void *context;

  char *data; /* what came back; the caller frees it */
  size_t len;
  bool ended; /* by FIN or RST */

  /* For probes_run. */
  int fd;
  size_t sent, room;
  uint64_t heard_ns; /* when anything came last, or began */
};

/* Runs them until `whole` says so of what has come, or the server ends, or nothing more comes for
 * `quiet_ms`. Exits with a message if there is no connection. */
void probes_run(struct probe *probes, size_t count, uint16_t port, unsigned quiet_ms,
                bool (*whole)(const struct probe *probe));

#endif
