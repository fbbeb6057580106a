/* SPDX-License-Identifier: MIT
 *
 * What must hold between what has happened to a connection and what the driver makes of it.
 */
#ifndef FIN_TEST_INVARIANTS_H
#define FIN_TEST_INVARIANTS_H

#include "core/world.h"

/* After every step, of every connection. */
void invariants_of_step(struct world *world);

/* Before something else happens to it in the same step: notes what the driver may have done by
 * itself until then. */
void invariants_catch_up(struct subject *subject);

/* When nothing is left to do but sleep. */
void invariants_at_rest(struct world *world);

/* In on_close. */
void invariants_of_report(struct subject *subject, const fin_report *report);

/* ---- patience.c: time ---- */

void flow_grew(struct flow *flow, uint64_t ms, uint64_t bytes);

/* Whether a deadline that ends the state the subject was in may have come, and the reasons it may
 * give for that: 1 << fin_reason. FIN_REASON_BUG stands for none. */
uint32_t patience_lost(const struct subject *subject);
bool patience_half_bounded(const struct subject *subject);
bool patience_lost_with_reader(const struct subject *subject);
bool patience_lost_with_linger(const struct subject *subject, uint32_t *reasons);

/* A deadline is set where one is promised, and the loop wakes for it. */
void patience_is_armed(const struct subject *subject);

/* No deadline is overdue. */
void patience_at_rest(const struct subject *subject);

#endif
