/* SPDX-License-Identifier: MIT
 *
 * Explores every reachable combination of a lifecycle table with handler, peer, system and clock,
 * and checks the laws on each edge.
 */
#ifndef TESTS_LIFECYCLE_MODEL_H
#define TESTS_LIFECYCLE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lifecycle/lifecycle.h"

enum law {
#define LAW(name, text) LAW_##name,
#include "lifecycle/laws.def"
  LAW_COUNT
};

extern const char *const law_names[LAW_COUNT];
extern const char *const law_texts[LAW_COUNT];

#define ALL_LAWS ((UINT32_C(1) << LAW_COUNT) - 1)

struct verdict {
  size_t states; /* of the model, explored */
  size_t edges;
  unsigned broken; /* enum law, LAW_COUNT if every law holds */
  char path[2048]; /* how it is broken: the events from the beginning, one a line */
};

/* A model keeps its memory from one table to the next. */
struct model;
struct model *model_new(void);
void model_free(struct model *model);

/* Explores breadth first, so that the path to the first broken law is a shortest one. Of the laws
 * only those in `laws` (1 << enum law) are checked. True if they hold. */
bool model_explore(struct model *model, const fin_lifecycle_table *table,
                   const struct fin_state_info *states, uint32_t laws, struct verdict *verdict);

#endif
