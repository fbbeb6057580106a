/* SPDX-License-Identifier: MIT
 *
 * What the tests of the base share: a check that costs nothing while it holds, so that it can be
 * made millions of times.
 */
#ifndef FIN_TEST_LAWS_H
#define FIN_TEST_LAWS_H

#include <criterion/criterion.h>

#include "support/random.h"

#define MUST(condition, ...) \
  do { \
    if (!(condition)) cr_assert_fail(__VA_ARGS__); \
  } while (0)

#endif
