/* SPDX-License-Identifier: MIT
 *
 * The real driver in random worlds: 20,000 of them in the ordinary run of tests, any number by
 *   test_core simulate --schedules 1000000 --seed 1
 * and one, told step by step, by
 *   test_core simulate --seed 4711 --trace
 * A seed means the same world in builds that allocate alike: with AddressSanitizer pools do not.
 */
#include "core/simulation.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- running ---- */

static uint64_t seed_now; /* for whoever crashes */

static void on_crash(int number) {
  char text[96];
  int len = snprintf(text, sizeof text, "seed %llu crashed: simulate --seed %llu --trace\n",
                     (unsigned long long)seed_now, (unsigned long long)seed_now);
  if (write(STDERR_FILENO, text, (size_t)len) < 0) _exit(1);
  signal(number, SIG_DFL);
  raise(number);
}

static bool play(struct world *world, uint64_t seed, bool tracing, struct tally *tally) {
  struct law_catcher catcher;
  seed_now = seed;
  law_catcher = &catcher;
  bool broken = setjmp(catcher.back) != 0;
  if (!broken) world_play(world, seed, tracing, tally);
  law_catcher = NULL;
  if (broken)
    fprintf(stderr, "seed %llu, #%u, breaks %s (%s): %s\n", (unsigned long long)seed, world->judged,
            law_names[catcher.broken], law_texts[catcher.broken], catcher.detail);
  return !broken;
}

bool simulation_run(uint64_t seed, uint64_t count, struct tally *tally) {
  struct world *world = calloc(1, sizeof *world);
  if (!world) abort();
  signal(SIGABRT, on_crash);
  signal(SIGSEGV, on_crash);
  bool held = true;
  for (uint64_t i = 0; i < count && held; i++) {
    held = play(world, seed + i, false, tally);
    struct tally unused = {0};
    if (!held) play(world, seed + i, true, &unused);
  }
  signal(SIGABRT, SIG_DFL);
  signal(SIGSEGV, SIG_DFL);
  free(world);
  return held;
}

void simulation_print(const struct tally *tally) {
  printf("simulation: %llu schedules, %llu steps, %d laws checked after each, 0 violations\n",
         (unsigned long long)tally->schedules, (unsigned long long)tally->steps, LAW_COUNT);
}

/* ---- the ordinary run ---- */

/* Everything that can happen has happened in a run of some thousand schedules: a simulation that
 * does not get there proves nothing. */
static void expect_everything(const struct tally *tally) {
  for (unsigned reason = 0; reason < FIN_REASON_COUNT; reason++)
    cr_expect(tally->reasons[reason] > 0, "no connection ended with %s",
              fin_reason_name((fin_reason)reason));
  for (unsigned state = 0; state < FIN_ST_CLOSED; state++)
    cr_expect(tally->states[state] > 0, "no connection was in %s", fin_state_name(state));
  for (unsigned news = 0; news < NEWS_COUNT; news++)
    cr_expect(tally->news[news] > 0, "never told: %s", news_names[news]);
  for (unsigned kind = 0; kind < FAULT_COUNT; kind++) cr_expect(tally->faults[kind] > 0);
  cr_expect(tally->writes > 0 && tally->takes > 0 && tally->refused > 0);
  cr_expect(tally->ends > 0 && tally->closes > 0 && tally->aborts > 0);
  cr_expect(tally->on_writable > 0 && tally->on_timer > 0 && tally->on_drain > 0);
  cr_expect(tally->offered_again > 0 && tally->without_memory > 0 && tally->dialled > 0);
  cr_expect(tally->handed_over > 0 && tally->handed_again > 0 && tally->greeted > 0);
  cr_expect(tally->handed_end > 0 && tally->busy > 0 && tally->full_duplex > 0);
}

enum { SHARE = 5000 };

static void ordinary_run(uint64_t share) {
  struct tally tally = {0};
  cr_assert(simulation_run(1 + share * SHARE, SHARE, &tally), "see above");
  expect_everything(&tally);
  simulation_print(&tally);
}

/* In shares, since test cases run side by side. */
Test(simulation, first_quarter) { ordinary_run(0); }
Test(simulation, second_quarter) { ordinary_run(1); }
Test(simulation, third_quarter) { ordinary_run(2); }
Test(simulation, last_quarter) { ordinary_run(3); }

/* ---- the command ---- */

static int usage(void) {
  fprintf(stderr, "usage: test_core simulate [--schedules N] [--seed S] [--trace]\n");
  return 2;
}

static void print_counts(const struct tally *tally) {
  printf("reasons:");
  for (unsigned reason = 0; reason < FIN_REASON_COUNT; reason++)
    printf(" %s %llu", fin_reason_name((fin_reason)reason),
           (unsigned long long)tally->reasons[reason]);
  printf("\nstates after steps:");
  for (unsigned state = 0; state < FIN_ST_COUNT; state++)
    printf(" %s %llu", fin_state_name(state), (unsigned long long)tally->states[state]);
  printf("\nnews:");
  for (unsigned news = 0; news < NEWS_COUNT; news++)
    printf(" %s %llu", news_names[news], (unsigned long long)tally->news[news]);
  printf("\n%llu writes, %llu takes, %llu refused, %llu clean ends, %llu resets\n",
         (unsigned long long)tally->writes, (unsigned long long)tally->takes,
         (unsigned long long)tally->refused, (unsigned long long)tally->clean,
         (unsigned long long)tally->resets);
  printf("%llu dialled, %llu handed over, %llu of these again, %llu told of an earlier FIN\n",
         (unsigned long long)tally->dialled, (unsigned long long)tally->handed_over,
         (unsigned long long)tally->handed_again, (unsigned long long)tally->handed_end);
}

int simulation_main(int argc, char **argv) {
  uint64_t seed = 1, count = 1;
  bool tracing = false;
  for (int i = 1; i < argc; i++) {
    bool valued = i + 1 < argc;
    if (strcmp(argv[i], "--trace") == 0)
      tracing = true;
    else if (valued && strcmp(argv[i], "--seed") == 0)
      seed = strtoull(argv[++i], NULL, 0);
    else if (valued && strcmp(argv[i], "--schedules") == 0)
      count = strtoull(argv[++i], NULL, 0);
    else
      return usage();
  }
  struct tally tally = {0};
  if (tracing) {
    struct world *world = calloc(1, sizeof *world);
    bool held = world && play(world, seed, true, &tally);
    free(world);
    return held ? 0 : 1;
  }
  if (!simulation_run(seed, count, &tally)) return 1;
  print_counts(&tally);
  simulation_print(&tally);
  return 0;
}
