/* SPDX-License-Identifier: MIT
 *
 * What the command says to wrong input.
 */
#include "wrong.h"

#include <criterion/criterion.h>
#include <string.h>

#include "command.h"

void wrong_check(const char *const *args, const char *input, const char *remedy) {
  static struct command command;
  command_run(&command, args);
  cr_expect_eq(command.status, 2, "'%s': status %d", input, command.status);
  cr_expect_str_empty(command.out);
  cr_expect_eq(strncmp(command.err, "finale: ", 8), 0, "'%s'", command.err);
  const char *newline = strchr(command.err, '\n');
  cr_expect(newline && newline[1] == '\0', "not one line: '%s'", command.err);
  cr_expect_not_null(strstr(command.err, input), "'%s' is not in '%s'", input, command.err);
  cr_expect_not_null(strstr(command.err, remedy), "'%s' is not in '%s'", remedy, command.err);
}

void wrong_check_all(const struct wrong *cases, size_t count) {
  for (size_t i = 0; i < count; i++) wrong_check(cases[i].args, cases[i].input, cases[i].remedy);
}
