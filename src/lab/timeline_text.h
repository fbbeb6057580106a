/* SPDX-License-Identifier: MIT
 *
 * Events as they stand in the cells of the timeline.
 */
#ifndef LAB_TIMELINE_TEXT_H
#define LAB_TIMELINE_TEXT_H

#include "lab/timeline_line.h"

/* `own`: a socket of the program under test, whose owner is of interest. */
void timeline_state(const struct lab_state *state, bool own, struct cell *cell);
/* `width` of the column, which may have room for sequence numbers. */
void timeline_segment(const struct lab_segment *segment, bool number, unsigned width,
                      struct cell *cell);
void timeline_call(const struct lab_call *call, struct cell *cell);
void timeline_end(const struct sheet *sheet, const struct lab_story *story);

#endif
