/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RAMP_H
#define BENCH_RAMP_H

#include "load/load.h"

/* What load_run does for `ramp`. */
bool load_ramp(const struct load_options *options, const struct load_observer *observer,
               struct load_result *result, char why[LOAD_WHY_MAX]);

#endif
