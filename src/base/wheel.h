/* SPDX-License-Identifier: MIT
 *
 * Deadlines by the thousand. A hierarchical timer wheel of 1 ms ticks whose entries are lazy: to
 * move a deadline later costs one store, and the entry is put in its new place only when the wheel
 * comes past the old one. Times wrap around 2^32 ms; a deadline lies less than 2^31 ms ahead of the
 * last advance, so advance before you set after a long sleep.
 */
#ifndef FIN_WHEEL_H
#define FIN_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct fin_deadline {
  struct fin_link link; /* points at itself when not set */
  uint32_t due_ms;    /* when it is due; a time that was past when it was set counts as that now */
  uint32_t placed_ms; /* the time whose slot it is in; never after due_ms */
};

enum { FIN_WHEEL_LEVELS = 6, FIN_WHEEL_SLOTS = 64 };

struct fin_wheel {
  uint32_t now_ms;                     /* the time of the last advance */
  uint64_t occupied[FIN_WHEEL_LEVELS]; /* a bit for each slot that holds something */
  struct fin_link slots[FIN_WHEEL_LEVELS][FIN_WHEEL_SLOTS];
};

void fin_wheel_init(struct fin_wheel *wheel, uint32_t now_ms);

void fin_deadline_init(struct fin_deadline *deadline);
static inline bool fin_deadline_set(const struct fin_deadline *deadline) {
  return !fin_list_empty(&deadline->link);
}

/* Sets or moves a deadline. One that is past is due at the next advance. */
void fin_wheel_set(struct fin_wheel *wheel, struct fin_deadline *deadline, uint32_t due_ms);
void fin_wheel_clear(struct fin_wheel *wheel, struct fin_deadline *deadline);

/* Fires what is due up to `now_ms`, which is never before the time of the last advance: clears each
 * and calls fire(arg, deadline), which may set and clear any deadline, this one included. What fire
 * clears does not fire; what it sets fires at the next advance at the earliest. The work depends on
 * the number of deadlines passed, not on the time. */
void fin_wheel_advance(struct fin_wheel *wheel, uint32_t now_ms,
                       void (*fire)(void *arg, struct fin_deadline *deadline), void *arg);

/* When to advance next: not after the earliest deadline, perhaps before. False if none is set. */
bool fin_wheel_next(const struct fin_wheel *wheel, uint32_t *at_ms);

#endif
