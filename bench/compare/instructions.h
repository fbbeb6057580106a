/* SPDX-License-Identifier: MIT
 *
 * Instructions in user space for a unit of work, as valgrind's callgrind counts them: unlike time,
 * nearly the same in every run, whatever else the machine does.
 */
#ifndef BENCH_INSTRUCTIONS_H
#define BENCH_INSTRUCTIONS_H

#include "compare/compare.h"

/* Fills the metric in every row that is in the running; what goes wrong is the table's note. */
void compare_count_instructions(struct compare_table *table, int cpu);

/* What every round runs, of compare_run. */
struct load_options compare_load(const struct compare_options *options, uint16_t port);

#endif
