/* SPDX-License-Identifier: MIT
 *
 * The one clock of a story.
 */
#ifndef LAB_CLOCK_H
#define LAB_CLOCK_H

#include <stdint.h>
#include <time.h>

#define LAB_MS UINT64_C(1000000)

static inline uint64_t lab_now(void) { /* nanoseconds */
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 * LAB_MS + (uint64_t)now.tv_nsec;
}

#endif
