/* SPDX-License-Identifier: MIT
 *
 * The labs themselves: whether each program is as the lab says, one line for each.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "lab_trial.h"

enum { AS_CLAIMED, NOT_AS_CLAIMED, LEFT_OUT };

struct all {
  const struct labs *labs;
  enum labs_all all;
  struct lab_run_options run;
  const char *scratch;
  unsigned counts[3];
};

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- one lab, in a process of its own ---- */

static int status_of(enum labs_outcome outcome) {
  return outcome == LABS_AS_CLAIMED  ? AS_CLAIMED
         : outcome == LABS_NOT_TRIED ? LEFT_OUT
                                     : NOT_AS_CLAIMED;
}

/* Where each lab's programs are built: no name is used twice. */
static bool build(const struct all *all, const struct labs_entry *entry, const char *file,
                  char program[PATH_MAX], FILE *out) {
  char source[PATH_MAX], folder[PATH_MAX];
  if (!labs_file(entry, file, source)) {
    fprintf(out, "  there is no %s\n", file);
    return false;
  }
  if (!labs_join(folder, all->scratch, entry->folder)) return false;
  if (labs_study_make(folder) != 0) return false;
  char name[32];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(file, "."), file);
  return labs_build_for(entry, source, folder, name, program, out);
}

static int try_broken(const struct all *all, const struct labs_entry *entry, FILE *out) {
  char program[PATH_MAX];
  struct labs_trial trial;
  if (entry->expect.broken.claim_count == 0) {
    fprintf(out, "  `expect` claims nothing of it; write what was seen below broken:\n");
    return NOT_AS_CLAIMED;
  }
  if (!build(all, entry, "broken.c", program, out)) return NOT_AS_CLAIMED;
  const struct labs_setting setting = {program, &entry->expect.broken, all->run};
  const int status = status_of(labs_trial_run(&trial, entry, &setting));
  if (trial.judged) labs_print_claims(out, &trial, false);
  if (*trial.why) fprintf(out, "  %s\n", trial.why);
  labs_trial_release(&trial);
  return status;
}

static int try_fixed(const struct all *all, const struct labs_entry *entry, FILE *out) {
  static const char *const files[] = {"fixed.c", "with_finale.c"};
  int status = AS_CLAIMED;
  for (size_t i = 0; i < sizeof files / sizeof *files && status == AS_CLAIMED; i++) {
    char program[PATH_MAX];
    struct labs_examination examination;
    if (i > 0 && !labs_file(entry, files[i], program)) continue;
    if (!build(all, entry, files[i], program, out)) return NOT_AS_CLAIMED;
    labs_examine(&examination, entry, program, &all->run, out, true);
    status = status_of(examination.outcome);
    if (status == NOT_AS_CLAIMED) fprintf(out, "  (that was %s)\n", files[i]);
  }
  return status;
}

static int try_wrong(const struct all *all, const struct labs_entry *entry, FILE *out) {
  char program[PATH_MAX], *explanation = NULL;
  size_t len;
  struct labs_examination examination;
  if (!labs_file(entry, "wrong.c", program)) {
    fprintf(out, "  there is no wrong.c\n");
    return LEFT_OUT;
  }
  if (!build(all, entry, "wrong.c", program, out)) return NOT_AS_CLAIMED;
  FILE *text = open_memstream(&explanation, &len); /* nobody asks why: it must only be refused */
  if (!text) return NOT_AS_CLAIMED;
  labs_examine(&examination, entry, program, &all->run, text, true);
  fclose(text);
  const enum labs_outcome outcome = examination.outcome;
  if (outcome == LABS_AS_CLAIMED && examination.open > 0)
    fprintf(out, "  over loopback what is wrong with it is too quick to be seen\n");
  else if (outcome == LABS_AS_CLAIMED)
    fprintf(out, "  it was taken for right in all %u runs\n", examination.trials);
  else if (outcome != LABS_NOT_AS_CLAIMED)
    fputs(explanation, out);
  free(explanation);
  if (outcome == LABS_NOT_AS_CLAIMED) return AS_CLAIMED;
  return outcome == LABS_NOT_TRIED || examination.open > 0 ? LEFT_OUT : NOT_AS_CLAIMED;
}

/* The first line says how long it took; the rest, what was wrong. */
static int work(void *context, size_t index, FILE *out) {
  static int (*const tries[])(const struct all *, const struct labs_entry *, FILE *) = {
      [LABS_ALL_BROKEN] = try_broken, [LABS_ALL_FIXED] = try_fixed, [LABS_ALL_WRONG] = try_wrong};
  const struct all *all = context;
  const struct labs_entry *entry = &all->labs->entries[index];
  const double begin = seconds_now();
  char *text = NULL;
  size_t len;
  if (*entry->error) {
    fprintf(out, "\n  %s\n", entry->error);
    return NOT_AS_CLAIMED;
  }
  FILE *said = open_memstream(&text, &len);
  if (!said) return NOT_AS_CLAIMED;
  const int status = tries[all->all](all, entry, said);
  fclose(said);
  fprintf(out, "%.1f s\n%s", seconds_now() - begin, text);
  free(text);
  return status;
}

/* ---- all of them ---- */

static void done(void *context, size_t index, int status, const char *text) {
  static const char *const words[][3] = {
      [LABS_ALL_BROKEN] = {"as claimed", "NOT AS CLAIMED", "left out"},
      [LABS_ALL_FIXED] = {"as claimed", "NOT AS CLAIMED", "left out"},
      [LABS_ALL_WRONG] = {"refused", "NOT REFUSED", "left out"}};
  struct all *all = context;
  if (status < AS_CLAIMED || status > LEFT_OUT) status = NOT_AS_CLAIMED;
  const size_t first = strcspn(text, "\n");
  all->counts[status]++;
  printf("%-28s %-15s %.*s\n", all->labs->entries[index].folder, words[all->all][status],
         (int)first, text);
  if (status != AS_CLAIMED && text[first]) fputs(text + first + 1, stdout);
  fflush(stdout);
}

int labs_check_all(const struct labs *labs, enum labs_all all_of, unsigned jobs, bool loopback) {
  static const char *const programs[] = {[LABS_ALL_BROKEN] = "broken.c",
                                         [LABS_ALL_FIXED] = "fixed.c and with_finale.c",
                                         [LABS_ALL_WRONG] = "wrong.c"};
  char scratch[PATH_MAX];
  if (labs_scratch_make(scratch) != 0) return 1;
  struct all all = {.labs = labs, .all = all_of, .scratch = scratch};
  all.run = (struct lab_run_options){.loopback = loopback, .delay_ms = LAB_DELAY_AS_EXPECTED};
  const struct labs_tasks tasks = {labs->count, jobs, work, done, &all};
  const bool finished = labs_tasks_run(&tasks);
  labs_scratch_remove(scratch);
  if (!finished) {
    cli_fail("%s: stopped before all were tried", programs[all_of]);
    return 1;
  }
  printf("%s: %u of %zu %s", programs[all_of], all.counts[AS_CLAIMED],
         labs->count - all.counts[LEFT_OUT], all_of == LABS_ALL_WRONG ? "refused" : "as claimed");
  if (all.counts[LEFT_OUT] > 0) printf(", %u left out", all.counts[LEFT_OUT]);
  putchar('\n');
  return all.counts[NOT_AS_CLAIMED] > 0 ? 1 : 0;
}
