/* SPDX-License-Identifier: MIT
 *
 * The bytes that flow through scripted sockets.
 */
#include <string.h>

#include "core/scripted_io.h"

enum { PATTERN_PERIOD = 65521 };

const char *pattern(uint32_t shift, uint64_t position) {
  static char bytes[PATTERN_PERIOD + PATTERN_MAX];
  if (!bytes[0]) {
    uint32_t random = 1;
    for (size_t i = 0; i < PATTERN_PERIOD; i++) {
      random = random * 1664525 + 1013904223; /* Numerical Recipes */
      bytes[i] = (char)(random >> 24 | 1);
    }
    for (size_t i = PATTERN_PERIOD; i < sizeof bytes; i++) bytes[i] = bytes[i - PATTERN_PERIOD];
  }
  return bytes + (shift + position) % PATTERN_PERIOD;
}

bool pattern_equal(uint32_t shift, uint64_t position, const char *data, size_t len) {
  for (size_t done = 0; done < len;) {
    size_t some = len - done < PATTERN_MAX ? len - done : PATTERN_MAX;
    if (memcmp(data + done, pattern(shift, position + done), some) != 0) return false;
    done += some;
  }
  return true;
}
