/* SPDX-License-Identifier: MIT
 *
 * `finale lab work` and `finale lab hint`: a student's folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "lab.h"

struct request {
  const char *name, *folder;
  const char *labs, *dir;
  bool again, chinese;
};

/* ---- copying ---- */

/* Never over a file that is there. 0, 1 or 2. */
static int copy(const char *from, const char *to) {
  char data[4096];
  FILE *in = fopen(from, "re");
  if (!in) return cli_fail("%s: %s", from, strerror(errno));
  const int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (!out) {
    const int error = errno;
    fclose(in);
    if (error != EEXIST) return cli_fail("%s: %s", to, strerror(error));
    cli_fail("%s is there already and stays as it is; move it away to begin again", to);
    return 1;
  }
  for (size_t len; (len = fread(data, 1, sizeof data, in)) > 0;) fwrite(data, 1, len, out);
  const bool read = !ferror(in), wrote = !ferror(out);
  fclose(in);
  if (fclose(out) == 0 && read && wrote) return 0;
  unlink(to);
  cli_fail("%s: it could not be written in full; is there room?", to);
  return 1;
}

/* As it must be typed to check a program that is not in the usual folder. */
static void tell(const struct labs_entry *entry, const char *program, bool usual) {
  printf(
      "%s\n"
      "\n"
      "It is a %s with a bug: %s. To see it happen:\n"
      "  finale lab run %s\n"
      "Mend this file, a few lines are enough, and let it be checked, as often as you\n"
      "like:\n"
      "  finale lab check %s%s%s\n"
      "When you are stuck:\n"
      "  finale lab hint %s\n",
      program, labs_part(entry), entry->expect.title, entry->name, entry->name, usual ? "" : " ",
      usual ? "" : program, entry->name);
}

static int work(const struct request *request, const struct labs_entry *entry) {
  char source[PATH_MAX], program[PATH_MAX];
  struct labs_study study;
  int status = request->folder ? labs_study_read_at(&study, request->folder)
                               : labs_study_read(&study, NULL, entry);
  if (status != 0) return status;
  if (!labs_study_program(&study, entry, program))
    return cli_fail("%s: the path is too long", study.path);
  if (!labs_file(entry, "broken.c", source))
    return cli_fail("%s has no broken.c; its folder is %s", entry->name, entry->path);
  status = labs_study_make(study.path);
  if (status == 0) status = copy(source, program);
  if (status == 0) tell(entry, program, request->folder == NULL);
  return status;
}

int cli_lab_work(int argc, char **argv) {
  static const struct cli_flag flags[] = {LABS_FLAG(struct request), {NULL, CLI_SWITCH, 0, NULL}};
  struct request request = {.labs = NULL};
  struct cli_args args = CLI_ARGS("finale lab work", argc, argv);
  struct labs labs;
  const struct labs_entry *entry;
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) {
      puts(
          "Usage: finale lab work NAME [DIR] [OPTION...]\n"
          "\n"
          "Copies the lab's broken program to " LABS_STUDY
          "/NAME/NAME.c, or into DIR, for\n"
          "you to mend. A file that is there stays as it is.\n");
      cli_flags_help(flags, stdout);
      return 0;
    }
    const int status = cli_flag_take(&args, flags, &request);
    if (status > 0) return status;
    if (status == 0) continue;
    if (!cli_args_is_operand(&args) || request.folder) return cli_args_unknown(&args);
    *(request.name ? &request.folder : &request.name) = args.text;
  }
  int status = labs_open_one(&labs, request.labs, "work", request.name, &entry);
  if (status != 0) return status;
  status = work(&request, entry);
  labs_close(&labs);
  return status;
}

/* ---- hints ---- */

static int give(const struct request *request, const struct labs_entry *entry,
                const struct labs_pieces *hints) {
  struct labs_study study;
  int status = labs_study_read(&study, request->dir, entry);
  if (status != 0) return status;
  if (study.hints > hints->count) study.hints = (unsigned)hints->count;
  const bool last = study.hints == hints->count;
  const unsigned next = study.hints - (last || (request->again && study.hints > 0) ? 1 : 0);
  const struct labs_piece *hint = &hints->items[next];
  printf(request->chinese ? "提示 %u / %zu\n\n" : "Hint %u of %zu\n\n", next + 1, hints->count);
  labs_print_text(stdout, "  ", "  ", request->chinese ? hint->text_zh : hint->text);
  if (next + 1 == hints->count)
    printf("\n%s\n  finale lab run %s --fixed\n",
           request->chinese ? "这是最后一条了。修好的程序是什么样的："
                            : "That was the last one. What the repaired program does:",
           entry->name);
  if (next < study.hints) return 0;
  study.hints = next + 1;
  return labs_study_write(&study);
}

static int hint(const struct request *request, const struct labs_entry *entry) {
  struct labs_pieces hints;
  char path[PATH_MAX];
  if (!labs_file(entry, "hints", path)) {
    cli_fail("%s has no hints; its folder is %s", entry->name, entry->path);
    return 1;
  }
  int status = labs_pieces_read(&hints, path);
  if (status != 0) return status;
  for (size_t i = 0; i < hints.count && status == 0; i++)
    if (strcmp(hints.items[i].key, "hint") != 0)
      status = cli_fail("%s:%u: not a hint:", path, hints.items[i].line);
  if (status == 0 && hints.count == 0) status = cli_fail("%s: no hint is in it", path);
  if (status == 0) status = give(request, entry, &hints);
  labs_pieces_release(&hints);
  return status;
}

int cli_lab_hint(int argc, char **argv) {
  static const struct cli_flag flags[] = {
      {"--again", CLI_SWITCH, offsetof(struct request, again), "the same one once more"},
      {"--dir", CLI_DIRECTORY, offsetof(struct request, dir),
       "the folder of all your labs (" LABS_STUDY ")"},
      LABS_FLAG(struct request),
      {NULL, CLI_SWITCH, 0, NULL}};
  struct request request = {.labs = NULL};
  struct cli_args args = CLI_ARGS("finale lab hint", argc, argv);
  struct labs labs;
  const struct labs_entry *entry;
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) {
      puts(
          "Usage: finale lab hint NAME [OPTION...]\n"
          "\n"
          "The next hint. How many were seen is kept in " LABS_STUDY "/NAME/progress.\n");
      cli_flags_help(flags, stdout);
      puts("  --lang LANG               en or zh");
      return 0;
    }
    int status = labs_take_lang(&args, &request.chinese);
    if (status < 0) status = cli_flag_take(&args, flags, &request);
    if (status > 0) return status;
    if (status == 0) continue;
    if (!cli_args_is_operand(&args) || request.name) return cli_args_unknown(&args);
    request.name = args.text;
  }
  int status = labs_open_one(&labs, request.labs, "hint", request.name, &entry);
  if (status != 0) return status;
  status = hint(&request, entry);
  labs_close(&labs);
  return status;
}
