/* SPDX-License-Identifier: MIT
 *
 * Criterion's main, with one command more: `simulate`, for long runs and for replaying a seed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "core/simulation.h"

/* Exported, or Criterion's workers would enter the main of its own library, which they then find in
 * place of this one. */
FIN_EXPORT int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "simulate") == 0) return simulation_main(argc - 1, argv + 1);
  struct criterion_test_set *tests = criterion_initialize();
  int result = 0;
  if (criterion_handle_args(argc, argv, true)) result = !criterion_run_all_tests(tests);
  criterion_finalize(tests);
  return result;
}
