/* SPDX-License-Identifier: MIT
 *
 * How often which value was seen, to three significant digits: HdrHistogram's buckets, each twice
 * as wide as those before, in 1,024 steps. Values are nanoseconds up to an hour; larger ones count
 * as an hour. Merging is exact: it adds bucket to bucket.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { HISTOGRAM_STEPS = 2048, HISTOGRAM_BUCKETS = 33 * HISTOGRAM_STEPS / 2 };

struct histogram {                /* all zero: empty */
  uint64_t count, min_ns, max_ns; /* min and max are exact */
  uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value_ns);
void histogram_merge(struct histogram *to, const struct histogram *from);
void histogram_clear(struct histogram *histogram); /* cheaper than zeroing where few were seen */

/* The value that so many percent of all are at or below: the largest that its bucket stands for, at
 * most the maximum. 0 if it is empty. */
uint64_t histogram_percentile_ns(const struct histogram *histogram, double percent);
double histogram_mean_ns(const struct histogram *histogram);
double histogram_deviation_ns(const struct histogram *histogram);

/* The text that HdrHistogram's tools read and plot: value in milliseconds, percentile, how many at
 * or below it, 1 / (1 - percentile). A line for every bucket that is not empty, so that reading it
 * gives back the same buckets. */
void histogram_write(const struct histogram *histogram, FILE *out);

/* Adds what histogram_write has written, or another tool in milliseconds; 0, or the number of the
 * line that is not right: then part of it may have been added. */
unsigned histogram_read(struct histogram *histogram, FILE *in);

#endif
