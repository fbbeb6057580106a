/* SPDX-License-Identifier: MIT
 *
 * `finale lab`: what its parts know of each other. What a lab is, how it is run and judged is in
 * src/lab; here are the labs that there are, the student's folder, and the texts.
 */
#ifndef FINALE_CLI_LAB_H
#define FINALE_CLI_LAB_H

#include <limits.h>
#include <signal.h>
#include <stdio.h>

#include "lab/expect.h"
#include "options.h"

/* ---- the commands: argv[0] is their name ---- */

/* X(name, what is given to it, what it is for) */
#define LABS_COMMANDS(X) \
  X(list, "", "the labs there are") \
  X(run, "NAME", "run one and watch it: states, segments, calls, the verdict") \
  X(work, "NAME", "copy its broken program for you to mend") \
  X(check, "NAME [FILE]", "is it mended, and does the service still behave?") \
  X(hint, "NAME", "the next hint") \
  X(quiz, "NAME", "questions, with the answers explained") \
  X(mystery, "", "a bug without its name: find the cause from the evidence") \
  X(grade, "[DIR]", "what a student has mended, checked again; for a teacher") \
  X(report, "NAME", "run one and write it as an HTML page") \
  X(claims, "", "what people say about CLOSE_WAIT, put to the test")

#define LABS_DECLARE(name, operands, summary) int cli_lab_##name(int argc, char **argv);
LABS_COMMANDS(LABS_DECLARE)
#undef LABS_DECLARE

/* Set by SIGINT, SIGTERM, SIGHUP and by a reader that has gone: what runs is ended, what was made
 * on the way is removed. */
extern volatile sig_atomic_t labs_stopped;

/* ---- the labs that there are ---- */

struct labs_entry {
  char path[PATH_MAX]; /* of its folder */
  const char *folder;  /* 02-eof-ignored */
  const char *name;    /* eof-ignored */
  struct lab_expect expect;
  char error[LAB_ERROR_MAX]; /* not "": its file `expect` is wrong, and this says how */
};

struct labs {
  char path[PATH_MAX];
  struct labs_entry *entries; /* by folder */
  size_t count;
};

/* Reads all of them from `directory`, or where it is NULL, from where they are: $FINALE_LABS, the
 * installation, the source tree. 0, or 2 after saying what is wrong. */
int labs_open(struct labs *labs, const char *directory);
void labs_close(struct labs *labs);

/* By name, number or both. NULL: there is none, or it is wrong; said, with the nearest. */
const struct labs_entry *labs_find(const struct labs *labs, const char *name);

/* FILE of the lab's folder. False: the path is too long, or it is not there. */
bool labs_file(const struct labs_entry *entry, const char *file, char path[PATH_MAX]);

/* Whether it is a file that can be read: no folder, nor what waits for somebody who writes. */
bool labs_is_file(const char *path);

/* Directory and file in one, if there is room. */
bool labs_join(char path[PATH_MAX], const char *directory, const char *file);

/* What a program under test is called in texts: server or client. */
const char *labs_part(const struct labs_entry *entry);

/* ---- options that all commands have, and one NAME ---- */

#define LABS_FLAG(type) \
  { "--labs", CLI_DIRECTORY, offsetof(type, labs), "where the labs are" }

/* Opens the labs and finds the one: 0 or 2. Close them after 0. */
int labs_open_one(struct labs *labs, const char *directory, const char *command, const char *name,
                  const struct labs_entry **entry);

/* --lang en|zh: 0 or 2; -1: another option. */
int labs_take_lang(struct cli_args *args, bool *chinese);

/* ---- hints and quiz: texts in pieces ---- */

struct labs_piece {           /* "hint.zh: ..." and the indented lines behind it */
  const char *key;            /* "hint" */
  const char *text, *text_zh; /* text_zh is text where there is no other */
  unsigned line;
};

struct labs_pieces {
  struct labs_piece *items;
  size_t count;
  char *memory;
};

/* Errors are said: 0 or 2. */
int labs_pieces_read(struct labs_pieces *pieces, const char *path);
void labs_pieces_release(struct labs_pieces *pieces);

enum { LABS_CHOICES_MAX = 6 };

struct labs_question {
  const struct labs_piece *question, *why;
  const struct labs_piece *choices[LABS_CHOICES_MAX]; /* in the order to show them */
  size_t choice_count, right;
};

/* The questions of a quiz in order; `at` begins as 0. 1: a question; 0: no more; 2: said what is
 * wrong with it in `path`. */
int labs_question_next(const struct labs_pieces *pieces, const char *path, size_t *at,
                       struct labs_question *question);

/* ---- printing ---- */

/* A text in lines of 80 columns: the first behind `first`, the others behind `indent`. Where its
 * own lines end is of no importance. */
void labs_print_text(FILE *out, const char *first, const char *indent, const char *text);
/* The same, line by line. */
void labs_print_lines(FILE *out, const char *first, const char *indent, const char *text);

/* ---- the student's folder ---- */

#define LABS_STUDY "finale-labs"

struct labs_study {
  char path[PATH_MAX];   /* of one lab's folder */
  unsigned hints;        /* seen */
  unsigned right, asked; /* in the quiz, the last time */
};

/* Of `entry` in the folder `root` (NULL: finale-labs); there need not be one. */
int labs_study_read(struct labs_study *study, const char *root, const struct labs_entry *entry);
int labs_study_read_at(struct labs_study *study, const char *path);
/* Makes the folder if it must. 0, or 1 after saying why not. */
int labs_study_make(const char *path);
int labs_study_write(const struct labs_study *study);
/* The student's program: NAME.c. */
bool labs_study_program(const struct labs_study *study, const struct labs_entry *entry,
                        char path[PATH_MAX]);

/* SHA-256 of a file, or of all that was fed, in hexadecimal. */
struct labs_digest {
  uint32_t state[8];
  uint64_t len;
  unsigned char block[64];
};

void labs_digest_begin(struct labs_digest *digest);
void labs_digest_feed(struct labs_digest *digest, const void *data, size_t len);
void labs_digest_end(struct labs_digest *digest, char hex[65]);

/* ---- scratch ---- */

/* A folder for what is built, removed by labs_scratch_remove with all that is in it. 0 or 1. */
int labs_scratch_make(char path[PATH_MAX]);
void labs_scratch_remove(const char *path);

/* ---- building ---- */

/* Builds `source` as `program`. False: `errors`, to be freed, is what the compiler said, or why
 * there is none. */
bool labs_build(const char *source, const char *program, char **errors);

/* ---- several at once ---- */

/* Does `count` tasks in processes of their own, `jobs` at a time (0: as many as this machine
 * bears), and gives what each printed and returned to `done`, in order. False: stopped, or no
 * process. */
struct labs_tasks {
  size_t count;
  unsigned jobs;
  int (*work)(void *context, size_t index, FILE *out);
  void (*done)(void *context, size_t index, int status, const char *text);
  void *context;
};

bool labs_tasks_run(const struct labs_tasks *tasks);

#endif
