/* SPDX-License-Identifier: MIT
 *
 * Tests that leave the namespace they are in: each runs in a child of one thread, once as root and
 * once as nobody, and is skipped, with the reason, where that is refused.
 *
 *   WITHIN(spaces, sides_reach_each_other) { within_check(1 + 1 == 2, "%d", 1 + 1); }
 */
#ifndef TESTS_LAB_WITHIN_H
#define TESTS_LAB_WITHIN_H

#include <criterion/criterion.h>

#include "lab/spaces.h"

enum within_user { WITHIN_ROOT, WITHIN_NOBODY };

/* In the test: runs `body` in a child. In the child: within_check and within_skip end it. */
void within(enum within_user user, void (*body)(void));
_Noreturn void within_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Enters, or ends the test: skips it if this user may have no namespaces, else that is a failure.
 */
void within_enter(struct lab_spaces *spaces);
_Noreturn void within_refused(const char *why);

#define WITHIN(suite, name) \
  static void name(void); \
  Test(suite, name##_as_root) { within(WITHIN_ROOT, name); } \
  Test(suite, name##_as_nobody) { within(WITHIN_NOBODY, name); } \
  static void name(void)

/* Behind the condition: a format and what it says, for the case that it does not hold. */
#define within_check(condition, ...) \
  do { \
    if (!(condition)) within_fail_at(__FILE__, __LINE__, #condition, __VA_ARGS__); \
  } while (0)
_Noreturn void within_fail_at(const char *file, int line, const char *condition, const char *format,
                              ...) __attribute__((format(printf, 4, 5)));

#endif
