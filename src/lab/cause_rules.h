/* SPDX-License-Identifier: MIT
 *
 * The rules of the verdict engine, one for each cause.
 */
#ifndef LAB_CAUSE_RULES_H
#define LAB_CAUSE_RULES_H

#include "lab/cause.h"

/* Says how certain it is, out of 100, and fills in the reasons; 0: it is not that. */
typedef unsigned lab_cause_rule(const struct lab_evidence *evidence, struct lab_opinion *opinion);

extern lab_cause_rule *const lab_cause_rules[LAB_CAUSE_COUNT];

#endif
