/* SPDX-License-Identifier: MIT
 *
 * See cause.h.
 */
#include "lab/cause.h"

#include <string.h>

#include "lab/cause_rules.h"

static const struct {
  const char *name, *english, *chinese;
} causes[] = {
#define WORDS(name, text, english, chinese) {text, english, chinese},
    LAB_CAUSES(WORDS)
#undef WORDS
};

const char *lab_cause_name(enum lab_cause cause) {
  return cause < LAB_CAUSE_COUNT ? causes[cause].name : "?";
}

const char *lab_cause_english(enum lab_cause cause) {
  return cause < LAB_CAUSE_COUNT ? causes[cause].english : "?";
}

const char *lab_cause_chinese(enum lab_cause cause) {
  return cause < LAB_CAUSE_COUNT ? causes[cause].chinese : "?";
}

enum lab_cause lab_cause_find(const char *name) {
  unsigned i = 0;
  while (i < LAB_CAUSE_COUNT && strcmp(causes[i].name, name) != 0) i++;
  return (enum lab_cause)i;
}

/* ---- verdict ---- */

static void insert(struct lab_diagnosis *diagnosis, const struct lab_opinion *opinion) {
  size_t at = diagnosis->count;
  while (at > 0 && diagnosis->opinions[at - 1].weight < opinion->weight) at--;
  if (at == LAB_OPINIONS_MAX) return;
  if (diagnosis->count < LAB_OPINIONS_MAX) diagnosis->count++;
  for (size_t i = diagnosis->count - 1; i > at; i--)
    diagnosis->opinions[i] = diagnosis->opinions[i - 1];
  diagnosis->opinions[at] = *opinion;
}

void lab_diagnose(const struct lab_evidence *evidence, struct lab_diagnosis *diagnosis) {
  *diagnosis = (struct lab_diagnosis){0};
  for (unsigned cause = 0; cause < LAB_CAUSE_COUNT; cause++) {
    struct lab_opinion opinion = {.cause = (enum lab_cause)cause};
    if (cause == LAB_CAUSE_NONE || cause == LAB_CAUSE_UNKNOWN) continue; /* the last resort */
    opinion.weight = lab_cause_rules[cause](evidence, &opinion);
    if (opinion.weight > 0) insert(diagnosis, &opinion);
  }
  for (unsigned i = 0; i < 2 && diagnosis->count == 0; i++) {
    struct lab_opinion opinion = {.cause = i == 0 ? LAB_CAUSE_UNKNOWN : LAB_CAUSE_NONE};
    opinion.weight = lab_cause_rules[opinion.cause](evidence, &opinion);
    if (opinion.weight > 0) insert(diagnosis, &opinion);
  }
}
