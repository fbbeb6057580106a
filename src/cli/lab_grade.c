/* SPDX-License-Identifier: MIT
 *
 * `finale lab grade`: what is in a student's folder, tried again rather than believed.
 */
#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "lab/jsonl.h"
#include "lab_trial.h"

struct request {
  const char *dir, *labs;
  bool json, loopback;
  unsigned jobs;
};

static const struct cli_flag flags[] = {
    {"--json", CLI_SWITCH, offsetof(struct request, json), "for programs"},
    {"--jobs", CLI_COUNT, offsetof(struct request, jobs), "so many checks at a time"},
    {"--loopback", CLI_SWITCH, offsetof(struct request, loopback),
     "without namespaces and without the wire"},
    LABS_FLAG(struct request),
    {NULL, CLI_SWITCH, 0, NULL}};

enum mended { MENDED, NOT_MENDED, NOT_TRIED }; /* the last: it needs what is not here */

struct grade {
  const struct labs_entry *entry;
  struct labs_study study;
  char source[PATH_MAX];
  unsigned hints;  /* that there are */
  char digest[65]; /* of the program */
  enum mended mended;
};

struct class {
  struct grade *grades; /* by name */
  size_t count, mended;
  const char *dir, *scratch;
  struct lab_run_options run;
  char digest[65]; /* of all programs, one behind the other */
};

/* ---- what is there ---- */

static unsigned count_hints(const struct labs_entry *entry) {
  struct labs_pieces hints;
  char path[PATH_MAX];
  if (!labs_file(entry, "hints", path) || labs_pieces_read(&hints, path) != 0) return 0;
  const unsigned count = (unsigned)hints.count;
  labs_pieces_release(&hints);
  return count;
}

static int feed_file(const char *path, struct labs_digest *one, struct labs_digest *all) {
  char data[4096];
  FILE *in = fopen(path, "re");
  if (!in) return cli_fail("%s: %s", path, strerror(errno));
  for (size_t len; (len = fread(data, 1, sizeof data, in)) > 0;) {
    labs_digest_feed(one, data, len);
    labs_digest_feed(all, data, len);
  }
  const bool read = !ferror(in);
  fclose(in);
  return read ? 0 : cli_fail("%s: it cannot be read", path);
}

static int by_name(const void *a, const void *b) {
  const struct grade *left = a, *right = b;
  return strcmp(left->entry->name, right->entry->name);
}

/* Those labs of which the folder holds a program. */
static int find_programs(const struct labs *labs, struct class *class) {
  class->grades = calloc(labs->count, sizeof *class->grades);
  if (!class->grades) return cli_fail("lab grade: no memory");
  for (size_t i = 0; i < labs->count; i++) {
    struct grade *grade = &class->grades[class->count];
    grade->entry = &labs->entries[i];
    if (*grade->entry->error) continue;
    const int status = labs_study_read(&grade->study, class->dir, grade->entry);
    if (status != 0) return status;
    if (!labs_study_program(&grade->study, grade->entry, grade->source)) continue;
    if (!labs_is_file(grade->source)) continue;
    grade->hints = count_hints(grade->entry);
    class->count++;
  }
  if (class->count == 0)
    return cli_fail("%s: no lab's program is there; finale lab work NAME puts one", class->dir);
  qsort(class->grades, class->count, sizeof *class->grades, by_name);
  return 0;
}

static int take_digests(struct class *class) {
  struct labs_digest all;
  labs_digest_begin(&all);
  for (size_t i = 0; i < class->count; i++) {
    struct labs_digest one;
    labs_digest_begin(&one);
    const int status = feed_file(class->grades[i].source, &one, &all);
    if (status != 0) return status;
    labs_digest_end(&one, class->grades[i].digest);
  }
  labs_digest_end(&all, class->digest);
  return 0;
}

/* ---- the check ---- */

static int work(void *context, size_t index, FILE *out) {
  const struct class *class = context;
  const struct grade *grade = &class->grades[index];
  char program[PATH_MAX];
  struct labs_examination examination;
  if (!labs_build_for(grade->entry, grade->source, class->scratch, grade->entry->name, program,
                      out))
    return NOT_MENDED;
  labs_examine(&examination, grade->entry, program, &class->run, out, true);
  return examination.outcome == LABS_AS_CLAIMED  ? MENDED
         : examination.outcome == LABS_NOT_TRIED ? NOT_TRIED
                                                 : NOT_MENDED;
}

static void done(void *context, size_t index, int status, const char *text) {
  struct class *class = context;
  (void)text;
  class->grades[index].mended = status == MENDED      ? MENDED
                                : status == NOT_TRIED ? NOT_TRIED
                                                      : NOT_MENDED;
  class->mended += status == MENDED;
}

/* ---- the summary ---- */

static void today(char text[32]) {
  const time_t now = time(NULL);
  struct tm date;
  strftime(text, 32, "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &date));
}

static void print(const struct class *class, size_t labs) {
  static const char *const words[] = {"yes", "NO", "not tried"};
  char date[32];
  today(date);
  printf("%s, %s, checked by finale %s\n\n", class->dir, date, fin_version());
  printf("%-28s %-9s %-8s %-8s %s\n", "lab", "mended", "hints", "quiz", "sha256 of the program");
  for (size_t i = 0; i < class->count; i++) {
    const struct grade *grade = &class->grades[i];
    char hints[32], quiz[32] = "-";
    snprintf(hints, sizeof hints, "%u of %u", grade->study.hints, grade->hints);
    if (grade->study.asked > 0)
      snprintf(quiz, sizeof quiz, "%u of %u", grade->study.right, grade->study.asked);
    printf("%-28s %-9s %-8s %-8s %.16s...\n", grade->entry->name, words[grade->mended], hints, quiz,
           grade->digest);
  }
  printf("\n%zu of %zu mended, of %zu labs in all\nsha256 of all programs:\n  %s\n", class->mended,
         class->count, labs, class->digest);
}

static int print_json(const struct class *class, size_t labs) {
  char date[32];
  json_t *list = json_array();
  today(date);
  for (size_t i = 0; i < class->count; i++) {
    const struct grade *grade = &class->grades[i];
    json_t *mended =
        grade->mended == NOT_TRIED ? json_null() : json_boolean(grade->mended == MENDED);
    json_array_append_new(
        list,
        json_pack("{s:o, s:o, s:i, s:i, s:i, s:i, s:s}", "name", lab_json_text(grade->entry->name),
                  "mended", mended, "hints", (int)grade->study.hints, "hints_of", (int)grade->hints,
                  "quiz_right", (int)grade->study.right, "quiz_of", (int)grade->study.asked,
                  "sha256", grade->digest));
  }
  json_t *all =
      json_pack("{s:o, s:s, s:s, s:o, s:i, s:i, s:s}", "folder", lab_json_text(class->dir), "date",
                date, "finale", fin_version(), "labs", list, "mended", (int)class->mended,
                "labs_of", (int)labs, "sha256", class->digest);
  const bool written = all && json_dumpf(all, stdout, JSON_INDENT(2)) == 0;
  json_decref(all);
  putchar('\n');
  return written ? 0 : 1;
}

static int grade(const struct request *request, const struct labs *labs, struct class *class) {
  char scratch[PATH_MAX];
  int status = find_programs(labs, class);
  if (status == 0) status = take_digests(class);
  if (status == 0) status = labs_scratch_make(scratch);
  if (status != 0) return status;
  class->scratch = scratch;
  const struct labs_tasks tasks = {class->count, request->jobs, work, done, class};
  const bool finished = labs_tasks_run(&tasks);
  labs_scratch_remove(scratch);
  if (!finished) {
    cli_fail("lab grade: stopped before all were checked");
    return 1;
  }
  if (!request->json)
    print(class, labs->count);
  else
    status = print_json(class, labs->count);
  return status != 0 ? status : class->mended < class->count;
}

int cli_lab_grade(int argc, char **argv) {
  struct request request = {.labs = NULL};
  struct cli_args args = CLI_ARGS("finale lab grade", argc, argv);
  struct labs labs;
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) {
      puts(
          "Usage: finale lab grade [DIR] [OPTION...]\n"
          "\n"
          "What a student has done, from the folder of all labs (" LABS_STUDY
          "): each\n"
          "program is built and checked again; hints seen and the quiz are what\n"
          "DIR/*/progress says. `cat DIR/*/*.c | sha256sum` gives the checksum at the end.\n"
          "\n"
          "The programs may do all that you may do: let an account check them that has\n"
          "nothing to lose, not root.\n");
      cli_flags_help(flags, stdout);
      puts(
          "\n"
          "Exit status: 0 if all that is there is mended, 1 if not, 2 for wrong input.");
      return 0;
    }
    const int status = cli_flag_take(&args, flags, &request);
    if (status > 0) return status;
    if (status == 0) continue;
    if (!cli_args_is_operand(&args) || request.dir) return cli_args_unknown(&args);
    request.dir = args.text;
  }
  int status = labs_open(&labs, request.labs);
  if (status != 0) return status;
  struct class class = {.dir = request.dir ? request.dir : LABS_STUDY};
  class.run =
      (struct lab_run_options){.loopback = request.loopback, .delay_ms = LAB_DELAY_AS_EXPECTED};
  status = grade(&request, &labs, &class);
  free(class.grades);
  labs_close(&labs);
  return status;
}
