/* SPDX-License-Identifier: MIT
 *
 * bench_wheel: what the timer wheel costs with up to a million live deadlines. Only the rows that
 * touch 1,000 deadlines tell how the wheel's own work depends on the number of live ones: those
 * that touch all of them also leave the processor's caches, as the bare stores in the first rows do
 * without any wheel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/wheel.h"

enum {
  FEW = 1000,
  LIVE_MAX = 1000000,
  ROUNDS = 7,
  FIRST_DUE_MS = 200000, /* every deadline is due in these 60 s */
  SPAN_MS = 60000,
  OPERATIONS = 200000, /* at least so many in a round */
  EARLIER_MS = 4096,   /* the width of the slots that these 60 s are in */
  EARLIER_PASSES = 40
};

struct bench {
  struct fin_wheel wheel;
  struct fin_deadline *deadlines;
  size_t live;
  uint32_t *shuffled; /* the numbers below `live` */
  uint32_t *in_order;
  uint32_t few[FEW]; /* some of them, random and in random order */
  uint64_t random;
  size_t fired;
};

static uint32_t random_below(struct bench *bench, size_t bound) {
  bench->random = bench->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)((bench->random >> 33) % bound);
}

static double now_ns(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void choose(struct bench *bench, size_t live) {
  bench->live = live;
  for (size_t i = 0; i < live; i++) bench->in_order[i] = bench->shuffled[i] = (uint32_t)i;
  for (size_t i = live - 1; i > 0; i--) {
    size_t k = random_below(bench, i + 1);
    uint32_t swapped = bench->shuffled[i];
    bench->shuffled[i] = bench->shuffled[k];
    bench->shuffled[k] = swapped;
  }
  for (size_t i = 0; i < FEW; i++) bench->few[i] = bench->shuffled[i];
}

/* Sets every deadline anew, in random order, so that neighbours in a slot are far apart in memory.
 */
static void fill(struct bench *bench) {
  fin_wheel_init(&bench->wheel, 0);
  for (size_t i = 0; i < bench->live; i++) {
    struct fin_deadline *deadline = &bench->deadlines[bench->shuffled[i]];
    fin_deadline_init(deadline);
    fin_wheel_set(&bench->wheel, deadline, FIRST_DUE_MS + random_below(bench, SPAN_MS));
  }
}

/* ---- what is measured: each returns the number of operations ---- */

static size_t passes(size_t count) { return count < OPERATIONS ? OPERATIONS / count : 1; }

static size_t store(struct bench *bench, const uint32_t *which, size_t count) {
  size_t rounds = passes(count);
  for (uint32_t pass = 0; pass < rounds; pass++)
    for (size_t i = 0; i < count; i++)
      *(volatile uint32_t *)&bench->deadlines[which[i]].due_ms = FIRST_DUE_MS + SPAN_MS + pass;
  return rounds * count;
}

static size_t set_later(struct bench *bench, const uint32_t *which, size_t count) {
  size_t rounds = passes(count);
  for (uint32_t pass = 0; pass < rounds; pass++)
    for (size_t i = 0; i < count; i++)
      fin_wheel_set(&bench->wheel, &bench->deadlines[which[i]], FIRST_DUE_MS + SPAN_MS + pass);
  return rounds * count;
}

/* Each pass moves every one of them into the slot before, no pass finds one at its place already.
 */
static size_t set_earlier(struct bench *bench, const uint32_t *which, size_t count) {
  size_t rounds = passes(count) < EARLIER_PASSES ? passes(count) : EARLIER_PASSES;
  for (uint32_t pass = 0; pass < rounds; pass++)
    for (size_t i = 0; i < count; i++) {
      struct fin_deadline *deadline = &bench->deadlines[which[i]];
      fin_wheel_set(&bench->wheel, deadline, deadline->placed_ms - EARLIER_MS);
    }
  return rounds * count;
}

static void count_fire(void *arg, struct fin_deadline *deadline) {
  struct bench *bench = arg;
  (void)deadline;
  bench->fired++;
}

/* Goes from one wake-up to the next, as a loop does, until `count` have fired. */
static size_t fire(struct bench *bench, const uint32_t *which, size_t count) {
  uint32_t next_ms;
  (void)which;
  bench->fired = 0;
  while (bench->fired < count && fin_wheel_next(&bench->wheel, &next_ms))
    fin_wheel_advance(&bench->wheel, next_ms, count_fire, bench);
  return bench->fired;
}

static size_t tick(struct bench *bench, const uint32_t *which, size_t count) {
  (void)which;
  (void)count;
  for (uint32_t i = 0; i < OPERATIONS / 2; i++) /* less than FIRST_DUE_MS */
    fin_wheel_advance(&bench->wheel, bench->wheel.now_ms + 1, count_fire, bench);
  return OPERATIONS / 2;
}

/* ---- the table ---- */

enum which { SAME, FEW_OF_THEM, ALL_IN_ORDER, ALL_SHUFFLED };

static const struct row {
  const char *name;
  size_t (*run)(struct bench *bench, const uint32_t *which, size_t count);
  enum which which;
  bool few_due_first; /* these few are due within the first second, the others much later */
} rows[] = {
    {"bare store, 1,000 of them", store, FEW_OF_THEM, false},
    {"bare store, all in order", store, ALL_IN_ORDER, false},
    {"bare store, all shuffled", store, ALL_SHUFFLED, false},
    {"re-arm later, the same one", set_later, SAME, false},
    {"re-arm later, 1,000 of them", set_later, FEW_OF_THEM, false},
    {"re-arm later, all in order", set_later, ALL_IN_ORDER, false},
    {"re-arm later, all shuffled", set_later, ALL_SHUFFLED, false},
    {"re-arm earlier, 1,000 of them", set_earlier, FEW_OF_THEM, false},
    {"re-arm earlier, all in order", set_earlier, ALL_IN_ORDER, false},
    {"re-arm earlier, all shuffled", set_earlier, ALL_SHUFFLED, false},
    {"wake up and fire 1,000 of them", fire, FEW_OF_THEM, true},
    {"wake up and fire all", fire, ALL_SHUFFLED, false},
    {"advance 1 ms, nothing is due", tick, SAME, false},
};

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static double measure(struct bench *bench, const struct row *row) {
  const uint32_t *which[] = {bench->few, bench->few, bench->in_order, bench->shuffled};
  const size_t counts[] = {1, FEW, bench->live, bench->live};
  double ns[ROUNDS];
  for (size_t round = 0; round < ROUNDS; round++) {
    fill(bench);
    for (size_t i = 0; row->few_due_first && i < FEW; i++)
      fin_wheel_set(&bench->wheel, &bench->deadlines[bench->few[i]], 1 + random_below(bench, 1000));
    double start_ns = now_ns();
    size_t operations = row->run(bench, which[row->which], counts[row->which]);
    ns[round] = (now_ns() - start_ns) / (double)operations;
  }
  qsort(ns, ROUNDS, sizeof *ns, compare);
  return ns[ROUNDS / 2];
}

int main(int argc, char **argv) {
  static const size_t lives[] = {1000, 10000, 100000, LIVE_MAX};
  enum { LIVES = sizeof lives / sizeof *lives, ROWS = sizeof rows / sizeof *rows };
  static struct bench bench;
  static double ns[ROWS][LIVES];
  if (argc > 1) {
    (void)fprintf(stderr, "bench_wheel: unknown argument '%s': call it without any\n", argv[1]);
    return 2;
  }
  bench.random = 1;
  bench.deadlines = calloc(LIVE_MAX, sizeof *bench.deadlines);
  bench.shuffled = calloc(LIVE_MAX, sizeof *bench.shuffled);
  bench.in_order = calloc(LIVE_MAX, sizeof *bench.in_order);
  if (!bench.deadlines || !bench.shuffled || !bench.in_order) {
    (void)fprintf(stderr, "bench_wheel: not enough memory: it takes 32 MB\n");
    return 1;
  }
  for (size_t k = 0; k < LIVES; k++) {
    choose(&bench, lives[k]);
    for (size_t i = 0; i < ROWS; i++) ns[i][k] = measure(&bench, &rows[i]);
  }
  printf("nanoseconds per operation, median of %d rounds; live deadlines:\n", ROUNDS);
  printf("%-32s %9s %9s %9s %9s\n", "", "1,000", "10,000", "100,000", "1,000,000");
  for (size_t i = 0; i < ROWS; i++) {
    printf("%-32s", rows[i].name);
    for (size_t k = 0; k < LIVES; k++) printf(" %9.1f", ns[i][k]);
    printf("\n");
  }
  printf(
      "The rows with 1,000 of them show the wheel's own work; the rows with all of them add what\n"
      "memory costs that the caches do not hold, which the bare stores show by itself.\n");
  free(bench.deadlines);
  free(bench.shuffled);
  free(bench.in_order);
  return 0;
}
