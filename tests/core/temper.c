/* SPDX-License-Identifier: MIT
 *
 * What kind of world a seed makes.
 */
#include <stdlib.h>
#include <string.h>

#include "core/world.h"

/* Each world has its own mix: what is rare in most is all that happens in some. */
static void choose_temper(struct world *world) {
  struct temper *temper = &world->temper;
  static const unsigned usual[STEP_COUNT] = {1, 12, 24, 20, 8, 5, 1, 1};
  memset(temper, 0, sizeof *temper);
  temper->steps = 40 + (unsigned)world_below(world, 600);
  temper->calls = 80 + (unsigned)world_below(world, 400);
  for (unsigned i = 0; i < STEP_COUNT; i++)
    temper->step_weights[i] = world_chance(world, i == STEP_JUMP ? 48 : 8) ? 0 : usual[i];
  temper->step_weights[STEP_CONNECT] += 1;
  temper->step_weights[STEP_SLEEP] += 1;
  temper->verbs = (unsigned)(random_next(&world->random) | random_next(&world->random));
  temper->peer_moves = (unsigned)(random_next(&world->random) | random_next(&world->random));
  temper->acting = (unsigned)world_below(world, 40);
  temper->consuming = (unsigned)world_below(world, 65);
  temper->faults = world_chance(world, 12) ? 2 : 0;
  temper->memory_fails = world_chance(world, 8) ? 4 : 0;
  temper->breaking = world_chance(world, 8) ? 64 : 0;
  temper->write_bits = 1 + (unsigned)world_below(world, 19);
  temper->input_bits = 1 + (unsigned)world_below(world, 16);
  temper->time_bits = 2 + (unsigned)world_below(world, 14);
  temper->patience_bits = (unsigned)world_below(world, 10);
  temper->following = (unsigned)world_below(world, 64);
  temper->ending = 1 + (unsigned)world_below(world, 48);
  temper->dials = world_chance(world, 12);
}

static uint32_t some_time(struct world *world) {
  const struct temper *temper = &world->temper;
  return 1 + (uint32_t)random_size(&world->random, temper->time_bits + temper->patience_bits);
}

void temper_choose_limits(struct world *world, fin_conn_options *limits) {
  memset(limits, 0, sizeof *limits);
  bool idle_for_ever = world_chance(world, 16);
  limits->open_ms = some_time(world);
  limits->idle_ms = idle_for_ever ? FIN_NEVER : some_time(world);
  limits->half_ms = some_time(world);
  limits->stall_ms = some_time(world);
  limits->linger_ms = some_time(world);
  limits->linger_grace_ms = some_time(world);
  limits->linger_bytes_max = 1 + (uint32_t)random_size(&world->random, 16);
  limits->min_rate = 1 + (uint32_t)random_size(&world->random, 16);
  limits->output_high = 1 + random_size(&world->random, 17);
  limits->input_max = 1 + random_size(&world->random, 16);
  /* Each grace wakes the loop: no more often than makes sense. */
  if (limits->linger_grace_ms < limits->linger_ms / 64) limits->linger_grace_ms *= 64;
  if (limits->linger_grace_ms < limits->linger_ms / 64) limits->linger_ms /= 64;
  if (world_chance(world, 8)) limits->linger_ms = limits->linger_grace_ms = 0;
  if (world_chance(world, 8)) limits->output_high = 0;
  if (fin_conn_options_fill(limits)) abort();
  limits->output_low = world_below(world, limits->output_high + 1);
  if (limits->output_low == 0) limits->output_low = 1;
  limits->output_max = limits->output_high + random_size(&world->random, 20);
}

uint64_t temper_beginning(struct world *world) {
  uint64_t wraps = 1 + world_below(world, 3);
  bool near = world_chance(world, 32);
  return near ? (wraps << 32) - random_size(&world->random, 22) : random_next(&world->random) >> 20;
}

void temper_choose(struct world *world) {
  choose_temper(world);
  temper_choose_limits(world, &world->limits);
}
