/* SPDX-License-Identifier: MIT
 *
 * `finale lab` where the world is not as it should be.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lab_ours.h"

TestSuite(lab_rough, .init = lab_ours_make, .fini = lab_ours_remove);

/* A program that takes hold of the terminal, by what it prints and by what it is written in. */
Test(lab_rough, terminal_stays_as_it_is) {
  lab_ours_write(".", "bad.c",
                 "#include <stdio.h>\nint main(void) {\n"
                 "  puts(\"\\033[2J\\xc2\\x9b\\x7f \\xe4 good\");\n  return 3;\n}\n");
  LAB("check", "ours", "bad.c");
  cr_expect_eq(command.status, 1);
  SAYS("good");
  cr_expect_null(strpbrk(command.out, "\033\x7f\xe4"), "'%s'", command.out);
  cr_expect_null(strstr(command.out, "\xc2\x9b"), "'%s'", command.out);
  lab_ours_program(".", "bad.c", "printf(\"\\033[2J good\\n\"); return 3;");
  LAB("check", "ours", "bad.c");
  SAYS("good");
  cr_expect_null(strchr(command.out, '\033'), "'%s'", command.out);
  lab_ours_write(".", "bad.c", "int main(void) { return \"\033[2J\" bogus; }\n");
  LAB("check", "ours", "bad.c");
  SAYS("does not compile");
  SAYS("bogus");
  cr_expect_null(strchr(command.out, '\033'), "'%s'", command.out);
}

/* What JSON cannot hold is told all the same. */
Test(lab_rough, run_of_a_program_that_prints_what_is_no_text) {
  char claims[LAB_OURS_EXPECT_MAX + 64];
  snprintf(claims, sizeof claims, "%s", lab_ours_expect);
  char *fixed_claims = strstr(claims, "  gone server\n");
  snprintf(fixed_claims, sizeof claims - (size_t)(fixed_claims - claims), "  prints \"good\"\n");
  lab_ours_write("labs/07-ours", "expect", claims);
  lab_ours_program(".", "bad.c", "printf(\"\\xff\\n\"); close(c);");
  LAB("run", "ours", "bad.c", "--json");
  json_t *run = json_loads(command.out, 0, NULL);
  cr_assert_not_null(run, "'%s'", command.out);
  cr_expect_eq(json_array_size(json_object_get(run, "claims")), 1, "'%s'", command.out);
  json_decref(run);
}
