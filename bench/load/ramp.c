/* SPDX-License-Identifier: MIT
 *
 * The highest rate that keeps a bound: trials at twice the rate until one breaks it, then halving
 * the way between what held and what did not, to 5 %. What is reported is a run at the rate found.
 */
#include "load/ramp.h"

#include <stdio.h>
#include <string.h>

enum {
  TRIALS = 16, /* as long as so many fit into the whole time, but no shorter than TRIAL_MS_MIN */
  TRIAL_MS_MIN = 500,
  BOUNDS = 5,       /* a trial lasts so many times the bound, */
  TRIALS_LEAST = 4, /* and so many such trials fit into the whole time */
  SETTLE_MS = 200,  /* before each is measured */
  RATE_FIRST = 1000,
};

#define PRECISION 0.05
#define REACHED 0.95     /* of the rate that was asked for */
#define SEARCH_SHARE 0.7 /* of the time; a quarter is for the run at the rate found */

struct ramp {
  const struct load_observer *observer;
  bool last;              /* the run that is reported */
  bool warm;              /* the beginning has been told */
  double before, seconds; /* since all began: until this run, until now */
  uint64_t connections;   /* made before this run */
};

/* To whoever observes, all trials are the warm-up of the last run. */
static void observe(void *context, const struct load_progress *progress) {
  struct ramp *ramp = context;
  struct load_progress told = *progress;
  bool first = progress->moment == LOAD_WARM && !ramp->warm;
  ramp->seconds = ramp->before + progress->seconds;
  told.seconds = ramp->seconds;
  told.connections += ramp->connections;
  told.warming = progress->warming || !ramp->last;
  if (!ramp->last) memset(&told.counts, 0, sizeof told.counts);
  if (progress->moment == LOAD_WARM) ramp->warm = true;
  bool passes =
      progress->moment == LOAD_TICK || first || (ramp->last && progress->moment != LOAD_WARM);
  if (passes && ramp->observer && ramp->observer->observe)
    ramp->observer->observe(ramp->observer->context, &told);
}

static bool run(struct ramp *ramp, const struct load_options *options, double rate, uint32_t ms,
                struct load_result *result, char why[LOAD_WHY_MAX]) {
  struct load_observer observer = {.context = ramp, .observe = observe};
  struct load_options trial = *options;
  trial.workload = LOAD_KEEPALIVE_WORKLOAD;
  trial.rate = rate;
  trial.requests = 0;
  trial.duration_ms = ms;
  trial.warmup_ms = SETTLE_MS;
  ramp->before = ramp->seconds;
  if (!load_run(&trial, &observer, result, why)) return false;
  ramp->connections = result->connections += ramp->connections;
  return true;
}

static bool is_stopped(const struct load_options *options) {
  return options->stopped && *options->stopped;
}

/* A rate that was not reached, by the generator or by the server, is none that was kept; the first
 * and the last request of a schedule may fall outside. */
static bool keeps(const struct load_options *options, double rate,
                  const struct load_result *result) {
  return result->latency.count > 0 && load_errors_sum(&result->counts.errors) == 0 &&
         (double)result->counts.requests + 1 >= REACHED * rate * result->seconds &&
         histogram_percentile_ns(&result->latency, 99) <= options->bound_ns;
}

static uint32_t trial_ms(const struct load_options *options) {
  uint32_t ms = options->duration_ms / TRIALS, bounds_ms = options->bound_ns / 1000000 * BOUNDS;
  if (ms < TRIAL_MS_MIN) ms = TRIAL_MS_MIN;
  return ms < bounds_ms ? bounds_ms : ms;
}

/* A rate that breaks the bound is tried once more: it may have been the machine. */
static bool try(struct ramp *ramp, const struct load_options *options, double rate, bool *holds,
                struct load_result *result, char why[LOAD_WHY_MAX]) {
  uint32_t ms = trial_ms(options);
  *holds = false;
  for (int i = 0; i < 2 && !*holds && !is_stopped(options); i++) {
    if (!run(ramp, options, rate, ms, result, why)) return false;
    *holds = keeps(options, rate, result);
    load_result_release(result);
  }
  return true;
}

/* Finds the highest rate that held, 0 if none did, and the one to report a run at. */
static bool search(struct ramp *ramp, const struct load_options *options, double *highest,
                   double *rate, struct load_result *result, char why[LOAD_WHY_MAX]) {
  double low = 0, high = 0, until = options->duration_ms * SEARCH_SHARE / 1000;
  *rate = options->rate > 0 ? options->rate : RATE_FIRST;
  do {
    bool holds;
    if (!try(ramp, options, *rate, &holds, result, why)) return false;
    *(holds ? &low : &high) = *rate;
    *rate = high == 0 ? *rate * 2 : (low + high) / 2;
  } while (ramp->seconds < until && !is_stopped(options) && *rate >= 1 &&
           (low == 0 || high == 0 || high - low > PRECISION * low));
  *highest = low;
  if (low > 0) *rate = low;
  return true;
}

bool load_ramp(const struct load_options *options, const struct load_observer *observer,
               struct load_result *result, char why[LOAD_WHY_MAX]) {
  struct ramp ramp = {.observer = observer};
  double highest, rate;
  uint32_t least_ms = options->bound_ns / 1000000 * BOUNDS * TRIALS_LEAST;
  memset(result, 0, sizeof *result);
  if (least_ms > options->duration_ms) {
    snprintf(why, LOAD_WHY_MAX,
             "ramp: a bound of %u ms is too long for a duration of %u ms; make that %u ms at least",
             options->bound_ns / 1000000, options->duration_ms, least_ms);
    return false;
  }
  if (!search(&ramp, options, &highest, &rate, result, why)) return false;
  ramp.last = true;
  if (!run(&ramp, options, rate, options->duration_ms / 4, result, why)) return false;
  result->ramp_rate = highest;
  return true;
}
