/* SPDX-License-Identifier: MIT
 *
 * `finale lab` as a student and a teacher use it, with a lab of our own beside those that there
 * are.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab_ours.h"

TestSuite(lab, .init = lab_ours_make, .fini = lab_ours_remove);

/* ---- list ---- */

Test(lab, list) {
  LAB("list");
  cr_expect_eq(command.status, 0);
  cr_expect_str_eq(command.out, "07  ours                       Ours\n");
  LAB("list", "--json");
  json_t *list = json_loads(command.out, 0, NULL), *only = json_array_get(list, 0);
  cr_assert_eq(json_array_size(list), 1);
  cr_expect_str_eq(json_string_value(json_object_get(only, "name")), "ours");
  cr_expect_str_eq(json_string_value(json_object_get(only, "title")), "Ours");
  cr_expect_str_eq(json_string_value(json_object_get(only, "cause")), "eof-ignored");
  json_decref(list);
}

/* ---- a student ---- */

Test(lab, work_never_overwrites) {
  LAB("work", "ours");
  cr_expect_eq(command.status, 0, "'%s'", command.err);
  SAYS("finale lab check ours\n");
  cr_expect_eq(access("finale-labs/ours/ours.c", R_OK), 0);
  lab_ours_write("finale-labs/ours", "ours.c", "mine\n");
  LAB("work", "ours");
  cr_expect_eq(command.status, 1);
  cr_expect_not_null(strstr(command.err, "stays as it is"), "'%s'", command.err);
  struct stat file;
  cr_assert_eq(stat("finale-labs/ours/ours.c", &file), 0);
  cr_expect_eq(file.st_size, 5);
}

Test(lab, hints_come_one_by_one) {
  LAB("hint", "ours");
  cr_expect_str_eq(command.out, "Hint 1 of 2\n\n  One. And on.\n");
  LAB("hint", "ours", "--again");
  SAYS("One. And on.");
  LAB("hint", "ours", "--lang", "zh");
  SAYS("提示 2 / 2\n\n  二。\n");
  LAB("hint", "ours");
  SAYS("Hint 2 of 2");
  SAYS("That was the last one");
  cr_expect_eq(command.status, 0);
}

/* No terminal: nobody is asked, nothing is kept. */
Test(lab, quiz_in_a_pipe) {
  LAB("quiz", "ours");
  cr_expect_eq(command.status, 0);
  SAYS("1. Why?");
  SAYS("So.");
  SAYS("Otherwise.");
  SAYS("The answer is");
  SAYS("Because.");
  cr_expect_neq(access("finale-labs", F_OK), 0);
}

Test(lab, check) {
  LAB("work", "ours");
  LAB("check", "ours");
  cr_expect_eq(command.status, 1);
  SAYS("gone server");
  SAYS("not yet");
  LAB("check", "ours", "labs/07-ours/fixed.c");
  cr_expect_eq(command.status, 0, "'%s' '%s'", command.out, command.err);
  SAYS("mended");
  lab_ours_nothing_left();
}

/* Told from what the client that suffers has seen. */
Test(lab, a_wrong_fix_is_explained) {
  LAB("check", "ours", "labs/07-ours/wrong.c");
  cr_expect_eq(command.status, 1);
  SAYS("The lab's own clients: as it should be");
  SAYS("read \"hello\\n\": EOF behind 0 of 6 bytes");
  SAYS("Your server closed at the FIN");
}

Test(lab, what_does_not_compile) {
  lab_ours_write(".", "bad.c", "int main(void) { return bogus; }\n");
  LAB("check", "ours", "bad.c");
  cr_expect_eq(command.status, 1);
  SAYS("does not compile");
  SAYS("bogus");
  lab_ours_nothing_left();
}

Test(lab, what_ends_at_once) {
  lab_ours_write(".", "bad.c", "int main(void) { return 3; }\n");
  LAB("check", "ours", "bad.c");
  cr_expect_eq(command.status, 1);
  SAYS("ended (3)");
  lab_ours_write(".", "bad.c", "#include <stdlib.h>\nint main(void) { abort(); }\n");
  LAB("check", "ours", "bad.c");
  SAYS("ended (signal 6)");
}

/* What stdio writes is no call that is recorded, and all the same it came out. */
Test(lab, what_is_written_by_stdio) {
  lab_ours_program(".", "half.c",
                   "FILE *file = fdopen(c, \"w\"); n = read(c, text, sizeof text);"
                   " fwrite(text, 1, 3, file); fflush(file);");
  LAB("check", "ours", "half.c");
  cr_expect_eq(command.status, 1);
  SAYS("not within 5000 ms");
  if (strstr(command.out, "over loopback")) return; /* no segments to see it by */
  cr_expect_null(strstr(command.out, "had written nothing"), "'%s'", command.out);
}

Test(lab, no_compiler) {
  setenv("CC", "/no/such/cc", 1);
  LAB("check", "ours", "labs/07-ours/fixed.c");
  cr_expect_eq(command.status, 1);
  SAYS("/no/such/cc: No such file");
}

/* ---- run ---- */

Test(lab, run) {
  LAB("run", "ours");
  cr_expect_eq(command.status, 0, "'%s' '%s'", command.out, command.err);
  SAYS("holds       stay server CLOSE-WAIT owned");
  SAYS("Cause: ");
  LAB("run", "ours", "labs/07-ours/broken.c");
  cr_expect_eq(command.status, 1);
  SAYS("fails       gone server");
  lab_ours_nothing_left();
}

Test(lab, run_for_programs) {
  LAB("run", "ours", "--fixed", "--json", "--jsonl", "events", "--html", "page.html");
  json_t *run = json_loads(command.out, 0, NULL);
  cr_assert_not_null(run, "'%s'", command.out);
  cr_expect(json_is_true(json_object_get(run, "as_claimed")));
  cr_expect_eq(json_array_size(json_object_get(run, "claims")), 2);
  json_decref(run);
  cr_expect_eq(access("page.html", R_OK), 0);
  FILE *events = fopen("events", "r");
  char line[4096];
  size_t count = 0;
  for (; events && fgets(line, sizeof line, events); count++) {
    json_t *event = json_loads(line, 0, NULL);
    cr_expect(json_is_object(event), "'%s'", line);
    json_decref(event);
  }
  cr_expect_gt(count, 5);
  fclose(events);
}

Test(lab, stopped) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    command_start(&command, (const char *[]){"lab", "run", "ours", NULL});
    command_until(&command, "Ours");
    kill(command.pid, signals[i]);
    command_wait(&command, LAB_PATIENCE_MS);
    cr_expect_eq(command.status, 1);
    lab_ours_nothing_left();
  }
}

/* ---- a teacher ---- */

Test(lab, grade) {
  LAB("work", "ours");
  LAB("hint", "ours");
  LAB("grade", "--json");
  cr_expect_eq(command.status, 1);
  json_t *grade = json_loads(command.out, 0, NULL), *only;
  only = json_array_get(json_object_get(grade, "labs"), 0);
  cr_expect_eq(json_integer_value(json_object_get(only, "hints")), 1);
  cr_expect(json_is_false(json_object_get(only, "mended")));
  cr_expect_str_eq(json_string_value(json_object_get(only, "sha256")),
                   json_string_value(json_object_get(grade, "sha256")));
  json_decref(grade);

  lab_ours_program("finale-labs/ours", "ours.c", lab_ours_fixed);
  LAB("grade");
  cr_expect_eq(command.status, 0, "'%s'", command.out);
  SAYS("1 of 1 mended");
  FILE *sum = popen("sha256sum < finale-labs/ours/ours.c", "r");
  char digest[65] = "";
  cr_assert_eq(fread(digest, 1, 64, sum), 64);
  pclose(sum);
  SAYS(digest);
  lab_ours_nothing_left();
}

Test(lab, mystery) {
  LAB("mystery", "--seed", "1", "--answer", "eof-ignored");
  cr_expect_eq(command.status, 0, "'%s' '%s'", command.out, command.err);
  char *question = strstr(command.out, "What is the cause?");
  cr_assert_not_null(question);
  *question = '\0'; /* what was seen before does not tell */
  cr_expect_null(strstr(command.out, "Ours"));
  cr_expect_null(strstr(command.out, "ours"));
  LAB("mystery", "--seed", "1", "--answer", "eof-ignored", "--lang", "zh");
  cr_expect_eq(command.status, 0, "'%s' '%s'", command.out, command.err);
  SAYS("原因是什么？");
  SAYS("a) 程序读到了 EOF，却没有关闭连接");
  LAB("mystery", "--seed", "1", "--answer", "z");
  cr_expect_eq(command.status, 2);
}

/* ---- help ---- */

Test(lab, help) {
  static const char *const names[] = {"list", "run",     "work",  "check",  "hint",
                                      "quiz", "mystery", "grade", "report", "claims"};
  LAB("--help");
  cr_expect_eq(command.status, 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char begin[64];
    LAB("--help");
    SAYS(names[i]);
    LAB(names[i], "--help");
    cr_expect_eq(command.status, 0);
    snprintf(begin, sizeof begin, "Usage: finale lab %s ", names[i]);
    cr_expect_eq(strncmp(command.out, begin, strlen(begin)), 0, "'%s'", command.out);
    SAYS("--labs DIR");
  }
}
