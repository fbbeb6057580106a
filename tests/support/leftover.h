/* SPDX-License-Identifier: MIT
 *
 * Nothing is left over: between begin and end this process has closed every TCP socket that it
 * opened, those included that no list of sockets shows, and has as many descriptors as before.
 * Fewer are a failure too: somebody closed what was not theirs.
 *
 *   struct leftover_baseline baseline = leftover_begin();
 *   ...
 *   leftover_end(&baseline);
 */
#ifndef TEST_LEFTOVER_H
#define TEST_LEFTOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEFTOVER_SOCKETS_MAX = 64, LEFTOVER_WITHIN_MS = 3000 };

struct leftover_baseline {
  uint64_t inodes[LEFTOVER_SOCKETS_MAX]; /* of the TCP sockets that were there before */
  size_t inode_count;
  size_t descriptors;
};

struct leftover_baseline leftover_begin(void);

/* Waits until nothing is left, and fails the test with the list of what is if that takes longer
 * than `within_ms`. */
void leftover_end_within(const struct leftover_baseline *baseline, unsigned within_ms);
void leftover_end(const struct leftover_baseline *baseline); /* within LEFTOVER_WITHIN_MS */

/* The same question once, without waiting or failing: how many TCP sockets and descriptors there
 * are beyond the baseline. Lists them on stderr if `list` is not 0. */
size_t leftover_count(const struct leftover_baseline *baseline, bool list);

/* Open descriptors of this process. */
size_t leftover_descriptors(void);

#endif
