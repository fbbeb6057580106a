/* SPDX-License-Identifier: MIT
 *
 * A client's connections to a server on this machine.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* A connection without Nagle's delay; the `number` spreads many over 127.0.0.0/8, so that local
 * ports do not run out. Exits with a message if that fails. */
int connect_to(size_t number, uint16_t port);

#endif
