/* SPDX-License-Identifier: MIT
 *
 * The histogram against what sorting all values gives: no percentile off by more than 0.1 %; and
 * merging, in whatever order, gives what adding to one would have given.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "load/histogram.h"
#include "support/random.h"

#define HOUR_NS UINT64_C(3600000000000)

enum { SAMPLES = 20000 };

static const double percents[] = {0,  0.01, 1,    5,    10,    25,    50,      75, 90,
                                  95, 99,   99.5, 99.9, 99.95, 99.99, 99.9999, 100};

#define PERCENTS (sizeof percents / sizeof *percents)

static uint64_t samples[SAMPLES];
static struct histogram one, two, three, sum, other;

static int ascending(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return (a > b) - (a < b);
}

/* The smallest value that so many percent are at or below. */
static uint64_t exact(double percent, size_t count) {
  size_t rank = (size_t)ceil(percent / 100 * (double)count - 1e-9);
  return samples[rank > 0 ? rank - 1 : 0];
}

static void check_exact(const char *what, size_t count) {
  double mean = 0, deviation = 0;
  histogram_clear(&one);
  for (size_t i = 0; i < count; i++) {
    histogram_add(&one, samples[i]);
    mean += (double)samples[i] / (double)count;
  }
  for (size_t i = 0; i < count; i++) deviation += pow((double)samples[i] - mean, 2) / (double)count;
  deviation = sqrt(deviation);

  qsort(samples, count, sizeof *samples, ascending);
  for (size_t i = 0; i < PERCENTS; i++) {
    uint64_t want = exact(percents[i], count);
    uint64_t have = histogram_percentile_ns(&one, percents[i]);
    cr_expect_geq(have, want, "%s: p%g is %lu, not %lu", what, percents[i], have, want);
    cr_expect_leq((double)have, (double)want * 1.001, "%s: p%g is %lu, not %lu", what, percents[i],
                  have, want);
  }
  cr_expect_eq(one.count, count);
  cr_expect_eq(one.min_ns, samples[0], "%s", what);
  cr_expect_eq(one.max_ns, samples[count - 1], "%s", what);
  cr_expect_leq(fabs(histogram_mean_ns(&one) - mean), mean * 0.001, "%s", what);
  cr_expect_leq(fabs(histogram_deviation_ns(&one) - deviation), mean * 0.001 + deviation * 0.001,
                "%s", what);
}

/* ---- percentiles ---- */

static uint64_t uniform(uint64_t *random) { return random_below(random, 5000000); }
static uint64_t below_steps(uint64_t *random) { return random_below(random, HISTOGRAM_STEPS); }
static uint64_t any_order(uint64_t *random) { return random_size(random, 41); }
static uint64_t constant(uint64_t *random) {
  (void)random;
  return 123456789;
}

static double unit(uint64_t *random) {
  return ((double)(random_next(random) >> 11) + 1) / 9007199254740993.0;
}

static uint64_t exponential(uint64_t *random) { return (uint64_t)(-log(unit(random)) * 250000); }

/* Most are quick, one in a hundred waits for a second: what a stall looks like. */
static uint64_t stalled(uint64_t *random) {
  uint64_t quick = 20000 + random_below(random, 30000);
  return random_below(random, 100) == 0 ? 1000000000 + quick : quick;
}

static uint64_t pareto(uint64_t *random) {
  double value = 30000 / pow(unit(random), 1.2);
  return value < (double)HOUR_NS ? (uint64_t)value : HOUR_NS;
}

static const struct {
  const char *name;
  uint64_t (*draw)(uint64_t *random);
} distributions[] = {
    {"uniform", uniform},   {"below 2048", below_steps},  {"every order", any_order},
    {"constant", constant}, {"exponential", exponential}, {"stalled", stalled},
    {"pareto", pareto}};

Test(histogram, percentiles_of_many) {
  for (size_t i = 0; i < sizeof distributions / sizeof *distributions; i++) {
    uint64_t random = 1;
    for (size_t k = 0; k < SAMPLES; k++) samples[k] = distributions[i].draw(&random);
    check_exact(distributions[i].name, SAMPLES);
  }
}

Test(histogram, percentiles_of_few) {
  uint64_t random = 2;
  for (size_t count = 1; count <= 200; count++) {
    for (size_t k = 0; k < count; k++) samples[k] = random_size(&random, 41);
    check_exact("few", count);
  }
}

Test(histogram, where_buckets_begin_and_end) {
  for (unsigned bit = 0; bit < 42; bit++) {
    for (uint64_t off = 0; off < 3; off++) {
      uint64_t value = (UINT64_C(1) << bit) + off - 1;
      samples[0] = value < HOUR_NS ? value : HOUR_NS;
      samples[1] = HOUR_NS;
      check_exact("power of two", 2);
    }
  }
}

/* 2.2 % of 1,500 is a hair above 33 in binary: it is still the 33rd. */
Test(histogram, percentile_is_not_one_too_far) {
  for (uint64_t i = 1; i <= 1500; i++) histogram_add(&one, i);
  cr_expect_eq(histogram_percentile_ns(&one, 2.2), 33);
  cr_expect_eq(histogram_percentile_ns(&one, 50), 750);
  cr_expect_eq(histogram_percentile_ns(&one, 0.01), 1);
  cr_expect_eq(histogram_percentile_ns(&one, 100), 1500);
}

Test(histogram, empty) {
  for (size_t i = 0; i < PERCENTS; i++) cr_expect_eq(histogram_percentile_ns(&one, percents[i]), 0);
  cr_expect_eq(histogram_mean_ns(&one), 0);
  cr_expect_eq(histogram_deviation_ns(&one), 0);
}

Test(histogram, more_than_an_hour_is_an_hour) {
  histogram_add(&one, HOUR_NS + 1);
  histogram_add(&one, UINT64_MAX);
  cr_expect_eq(one.count, 2);
  cr_expect_eq(one.min_ns, HOUR_NS);
  cr_expect_eq(histogram_percentile_ns(&one, 50), HOUR_NS);
}

/* ---- merging ---- */

static bool same(const struct histogram *a, const struct histogram *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

static void fill(struct histogram *histogram, uint64_t seed, unsigned count) {
  for (uint64_t random = seed; count > 0; count--) {
    uint64_t value = random_size(&random, 42);
    histogram_add(histogram, value);
    histogram_add(&sum, value);
  }
}

Test(histogram, merging_is_associative_and_commutative) {
  static const unsigned counts[][3] = {{1000, 1, 50}, {0, 7, 3000}, {5, 0, 0}, {0, 0, 0}};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    memset(&sum, 0, sizeof sum);
    memset(&one, 0, sizeof one);
    memset(&two, 0, sizeof two);
    memset(&three, 0, sizeof three);
    memset(&other, 0, sizeof other);
    fill(&one, 10 + i, counts[i][0]);
    fill(&two, 20 + i, counts[i][1]);
    fill(&three, 30 + i, counts[i][2]);

    histogram_merge(&other, &three); /* (3 + 1) + 2 */
    histogram_merge(&other, &one);
    histogram_merge(&other, &two);
    histogram_merge(&two, &three); /* 1 + (2 + 3) */
    histogram_merge(&one, &two);
    cr_expect(same(&one, &sum), "case %zu", i);
    cr_expect(same(&other, &sum), "case %zu", i);
  }
}

Test(histogram, clearing_leaves_nothing) {
  fill(&one, 40, 1000);
  histogram_clear(&one);
  cr_expect(same(&one, &two));
  histogram_clear(&one);
  cr_expect(same(&one, &two));
}
