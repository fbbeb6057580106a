/* SPDX-License-Identifier: MIT
 *
 * `finale lab quiz`: questions at a terminal; elsewhere they are printed with their answers.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lab.h"

struct request {
  const char *name, *labs, *dir;
  bool chinese;
};

struct round {
  const struct request *request;
  bool asks; /* somebody is there to answer */
  unsigned asked, right;
};

int labs_take_lang(struct cli_args *args, bool *chinese) {
  if (!cli_args_is(args, "--lang")) return -1;
  const char *value = cli_args_value(args);
  if (!value) return 2;
  *chinese = strcmp(value, "zh") == 0;
  if (*chinese || strcmp(value, "en") == 0) return 0;
  return cli_fail("--lang %s: there is en and zh", value);
}

static const char *in_language(const struct round *round, const struct labs_piece *piece) {
  return round->request->chinese ? piece->text_zh : piece->text;
}

/* A letter from the terminal; -1: the end, or stopped. */
static int read_choice(size_t count) {
  char line[64];
  for (;;) {
    printf("> ");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) return -1;
    const int choice = (line[0] | 0x20) - 'a';
    if (choice >= 0 && (size_t)choice < count && (line[1] == '\n' || !line[1])) return choice;
    printf("A letter from a to %c, please.\n", (int)('a' + count - 1));
  }
}

static bool ask(struct round *round, const struct labs_question *question) {
  char first[16];
  const bool zh = round->request->chinese;
  round->asked++;
  snprintf(first, sizeof first, "%u. ", round->asked);
  labs_print_text(stdout, first, "   ", in_language(round, question->question));
  for (size_t i = 0; i < question->choice_count; i++) {
    snprintf(first, sizeof first, "   %c) ", (char)('a' + i));
    labs_print_text(stdout, first, "      ", in_language(round, question->choices[i]));
  }
  const int choice = round->asks ? read_choice(question->choice_count) : (int)question->right;
  if (choice < 0) return false;
  const bool right = (size_t)choice == question->right;
  const char letter = (char)('a' + question->right);
  round->right += right && round->asks;
  if (round->asks && right)
    puts(zh ? "   对。" : "   Right.");
  else
    printf(zh ? "   答案：%c\n" : "   The answer is %c.\n", letter);
  labs_print_text(stdout, "   ", "   ", in_language(round, question->why));
  putchar('\n');
  return true;
}

static int keep(const struct round *round, const struct labs_entry *entry) {
  struct labs_study study;
  const int status = labs_study_read(&study, round->request->dir, entry);
  if (status != 0) return status;
  study.right = round->right;
  study.asked = round->asked;
  return labs_study_write(&study);
}

static int quiz(struct round *round, const struct labs_entry *entry) {
  struct labs_pieces pieces;
  struct labs_question question;
  char path[PATH_MAX];
  size_t at = 0;
  bool answered = true;
  if (!labs_file(entry, "quiz", path)) {
    cli_fail("%s has no quiz; its folder is %s", entry->name, entry->path);
    return 1;
  }
  int status = labs_pieces_read(&pieces, path);
  if (status != 0) return status;
  while (answered && (status = labs_question_next(&pieces, path, &at, &question)) == 1)
    answered = ask(round, &question);
  labs_pieces_release(&pieces);
  if (status == 2) return status;
  if (!answered) {
    putchar('\n');
    return 1; /* it was not finished: nothing is kept */
  }
  if (!round->asks) return 0;
  printf(round->request->chinese ? "%u / %u\n" : "%u of %u\n", round->right, round->asked);
  status = keep(round, entry);
  return status != 0 ? status : round->right < round->asked;
}

int cli_lab_quiz(int argc, char **argv) {
  static const struct cli_flag flags[] = {{"--dir", CLI_DIRECTORY, offsetof(struct request, dir),
                                           "the folder of all your labs (" LABS_STUDY ")"},
                                          LABS_FLAG(struct request),
                                          {NULL, CLI_SWITCH, 0, NULL}};
  struct request request = {.labs = NULL};
  struct cli_args args = CLI_ARGS("finale lab quiz", argc, argv);
  struct labs labs;
  const struct labs_entry *entry;
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) {
      puts(
          "Usage: finale lab quiz NAME [OPTION...]\n"
          "\n"
          "Asks what the lab was about, and explains each answer; the result is kept "
          "in\n" LABS_STUDY
          "/NAME/progress. If stdin is no terminal, the questions are printed\n"
          "with their answers, and nothing is kept.\n");
      cli_flags_help(flags, stdout);
      puts(
          "  --lang LANG               en or zh\n"
          "\n"
          "Exit status: 0 if all answers were right, 1 if not, 2 for wrong input.");
      return 0;
    }
    int status = labs_take_lang(&args, &request.chinese);
    if (status < 0) status = cli_flag_take(&args, flags, &request);
    if (status > 0) return status;
    if (status == 0) continue;
    if (!cli_args_is_operand(&args) || request.name) return cli_args_unknown(&args);
    request.name = args.text;
  }
  struct round round = {.request = &request, .asks = isatty(STDIN_FILENO)};
  int status = labs_open_one(&labs, request.labs, "quiz", request.name, &entry);
  if (status != 0) return status;
  status = quiz(&round, entry);
  labs_close(&labs);
  return status;
}
