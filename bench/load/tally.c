/* SPDX-License-Identifier: MIT */
#include "load/tally.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Counts are added as one row of numbers. */
enum { COUNTS = sizeof(struct load_counts) / sizeof(uint64_t) };
_Static_assert(COUNTS * sizeof(uint64_t) == sizeof(struct load_counts), "nothing but numbers");

void load_counts_add(struct load_counts *to, const struct load_counts *from) {
  uint64_t sums[COUNTS], more[COUNTS];
  memcpy(sums, to, sizeof sums);
  memcpy(more, from, sizeof more);
  for (int i = 0; i < COUNTS; i++) sums[i] += more[i];
  memcpy(to, sums, sizeof sums);
}

uint64_t load_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

struct tally *tally_new(unsigned threads) {
  struct tally *tally = calloc(1, sizeof *tally);
  struct tally_news *news = calloc(threads, sizeof *news);
  if (!tally || !news) {
    free(tally);
    free(news);
    return NULL;
  }
  pthread_condattr_t monotonic;
  tally->threads = threads;
  tally->news = news;
  pthread_mutex_init(&tally->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&tally->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return tally;
}

void tally_free(struct tally *tally) {
  if (!tally) return;
  pthread_cond_destroy(&tally->changed);
  pthread_mutex_destroy(&tally->lock);
  free(tally->news);
  free(tally);
}

/* ---- for the threads ---- */

static void wake(struct tally *tally) {
  tally->unheard = true;
  pthread_cond_signal(&tally->changed);
}

bool tally_report(struct tally *tally, unsigned second, struct load_counts *counts,
                  struct histogram *interval, bool last) {
  pthread_mutex_lock(&tally->lock);
  bool open = last || second == tally->second;
  if (open) {
    load_counts_add(&tally->counts, counts);
    histogram_merge(&tally->interval, interval);
    if (!last && ++tally->reported == tally->threads) wake(tally);
  }
  pthread_mutex_unlock(&tally->lock);
  if (!open) return false;
  memset(counts, 0, sizeof *counts);
  histogram_clear(interval);
  return true;
}

void tally_tell(struct tally *tally, unsigned thread, const struct tally_news *news, bool wakes) {
  pthread_mutex_lock(&tally->lock);
  tally->news[thread] = *news;
  if (wakes) wake(tally);
  pthread_mutex_unlock(&tally->lock);
}

/* ---- for the one that runs them ---- */

bool tally_collect(struct tally *tally, bool last, struct load_second *second,
                   struct histogram *total) {
  pthread_mutex_lock(&tally->lock);
  bool whole = last || tally->reported == tally->threads;
  if (whole) {
    const struct histogram *interval = &tally->interval;
    second->counts = tally->counts;
    second->p50_ns = histogram_percentile_ns(interval, 50);
    second->p90_ns = histogram_percentile_ns(interval, 90);
    second->p99_ns = histogram_percentile_ns(interval, 99);
    second->p999_ns = histogram_percentile_ns(interval, 99.9);
    second->max_ns = interval->max_ns;
    histogram_merge(total, interval);
    histogram_clear(&tally->interval);
    memset(&tally->counts, 0, sizeof tally->counts);
    tally->second++;
    tally->reported = 0;
  }
  pthread_mutex_unlock(&tally->lock);
  return whole;
}

void tally_wait(struct tally *tally, uint64_t until_ns) {
  struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000U),
                           .tv_nsec = (long)(until_ns % 1000000000U)};
  pthread_mutex_lock(&tally->lock);
  while (!tally->unheard && pthread_cond_timedwait(&tally->changed, &tally->lock, &until) == 0) {
  }
  tally->unheard = false;
  pthread_mutex_unlock(&tally->lock);
}

struct tally_news tally_look(struct tally *tally) {
  struct tally_news all = {.settled = 0};
  pthread_mutex_lock(&tally->lock);
  for (unsigned i = 0; i < tally->threads; i++) {
    const struct tally_news *news = &tally->news[i];
    load_counts_add(&all.counts, &news->counts);
    all.requests += news->requests;
    all.settled += news->settled;
    all.done += news->done;
    all.gone += news->gone;
  }
  pthread_mutex_unlock(&tally->lock);
  return all;
}
