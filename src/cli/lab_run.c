/* SPDX-License-Identifier: MIT
 *
 * `finale lab run` and `finale lab report`: one program of a lab, watched.
 */
#include <fcntl.h>
#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "cli.h"
#include "lab/jsonl.h"
#include "lab/page.h"
#include "lab/timeline.h"
#include "lab_trial.h"

struct request {
  const char *command; /* run or report */
  const char *name, *file;
  bool fixed, with_finale, step, loopback, json;
  const char *labs, *jsonl, *html;
  uint32_t delay_ms; /* 0: not given */
  bool no_delay;
  struct lab_rule rules[LAB_RULES_MAX];
  size_t rule_count;
};

static const struct cli_flag flags[] = {
    {"--fixed", CLI_SWITCH, offsetof(struct request, fixed), "the program as it should be"},
    {"--with-finale", CLI_SWITCH, offsetof(struct request, with_finale),
     "the same service, written with finale"},
    {"--step", CLI_SWITCH, offsetof(struct request, step), "each segment waits for Enter"},
    {"--loopback", CLI_SWITCH, offsetof(struct request, loopback),
     "without namespaces and without the wire"},
    {"--html", CLI_FILE, offsetof(struct request, html), "write the run as a page"},
    {"--jsonl", CLI_FILE, offsetof(struct request, jsonl),
     "write its events as lines of JSON; - is stdout"},
    {"--json", CLI_SWITCH, offsetof(struct request, json), "only the verdict, for programs"},
    LABS_FLAG(struct request),
    {NULL, CLI_SWITCH, 0, NULL}};

/* ---- options ---- */

static int help(const struct request *request) {
  printf("Usage: finale lab %s NAME [FILE] [OPTION...]\n", request->command);
  puts(
      "\n"
      "Builds the lab's broken program (or FILE, which is judged as a mended one), lets\n"
      "the lab's clients come to it, and shows both ends and the wire on one time axis;\n"
      "then what the lab claims of the program, with verdicts, and the cause. The\n"
      "clients reach it through a wire of our own that delays each segment, so that\n"
      "every state can be seen; where namespaces are refused, over loopback.\n");
  if (strcmp(request->command, "report") == 0)
    puts("The run is written as a page, NAME.html unless --html names another.\n");
  cli_flags_help(flags, stdout);
  puts(
      "  --delay TIME              of the wire, in place of the lab's; 0 is none\n"
      "  --drop RULE               lose a segment, as in --drop 'fin from server'\n"
      "  --hold RULE               hold one back: 'fin from client for 2s'\n"
      "  --duplicate RULE          send it twice\n"
      "\n"
      "A RULE is [every | 2nd | 3rd...] WHAT from client|server [for TIME]; WHAT is\n"
      "syn, syn+ack, fin, data, ack, ack-of-fin, rst or segment. With --step: Enter\n"
      "lets the oldest segment pass, a number that one, d drops the oldest, g lets all\n"
      "go, q ends.\n"
      "\n"
      "Exit status: 0 if all holds that the lab claims of the program, 1 if not, 2 for\n"
      "wrong input.");
  return 0;
}

/* --drop 'fin from server' */
static int take_rule(struct request *request, struct cli_args *args, const char *verb) {
  char text[256], why[LAB_WHY_MAX];
  const char *value = cli_args_value(args);
  if (!value) return 2;
  if (request->rule_count == LAB_RULES_MAX)
    return cli_fail("--%s %s: one rule too many; give at most %d", verb, value, LAB_RULES_MAX);
  snprintf(text, sizeof text, "%s %s", verb, value);
  if (lab_rule_parse(text, &request->rules[request->rule_count++], why)) return 0;
  return cli_fail("--%s %s: %s", verb, value, why);
}

static int take_delay(struct request *request, struct cli_args *args) {
  const char *value = cli_args_value(args);
  if (!value) return 2;
  request->no_delay = strcmp(value, "0") == 0 || strcmp(value, "0s") == 0;
  return request->no_delay ? 0 : cli_parse_time("--delay", value, false, &request->delay_ms);
}

static int take_operand(struct request *request, const struct cli_args *args) {
  if (!request->name)
    request->name = args->text;
  else if (!request->file)
    request->file = args->text;
  else
    return cli_fail("'%s': one lab and one file; see finale lab %s --help", args->text,
                    request->command);
  return 0;
}

static int take(struct request *request, struct cli_args *args) {
  static const char *const verbs[] = {"drop", "hold", "duplicate"};
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (strncmp(args->text, "--", 2) == 0 && strlen(verbs[i]) + 2 == args->name_len &&
        strncmp(args->text + 2, verbs[i], args->name_len - 2) == 0)
      return take_rule(request, args, verbs[i]);
  if (cli_args_is(args, "--delay")) return take_delay(request, args);
  const int status = cli_flag_take(args, flags, request);
  if (status >= 0) return status;
  return cli_args_is_operand(args) ? take_operand(request, args) : cli_args_unknown(args);
}

static int check(const struct request *request) {
  const int programs = request->fixed + request->with_finale + (request->file != NULL);
  if (programs > 1)
    return cli_fail("lab %s: --fixed, --with-finale and FILE name three programs; give one",
                    request->command);
  if (request->step && request->loopback)
    return cli_fail("--step and --loopback: over loopback no segment can wait; leave one out");
  if (request->rule_count > 0 && request->loopback)
    return cli_fail("--loopback has no wire that could drop, hold or duplicate; leave it out");
  if (request->json && request->jsonl && strcmp(request->jsonl, "-") == 0)
    return cli_fail("--json and --jsonl -: both would go to stdout; give one a FILE");
  return 0;
}

/* ---- while it runs ---- */

struct show {
  struct lab_timeline *timeline; /* NULL: nothing is shown */
};

static void on_event(void *context, struct lab_run *run, const struct lab_event *event) {
  const struct show *show = context;
  if (!show->timeline) return;
  lab_timeline_event(show->timeline, event);
  fflush(stdout);
  if (ferror(stdout)) lab_run_end(run); /* nobody looks any more */
}

/* Nobody is there to say more, and the end of input would be there to be read again and again. */
static void wait_for_nothing(void) {
  int nothing[2];
  if (pipe2(nothing, O_CLOEXEC) == 0) dup2(nothing[0], STDIN_FILENO);
}

static void on_input(void *context, struct lab_run *run) {
  char text[64];
  (void)context;
  const ssize_t len = read(STDIN_FILENO, text, sizeof text - 1);
  text[len > 0 ? len : 0] = '\0';
  if (len <= 0) wait_for_nothing();
  if (len <= 0 || text[0] == 'g') {
    lab_run_step(run, false);
  } else if (text[0] == 'q') {
    lab_run_end(run);
  } else if (text[0] == 'd') {
    lab_run_discard(run, 0);
  } else if (text[0] >= '1' && text[0] <= '9') {
    lab_run_release(run, strtoul(text, NULL, 10));
  } else {
    for (const char *at = text; (at = strchr(at, '\n')); at++) lab_run_release(run, 0);
  }
}

static unsigned connections(const struct lab_expect *expect) {
  unsigned count = 0;
  if (expect->under_test == LAB_CLIENT || expect->servers.count > 0) return 0;
  for (size_t i = 0; i < expect->clients.count; i++) count += expect->clients.items[i].times;
  return count;
}

static bool begin_show(struct show *show, const struct request *request,
                       const struct labs_entry *entry, const char *program) {
  const bool to_stdout = request->jsonl && strcmp(request->jsonl, "-") == 0;
  *show = (struct show){.timeline = NULL};
  if (request->json || to_stdout) return true;
  struct lab_timeline_options options = lab_timeline_options(stdout);
  options.numbers = request->step;
  options.under_test = entry->expect.under_test;
  options.connections = connections(&entry->expect);
  options.program = program;
  printf("%s: %s\n\n", entry->folder, entry->expect.title);
  if (request->step)
    puts("Enter: the oldest segment passes; d: it is lost; g: all go; q: the end\n");
  fflush(stdout);
  show->timeline = lab_timeline_new(&options);
  return show->timeline != NULL;
}

/* ---- what came of it ---- */

static int print_json(const struct labs_trial *trial, const char *program) {
  json_t *claims = json_array(), *cause = json_null();
  for (size_t i = 0; i < trial->judgement.count; i++) {
    const struct lab_finding *finding = &trial->judgement.findings[i];
    json_array_append_new(
        claims,
        json_pack("{s:o, s:s, s:o}", "claim", lab_json_text(finding->claim->source), "verdict",
                  lab_verdict_name(finding->verdict), "seen", lab_json_text(finding->seen)));
  }
  if (trial->judged && trial->diagnosis.count > 0) {
    const struct lab_opinion *opinion = &trial->diagnosis.opinions[0];
    json_t *reasons = json_array();
    for (size_t i = 0; i < opinion->reason_count; i++)
      json_array_append_new(reasons, lab_json_text(opinion->reasons[i]));
    cause = json_pack("{s:s, s:s, s:i, s:o}", "name", lab_cause_name(opinion->cause), "text",
                      lab_cause_english(opinion->cause), "weight", (int)opinion->weight, "reasons",
                      reasons);
  }
  json_t *all = json_pack(
      "{s:o, s:o, s:b, s:b, s:o, s:o, s:o}", "name", lab_json_text(trial->entry->name), "program",
      lab_json_text(program), "as_claimed", trial->outcome == LABS_AS_CLAIMED, "wire",
      trial->story.wire, "why", lab_json_text(trial->why), "claims", claims, "cause", cause);
  const bool written = all && json_dumpf(all, stdout, JSON_INDENT(2)) == 0;
  json_decref(all);
  putchar('\n');
  return written ? 0 : 1;
}

static void print(const struct labs_trial *trial, const char *program) {
  if (!trial->story.wire && *trial->story.why_no_wire)
    printf("\nNo wire: %s\n", trial->story.why_no_wire);
  printf("\nClaimed of %s:%s\n", program,
         trial->group->claim_count > 0 ? "" : " nothing; `expect` makes no claim yet");
  labs_print_claims(stdout, trial, true);
  putchar('\n');
  labs_print_cause(stdout, trial, false);
}

static int write_files(const struct labs_trial *trial, const char *program, struct bench_file *html,
                       struct bench_file *jsonl, bool jsonl_to_stdout) {
  const struct lab_judgement *judgement = trial->judged ? &trial->judgement : NULL;
  const struct lab_diagnosis *diagnosis = trial->judged ? &trial->diagnosis : NULL;
  const struct lab_page page = {&trial->story, &trial->entry->expect, judgement,
                                diagnosis,     trial->entry->folder,  program};
  int status = 0;
  if (jsonl_to_stdout && !lab_jsonl_print(stdout, &trial->story, judgement, diagnosis)) status = 1;
  if (trial->story.count == 0) return status; /* it did not come to a run */
  if (jsonl->out) {
    FILE *out = bench_file_begin(jsonl);
    status |= bench_file_end(jsonl, lab_jsonl_print(out, &trial->story, judgement, diagnosis));
  }
  if (html->out) {
    FILE *out = bench_file_begin(html);
    status |= bench_file_end(html, lab_page_print(out, &page));
  }
  return status;
}

/* ---- one run ---- */

static int try_program(const struct request *request, const struct labs_entry *entry,
                       const char *built, const char *program, struct labs_trial *trial) {
  struct show show;
  const bool broken = !request->fixed && !request->with_finale && !request->file;
  struct labs_setting setting = {.program = built,
                                 .group = broken ? &entry->expect.broken : &entry->expect.fixed};
  setting.run = (struct lab_run_options){
      .loopback = request->loopback,
      .delay_ms = request->delay_ms ? request->delay_ms : LAB_DELAY_AS_EXPECTED,
      .rules = request->rules,
      .rule_count = request->rule_count,
      .step = request->step,
      .on_event = on_event,
      .on_input = request->step ? on_input : NULL,
      .input = STDIN_FILENO,
      .context = &show};
  if (request->no_delay) setting.run.delay_ms = 0;
  if (!begin_show(&show, request, entry, program)) return cli_fail("lab: no memory");
  labs_trial_run(trial, entry, &setting);
  if (show.timeline) lab_timeline_end(show.timeline, &trial->story);
  lab_timeline_free(show.timeline);
  return 0;
}

static int run(const struct request *request, const struct labs_entry *entry, const char *scratch,
               struct bench_file *html, struct bench_file *jsonl) {
  char source[PATH_MAX], built[PATH_MAX];
  const char *file = request->fixed         ? "fixed.c"
                     : request->with_finale ? "with_finale.c"
                                            : "broken.c";
  const char *program = request->file ? request->file : file;
  const bool jsonl_to_stdout = request->jsonl && strcmp(request->jsonl, "-") == 0;
  struct labs_trial trial;
  if (request->file)
    snprintf(source, sizeof source, "%s", request->file);
  else if (!labs_file(entry, file, source))
    return cli_fail("%s has no %s; its folder is %s", entry->name, file, entry->path);
  if (access(source, R_OK) != 0) return cli_fail("%s: it cannot be read", source);
  if (!labs_build_for(entry, source, scratch, labs_part(entry), built, stderr)) return 1;
  int status = try_program(request, entry, built, program, &trial);
  if (status != 0) return status;
  if (trial.judged && request->json)
    status = print_json(&trial, program);
  else if (trial.judged && !jsonl_to_stdout)
    print(&trial, program);
  fflush(stdout);
  status |= write_files(&trial, program, html, jsonl, jsonl_to_stdout);
  if (*trial.why) cli_fail("%s: %s", entry->name, trial.why);
  if (trial.outcome != LABS_AS_CLAIMED) status = 1;
  labs_trial_release(&trial);
  return status;
}

static int open_and_run(const struct request *request) {
  struct labs labs;
  const struct labs_entry *entry;
  char scratch[PATH_MAX];
  struct bench_file html = {.option = "--html", .path = request->html};
  struct bench_file jsonl = {.option = "--jsonl", .path = request->jsonl};
  if (request->jsonl && strcmp(request->jsonl, "-") == 0) jsonl.path = NULL;
  int status = labs_open_one(&labs, request->labs, request->command, request->name, &entry);
  if (status != 0) return status;
  status = bench_file_open(&html);
  if (status == 0) status = bench_file_open(&jsonl);
  if (status == 0) status = labs_scratch_make(scratch);
  if (status == 0) {
    status = run(request, entry, scratch, &html, &jsonl);
    labs_scratch_remove(scratch);
  }
  bench_file_drop(&html);
  bench_file_drop(&jsonl);
  labs_close(&labs);
  return status;
}

/* -1: go on; else the exit status. */
static int read_request(struct request *request, int argc, char **argv) {
  char command[64];
  snprintf(command, sizeof command, "finale lab %s", request->command);
  struct cli_args args = CLI_ARGS(command, argc, argv);
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) return help(request);
    const int status = take(request, &args);
    if (status != 0) return status;
  }
  const int status = check(request);
  return status != 0 ? status : -1;
}

int cli_lab_run(int argc, char **argv) {
  struct request request = {.command = "run"};
  const int status = read_request(&request, argc, argv);
  return status >= 0 ? status : open_and_run(&request);
}

/* The page is the point: without --html it is NAME.html. */
int cli_lab_report(int argc, char **argv) {
  struct request request = {.command = "report"};
  char page[PATH_MAX];
  int status = read_request(&request, argc, argv);
  if (status >= 0) return status;
  if (!request.html && request.name) {
    struct labs labs;
    const struct labs_entry *entry;
    status = labs_open_one(&labs, request.labs, request.command, request.name, &entry);
    if (status != 0) return status;
    snprintf(page, sizeof page, "%.200s.html", entry->name);
    request.html = page;
    labs_close(&labs);
  }
  status = open_and_run(&request);
  if (status != 2) fprintf(stderr, "the page: %s\n", request.html);
  return status;
}
