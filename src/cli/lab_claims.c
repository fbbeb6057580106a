/* SPDX-License-Identifier: MIT
 *
 * `finale lab claims`: runs the experiments and prints claim, measure, verdict.
 */
#include "lab_claims.h"

#include <jansson.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "lab/jsonl.h"

struct request {
  const char *labs;
  bool json, loopback;
  unsigned jobs;
};

static const struct cli_flag flags[] = {
    {"--json", CLI_SWITCH, offsetof(struct request, json),
     "an array of {claim, measured, verdict, confirmed}"},
    {"--jobs", CLI_COUNT, offsetof(struct request, jobs), "so many experiments at a time"},
    {"--loopback", CLI_SWITCH, offsetof(struct request, loopback),
     "without namespaces and without the wire"},
    LABS_FLAG(struct request),
    {NULL, CLI_SWITCH, 0, NULL}};

struct experiments {
  const struct labs *labs;
  const char *scratch;
  bool loopback;
  json_t *json; /* NULL: a text is printed */
  unsigned counts[3];
};

enum { CONFIRMED, NOT_CONFIRMED, LEFT_OUT };

/* ---- one experiment, in a process of its own ---- */

/* Kills the program a while behind the clients' last step but before they leave. */
struct killer {
  pid_t pid;
  uint64_t since_ns;
};

static void on_event(void *context, struct lab_run *run, const struct lab_event *event) {
  enum { AFTER_MS = 2000 };
  struct killer *killer = context;
  (void)run;
  if (event->kind == LAB_CALL && killer->pid == 0) killer->pid = event->call.pid;
  if (event->kind == LAB_STATE && event->state.side == LAB_SERVER &&
      event->state.to == FIN_TCP_CLOSE_WAIT && killer->since_ns == 0)
    killer->since_ns = event->at_ns;
  const uint64_t waited_ns = killer->since_ns ? event->at_ns - killer->since_ns : 0;
  if (killer->pid <= 0 || waited_ns < AFTER_MS * UINT64_C(1000000)) return;
  kill(killer->pid, SIGKILL);
  killer->pid = -1;
}

/* The lab with the experiment's own `expect`. */
static bool parse(const struct labs_claim *claim, struct labs_entry *entry) {
  char text[4096];
  const int len =
      snprintf(text, sizeof text, "title: %s\ncause: none\n%s", claim->claim, claim->expect);
  return len > 0 && (size_t)len < sizeof text &&
         lab_expect_parse(claim->claim, text, (size_t)len, &entry->expect, entry->error);
}

/* What was measured; and whether all of it was as our verdict needs it. */
static int conclude(const struct labs_claim *claim, const struct labs_trial *trial, FILE *out) {
  if (!trial->judged) {
    fputs(trial->why, out);
    return trial->outcome == LABS_NOT_TRIED ? LEFT_OUT : NOT_CONFIRMED;
  }
  claim->measure(&trial->story, out);
  if (trial->outcome == LABS_AS_CLAIMED && trial->judgement.verdicts[LAB_OPEN] == 0)
    return CONFIRMED;
  if (trial->outcome == LABS_AS_CLAIMED) {
    fputs("; over loopback that does not tell enough", out);
    return LEFT_OUT;
  }
  fputs("\n", out);
  labs_print_claims(out, trial, false);
  return NOT_CONFIRMED;
}

static int try_entry(const struct experiments *experiments, const struct labs_claim *claim,
                     struct labs_entry *entry, size_t index, FILE *out) {
  char source[PATH_MAX], program[PATH_MAX], name[32];
  struct killer killer = {.pid = 0};
  struct labs_trial trial;
  snprintf(name, sizeof name, "claim-%zu", index + 1);
  if (!labs_file(entry, claim->program, source)) {
    fprintf(out, "%s has no %s", entry->name, claim->program);
    return NOT_CONFIRMED;
  }
  if (!labs_build_for(entry, source, experiments->scratch, name, program, out))
    return NOT_CONFIRMED;
  struct labs_setting setting = {.program = program, .group = &entry->expect.fixed};
  setting.run = (struct lab_run_options){.loopback = experiments->loopback,
                                         .delay_ms = LAB_DELAY_AS_EXPECTED,
                                         .on_event = claim->killed ? on_event : NULL,
                                         .context = &killer};
  labs_trial_run(&trial, entry, &setting);
  const int status = conclude(claim, &trial, out);
  labs_trial_release(&trial);
  return status;
}

static int work(void *context, size_t index, FILE *out) {
  const struct experiments *experiments = context;
  const struct labs_claim *claim = &labs_claims[index];
  const struct labs_entry *lab = labs_find(experiments->labs, claim->lab);
  if (!lab) return NOT_CONFIRMED;
  struct labs_entry entry = *lab;
  entry.folder = strrchr(entry.path, '/') + 1;
  if (!parse(claim, &entry)) {
    fputs(entry.error, out);
    return NOT_CONFIRMED;
  }
  const int status = try_entry(experiments, claim, &entry, index, out);
  lab_expect_release(&entry.expect);
  return status;
}

/* ---- the table ---- */

static void done(void *context, size_t index, int status, const char *text) {
  struct experiments *experiments = context;
  const struct labs_claim *claim = &labs_claims[index];
  const char *verdict = status == CONFIRMED  ? claim->verdict
                        : status == LEFT_OUT ? "not tried here"
                                             : "this time it came out otherwise";
  if (status < CONFIRMED || status > LEFT_OUT) status = NOT_CONFIRMED;
  experiments->counts[status]++;
  if (experiments->json) {
    json_array_append_new(
        experiments->json,
        json_pack("{s:s, s:o, s:s, s:b}", "claim", claim->claim, "measured", lab_json_text(text),
                  "verdict", verdict, "confirmed", status == CONFIRMED));
    return;
  }
  printf("%zu. \"%s\"\n", index + 1, claim->claim);
  labs_print_lines(stdout, "   measured  ", "             ", text);
  labs_print_text(stdout, "   verdict   ", "             ", verdict);
  putchar('\n');
  fflush(stdout);
}

static int run(const struct request *request, const struct labs *labs) {
  char scratch[PATH_MAX];
  if (labs_scratch_make(scratch) != 0) return 1;
  struct experiments experiments = {
      .labs = labs, .scratch = scratch, .loopback = request->loopback};
  if (request->json) experiments.json = json_array();
  const struct labs_tasks tasks = {labs_claim_count, request->jobs, work, done, &experiments};
  const bool finished = labs_tasks_run(&tasks);
  labs_scratch_remove(scratch);
  int status = experiments.counts[NOT_CONFIRMED] > 0 || !finished;
  if (request->json) {
    if (json_dumpf(experiments.json, stdout, JSON_INDENT(2)) != 0) status = 1;
    putchar('\n');
    json_decref(experiments.json);
  } else if (finished) {
    printf("%u of %zu verdicts confirmed on this machine", experiments.counts[CONFIRMED],
           labs_claim_count - experiments.counts[LEFT_OUT]);
    if (experiments.counts[LEFT_OUT] > 0)
      printf(", %u not tried: they need the wire", experiments.counts[LEFT_OUT]);
    putchar('\n');
  }
  if (!finished) cli_fail("lab claims: stopped before all were tried");
  return status;
}

int cli_lab_claims(int argc, char **argv) {
  struct request request = {.labs = NULL};
  struct cli_args args = CLI_ARGS("finale lab claims", argc, argv);
  struct labs labs;
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) {
      puts(
          "Usage: finale lab claims [OPTION...]\n"
          "\n"
          "What is said about CLOSE_WAIT on the web, as experiments on this machine: the\n"
          "claim, what was measured, the verdict.\n");
      cli_flags_help(flags, stdout);
      puts("\nExit status: 0 if each verdict was confirmed, 1 if not, 2 for wrong input.");
      return 0;
    }
    const int status = cli_flag_take(&args, flags, &request);
    if (status > 0) return status;
    if (status < 0) return cli_args_unknown(&args);
  }
  int status = labs_open(&labs, request.labs);
  if (status != 0) return status;
  status = run(&request, &labs);
  labs_close(&labs);
  return status;
}
