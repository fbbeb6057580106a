/* SPDX-License-Identifier: MIT
 *
 * Each law holds of the lifecycle table, in every state of the model.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle/model.h"

static void holds(uint32_t laws) {
  struct verdict verdict;
  struct model *model = model_new();
  bool held = model_explore(model, &fin_lifecycle, fin_states, laws, &verdict);

  model_free(model);
  cr_expect(held, "%s", verdict.path);
}

#define LAW(name, text) \
  Test(law, name) { holds(UINT32_C(1) << LAW_##name); }
#include "lifecycle/laws.def"

Test(model, explores_every_life_of_a_connection) {
  struct verdict verdict;
  struct model *model = model_new();
  bool held = model_explore(model, &fin_lifecycle, fin_states, ALL_LAWS, &verdict);

  model_free(model);
  cr_assert(held, "%s", verdict.path);
  printf("lifecycle model: %zu states and %zu edges explored, %d laws hold\n", verdict.states,
         verdict.edges, LAW_COUNT);
}

/* The path is what a change of the table is debugged with. */
Test(model, shows_a_shortest_way_to_a_broken_law) {
  static const char *const way =
      "input_after_close_is_discarded: input is read and dropped from close to the peer's FIN, and "
      "at no other time\n"
      "  (begin)\n"
      "  READY: OPENING -> OPEN, TELL_OPEN\n"
      "  (on_open returns)\n"
      "  DEADLINE: OPEN -> ENDING, SEND_FIN\n";
  fin_lifecycle_table table;
  struct verdict verdict;
  struct model *model = model_new();

  memcpy(table, fin_lifecycle, sizeof table);
  table[FIN_ST_OPEN][FIN_EV_DEADLINE].to = FIN_ST_ENDING;
  cr_expect(
      !model_explore(model, (const fin_lifecycle_table *)&table, fin_states, ALL_LAWS, &verdict));
  model_free(model);
  cr_expect(!strcmp(verdict.path, way), "%s", verdict.path);
}
