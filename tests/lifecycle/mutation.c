/* SPDX-License-Identifier: MIT
 *
 * Every change of one cell of the lifecycle table must break a law; and every law must be needed,
 * in that it rejects some such change with no other law to help it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle/model.h"

/* One changed table at a time, and what to do with it. */
struct run {
  fin_lifecycle_table table;
  struct fin_state_info states[FIN_ST_COUNT];
  struct model *model;
  char name[128]; /* of the mutant */
  unsigned mutants;
  unsigned caught;
  unsigned caught_by[LAW_COUNT];
  uint32_t laws; /* to judge by */
  bool stop;     /* at the first one caught */
};

static void judge(struct run *run) {
  struct verdict verdict;
  /* The cast: before C23 an array of const is not what a const array can be pointed at as. */
  const fin_lifecycle_table *table = (const fin_lifecycle_table *)&run->table;

  if (run->stop && run->caught) return;
  run->mutants++;
  if (model_explore(run->model, table, run->states, run->laws, &verdict)) {
    if (!run->stop) printf("survived: %s\n", run->name);
    return;
  }
  run->caught++;
  run->caught_by[verdict.broken]++;
}

static void judge_cell(struct run *run, unsigned state, unsigned event, struct fin_step cell,
                       const char *change) {
  snprintf(run->name, sizeof run->name, "%s, %s: %s", fin_states[state].name,
           fin_events[event].name, change);
  run->table[state][event] = cell;
  judge(run);
  run->table[state][event] = fin_lifecycle[state][event];
}

/* To every state but `but`, with the actions the cell has. */
static void change_target(struct run *run, unsigned state, unsigned event, unsigned but) {
  struct fin_step cell = fin_lifecycle[state][event];
  char change[64];

  cell.kind = FIN_ROW;
  for (unsigned to = 0; to < FIN_ST_COUNT; to++) {
    if (to == but) continue;
    cell.to = (uint8_t)to;
    snprintf(change, sizeof change, "to %s", fin_states[to].name);
    judge_cell(run, state, event, cell, change);
  }
}

static void change_actions(struct run *run, unsigned state, unsigned event) {
  char change[64];

  for (unsigned bit = 0; bit < FIN_ACTION_COUNT; bit++) {
    struct fin_step cell = fin_lifecycle[state][event];
    cell.actions ^= (uint8_t)(1u << bit);
    snprintf(change, sizeof change, "%s %s", cell.actions >> bit & 1 ? "with" : "without",
             fin_action_names[bit]);
    judge_cell(run, state, event, cell, change);
  }
}

static void change_cell(struct run *run, unsigned state, unsigned event) {
  const struct fin_step impossible = {FIN_IMPOSSIBLE, 0, 0};
  const struct fin_step ignored = {FIN_IGNORED, (uint8_t)state, 0};

  switch ((enum fin_step_kind)fin_lifecycle[state][event].kind) {
    case FIN_ROW:
      change_target(run, state, event, fin_lifecycle[state][event].to);
      change_actions(run, state, event);
      judge_cell(run, state, event, ignored, "ignored");
      judge_cell(run, state, event, impossible, "impossible");
      break;
    case FIN_IGNORED:
      change_target(run, state, event, FIN_ST_COUNT);
      judge_cell(run, state, event, impossible, "impossible");
      break;
    case FIN_IMPOSSIBLE:
      judge_cell(run, state, event, ignored, "ignored");
      break;
  }
}

static void change_attribute(struct run *run, unsigned state, uint8_t *attribute, unsigned count,
                             const char *name) {
  uint8_t right = *attribute;

  for (unsigned value = 0; value < count; value++) {
    if (value == right) continue;
    *attribute = (uint8_t)value;
    snprintf(run->name, sizeof run->name, "%s: %s %u instead of %u", fin_states[state].name, name,
             value, right);
    judge(run);
  }
  *attribute = right;
}

static void run_all(struct run *run, uint32_t laws, bool stop) {
  memset(run, 0, sizeof *run);
  memcpy(run->table, fin_lifecycle, sizeof run->table);
  memcpy(run->states, fin_states, sizeof run->states);
  run->laws = laws;
  run->stop = stop;
  run->model = model_new();
  for (unsigned state = 0; state < FIN_ST_COUNT; state++) {
    struct fin_state_info *info = &run->states[state];
    for (unsigned event = 0; event < FIN_EV_COUNT; event++) change_cell(run, state, event);
    change_attribute(run, state, &info->input, FIN_INPUT_NONE + 1, "input");
    change_attribute(run, state, &info->output, FIN_OUTPUT_NONE + 1, "output");
    change_attribute(run, state, &info->bound, FIN_BOUND_LINGER + 1, "bound");
  }
  model_free(run->model);
}

Test(mutation, every_change_of_the_table_breaks_a_law) {
  struct run run;

  run_all(&run, ALL_LAWS, false);
  printf("lifecycle mutation: %u of %u mutants caught\n", run.caught, run.mutants);
  for (unsigned law = 0; law < LAW_COUNT; law++)
    if (run.caught_by[law]) printf("  %4u by %s\n", run.caught_by[law], law_names[law]);
  cr_expect(run.mutants >= 500);
  cr_expect(run.caught == run.mutants);
}

Test(mutation, every_law_catches_a_mutant_on_its_own) {
  struct run run;

  for (unsigned law = 0; law < LAW_COUNT; law++) {
    run_all(&run, UINT32_C(1) << law, true);
    cr_expect(run.caught > 0, "no mutant is caught by %s alone", law_names[law]);
  }
}
