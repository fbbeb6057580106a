/* SPDX-License-Identifier: MIT
 *
 * `finale lab mystery`: a bug without its name. What can be seen is shown; who looks at it says
 * what the cause is.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "lab/timeline.h"
#include "lab_trial.h"

enum { CHOICES = 5 };

struct request {
  const char *labs, *answer;
  bool seeded, loopback, chinese;
  unsigned seed;
};

struct mystery {
  const struct labs_entry *entry;
  uint64_t random;
  enum lab_cause choices[CHOICES];
  size_t choice_count;
};

/* SplitMix64: the same numbers everywhere for the same seed. */
static size_t draw(struct mystery *mystery, size_t below) {
  uint64_t x = mystery->random += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return (size_t)((x ^ x >> 31) % below);
}

/* A bug that a rule knows and that everybody's machine can show. */
static bool is_mystery(const struct labs_entry *entry) {
  if (*entry->error || entry->expect.under_test == LAB_CLIENT) return false;
  const enum lab_cause cause = lab_cause_find(entry->expect.cause);
  return cause != LAB_CAUSE_COUNT && cause != LAB_CAUSE_NONE;
}

static bool choose(const struct labs *labs, struct mystery *mystery) {
  size_t count = 0, wanted;
  for (size_t i = 0; i < labs->count; i++) count += is_mystery(&labs->entries[i]);
  if (count == 0) return false;
  wanted = draw(mystery, count);
  for (size_t i = 0; i < labs->count; i++)
    if (is_mystery(&labs->entries[i]) && wanted-- == 0) mystery->entry = &labs->entries[i];
  return true;
}

/* ---- what is shown ---- */

static void on_event(void *context, struct lab_run *run, const struct lab_event *event) {
  lab_timeline_event(context, event);
  fflush(stdout);
  if (ferror(stdout)) lab_run_end(run);
}

static enum labs_outcome show(const struct request *request, const struct mystery *mystery,
                              const char *program, struct labs_trial *trial) {
  struct labs_setting setting = {.program = program, .group = &mystery->entry->expect.broken};
  struct lab_timeline_options options = lab_timeline_options(stdout);
  options.under_test = LAB_SERVER;
  struct lab_timeline *timeline = lab_timeline_new(&options);
  setting.run = (struct lab_run_options){.loopback = request->loopback,
                                         .delay_ms = LAB_DELAY_AS_EXPECTED,
                                         .on_event = timeline ? on_event : NULL,
                                         .context = timeline};
  labs_trial_run(trial, mystery->entry, &setting);
  if (timeline) lab_timeline_end(timeline, &trial->story);
  lab_timeline_free(timeline);
  return trial->outcome;
}

/* ---- the question ---- */

/* What looks alike from outside is no choice beside the right one. */
static bool may_choose(const struct mystery *mystery, const struct lab_diagnosis *diagnosis,
                       enum lab_cause cause) {
  if (cause == LAB_CAUSE_NONE || cause == LAB_CAUSE_COUNT) return false;
  for (size_t i = 0; i < mystery->choice_count; i++)
    if (mystery->choices[i] == cause) return false;
  for (size_t i = 0; i < diagnosis->count; i++)
    if (diagnosis->opinions[i].cause == cause) return false;
  return true;
}

static void make_choices(struct mystery *mystery, const struct labs *labs,
                         const struct lab_diagnosis *diagnosis) {
  mystery->choices[mystery->choice_count++] = lab_cause_find(mystery->entry->expect.cause);
  for (int tries = 0; mystery->choice_count < CHOICES && tries < 1000; tries++) {
    const struct labs_entry *other = &labs->entries[draw(mystery, labs->count)];
    if (*other->error) continue;
    const enum lab_cause cause = lab_cause_find(other->expect.cause);
    if (may_choose(mystery, diagnosis, cause)) mystery->choices[mystery->choice_count++] = cause;
  }
  const size_t place = draw(mystery, mystery->choice_count);
  const enum lab_cause right = mystery->choices[0];
  mystery->choices[0] = mystery->choices[place];
  mystery->choices[place] = right;
}

/* A letter, or the cause's name; CHOICES: neither. */
static size_t choice_of(const struct mystery *mystery, const char *text) {
  const size_t len = strcspn(text, "\r\n");
  const size_t letter = (size_t)((unsigned char)text[0] | 0x20) - 'a';
  if (len == 1 && letter < mystery->choice_count) return letter;
  for (size_t i = 0; i < mystery->choice_count; i++) {
    const char *name = lab_cause_name(mystery->choices[i]);
    if (strlen(name) == len && strncmp(name, text, len) == 0) return i;
  }
  return CHOICES;
}

static size_t ask(const struct request *request, const struct mystery *mystery) {
  const bool zh = request->chinese;
  char line[64];
  puts(zh ? "\n原因是什么？\n" : "\nWhat is the cause?\n");
  for (size_t i = 0; i < mystery->choice_count; i++)
    labs_print_text(stdout, (const char[]){' ', ' ', (char)('a' + i), ')', ' ', '\0'}, "     ",
                    (zh ? lab_cause_chinese : lab_cause_english)(mystery->choices[i]));
  putchar('\n');
  if (request->answer) return choice_of(mystery, request->answer);
  for (;;) {
    if (isatty(STDIN_FILENO)) printf("> ");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) return CHOICES;
    const size_t choice = choice_of(mystery, line);
    if (choice < CHOICES) return choice;
    printf(zh ? "请输入 a 到 %c 之间的一个字母。\n" : "A letter from a to %c, please.\n",
           (char)('a' + mystery->choice_count - 1));
  }
}

static int judge(const struct request *request, const struct mystery *mystery,
                 const struct labs_trial *trial, size_t choice) {
  const bool zh = request->chinese;
  const char *again = zh ? "再来一次：finale lab mystery --seed %u\n"
                         : "The same again: finale lab mystery --seed %u\n";
  if (choice == CHOICES) {
    fputs(zh ? "没有回答。" : "No answer. ", stdout);
    printf(again, request->seed);
    return request->answer ? cli_fail("--answer %s: a letter, as they are above", request->answer)
                           : 1;
  }
  const struct lab_expect *expect = &mystery->entry->expect;
  const bool right = mystery->choices[choice] == lab_cause_find(expect->cause);
  if (right)
    puts(zh ? "对。\n" : "Right.\n");
  else
    puts(zh ? "不对。\n" : "No.\n");
  labs_print_cause(stdout, trial, zh);
  printf(zh ? "\n这是 %s：%s。\n" : "\nIt was %s, %s.\n", mystery->entry->folder,
         zh ? expect->title_zh : expect->title);
  printf(again, request->seed);
  return right ? 0 : 1;
}

static int play(const struct request *request, const struct labs *labs, struct mystery *mystery,
                const char *scratch) {
  char source[PATH_MAX], program[PATH_MAX];
  struct labs_trial trial;
  if (!labs_file(mystery->entry, "broken.c", source))
    return cli_fail("%s: there is no broken.c", mystery->entry->path);
  if (!labs_build_for(mystery->entry, source, scratch, "server", program, stderr)) return 1;
  puts(request->chinese ? "这台服务器有毛病。\n" : "Something is wrong with this server.\n");
  int status = 1;
  show(request, mystery, program, &trial);
  if (trial.judged && !labs_stopped) {
    make_choices(mystery, labs, &trial.diagnosis);
    status = judge(request, mystery, &trial, ask(request, mystery));
  } else {
    cli_fail("lab mystery --seed %u: %s", request->seed, trial.why);
  }
  labs_trial_release(&trial);
  return status;
}

/* ---- options ---- */

static const struct cli_flag flags[] = {
    {"--answer", CLI_FILE, offsetof(struct request, answer), ""},
    {"--loopback", CLI_SWITCH, offsetof(struct request, loopback),
     "without namespaces and without the wire"},
    LABS_FLAG(struct request),
    {NULL, CLI_SWITCH, 0, NULL}};

static int help(void) {
  puts(
      "Usage: finale lab mystery [OPTION...]\n"
      "\n"
      "Runs one of the labs without saying which, shows what can be seen of it, and\n"
      "asks for the cause.\n"
      "\n"
      "  --seed N                  the same bug for everybody who gives the same number\n"
      "  --answer LETTER           in place of the terminal");
  cli_flags_help(flags + 1, stdout);
  puts(
      "  --lang LANG               en or zh\n"
      "\n"
      "Exit status: 0 if the answer was right, 1 if not, 2 for wrong input.");
  return 0;
}

static int take(struct request *request, struct cli_args *args) {
  if (!cli_args_is(args, "--seed")) {
    int status = labs_take_lang(args, &request->chinese);
    if (status < 0) status = cli_flag_take(args, flags, request);
    return status < 0 ? cli_args_unknown(args) : status;
  }
  const char *value = cli_args_value(args);
  request->seeded = true;
  return value ? cli_parse_count("--seed", value, 0, 1000000000, &request->seed) : 2;
}

int cli_lab_mystery(int argc, char **argv) {
  struct request request = {.labs = NULL};
  struct mystery mystery = {.entry = NULL};
  struct cli_args args = CLI_ARGS("finale lab mystery", argc, argv);
  struct labs labs;
  char scratch[PATH_MAX];
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) return help();
    const int status = take(&request, &args);
    if (status != 0) return status;
  }
  if (!request.seeded) request.seed = (unsigned)((time(NULL) ^ getpid()) % 100000);
  mystery.random = request.seed;
  int status = labs_open(&labs, request.labs);
  if (status != 0) return status;
  if (!choose(&labs, &mystery))
    status = cli_fail("%s: no lab there can be a mystery; see --labs", labs.path);
  if (status == 0) status = labs_scratch_make(scratch);
  if (status == 0) {
    status = play(&request, &labs, &mystery, scratch);
    labs_scratch_remove(scratch);
  }
  labs_close(&labs);
  return status;
}
