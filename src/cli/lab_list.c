/* SPDX-License-Identifier: MIT
 *
 * `finale lab list`.
 */
#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include "cli.h"
#include "lab.h"
#include "lab/jsonl.h"

struct request {
  const char *labs;
  bool json;
};

static const struct cli_flag flags[] = {
    {"--json", CLI_SWITCH, offsetof(struct request, json), "an array of {name, title, cause}"},
    LABS_FLAG(struct request),
    {NULL, CLI_SWITCH, 0, NULL}};

static int help(void) {
  puts("Usage: finale lab list [OPTION...]\n\nThe labs there are, by number.\n");
  cli_flags_help(flags, stdout);
  return 0;
}

static int print_json(const struct labs *labs) {
  json_t *array = json_array();
  for (size_t i = 0; i < labs->count; i++) {
    const struct labs_entry *entry = &labs->entries[i];
    if (*entry->error) continue;
    json_array_append_new(array, json_pack("{s:o, s:o, s:o}", "name", lab_json_text(entry->name),
                                           "title", lab_json_text(entry->expect.title), "cause",
                                           lab_json_text(entry->expect.cause)));
  }
  const int written = json_dumpf(array, stdout, JSON_INDENT(2));
  json_decref(array);
  putchar('\n');
  return written == 0 ? 0 : 1;
}

static int print(const struct labs *labs) {
  for (size_t i = 0; i < labs->count; i++) {
    const struct labs_entry *entry = &labs->entries[i];
    const int digits = (int)(entry->name > entry->folder ? entry->name - entry->folder - 1 : 0);
    if (!*entry->error)
      printf("%2.*s  %-26s %s\n", digits, entry->folder, entry->name, entry->expect.title);
  }
  return 0;
}

int cli_lab_list(int argc, char **argv) {
  struct request request = {.labs = NULL};
  struct cli_args args = CLI_ARGS("finale lab list", argc, argv);
  struct labs labs;
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) return help();
    const int status = cli_flag_take(&args, flags, &request);
    if (status > 0) return status;
    if (status < 0) return cli_args_unknown(&args);
  }
  int status = labs_open(&labs, request.labs);
  if (status != 0) return status;
  status = request.json ? print_json(&labs) : print(&labs);
  fflush(stdout);
  for (size_t i = 0; i < labs.count; i++)
    if (*labs.entries[i].error) status = cli_fail("%s", labs.entries[i].error);
  labs_close(&labs);
  return status;
}
