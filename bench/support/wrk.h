/* SPDX-License-Identifier: MIT
 *
 * wrk as the load.
 */
#ifndef BENCH_WRK_H
#define BENCH_WRK_H

#include <stdbool.h>
#include <stdint.h>

struct wrk_figures {
  uint64_t requests; /* that were answered, each with a status below 400 */
  uint64_t bytes;
  double seconds;
};

struct wrk_load {
  unsigned connections;
  unsigned pipeline; /* requests for / under way on each of them */
  unsigned seconds;
  bool vary; /* each request differs from the one before, by its query */
};

/* Runs it in one thread. Exits with a message where wrk is missing or reports an error. */
struct wrk_figures wrk_run(uint16_t port, const struct wrk_load *load);

#endif
