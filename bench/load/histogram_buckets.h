/* SPDX-License-Identifier: MIT
 *
 * Which values a histogram counts together: for its text.
 */
#ifndef BENCH_HISTOGRAM_BUCKETS_H
#define BENCH_HISTOGRAM_BUCKETS_H

#include "load/histogram.h"

#define HISTOGRAM_HOUR_NS (UINT64_C(3600) * 1000 * 1000 * 1000)

size_t histogram_bucket(uint64_t value_ns); /* of a value up to an hour */
uint64_t histogram_bucket_highest(size_t bucket);
void histogram_add_many(struct histogram *histogram, uint64_t value_ns, uint64_t count);

#endif
