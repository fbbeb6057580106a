/* SPDX-License-Identifier: MIT
 *
 * What happens when a law is broken: whoever runs a simulation catches it and plays the schedule
 * again, any other test fails.
 */
#ifndef FIN_TEST_CORE_LAWS_H
#define FIN_TEST_CORE_LAWS_H

#include <setjmp.h>
#include <stdbool.h>

enum law {
#define LAW(name, text) LAW_##name,
#include "core/laws.def"
  LAW_COUNT
};

/* Where to go when a law is broken; NULL: the running test fails. */
struct law_catcher {
  jmp_buf back;
  enum law broken;
  char detail[256];
};

extern struct law_catcher *law_catcher;
extern const char *const law_names[LAW_COUNT];
extern const char *const law_texts[LAW_COUNT];

__attribute__((noreturn, format(printf, 2, 3))) void law_broken(enum law law, const char *detail,
                                                                ...);

/* Checks one law; the rest says in printf's way what was seen. */
#define OBEY(name, condition, ...) \
  do { \
    if (!(condition)) law_broken(LAW_##name, __VA_ARGS__); \
  } while (0)

#endif
