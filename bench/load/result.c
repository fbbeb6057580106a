/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "load/load.h"

uint64_t load_errors_sum(const struct load_errors *errors) {
  uint64_t sum = 0;
#define ADD(name, text) sum += errors->name;
  LOAD_ERRORS(ADD)
#undef ADD
  return sum;
}

void load_result_release(struct load_result *result) {
  free(result->series);
  result->series = NULL;
  result->series_count = 0;
}
