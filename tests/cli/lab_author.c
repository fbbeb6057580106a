/* SPDX-License-Identifier: MIT
 *
 * `finale lab` for those who write labs: what is said of one that is wrong or not finished, and
 * whether those that there are have all that belongs to them.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab_ours.h"

TestSuite(lab_author, .init = lab_ours_make, .fini = lab_ours_remove);

/* One that is wrong is said, and does not stand in the way of the others. */
Test(lab_author, one_that_is_wrong) {
  cr_assert_eq(mkdir("labs/08-bad", 0700), 0);
  lab_ours_write("labs/08-bad", "expect", "title: Bad\ncause: none\nbogus: 1\n");
  LAB("list");
  cr_expect_eq(command.status, 2);
  SAYS("ours");
  cr_expect_not_null(strstr(command.err, "08-bad/expect:3:"), "'%s'", command.err);
  LAB("hint", "7");
  cr_expect_eq(command.status, 0);
  LAB("hint", "bad");
  cr_expect_eq(command.status, 2);
}

/* A copy that is still called what it was: it would never be run. */
Test(lab_author, two_of_one_name) {
  cr_assert_eq(mkdir("labs/08-ours", 0700), 0);
  lab_ours_write("labs/08-ours", "expect", "title: Copy\ncause: none\nclient:\n  connect\n");
  LAB("list");
  cr_expect_eq(command.status, 2);
  SAYS("07  ours");
  COMPLAINS("08-ours: 07-ours is called ours, too; rename it");
  LAB("hint", "ours");
  cr_expect_eq(command.status, 0);
}

/* The key is named, and not what came of it further down. */
Test(lab_author, keys_that_are_none) {
  lab_ours_write("labs/07-ours", "hints", "hnt: One.\nhint.zh: 一。\n");
  lab_ours_write("labs/07-ours", "quiz",
                 "question: Why?\nright: So.\nworng: Not so.\nwrong.zh: 不。\nwhy: Because.\n");
  LAB("hint", "ours");
  cr_expect_eq(command.status, 2);
  COMPLAINS("hints:1: \"hnt:\" begins nothing: hint:, question:");
  LAB("quiz", "ours");
  cr_expect_eq(command.status, 2);
  COMPLAINS("quiz:3: \"worng:\" begins nothing");
}

/* Whoever is nowhere near is not guessed at. */
Test(lab_author, names_that_are_none) {
  LAB("run", "ors");
  COMPLAINS("no lab 'ors'; did you mean ours? finale lab list names all");
  LAB("run", "26");
  COMPLAINS("no lab '26'; finale lab list names all");
}

/* A run shows what is to be claimed; but where nothing is, no program is right. */
Test(lab_author, no_claims_yet) {
  lab_ours_write("labs/07-ours", "expect",
                 "title: Ours\ncause: none\nwire: delay 20ms\nrun: 200ms\n"
                 "client:\n  connect\n  close\n");
  LAB("run", "ours");
  SAYS("Claimed of broken.c: nothing");
  LAB("check", "ours", "labs/07-ours/broken.c");
  cr_expect_eq(command.status, 1);
  SAYS("below fixed:");
  LAB("check", "--all-broken", "--all-fixed", "--all-wrong");
  cr_expect_eq(command.status, 1);
  SAYS("broken.c: 0 of 1 as claimed");
  SAYS("fixed.c and with_finale.c: 0 of 1 as claimed");
  SAYS("wrong.c: 0 of 1 refused");
  lab_ours_nothing_left();
}

/* The example of the documentation is one that is understood. */
Test(lab_author, example_of_the_documentation) {
  char path[PATH_MAX], text[32768];
  snprintf(path, sizeof path, "%s/examples/labs/README.md", getenv("FINALE_SOURCE_DIR"));
  FILE *in = fopen(path, "r");
  cr_assert_not_null(in, "%s", path);
  text[fread(text, 1, sizeof text - 1, in)] = '\0';
  fclose(in);
  char *begin = strstr(text, "```\n# The server reads"), *end;
  cr_assert_not_null(begin);
  end = strstr(begin + 4, "```");
  *end = '\0';
  lab_ours_write("labs/07-ours", "expect", begin + 4);
  LAB("list");
  cr_expect_eq(command.status, 0, "'%s'", command.err);
  SAYS("EOF ignored");
}

Test(lab_author, all) {
  LAB("check", "--all-broken", "--all-fixed", "--all-wrong");
  cr_expect_eq(command.status, 0, "'%s'", command.out);
  SAYS("broken.c: 1 of 1 as claimed");
  SAYS("fixed.c and with_finale.c: 1 of 1 as claimed");
  SAYS("wrong.c: 1 of 1 refused");
  lab_ours_program("labs/07-ours", "fixed.c", lab_ours_broken);
  lab_ours_program("labs/07-ours", "wrong.c", lab_ours_fixed);
  LAB("check", "--all-fixed", "--all-wrong");
  cr_expect_eq(command.status, 1);
  SAYS("0 of 1 as claimed");
  SAYS("0 of 1 refused");
}

Test(lab_author, all_of_one_lab) {
  cr_assert_eq(mkdir("labs/01-other", 0700), 0);
  lab_ours_write("labs/01-other", "expect", "title: Other\ncause: none\nclient:\n  connect\n");
  LAB("check", "7", "--all-broken", "--all-wrong");
  cr_expect_eq(command.status, 0, "'%s' '%s'", command.out, command.err);
  SAYS("broken.c: 1 of 1 as claimed");
  SAYS("wrong.c: 1 of 1 refused");
  cr_expect_null(strstr(command.out, "other"), "'%s'", command.out);
}

/* ---- those that there are ---- */

static unsigned lines_of(const char *path) {
  unsigned count = 0;
  FILE *in = fopen(path, "r");
  if (!in) return 0;
  for (int c; (c = getc(in)) != EOF;) count += c == '\n';
  fclose(in);
  return count;
}

static void check_texts(const char *folder, const char *name) {
  static const char *const files[] = {"README.md", "README.zh.md", "broken.c", "fixed.c",
                                      "wrong.c",   "hints",        "quiz"};
  char path[3 * PATH_MAX];
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, files[i]);
    const unsigned lines = lines_of(path);
    cr_expect_gt(lines, 0, "%s is missing", path);
    if (strchr(files[i], '.') && files[i][strlen(files[i]) - 1] == 'c')
      cr_expect_lt(lines, 120, "%s is longer than it should be", path);
  }
  for (unsigned i = 1; i <= 3; i++) {
    LAB("hint", name);
    snprintf(path, sizeof path, "Hint %u of 3\n", i);
    cr_expect_eq(strncmp(command.out, path, strlen(path)), 0, "%s: '%s' '%s'", name, command.out,
                 command.err);
  }
  LAB("quiz", name, "--lang", "zh");
  cr_expect_eq(command.status, 0, "'%s'", command.err);
  cr_expect_not_null(strstr(command.out, "2. "), "%s asks only once", name);
}

Test(lab_author, every_one_has_its_texts) {
  char labs[PATH_MAX], folder[2 * PATH_MAX];
  snprintf(labs, sizeof labs, "%s/examples/labs", getenv("FINALE_SOURCE_DIR"));
  setenv("FINALE_LABS", labs, 1);
  LAB("list");
  cr_expect_eq(command.status, 0, "'%s'", command.err);
  LAB("list", "--json");
  json_t *list = json_loads(command.out, 0, NULL), *one;
  size_t i;
  cr_expect_geq(json_array_size(list), 22);
  json_array_foreach(list, i, one) {
    snprintf(folder, sizeof folder, "%s/%02zu-%s", labs, i + 1,
             json_string_value(json_object_get(one, "name")));
    check_texts(folder, json_string_value(json_object_get(one, "name")));
  }
  json_decref(list);
}
