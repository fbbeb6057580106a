/* SPDX-License-Identifier: MIT
 *
 * `finale lab` where the world is not as it should be: programs, folders and parents that are up to
 * no good.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab_ours.h"

TestSuite(lab_rough, .init = lab_ours_make, .fini = lab_ours_remove);

/* In a folder that is not only ours. */
Test(lab_rough, hints_are_not_kept_in_what_a_link_names) {
  char text[16] = "";
  cr_assert_eq(mkdir("finale-labs", 0700) | mkdir("finale-labs/ours", 0700), 0);
  lab_ours_write(".", "precious", "precious\n");
  cr_assert_eq(symlink("../../precious", "finale-labs/ours/.progress"), 0);
  LAB("hint", "ours");
  cr_expect_eq(command.status, 0, "'%s'", command.err);
  FILE *in = fopen("precious", "r");
  cr_expect_not_null(fgets(text, sizeof text, in));
  cr_expect_str_eq(text, "precious\n");
  fclose(in);
  LAB("hint", "ours");
  SAYS("Hint 2 of 2");
}

/* As daemons leave it to what they start. */
Test(lab_rough, children_that_nobody_waits_for) {
  signal(SIGCHLD, SIG_IGN);
  command_start(&command, (const char *[]){"lab", "check", "ours", "labs/07-ours/fixed.c", NULL});
  signal(SIGCHLD, SIG_DFL);
  command_wait(&command, LAB_PATIENCE_MS);
  cr_expect_eq(command.status, 0, "'%s' '%s'", command.out, command.err);
}

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

/* It would wait for somebody who writes. */
Test(lab_rough, grade_of_what_is_no_file) {
  cr_assert_eq(mkdir("finale-labs", 0700) | mkdir("finale-labs/ours", 0700), 0);
  cr_assert_eq(mkfifo("finale-labs/ours/ours.c", 0600), 0);
  LAB("grade");
  cr_expect_eq(command.status, 2);
  cr_assert_eq(unlink("finale-labs/ours/ours.c"), 0);
  cr_assert_eq(mkfifo("finale-labs/ours/progress", 0600), 0);
  lab_ours_program("finale-labs/ours", "ours.c", lab_ours_fixed);
  LAB("grade");
  cr_expect_eq(command.status, 2);
  cr_expect_not_null(strstr(command.err, "progress: not a file"), "'%s'", command.err);
}

/* What needs a wire where there is none is neither right nor wrong. */
Test(lab_rough, grade_of_what_cannot_be_tried) {
  char needy[LAB_OURS_EXPECT_MAX + 16];
  snprintf(needy, sizeof needy, "needs: wire\n%s", lab_ours_expect);
  lab_ours_write("labs/07-ours", "expect", needy);
  cr_assert_eq(mkdir("finale-labs", 0700) | mkdir("finale-labs/ours", 0700), 0);
  lab_ours_program("finale-labs/ours", "ours.c", lab_ours_fixed);
  LAB("grade", "--loopback");
  cr_expect_eq(command.status, 1);
  SAYS("not tried");
  cr_expect_null(strstr(command.out, "NO"), "'%s'", command.out);
  LAB("grade", "--loopback", "--json");
  json_t *grade = json_loads(command.out, 0, NULL), *only;
  only = json_array_get(json_object_get(grade, "labs"), 0);
  cr_expect(json_is_null(json_object_get(only, "mended")), "'%s'", command.out);
  json_decref(grade);
}
