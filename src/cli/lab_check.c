/* SPDX-License-Identifier: MIT
 *
 * `finale lab check`: a student's program, or the labs themselves.
 */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lab_trial.h"

struct request {
  const char *name, *file;
  const char *labs, *dir;
  bool all_broken, all_fixed, all_wrong, loopback;
  unsigned jobs;
};

static const struct cli_flag flags[] = {
    {"--all-broken", CLI_SWITCH, offsetof(struct request, all_broken),
     "every lab's broken.c shows what the lab says of it"},
    {"--all-fixed", CLI_SWITCH, offsetof(struct request, all_fixed),
     "every fixed.c and with_finale.c is right"},
    {"--all-wrong", CLI_SWITCH, offsetof(struct request, all_wrong), "every wrong.c is refused"},
    {"--jobs", CLI_COUNT, offsetof(struct request, jobs), "so many of these at a time"},
    {"--loopback", CLI_SWITCH, offsetof(struct request, loopback),
     "without namespaces and without the wire"},
    {"--dir", CLI_DIRECTORY, offsetof(struct request, dir),
     "the folder of all your labs (" LABS_STUDY ")"},
    LABS_FLAG(struct request),
    {NULL, CLI_SWITCH, 0, NULL}};

static int help(void) {
  puts(
      "Usage: finale lab check NAME [FILE] [OPTION...]\n"
      "       finale lab check [NAME] --all-broken --all-fixed --all-wrong [OPTION...]\n"
      "\n"
      "Builds your program (" LABS_STUDY
      "/NAME/NAME.c, or FILE) and runs it: what the bug\n"
      "left behind must be gone, and everybody must still be served. What is wrong is\n"
      "explained by what was seen. With --all-...: whether the labs are right, or this\n"
      "one.\n");
  cli_flags_help(flags, stdout);
  puts("\nExit status: 0 if it is right, 1 if not, 2 for wrong input.");
  return 0;
}

/* ---- one program ---- */

/* In the student's folder, or here. */
static int find_program(const struct request *request, const struct labs_entry *entry,
                        char path[PATH_MAX]) {
  struct labs_study study;
  if (request->file) {
    snprintf(path, PATH_MAX, "%s", request->file);
    return access(path, R_OK) == 0 ? 0 : cli_fail("%s: it cannot be read; give a C file", path);
  }
  const int status = labs_study_read(&study, request->dir, entry);
  if (status != 0) return status;
  if (labs_study_program(&study, entry, path) && access(path, R_OK) == 0) return 0;
  return cli_fail("%s is not there; finale lab work %s makes it, or give a FILE", path,
                  entry->name);
}

static int check(const struct request *request, const struct labs_entry *entry,
                 const char *scratch) {
  char source[PATH_MAX], program[PATH_MAX], line[PATH_MAX + 64];
  struct labs_examination examination;
  const struct lab_run_options run = {.loopback = request->loopback,
                                      .delay_ms = LAB_DELAY_AS_EXPECTED};
  const int status = find_program(request, entry, source);
  if (status != 0) return status;
  if (!labs_build_for(entry, source, scratch, labs_part(entry), program, stdout)) return 1;
  snprintf(line, sizeof line, "%s is built and is put to the test", source);
  labs_print_text(stdout, "", "", line);
  fflush(stdout);
  labs_examine(&examination, entry, program, &run, stdout, false);
  if (!examination.wire && examination.outcome != LABS_NOT_RUN)
    puts("(over loopback: states that pass quickly were not judged)");
  if (examination.outcome == LABS_NOT_AS_CLAIMED)
    printf("%s: not yet. The next hint: finale lab hint %s\n", entry->name, entry->name);
  if (examination.outcome == LABS_AS_CLAIMED)
    printf("%s: mended. Do you know why? finale lab quiz %s\n", entry->name, entry->name);
  return examination.outcome == LABS_AS_CLAIMED ? 0 : 1;
}

static int check_one(const struct request *request) {
  struct labs labs;
  const struct labs_entry *entry;
  char scratch[PATH_MAX];
  int status = labs_open_one(&labs, request->labs, "check", request->name, &entry);
  if (status != 0) return status;
  status = labs_scratch_make(scratch);
  if (status == 0) {
    status = check(request, entry, scratch);
    labs_scratch_remove(scratch);
  }
  labs_close(&labs);
  return status;
}

static int check_all(const struct request *request) {
  struct labs labs;
  const struct labs_entry *one = NULL;
  int status = request->name ? labs_open_one(&labs, request->labs, "check", request->name, &one)
                             : labs_open(&labs, request->labs);
  if (status != 0) return status;
  struct labs these = labs;
  if (one) these = (struct labs){.entries = &labs.entries[one - labs.entries], .count = 1};
  if (request->all_broken)
    status |= labs_check_all(&these, LABS_ALL_BROKEN, request->jobs, request->loopback);
  if (request->all_fixed)
    status |= labs_check_all(&these, LABS_ALL_FIXED, request->jobs, request->loopback);
  if (request->all_wrong)
    status |= labs_check_all(&these, LABS_ALL_WRONG, request->jobs, request->loopback);
  labs_close(&labs);
  return status;
}

int cli_lab_check(int argc, char **argv) {
  struct request request = {.name = NULL};
  struct cli_args args = CLI_ARGS("finale lab check", argc, argv);
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) return help();
    const int status = cli_flag_take(&args, flags, &request);
    if (status > 0) return status;
    if (status == 0) continue;
    if (!cli_args_is_operand(&args) || request.file) return cli_args_unknown(&args);
    *(request.name ? &request.file : &request.name) = args.text;
  }
  const bool all = request.all_broken || request.all_fixed || request.all_wrong;
  if (all && request.file)
    return cli_fail("%s: --all-... are about the lab's own programs; leave one out", request.file);
  return all ? check_all(&request) : check_one(&request);
}
