/* SPDX-License-Identifier: MIT
 *
 * What the command says to wrong input: one line on stderr that names the input and the remedy,
 * nothing on stdout, status 2.
 */
#ifndef TESTS_CLI_WRONG_H
#define TESTS_CLI_WRONG_H

#include <stddef.h>

struct wrong {
  const char *args[6];
  const char *input, *remedy; /* both are in the line */
};

void wrong_check(const char *const *args, const char *input, const char *remedy);
void wrong_check_all(const struct wrong *cases, size_t count);

#define WRONG_CHECK_ALL(...) \
  do { \
    static const struct wrong cases_[] = {__VA_ARGS__}; \
    wrong_check_all(cases_, sizeof cases_ / sizeof *cases_); \
  } while (0)

#endif
