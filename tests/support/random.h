/* SPDX-License-Identifier: MIT
 *
 * Random numbers that a seed brings back, whatever the compiler: each call is a statement of its
 * own wherever their order matters.
 */
#ifndef FIN_TEST_RANDOM_H
#define FIN_TEST_RANDOM_H

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t random_next(uint64_t *random) {
  uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* From 0 to `bound` - 1. */
static inline uint64_t random_below(uint64_t *random, uint64_t bound) {
  return random_next(random) % bound;
}

/* Every order of magnitude below 2^bits is as likely as any other. */
static inline uint64_t random_size(uint64_t *random, unsigned bits) {
  uint64_t order = random_below(random, bits);
  return random_next(random) >> (64 - bits) >> order;
}

#endif
