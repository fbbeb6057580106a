/* SPDX-License-Identifier: MIT
 *
 * Runs of many schedules, one seed each.
 */
#ifndef FIN_TEST_SIMULATION_H
#define FIN_TEST_SIMULATION_H

#include "core/world.h"

/* Plays `count` schedules from the seed on; false if a law was broken, which is printed, with the
 * trace of that schedule. */
bool simulation_run(uint64_t seed, uint64_t count, struct tally *tally);

void simulation_print(const struct tally *tally);

/* The command `simulate`: test_core simulate --schedules N --seed S --trace. */
int simulation_main(int argc, char **argv);

#endif
