/* SPDX-License-Identifier: MIT
 *
 * A program put to the test.
 */
#include "lab_trial.h"

#include <stdlib.h>
#include <string.h>

enum { SERVICE_DELAY_MS = 20, SERVICE_WATCH_MS = 100 };

bool labs_is_service(const struct labs_entry *entry, const struct lab_group *group) {
  return group != &entry->expect.broken && group != &entry->expect.fixed;
}

static bool run(struct labs_trial *trial, const struct labs_setting *setting) {
  const struct lab_expect *expect = &trial->entry->expect;
  struct lab_run_options options = setting->run;
  options.expect = expect;
  options.program = setting->program;
  options.stop = &labs_stopped;
  if (labs_is_service(trial->entry, trial->group)) {
    options.group = trial->group;
    /* Regression clients come to see what they get, not how it gets there. */
    if (options.delay_ms == LAB_DELAY_AS_EXPECTED && expect->delay_ms > SERVICE_DELAY_MS)
      options.delay_ms = SERVICE_DELAY_MS;
    /* Where nothing is claimed of what comes behind their last step, that is the end. */
    if (trial->group->claim_count == 0 && expect->under_test == LAB_SERVER)
      options.watch_ms = SERVICE_WATCH_MS;
  }
  return lab_run(&options, &trial->story, trial->why);
}

/* ---- what came of it ---- */

static enum labs_outcome not_run(struct labs_trial *trial, const char *why) {
  if (why) snprintf(trial->why, sizeof trial->why, "%s", why);
  return LABS_NOT_RUN;
}

static enum labs_outcome judge(struct labs_trial *trial) {
  struct lab_evidence evidence;
  const struct lab_expect *expect = &trial->entry->expect;
  if (!lab_judge(&trial->story, expect, trial->group, &trial->judgement))
    return not_run(trial, "no memory");
  if (!lab_evidence_read(&trial->story, expect->under_test, &evidence)) {
    lab_judgement_release(&trial->judgement);
    return not_run(trial, "no memory");
  }
  lab_diagnose(&evidence, &trial->diagnosis);
  lab_evidence_release(&evidence);
  trial->judged = true;
  const bool clients_fail =
      labs_is_service(trial->entry, trial->group) && trial->judgement.clients.verdict == LAB_FAILS;
  if (trial->judgement.verdicts[LAB_FAILS] > 0 || clients_fail) return LABS_NOT_AS_CLAIMED;
  if (trial->story.stopped) return not_run(trial, "stopped");
  return LABS_AS_CLAIMED;
}

enum labs_outcome labs_trial_run(struct labs_trial *trial, const struct labs_entry *entry,
                                 const struct labs_setting *setting) {
  *trial = (struct labs_trial){.entry = entry, .group = setting->group};
  const bool ran = run(trial, setting);
  if (ran) {
    trial->outcome = judge(trial);
  } else if (labs_stopped) {
    trial->outcome = not_run(trial, "stopped");
  } else {
    const bool no_wire = entry->expect.needs_wire && !trial->story.wire;
    trial->outcome = no_wire ? LABS_NOT_TRIED : LABS_NOT_RUN;
  }
  return trial->outcome;
}

void labs_trial_release(struct labs_trial *trial) {
  if (trial->judged) lab_judgement_release(&trial->judgement);
  lab_story_release(&trial->story);
}

/* ---- texts ---- */

static void print_finding(FILE *out, const struct lab_finding *finding, const char *claim) {
  static const char indent[] = "              ";
  fprintf(out, "  %-11s %s\n", lab_verdict_name(finding->verdict), claim);
  if (finding->verdict != LAB_HOLDS) labs_print_text(out, indent, indent, finding->seen);
}

void labs_print_claims(FILE *out, const struct labs_trial *trial, bool all) {
  const struct lab_judgement *judgement = &trial->judgement;
  for (size_t i = 0; i < judgement->count; i++) {
    const struct lab_finding *finding = &judgement->findings[i];
    if (all || finding->verdict != LAB_HOLDS) print_finding(out, finding, finding->claim->source);
  }
  if (labs_is_service(trial->entry, trial->group) &&
      (all || judgement->clients.verdict == LAB_OPEN))
    print_finding(out, &judgement->clients, "every client does all its steps");
  for (size_t i = 0; i < judgement->breach_count; i++)
    fprintf(out, "  not TCP     %s\n", judgement->breaches[i].text);
}

void labs_print_cause(FILE *out, const struct labs_trial *trial, bool chinese) {
  const struct lab_diagnosis *diagnosis = &trial->diagnosis;
  for (size_t i = 0; i < diagnosis->count; i++) {
    const struct lab_opinion *opinion = &diagnosis->opinions[i];
    static const char *const leads[2][2] = {{"Cause: ", "  or: "}, {"原因：", "  或者："}};
    fprintf(out, "%s%s\n", leads[chinese][i > 0], lab_cause_name(opinion->cause));
    labs_print_text(out, "  ", "  ",
                    (chinese ? lab_cause_chinese : lab_cause_english)(opinion->cause));
    for (size_t n = 0; i == 0 && n < opinion->reason_count; n++)
      labs_print_text(out, "  - ", "    ", opinion->reasons[n]);
  }
}

/* ---- a mended program ---- */

bool labs_build_for(const struct labs_entry *entry, const char *source, const char *scratch,
                    const char *name, char program[PATH_MAX], FILE *out) {
  char *errors;
  if (!labs_join(program, scratch, name)) return false;
  const bool built = labs_build(source, program, &errors);
  if (!built && !labs_stopped) {
    fprintf(out, "%s: %s does not compile:\n", entry->name, source);
    labs_print_lines(out, "", "", errors ? errors : "");
  }
  free(errors);
  return built;
}

static void tell(FILE *out, const struct labs_trial *trial, const char *what, bool brief) {
  static const char *const words[] = {[LABS_AS_CLAIMED] = "as it should be",
                                      [LABS_NOT_AS_CLAIMED] = "not as it should be",
                                      [LABS_NOT_TRIED] = "not tried",
                                      [LABS_NOT_RUN] = "could not be run"};
  if (!brief) {
    fprintf(out, "%s: %s", what, words[trial->outcome]);
    fprintf(out, *trial->why ? ": %s\n" : "\n", trial->why);
  }
  if (trial->outcome == LABS_NOT_AS_CLAIMED) labs_explain(out, trial);
  if (brief && *trial->why) fprintf(out, "  %s: %s\n", what, trial->why);
}

void labs_examine(struct labs_examination *examination, const struct labs_entry *entry,
                  const char *program, const struct lab_run_options *run_options, FILE *out,
                  bool brief) {
  const struct lab_expect *expect = &entry->expect;
  *examination = (struct labs_examination){.outcome = LABS_AS_CLAIMED};
  if (expect->fixed.claim_count == 0) { /* then broken.c would be right, too */
    examination->outcome = LABS_NOT_RUN;
    fprintf(out,
            "  `expect` claims nothing of a right program; write what must be so below fixed:\n");
  }
  for (size_t i = 0; i <= expect->service_count && examination->outcome == LABS_AS_CLAIMED; i++) {
    const struct lab_group *group = i == 0 ? &expect->fixed : &expect->services[i - 1];
    const struct labs_setting setting = {program, group, *run_options};
    struct labs_trial trial;
    char what[64] = "The lab's own clients";
    if (i > 0 && expect->service_count > 1)
      snprintf(what, sizeof what, "The service, %zu of %zu", i, expect->service_count);
    else if (i > 0)
      snprintf(what, sizeof what, "The service");
    examination->outcome = labs_trial_run(&trial, entry, &setting);
    if (i == 0) examination->wire = trial.story.wire;
    examination->trials++;
    if (trial.judged) examination->open += (unsigned)trial.judgement.verdicts[LAB_OPEN];
    tell(out, &trial, what, brief);
    fflush(out);
    labs_trial_release(&trial);
  }
}
