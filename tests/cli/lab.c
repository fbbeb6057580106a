/* SPDX-License-Identifier: MIT
 *
 * `finale lab` as a student and a teacher use it, with a lab of our own beside those that there
 * are.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"

enum { PATIENCE_MS = 50 * 1000 };

static struct command command;
static char scratch[] = "/tmp/finale-test-lab-XXXXXX";

static void lab(const char *const *args) {
  const char *all[COMMAND_ARGS_MAX] = {"lab"};
  for (size_t i = 0; args[i]; i++) all[i + 1] = args[i];
  command_start(&command, all);
  command_wait(&command, PATIENCE_MS);
}

#define LAB(...) lab((const char *[]){__VA_ARGS__, NULL})
#define SAYS(text) \
  cr_expect_not_null(strstr(command.out, text), "no '%s' in '%s'", text, command.out)

/* ---- a lab of our own ---- */

static const char expect[] =
    "title: Ours\n"
    "cause: eof-ignored\n"
    "wire: delay 20ms\n"
    "run: 300ms\n"
    "client:\n"
    "  connect\n"
    "  send \"hello\\n\"\n"
    "  read \"hello\\n\"\n"
    "  close\n"
    "broken:\n"
    "  stay server CLOSE-WAIT owned\n"
    "  descriptors +1\n"
    "fixed:\n"
    "  gone server\n"
    "  descriptors +0\n"
    "service:\n"
    "  client:\n"
    "    connect\n"
    "    send \"hello\\n\"\n"
    "    end\n"
    "    read \"hello\\n\"\n"
    "    read to end\n";

/* What each connection is served by; `c` is its descriptor. */
static const char broken[] = "while ((n = read(c, text, sizeof text)) > 0) write(c, text, n);";
static const char fixed[] =
    "while ((n = read(c, text, sizeof text)) > 0) write(c, text, n);"
    " close(c);";
/* Closes what has half-closed, answered or not: it looks for the FIN first. */
static const char wrong[] =
    "struct pollfd fin = {.fd = c, .events = POLLRDHUP};"
    "if (poll(&fin, 1, 200) == 0) while ((n = read(c, text, sizeof text)) > 0) write(c, text, n);"
    " else read(c, text, sizeof text);"
    " close(c);";

static void write_file(const char *folder, const char *name, const char *text) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *out = fopen(path, "w");
  cr_assert_not_null(out, "%s", path);
  fputs(text, out);
  fclose(out);
}

static void write_program(const char *folder, const char *name, const char *serve) {
  char text[4096];
  snprintf(text, sizeof text,
           "#include <arpa/inet.h>\n#include <poll.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
           "#include <sys/socket.h>\n#include <unistd.h>\n"
           "int main(int argc, char **argv) {\n"
           "  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};\n"
           "  socklen_t len = sizeof a;\n"
           "  int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;\n"
           "  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);\n"
           "  if (argc != 2 || bind(s, (void *)&a, len) != 0 || listen(s, 8) != 0) return 1;\n"
           "  getsockname(s, (void *)&a, &len);\n"
           "  printf(\"listening on 0.0.0.0:%%d\\n\", ntohs(a.sin_port));\n"
           "  fflush(stdout);\n"
           "  for (;;) {\n"
           "    char text[64];\n"
           "    ssize_t n;\n"
           "    int c = accept(s, NULL, NULL);\n"
           "    %s\n"
           "  }\n"
           "}\n",
           serve);
  write_file(folder, name, text);
}

static void make_ours(void) {
  cr_assert_not_null(mkdtemp(scratch));
  cr_assert_eq(chdir(scratch), 0);
  cr_assert_eq(mkdir("labs", 0700), 0);
  cr_assert_eq(mkdir("labs/07-ours", 0700), 0);
  write_file("labs/07-ours", "expect", expect);
  write_file("labs/07-ours", "hints", "hint: One.\n  And on.\nhint: Two.\nhint.zh: 二。\n");
  write_file("labs/07-ours", "quiz",
             "question: Why?\nright: So.\nwrong: Otherwise.\nwhy: Because.\n");
  write_program("labs/07-ours", "broken.c", broken);
  write_program("labs/07-ours", "fixed.c", fixed);
  write_program("labs/07-ours", "wrong.c", wrong);
  setenv("FINALE_LABS", "labs", 1);
  setenv("TMPDIR", scratch, 1);
}

static int remove_one(const char *path, const struct stat *file, int type, struct FTW *at) {
  (void)file, (void)type, (void)at;
  return remove(path);
}

static void remove_ours(void) { nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

/* What was built is gone. */
static void check_nothing_left(void) {
  DIR *here = opendir(scratch);
  for (struct dirent *entry; (entry = readdir(here));)
    cr_expect_neq(strncmp(entry->d_name, "finale-lab-", 11), 0, "%s is left", entry->d_name);
  closedir(here);
}

TestSuite(lab, .init = make_ours, .fini = remove_ours);

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

/* One that is wrong is said, and does not stand in the way of the others. */
Test(lab, one_that_is_wrong) {
  cr_assert_eq(mkdir("labs/08-bad", 0700), 0);
  write_file("labs/08-bad", "expect", "title: Bad\ncause: none\nbogus: 1\n");
  LAB("list");
  cr_expect_eq(command.status, 2);
  SAYS("ours");
  cr_expect_not_null(strstr(command.err, "08-bad/expect:3:"), "'%s'", command.err);
  LAB("hint", "7");
  cr_expect_eq(command.status, 0);
  LAB("hint", "bad");
  cr_expect_eq(command.status, 2);
}

/* The example of the documentation is one that is understood. */
Test(lab, example_of_the_documentation) {
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
  write_file("labs/07-ours", "expect", begin + 4);
  LAB("list");
  cr_expect_eq(command.status, 0, "'%s'", command.err);
  SAYS("EOF ignored");
}

/* ---- a student ---- */

Test(lab, work_never_overwrites) {
  LAB("work", "ours");
  cr_expect_eq(command.status, 0, "'%s'", command.err);
  SAYS("finale lab check ours\n");
  cr_expect_eq(access("finale-labs/ours/ours.c", R_OK), 0);
  write_file("finale-labs/ours", "ours.c", "mine\n");
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
  SAYS("二。");
  SAYS("That was the last one");
  LAB("hint", "ours");
  SAYS("Hint 2 of 2");
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
  check_nothing_left();
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
  write_file(".", "bad.c", "int main(void) { return bogus; }\n");
  LAB("check", "ours", "bad.c");
  cr_expect_eq(command.status, 1);
  SAYS("does not compile");
  SAYS("bogus");
  check_nothing_left();
}

Test(lab, what_ends_at_once) {
  write_file(".", "bad.c", "int main(void) { return 3; }\n");
  LAB("check", "ours", "bad.c");
  cr_expect_eq(command.status, 1);
  SAYS("ended (3)");
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
  check_nothing_left();
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
    command_wait(&command, PATIENCE_MS);
    cr_expect_eq(command.status, 1);
    check_nothing_left();
  }
}

/* ---- a teacher ---- */

Test(lab, all) {
  LAB("check", "--all-broken", "--all-fixed", "--all-wrong");
  cr_expect_eq(command.status, 0, "'%s'", command.out);
  SAYS("broken.c: 1 of 1 as claimed");
  SAYS("fixed.c and with_finale.c: 1 of 1 as claimed");
  SAYS("wrong.c: 1 of 1 refused");
  write_program("labs/07-ours", "fixed.c", broken);
  write_program("labs/07-ours", "wrong.c", fixed);
  LAB("check", "--all-fixed", "--all-wrong");
  cr_expect_eq(command.status, 1);
  SAYS("0 of 1 as claimed");
  SAYS("0 of 1 refused");
}

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

  write_program("finale-labs/ours", "ours.c", fixed);
  LAB("grade");
  cr_expect_eq(command.status, 0, "'%s'", command.out);
  SAYS("1 of 1 mended");
  FILE *sum = popen("sha256sum < finale-labs/ours/ours.c", "r");
  char digest[65] = "";
  cr_assert_eq(fread(digest, 1, 64, sum), 64);
  pclose(sum);
  SAYS(digest);
  check_nothing_left();
}

Test(lab, mystery) {
  LAB("mystery", "--seed", "1", "--answer", "eof-ignored");
  cr_expect_eq(command.status, 0, "'%s' '%s'", command.out, command.err);
  char *question = strstr(command.out, "What is the cause?");
  cr_assert_not_null(question);
  *question = '\0'; /* what was seen before does not tell */
  cr_expect_null(strstr(command.out, "Ours"));
  cr_expect_null(strstr(command.out, "ours"));
  LAB("mystery", "--seed", "1", "--answer", "z");
  cr_expect_eq(command.status, 2);
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

Test(lab, every_one_has_its_texts) {
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
