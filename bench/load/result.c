/* SPDX-License-Identifier: MIT
 *
 * What load.h names, and what came of a load.
 */
#include <stdlib.h>

#include "load/load.h"

const char *load_protocol_name(enum load_protocol protocol) {
  static const char *const names[] = {
#define NAME(name, text) text,
      LOAD_PROTOCOLS(NAME)
#undef NAME
  };
  return names[protocol];
}

const char *load_workload_name(enum load_workload workload) {
  static const char *const names[] = {
#define NAME(name, text, help) text,
      LOAD_WORKLOADS(NAME)
#undef NAME
  };
  return names[workload];
}

const char *load_manner_name(enum load_manner manner) {
  static const char *const names[] = {
#define NAME(name, text, does, must) text,
      LOAD_MANNERS(NAME)
#undef NAME
  };
  return names[manner];
}

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
