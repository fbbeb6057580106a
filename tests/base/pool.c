/* SPDX-License-Identifier: MIT
 *
 * src/base/pool.c
 */
#include "base/pool.h"

#include <stdio.h>

#include "counted.h"
#include "laws.h"

/* A pool of slabs, under AddressSanitizer, too. */
static void init_slabs(struct fin_pool *pool, size_t object_size) {
  fin_pool_init(pool, object_size);
  pool->apart_size = 0;
}

/* The same with every object an allocation of its own. */
static void init_apart(struct fin_pool *pool, size_t object_size) {
  fin_pool_init(pool, object_size);
  pool->apart_size = object_size;
}

static void *get(struct fin_pool *pool) {
  void *object = fin_pool_get(pool);
  MUST(object, "no memory");
  return object;
}

Test(pool, objects_are_aligned_and_apart) {
  const size_t sizes[] = {1, 8, 16, 17, 464, 4080, 8000, 8192, 65536, 100000};
  enum { OBJECTS = 300 };
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    struct fin_pool pool;
    char *objects[OBJECTS];
    init_slabs(&pool, sizes[s]);
    for (size_t i = 0; i < OBJECTS; i++) {
      objects[i] = get(&pool);
      MUST((uintptr_t)objects[i] % 16 == 0, "an object of %zu at %p", sizes[s], (void *)objects[i]);
      memset(objects[i], (char)i, sizes[s]);
    }
    cr_assert_eq(pool.live, OBJECTS);
    for (size_t i = 0; i < OBJECTS; i++) {
      for (size_t k = 0; k < sizes[s]; k++)
        MUST(objects[i][k] == (char)i, "object %zu of %zu was overwritten", i, sizes[s]);
      fin_pool_put(&pool, objects[i]);
    }
    cr_assert_eq(pool.live, 0);
    fin_pool_fini(&pool);
  }
}

Test(pool, a_slab_holds_eight_objects_or_more) {
  const size_t sizes[] = {1, 464, 4080, 8185, 8192, 65536, 1000000};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    struct fin_pool pool;
    init_slabs(&pool, sizes[s]);
    cr_assert(pool.capacity >= 8);
    cr_assert(pool.slab_size >= 65536);
    cr_assert_eq(pool.slab_size & (pool.slab_size - 1), 0);
  }
}

/* Random gets and puts: what is written to an object stays until it is put, whatever happens to the
 * others; and all memory returns. */
Test(pool, keeps_objects_whole) {
  enum { OBJECTS = 1000 };
  const size_t sizes[] = {24, 464, 4080, 9000};
  for (uint64_t seed = 1; seed <= 40; seed++) {
    uint64_t random = seed, *objects[OBJECTS] = {0};
    struct fin_pool pool;
    size_t live = 0;
    counted_begin();
    (seed % 8 < 4 ? init_slabs : init_apart)(&pool, sizes[seed % 4]);
    size_t words = sizes[seed % 4] / sizeof(uint64_t);
    for (unsigned step = 0; step < 20000; step++) {
      /* The number of objects swings, so that slabs fill up and become empty. */
      size_t i = random_below(&random, step / 4000 % 2 ? 30 : OBJECTS);
      bool failing = random_below(&random, 16) == 0;
      if (objects[i]) {
        MUST(objects[i][0] == i && objects[i][words - 1] == i, "seed %lu: object %zu", seed, i);
        fin_pool_put(&pool, objects[i]);
        objects[i] = NULL;
        live--;
      } else {
        if (failing) counted_fail_in(1);
        size_t calls = counted.calls;
        objects[i] = fin_pool_get(&pool);
        MUST(objects[i] || (failing && counted.calls > calls), "seed %lu: no memory", seed);
        counted.fail_at = 0;
        if (!objects[i]) continue;
        objects[i][0] = objects[i][words - 1] = i;
        live++;
      }
      MUST(pool.live == live, "seed %lu: %zu live instead of %zu", seed, pool.live, live);
    }
    for (size_t i = 0; i < OBJECTS; i++)
      if (objects[i]) fin_pool_put(&pool, objects[i]);
    MUST(pool.live == 0, "seed %lu: %zu left", seed, pool.live);
    fin_pool_fini(&pool);
    MUST(counted.live == 0, "seed %lu: %zu allocations left", seed, counted.live);
  }
}

Test(pool, failure_is_null_and_changes_nothing) {
  struct fin_pool pool;
  counted_begin();
  init_slabs(&pool, 464);
  counted_fail_in(1);
  cr_assert_null(fin_pool_get(&pool));
  cr_assert_eq(pool.live, 0);
  void *object = fin_pool_get(&pool);
  cr_assert(object);
  cr_assert_eq(pool.live, 1);
  fin_pool_put(&pool, object);
  fin_pool_fini(&pool);
  cr_assert_eq(counted.live, 0);
}

/* Besides the first, of which an object is kept at hand. */
Test(pool, keeps_one_empty_slab) {
  enum { SLABS = 5 };
  struct fin_pool pool;
  counted_begin();
  init_slabs(&pool, 464);
  size_t count = SLABS * pool.capacity;
  void **objects = calloc(count, sizeof *objects);
  for (size_t i = 0; i < count; i++) objects[i] = get(&pool);
  cr_assert_eq(counted.live, SLABS, "slabs are filled before another is taken");
  for (size_t i = 0; i < count; i++) {
    fin_pool_put(&pool, objects[i]);
    size_t whole = (i + 1) / pool.capacity, empty = whole > 0 ? whole - 1 : 0;
    size_t used = SLABS - empty;
    MUST(counted.live == used + (empty > 0), "after %zu puts: %zu slabs", i + 1, counted.live);
  }
  size_t calls = counted.calls;
  for (unsigned i = 0; i < 1000; i++) fin_pool_put(&pool, get(&pool));
  cr_assert_eq(counted.calls, calls, "coming and going uses the slab that was kept");
  fin_pool_fini(&pool);
  cr_assert_eq(counted.live, 0);
  free(objects);
}

Test(pool, reuses_what_came_back_before_it_grows) {
  struct fin_pool pool;
  counted_begin();
  init_slabs(&pool, 464);
  size_t count = 4 * pool.capacity;
  void **objects = calloc(count, sizeof *objects);
  for (size_t i = 0; i < count; i++) objects[i] = get(&pool);
  for (size_t i = 0; i < count; i += 2) fin_pool_put(&pool, objects[i]);
  cr_assert_eq(counted.live, 4);
  for (size_t i = 0; i < count; i += 2) objects[i] = get(&pool);
  cr_assert_eq(counted.live, 4);
  for (size_t i = 0; i < count; i++) fin_pool_put(&pool, objects[i]);
  fin_pool_fini(&pool);
  free(objects);
}

/* The slab that is kept must not be preferred to one in use, or neither would ever go back. */
Test(pool, an_empty_slab_is_used_last) {
  struct fin_pool pool;
  counted_begin();
  init_slabs(&pool, 464);
  size_t count = 2 * pool.capacity;
  void **objects = calloc(count, sizeof *objects);
  for (size_t i = 0; i < count; i++) objects[i] = get(&pool);
  fin_pool_put(&pool, objects[0]);
  for (size_t i = pool.capacity; i < count; i++) fin_pool_put(&pool, objects[i]);
  cr_assert_eq(get(&pool), objects[0]);
  cr_assert(pool.empty);
  for (size_t i = 0; i < pool.capacity; i++) fin_pool_put(&pool, objects[i]);
  fin_pool_fini(&pool);
  cr_assert_eq(counted.live, 0);
  free(objects);
}

/* ---- resident memory; AddressSanitizer's shadow would count, too ---- */

#if defined(__SANITIZE_ADDRESS__)
#define SHADOWED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SHADOWED
#endif
#endif
#ifndef SHADOWED

static size_t resident_bytes(void) {
  char line[128];
  size_t kib = 0;
  FILE *file = fopen("/proc/self/smaps_rollup", "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "Rss: %zu", &kib) == 1) break;
  (void)fclose(file);
  return kib * 1024;
}

/* 15,000 idle connections: what they cost, and that it is all given back. */
Test(pool, resident_memory_is_the_objects_and_returns) {
  enum { OBJECTS = 15000, SIZE = 464 };
  if (resident_bytes() == 0) return; /* the first call touches libc's pages */
  static void *objects[OBJECTS];
  struct fin_pool pool;
  memset(objects, 0xff, sizeof objects);
  init_slabs(&pool, SIZE);
  size_t before = resident_bytes();
  for (size_t round = 0; round < 3; round++) {
    for (size_t i = 0; i < OBJECTS; i++) memset(objects[i] = get(&pool), 1, SIZE);
    size_t full = resident_bytes();
    cr_assert(full - before < (size_t)OBJECTS * (SIZE + 6), "%zu bytes for each",
              (full - before) / OBJECTS);
    for (size_t i = 0; i < OBJECTS; i++) fin_pool_put(&pool, objects[i * 7 % OBJECTS]);
    size_t after = resident_bytes();
    cr_assert(after < before + 2 * pool.slab_size + 65536, "%zu bytes left", after - before);
  }
  fin_pool_fini(&pool);
}

/* A slab costs resident memory only as its objects are handed out. */
Test(pool, a_new_slab_is_not_touched) {
  if (resident_bytes() == 0) return;
  struct fin_pool pool;
  init_slabs(&pool, (size_t)1 << 20);
  size_t before = resident_bytes();
  void *object = get(&pool);
  cr_assert(resident_bytes() < before + 65536, "of 16 MiB");
  fin_pool_put(&pool, object);
  fin_pool_fini(&pool);
}

#endif
