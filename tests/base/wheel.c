/* SPDX-License-Identifier: MIT
 *
 * src/base/wheel.c against a model that keeps each deadline as a plain 64-bit time.
 */
#include "base/wheel.h"

#include <string.h>
#include <unistd.h>

#include "laws.h"

/* The place of every deadline follows from its time and now; nothing is in a list it should not be
 * in; the bits of `occupied` are exact. Returns how many deadlines are set. */
static size_t validate(const struct fin_wheel *wheel) {
  size_t count = 0;
  for (unsigned level = 0; level < FIN_WHEEL_LEVELS; level++)
    for (unsigned slot = 0; slot < FIN_WHEEL_SLOTS; slot++) {
      const struct fin_link *list = &wheel->slots[level][slot];
      bool occupied = wheel->occupied[level] >> slot & 1;
      MUST(occupied == !fin_list_empty(list), "the bit of slot %u.%u", level, slot);
      for (const struct fin_link *link = list->next; link != list; link = link->next) {
        const struct fin_deadline *of = fin_container(link, struct fin_deadline, link);
        uint32_t differing = of->placed_ms ^ wheel->now_ms;
        MUST(differing >> 6 * level < 64 || level == FIN_WHEEL_LEVELS - 1, "level of a deadline");
        MUST(level == 0 || differing >> 6 * level > 0, "level of a deadline, too high");
        MUST((of->placed_ms >> 6 * level & 63) == slot, "slot of a deadline");
        MUST(of->placed_ms - wheel->now_ms <= of->due_ms - wheel->now_ms, "placed after it is due");
        MUST(of->due_ms - wheel->now_ms <= INT32_MAX, "due before now");
        count++;
      }
    }
  return count;
}

static void count_fire(void *arg, struct fin_deadline *deadline) {
  unsigned *fired = arg;
  MUST(!fin_deadline_set(deadline), "a deadline is cleared before it fires");
  ++*fired;
}

static unsigned advance(struct fin_wheel *wheel, uint32_t now_ms) {
  unsigned fired = 0;
  fin_wheel_advance(wheel, now_ms, count_fire, &fired);
  return fired;
}

/* ---- the model ---- */

enum { DEADLINES = 48 };

struct world {
  struct fin_wheel wheel;
  struct fin_deadline deadlines[DEADLINES];
  uint64_t now_ms; /* the wheel sees the lower half */
  struct {
    bool set;
    bool must_fire; /* in the advance that is running */
    uint64_t due_ms;
  } model[DEADLINES];
  uint64_t seed, random;
  bool on_time; /* this advance is to the time that fin_wheel_next named */
  unsigned fired;
};

static int64_t some_distance(uint64_t *random) {
  int64_t around = (int64_t)random_below(random, 3) - 1;
  switch (random_below(random, 8)) {
    case 0:
      return -(int64_t)random_size(random, 31);
    case 1:
      return (int64_t)random_below(random, 4);
    case 2:
      return (INT64_C(1) << 6 * random_below(random, 6)) + around;
    case 3:
      return (int64_t)((1 + random_below(random, 63)) << 6 * random_below(random, 4)) + around;
    case 4:
      return INT32_MAX - (int64_t)random_below(random, 2);
    default:
      return (int64_t)random_size(random, 31);
  }
}

static void set(struct world *world, size_t i) {
  int64_t distance = some_distance(&world->random);
  uint64_t due_ms = world->now_ms + (uint64_t)distance;
  fin_wheel_set(&world->wheel, &world->deadlines[i], (uint32_t)due_ms);
  world->model[i].set = true;
  world->model[i].must_fire = false;
  world->model[i].due_ms = distance < 0 ? world->now_ms : due_ms;
}

static void clear(struct world *world, size_t i) {
  fin_wheel_clear(&world->wheel, &world->deadlines[i]);
  world->model[i].set = world->model[i].must_fire = false;
}

static void meddle(struct world *world) {
  size_t i = random_below(&world->random, DEADLINES);
  if (random_below(&world->random, 4) == 0)
    clear(world, i);
  else
    set(world, i);
}

static void on_fire(void *arg, struct fin_deadline *deadline) {
  struct world *world = arg;
  size_t i = (size_t)(deadline - world->deadlines);
  MUST(world->model[i].must_fire, "seed %lu: %zu fired, due in %ld", world->seed, i,
       (long)(world->model[i].due_ms - world->now_ms));
  MUST(!world->on_time || world->model[i].due_ms == world->now_ms, "seed %lu: late", world->seed);
  MUST(!fin_deadline_set(deadline), "seed %lu: fired and still set", world->seed);
  world->model[i].set = world->model[i].must_fire = false;
  world->fired++;
  if (random_below(&world->random, 3) == 0) set(world, i);
  while (random_below(&world->random, 2) == 0) meddle(world);
}

static bool earliest(const struct world *world, uint64_t *due_ms) {
  bool any = false;
  for (size_t i = 0; i < DEADLINES; i++)
    if (world->model[i].set && (!any || world->model[i].due_ms < *due_ms)) {
      *due_ms = world->model[i].due_ms;
      any = true;
    }
  return any;
}

static void check(const struct world *world) {
  uint64_t due_ms = 0;
  uint32_t next_ms = 0;
  size_t count = 0;
  for (size_t i = 0; i < DEADLINES; i++) {
    const struct fin_deadline *deadline = &world->deadlines[i];
    bool is_set = world->model[i].set;
    MUST(fin_deadline_set(deadline) == is_set, "seed %lu: %zu set?", world->seed, i);
    MUST(!is_set || deadline->due_ms == (uint32_t)world->model[i].due_ms, "seed %lu: %zu due at %u",
         world->seed, i, deadline->due_ms);
    MUST(!world->model[i].must_fire, "seed %lu: %zu did not fire", world->seed, i);
    count += is_set;
  }
  MUST(validate(&world->wheel) == count, "seed %lu: lost or found one", world->seed);
  MUST(fin_wheel_next(&world->wheel, &next_ms) == earliest(world, &due_ms),
       "seed %lu: next without deadlines, or none with", world->seed);
  if (count == 0) return;
  uint32_t ahead_ms = next_ms - (uint32_t)world->now_ms;
  MUST(ahead_ms <= due_ms - world->now_ms, "seed %lu: next is %u ahead, the earliest %lu",
       world->seed, ahead_ms, due_ms - world->now_ms);
}

static uint64_t some_jump(struct world *world) {
  uint64_t due_ms = 0;
  uint32_t next_ms;
  uint64_t dice = random_below(&world->random, 8);
  world->on_time = false;
  if (dice == 0) return 0;
  if (dice == 1) return 1;
  if (dice == 2 && earliest(world, &due_ms)) return due_ms - world->now_ms;
  if (dice == 3 && earliest(world, &due_ms) && due_ms > world->now_ms)
    return due_ms - world->now_ms - 1;
  if (dice >= 6) return random_size(&world->random, dice == 6 ? 12 : 32);
  if (!fin_wheel_next(&world->wheel, &next_ms)) return 64;
  world->on_time = true;
  return next_ms - (uint32_t)world->now_ms;
}

static void jump(struct world *world) {
  uint64_t to_ms = world->now_ms + some_jump(world);
  for (size_t i = 0; i < DEADLINES; i++)
    world->model[i].must_fire = world->model[i].set && world->model[i].due_ms <= to_ms;
  world->now_ms = to_ms;
  fin_wheel_advance(&world->wheel, (uint32_t)to_ms, on_fire, world);
}

Test(wheel, agrees_with_the_model) {
  static struct world world;
  unsigned fired = 0;
  for (uint64_t seed = 1; seed <= 500; seed++) {
    memset(&world, 0, sizeof world);
    world.seed = world.random = seed;
    /* Every fourth run begins just before the time wraps. */
    world.now_ms =
        seed % 4 ? random_next(&world.random) >> 16 : UINT32_MAX - random_size(&world.random, 20);
    fin_wheel_init(&world.wheel, (uint32_t)world.now_ms);
    for (size_t i = 0; i < DEADLINES; i++) fin_deadline_init(&world.deadlines[i]);
    for (unsigned step = 0; step < 600; step++) {
      if (random_below(&world.random, 3) > 0)
        meddle(&world);
      else
        jump(&world);
      check(&world);
    }
    fired += world.fired;
  }
  cr_assert(fired > 20000, "only %u fired: the runs show nothing", fired);
}

/* ---- single laws ---- */

static const uint32_t starts[] = {0,           1,          62,         63,         64,
                                  4095,        4096,       262143,     0x12345678, 0x3fffffff,
                                  0x40000000,  0x7fffffff, 0x80000000, 0xbfffffff, 0xc0000000,
                                  0xffffffc0u, 0xfffffffe, 0xffffffff};
enum { STARTS = sizeof starts / sizeof *starts };

/* One deadline: it fires at its time to the millisecond, whether the wheel jumps there, passes it,
 * or goes where fin_wheel_next sends it; which takes few wake-ups. */
static void check_one(uint32_t start_ms, uint32_t distance_ms) {
  static struct fin_wheel wheel;
  static struct fin_deadline deadline;
  uint32_t due_ms = start_ms + distance_ms, next_ms;
  fin_deadline_init(&deadline);
  if (!wheel.slots[0][0].next) fin_wheel_init(&wheel, 0);
  wheel.now_ms = start_ms; /* it is empty */

  fin_wheel_set(&wheel, &deadline, due_ms);
  MUST(advance(&wheel, due_ms - 1) == 0, "%u + %u: early", start_ms, distance_ms);
  MUST(fin_wheel_next(&wheel, &next_ms) && next_ms == due_ms, "%u + %u", start_ms, distance_ms);
  MUST(advance(&wheel, due_ms) == 1, "%u + %u: late", start_ms, distance_ms);
  MUST(!fin_wheel_next(&wheel, &next_ms), "%u + %u: left", start_ms, distance_ms);

  wheel.now_ms = start_ms;
  fin_wheel_set(&wheel, &deadline, due_ms);
  MUST(advance(&wheel, due_ms + 12345) == 1, "%u + %u: passed", start_ms, distance_ms);

  wheel.now_ms = start_ms;
  fin_wheel_set(&wheel, &deadline, due_ms);
  unsigned wakes = 1;
  while (fin_wheel_next(&wheel, &next_ms) && next_ms != due_ms) {
    MUST(next_ms - start_ms < distance_ms, "%u + %u: next is late", start_ms, distance_ms);
    MUST(advance(&wheel, next_ms) == 0, "%u + %u: early", start_ms, distance_ms);
    MUST(++wakes <= FIN_WHEEL_LEVELS, "%u + %u: too many wake-ups", start_ms, distance_ms);
  }
  MUST(advance(&wheel, due_ms) == 1, "%u + %u: late", start_ms, distance_ms);
}

Test(wheel, fires_at_its_time_around_every_slot) {
  for (size_t s = 0; s < STARTS; s++)
    for (unsigned level = 0; level < FIN_WHEEL_LEVELS; level++)
      for (uint64_t slot = 1; slot < FIN_WHEEL_SLOTS; slot++)
        for (unsigned around = 0; around < 3; around++) {
          /* Distances of whole slots, and distances to the edges of slots. */
          uint64_t distance = (slot << 6 * level) + around - 1;
          uint64_t to_edge = distance - (starts[s] & ((UINT64_C(1) << 6 * level) - 1));
          if (distance >= 1 && distance <= INT32_MAX) check_one(starts[s], (uint32_t)distance);
          if (to_edge >= 1 && to_edge <= INT32_MAX) check_one(starts[s], (uint32_t)to_edge);
        }
}

Test(wheel, one_that_is_past_is_due_at_the_next_advance) {
  const uint32_t past[] = {0, 1, 63, 64, 65, 100000, INT32_MAX};
  for (size_t s = 0; s < STARTS; s++)
    for (size_t p = 0; p < sizeof past / sizeof *past; p++)
      for (uint32_t later = 0; later < 2; later++) {
        struct fin_wheel wheel;
        struct fin_deadline deadline;
        uint32_t next_ms;
        fin_wheel_init(&wheel, starts[s]);
        fin_deadline_init(&deadline);
        fin_wheel_set(&wheel, &deadline, starts[s] - past[p]);
        MUST(fin_wheel_next(&wheel, &next_ms) && next_ms == starts[s], "due at once");
        MUST(advance(&wheel, starts[s] + later * 1000) == 1, "%u - %u", starts[s], past[p]);
      }
}

Test(wheel, moving_later_is_one_store) {
  struct fin_wheel wheel;
  struct fin_deadline deadline;
  fin_wheel_init(&wheel, 7);
  fin_deadline_init(&deadline);
  fin_wheel_set(&wheel, &deadline, 1000);
  struct fin_deadline before = deadline;
  uint64_t occupied[FIN_WHEEL_LEVELS];
  memcpy(occupied, wheel.occupied, sizeof occupied);
  for (uint32_t due_ms = 1000; due_ms < 100000; due_ms += 999) {
    fin_wheel_set(&wheel, &deadline, due_ms);
    before.due_ms = due_ms;
    cr_assert_arr_eq(&deadline, &before, sizeof deadline);
  }
  cr_assert_arr_eq(wheel.occupied, occupied, sizeof occupied);
  uint32_t due_ms = deadline.due_ms;
  cr_assert_eq(advance(&wheel, 1000), 0, "the old time is not the time");
  cr_assert_eq(deadline.placed_ms, due_ms, "once it is passed, the new place is taken");
  cr_assert_eq(advance(&wheel, due_ms - 1), 0);
  cr_assert_eq(advance(&wheel, due_ms), 1);
}

Test(wheel, moving_earlier_is_heeded) {
  struct fin_wheel wheel;
  struct fin_deadline deadline;
  fin_wheel_init(&wheel, 0);
  fin_deadline_init(&deadline);
  for (uint32_t due_ms = 1u << 30; due_ms > 0; due_ms /= 2) {
    uint32_t next_ms = 0;
    fin_wheel_set(&wheel, &deadline, due_ms);
    cr_assert_eq(validate(&wheel), 1);
    cr_assert(fin_wheel_next(&wheel, &next_ms) && next_ms <= due_ms);
  }
  cr_assert_eq(advance(&wheel, 1), 1);
}

Test(wheel, clear_is_idempotent_and_final) {
  struct fin_wheel wheel;
  struct fin_deadline deadline;
  uint32_t next_ms;
  fin_wheel_init(&wheel, 0);
  fin_deadline_init(&deadline);
  fin_wheel_clear(&wheel, &deadline);
  fin_wheel_set(&wheel, &deadline, 100);
  fin_wheel_clear(&wheel, &deadline);
  fin_wheel_clear(&wheel, &deadline);
  cr_assert_not(fin_deadline_set(&deadline));
  cr_assert_not(fin_wheel_next(&wheel, &next_ms));
  cr_assert_eq(advance(&wheel, 1000), 0);
}

/* An idle loop may sleep for months. The alarm ends a wheel that counts the milliseconds. */
Test(wheel, any_jump_is_legal_and_free) {
  static struct fin_wheel wheel;
  struct fin_deadline deadline;
  (void)alarm(10);
  fin_wheel_init(&wheel, 5);
  fin_deadline_init(&deadline);
  for (uint32_t i = 0; i < 1000000; i++)
    MUST(advance(&wheel, wheel.now_ms + (1u << 30) + i) == 0, "nothing is set");
  for (uint64_t jump_ms = 1; jump_ms <= UINT32_MAX; jump_ms = jump_ms * 2 + 1) {
    uint32_t now_ms = wheel.now_ms;
    fin_wheel_set(&wheel, &deadline, now_ms + 1);
    MUST(advance(&wheel, now_ms + (uint32_t)jump_ms) == 1, "a jump of %lu ms", jump_ms);
    MUST(validate(&wheel) == 0, "a jump of %lu ms", jump_ms);
  }
}

/* ---- what fire may do ---- */

struct pair {
  struct fin_wheel wheel;
  struct fin_deadline one, other;
  unsigned fired;
  void (*act)(struct pair *pair, struct fin_deadline *other);
};

static void fire_pair(void *arg, struct fin_deadline *deadline) {
  struct pair *pair = arg;
  if (pair->fired++ == 0) pair->act(pair, deadline == &pair->one ? &pair->other : &pair->one);
}

static unsigned advance_pair(struct pair *pair, uint32_t now_ms) {
  unsigned before = pair->fired;
  fin_wheel_advance(&pair->wheel, now_ms, fire_pair, pair);
  (void)validate(&pair->wheel);
  return pair->fired - before;
}

static void begin_pair(struct pair *pair, void (*act)(struct pair *, struct fin_deadline *)) {
  pair->fired = 0;
  pair->act = act;
  fin_wheel_init(&pair->wheel, 0);
  fin_deadline_init(&pair->one);
  fin_deadline_init(&pair->other);
  fin_wheel_set(&pair->wheel, &pair->one, 100);
  fin_wheel_set(&pair->wheel, &pair->other, 100);
}

static void clear_and_reuse(struct pair *pair, struct fin_deadline *other) {
  cr_assert(fin_deadline_set(other));
  fin_wheel_clear(&pair->wheel, other);
  memset(other, 0xa5, sizeof *other); /* as if its memory were something else by now */
}

Test(wheel, what_fire_clears_does_not_fire) {
  struct pair pair;
  begin_pair(&pair, clear_and_reuse);
  cr_assert_eq(advance_pair(&pair, 100), 1);
  cr_assert_eq(advance_pair(&pair, 100000), 0);
}

static void set_past(struct pair *pair, struct fin_deadline *other) {
  fin_wheel_set(&pair->wheel, other, 50);
  fin_wheel_set(&pair->wheel, other == &pair->one ? &pair->other : &pair->one, 50);
}

Test(wheel, what_fire_sets_to_the_past_waits_for_the_next_advance) {
  struct pair pair;
  uint32_t next_ms = 0;
  begin_pair(&pair, set_past);
  cr_assert_eq(advance_pair(&pair, 100), 1);
  cr_assert(fin_wheel_next(&pair.wheel, &next_ms));
  cr_assert_eq(next_ms, 100);
  cr_assert_eq(advance_pair(&pair, 100), 2, "at the same time, too");
  cr_assert_eq(advance_pair(&pair, 100000), 0);
}

static void set_later(struct pair *pair, struct fin_deadline *other) {
  fin_wheel_set(&pair->wheel, other, 300);
}

Test(wheel, what_fire_sets_later_fires_later) {
  struct pair pair;
  begin_pair(&pair, set_later);
  cr_assert_eq(advance_pair(&pair, 200), 1);
  cr_assert_eq(advance_pair(&pair, 299), 0);
  cr_assert_eq(advance_pair(&pair, 300), 1);
}

static void set_within_the_jump(struct pair *pair, struct fin_deadline *other) {
  fin_wheel_set(&pair->wheel, other, 150);
}

Test(wheel, now_is_the_time_of_the_advance_while_it_fires) {
  struct pair pair;
  begin_pair(&pair, set_within_the_jump);
  cr_assert_eq(advance_pair(&pair, 200), 1, "150 is past");
  cr_assert_eq(advance_pair(&pair, 200), 1);
}

/* ---- many ---- */

struct many {
  struct fin_wheel wheel;
  unsigned fired;
};

static void fire_many(void *arg, struct fin_deadline *deadline) {
  struct many *many = arg;
  MUST(deadline->due_ms == many->wheel.now_ms, "%u fired at %u", deadline->due_ms,
       many->wheel.now_ms);
  many->fired++;
}

Test(wheel, a_hundred_thousand_fire_on_time_across_the_wrap) {
  enum { MANY = 100000, SPAN_MS = 300000 };
  static struct many many;
  static struct fin_deadline deadlines[MANY];
  uint64_t random = 1;
  uint32_t next_ms;
  unsigned wakes = 0;
  fin_wheel_init(&many.wheel, UINT32_MAX - SPAN_MS / 2);
  for (size_t i = 0; i < MANY; i++) {
    uint32_t due_ms = many.wheel.now_ms + 1 + (uint32_t)random_below(&random, SPAN_MS);
    fin_deadline_init(&deadlines[i]);
    fin_wheel_set(&many.wheel, &deadlines[i], due_ms);
  }
  cr_assert_eq(validate(&many.wheel), MANY);
  while (fin_wheel_next(&many.wheel, &next_ms)) {
    fin_wheel_advance(&many.wheel, next_ms, fire_many, &many);
    wakes++;
  }
  cr_assert_eq(many.fired, MANY);
  cr_assert(wakes <= SPAN_MS, "%u wake-ups", wakes);
}
