/* SPDX-License-Identifier: MIT */
#ifndef BENCH_LOAD_PROBE_H
#define BENCH_LOAD_PROBE_H

#include <stdbool.h>
#include <sys/socket.h>

/* Whether somebody listens there, within a second. */
bool load_can_connect(const struct sockaddr *address, socklen_t len);

#endif
