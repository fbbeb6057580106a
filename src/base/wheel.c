/* SPDX-License-Identifier: MIT
 *
 * The wheel reads a time as digits of six bits. A deadline's level is the place of the first digit
 * in which its time differs from now, its slot is that digit. Hence:
 *  - everything on a level is due before anything on the next higher one, and in the order of
 * slots;
 *  - the slot of now itself is empty on every level but the lowest, where it holds what was past;
 *  - a deadline's slot follows from placed_ms and now for as long as it is there, so it needs no
 *    field, and the bits in `occupied` are exact.
 * When now enters the time span of a slot, the deadlines in it are placed again, on lower levels.
 * The last digit has two bits, and is a ring: after 3 comes 0, where times wrap.
 */
#include "base/wheel.h"

enum { DIGIT_BITS = 6, TOP = FIN_WHEEL_LEVELS - 1, TOP_SLOTS = 4 };

static struct fin_deadline *deadline_of(struct fin_link *link) {
  return fin_container(link, struct fin_deadline, link);
}

static unsigned digit(uint32_t time_ms, unsigned level) {
  return (time_ms >> (DIGIT_BITS * level)) % FIN_WHEEL_SLOTS;
}

static unsigned lowest_bit(uint64_t bits) { return (unsigned)__builtin_ctzll(bits); }

static unsigned level_of(const struct fin_wheel *wheel, uint32_t time_ms) {
  uint32_t differing = wheel->now_ms ^ time_ms;
  return differing ? (31 - (unsigned)__builtin_clz(differing)) / DIGIT_BITS : 0;
}

void fin_wheel_init(struct fin_wheel *wheel, uint32_t now_ms) {
  wheel->now_ms = now_ms;
  for (unsigned level = 0; level < FIN_WHEEL_LEVELS; level++) {
    wheel->occupied[level] = 0;
    for (unsigned slot = 0; slot < FIN_WHEEL_SLOTS; slot++)
      fin_list_init(&wheel->slots[level][slot]);
  }
}

void fin_deadline_init(struct fin_deadline *deadline) {
  fin_list_init(&deadline->link);
  deadline->due_ms = deadline->placed_ms = 0;
}

static void place(struct fin_wheel *wheel, struct fin_deadline *deadline) {
  uint32_t time_ms = deadline->due_ms;
  unsigned level = level_of(wheel, time_ms), slot = digit(time_ms, level);
  deadline->placed_ms = time_ms;
  fin_list_append(&wheel->slots[level][slot], &deadline->link);
  wheel->occupied[level] |= UINT64_C(1) << slot;
}

void fin_wheel_set(struct fin_wheel *wheel, struct fin_deadline *deadline, uint32_t due_ms) {
  uint32_t ahead_ms = due_ms - wheel->now_ms;
  if (ahead_ms > INT32_MAX) { /* past */
    due_ms = wheel->now_ms;
    ahead_ms = 0;
  }
  deadline->due_ms = due_ms;
  if (fin_deadline_set(deadline)) {
    /* Placed at 0 ahead, it may be waiting to be fired by the advance that is running. */
    uint32_t placed_ahead_ms = deadline->placed_ms - wheel->now_ms;
    if (placed_ahead_ms > 0 && placed_ahead_ms <= ahead_ms) return;
    fin_wheel_clear(wheel, deadline);
  }
  place(wheel, deadline);
}

void fin_wheel_clear(struct fin_wheel *wheel, struct fin_deadline *deadline) {
  if (!fin_deadline_set(deadline)) return;
  fin_list_remove(&deadline->link);
  unsigned level = level_of(wheel, deadline->placed_ms), slot = digit(deadline->placed_ms, level);
  if (fin_list_empty(&wheel->slots[level][slot])) wheel->occupied[level] &= ~(UINT64_C(1) << slot);
}

/* The slots of a level whose time span begins at or before `jump_ms` after now, and at least that
 * of now. All of them where that goes around, and where the level's digit is carried over. */
static uint64_t slots_passed(uint32_t now_ms, uint32_t jump_ms, unsigned level) {
  unsigned shift = DIGIT_BITS * level, from = digit(now_ms, level);
  uint64_t into_slot_ms = now_ms & ((UINT32_C(1) << shift) - 1);
  uint64_t steps = (into_slot_ms + jump_ms) >> shift;
  if (from + steps >= (level == TOP ? TOP_SLOTS : FIN_WHEEL_SLOTS)) return UINT64_MAX;
  return (UINT64_MAX >> (FIN_WHEEL_SLOTS - 1 - steps)) << from;
}

/* Moves now, and into `due` what is due by then. Times are compared by their distance from the old
 * now, from which every deadline is less than 2^31 ahead, so a jump may have any length. */
static void move_now(struct fin_wheel *wheel, uint32_t now_ms, struct fin_link *due) {
  uint32_t from_ms = wheel->now_ms, jump_ms = now_ms - from_ms;
  struct fin_link passed;
  fin_list_init(&passed);
  for (unsigned level = 0; level < FIN_WHEEL_LEVELS; level++) {
    uint64_t slots = wheel->occupied[level] & slots_passed(from_ms, jump_ms, level);
    wheel->occupied[level] &= ~slots;
    for (; slots; slots &= slots - 1)
      fin_list_splice(&passed, &wheel->slots[level][lowest_bit(slots)]);
  }
  wheel->now_ms = now_ms;
  while (!fin_list_empty(&passed)) {
    struct fin_deadline *deadline = deadline_of(passed.next);
    fin_list_remove(&deadline->link);
    if (deadline->due_ms - from_ms <= jump_ms) {
      deadline->placed_ms = now_ms;
      fin_list_append(due, &deadline->link);
    } else {
      place(wheel, deadline);
    }
  }
}

void fin_wheel_advance(struct fin_wheel *wheel, uint32_t now_ms,
                       void (*fire)(void *arg, struct fin_deadline *deadline), void *arg) {
  struct fin_link due;
  fin_list_init(&due);
  move_now(wheel, now_ms, &due);
  while (!fin_list_empty(&due)) {
    struct fin_deadline *deadline = deadline_of(due.next);
    fin_list_remove(&deadline->link);
    fire(arg, deadline);
  }
}

bool fin_wheel_next(const struct fin_wheel *wheel, uint32_t *at_ms) {
  for (unsigned level = 0; level < FIN_WHEEL_LEVELS; level++) {
    uint64_t slots = wheel->occupied[level];
    if (!slots) continue;
    unsigned shift = DIGIT_BITS * level, now = digit(wheel->now_ms, level);
    if (level == TOP) slots |= slots << TOP_SLOTS; /* the ring, rolled out */
    uint32_t steps = lowest_bit(slots >> now);
    *at_ms = ((wheel->now_ms >> shift) + steps) << shift;
    return true;
  }
  return false;
}
