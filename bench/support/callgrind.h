/* SPDX-License-Identifier: MIT
 *
 * Instructions in user space, as valgrind's callgrind counts them: the same in every run.
 */
#ifndef BENCH_CALLGRIND_H
#define BENCH_CALLGRIND_H

#include <stdint.h>

#include "support/server_process.h"

/* To put in front of a server's command; NULL where valgrind is not installed. Count only one
 * server at a time. */
const char *const *callgrind_prefix(void);

/* Stops the server, and returns how many instructions it has executed since it was started. */
uint64_t callgrind_stop(struct server_process *server);

#endif
