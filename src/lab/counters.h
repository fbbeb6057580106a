/* SPDX-License-Identifier: MIT
 *
 * The kernel's TCP counters of the caller's network namespace, by the names that nstat(8) has for
 * them without their group: /proc/net/snmp (Tcp) and /proc/net/netstat (TcpExt).
 */
#ifndef LAB_COUNTERS_H
#define LAB_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/story.h"

enum { LAB_COUNTERS_MAX = 256 };

struct lab_counters {
  struct lab_counter all[LAB_COUNTERS_MAX]; /* `grew` is the value */
  size_t count;
};

void lab_counters_read(struct lab_counters *counters, enum lab_side side);

/* Whether this kernel counts it. */
bool lab_counter_known(const char *name);

/* Leaves in `now` those that have grown since `before`, and by how much. */
void lab_counters_subtract(struct lab_counters *now, const struct lab_counters *before);

#endif
