/* SPDX-License-Identifier: MIT
 *
 * Counting values. Below 2,048 ns each has a bucket of its own; above, a power of two is divided
 * into 1,024, so that a bucket is at most 0.1 % wide. Bucket `shift * 1024 + (value >> shift)`
 * counts the values that agree in their 11 highest bits.
 */
#include "load/histogram.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "load/histogram_buckets.h"

enum { HALF = HISTOGRAM_STEPS / 2, HALF_BITS = 10 };

_Static_assert(HALF == 1 << HALF_BITS, "steps are a power of two");
_Static_assert(HISTOGRAM_HOUR_NS >> (HISTOGRAM_BUCKETS / HALF - 2) < HISTOGRAM_STEPS,
               "an hour has a bucket");

/* ---- buckets ---- */

size_t histogram_bucket(uint64_t value_ns) {
  unsigned bits = 64 - (unsigned)__builtin_clzll(value_ns | 1);
  unsigned shift = bits > HALF_BITS + 1 ? bits - (HALF_BITS + 1) : 0;
  return ((size_t)shift << HALF_BITS) + (size_t)(value_ns >> shift);
}

static unsigned shift_of(size_t bucket) {
  return bucket < HISTOGRAM_STEPS ? 0 : (unsigned)(bucket >> HALF_BITS) - 1;
}

static uint64_t lowest_in(size_t bucket) {
  unsigned shift = shift_of(bucket);
  return (uint64_t)(bucket - ((size_t)shift << HALF_BITS)) << shift;
}

uint64_t histogram_bucket_highest(size_t bucket) {
  return lowest_in(bucket) + (UINT64_C(1) << shift_of(bucket)) - 1;
}

static double middle_of(size_t bucket) {
  return ((double)lowest_in(bucket) + (double)histogram_bucket_highest(bucket)) / 2;
}

/* ---- counting ---- */

void histogram_add_many(struct histogram *histogram, uint64_t value_ns, uint64_t count) {
  if (count == 0) return;
  if (value_ns > HISTOGRAM_HOUR_NS) value_ns = HISTOGRAM_HOUR_NS;
  if (histogram->count == 0 || value_ns < histogram->min_ns) histogram->min_ns = value_ns;
  if (value_ns > histogram->max_ns) histogram->max_ns = value_ns;
  histogram->counts[histogram_bucket(value_ns)] += count;
  histogram->count += count;
}

void histogram_add(struct histogram *histogram, uint64_t value_ns) {
  histogram_add_many(histogram, value_ns, 1);
}

void histogram_merge(struct histogram *to, const struct histogram *from) {
  if (from->count == 0) return;
  if (to->count == 0 || from->min_ns < to->min_ns) to->min_ns = from->min_ns;
  if (from->max_ns > to->max_ns) to->max_ns = from->max_ns;
  size_t last = histogram_bucket(from->max_ns);
  for (size_t i = histogram_bucket(from->min_ns); i <= last; i++) to->counts[i] += from->counts[i];
  to->count += from->count;
}

void histogram_clear(struct histogram *histogram) {
  if (histogram->count == 0) return;
  size_t first = histogram_bucket(histogram->min_ns), last = histogram_bucket(histogram->max_ns);
  memset(histogram->counts + first, 0, (last - first + 1) * sizeof *histogram->counts);
  histogram->count = histogram->min_ns = histogram->max_ns = 0;
}

/* ---- asking ---- */

uint64_t histogram_percentile_ns(const struct histogram *histogram, double percent) {
  if (histogram->count == 0) return 0;
  if (!(percent > 0)) return histogram->min_ns;
  /* A hair less, as HdrHistogram does: 2.2 % of 1,500 is a little above 33 in binary, and would
   * else be the 34th. */
  double wanted = ceil(nextafter(percent, 0) * (double)histogram->count / 100);
  uint64_t seen = 0;
  size_t last = histogram_bucket(histogram->max_ns);
  for (size_t i = histogram_bucket(histogram->min_ns); i < last; i++) {
    seen += histogram->counts[i];
    if ((double)seen >= wanted && seen > 0) return histogram_bucket_highest(i);
  }
  return histogram->max_ns;
}

double histogram_mean_ns(const struct histogram *histogram) {
  if (histogram->count == 0) return 0;
  double sum = 0;
  size_t last = histogram_bucket(histogram->max_ns);
  for (size_t i = histogram_bucket(histogram->min_ns); i <= last; i++)
    sum += middle_of(i) * (double)histogram->counts[i];
  return sum / (double)histogram->count;
}

double histogram_deviation_ns(const struct histogram *histogram) {
  if (histogram->count == 0) return 0;
  double mean = histogram_mean_ns(histogram), sum = 0;
  size_t last = histogram_bucket(histogram->max_ns);
  for (size_t i = histogram_bucket(histogram->min_ns); i <= last; i++) {
    double off = middle_of(i) - mean;
    sum += off * off * (double)histogram->counts[i];
  }
  return sqrt(sum / (double)histogram->count);
}
