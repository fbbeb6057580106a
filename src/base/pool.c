/* SPDX-License-Identifier: MIT
 *
 * A slab is aligned to its own size, so that an object's address names its slab and objects need no
 * header. Objects are handed out from the front of a new slab: pages behind them stay untouched and
 * cost nothing.
 */
#include "base/pool.h"

#include <assert.h>
#include <stdint.h>

#include "base/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define OBJECTS_APART 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OBJECTS_APART 1
#endif
#endif
#ifndef OBJECTS_APART
#define OBJECTS_APART 0
#endif

enum { ALIGNMENT = 16, SLAB_SIZE_MIN = 64 * 1024, SLAB_OBJECTS_MIN = 8 };

/* In the memory of an object that has come back. */
struct spare {
  struct spare *next;
};

struct fin_slab {
  struct fin_link link;
  struct spare *spare;
  void *origin;  /* for fin_block_release */
  uint32_t live; /* objects handed out */
  uint32_t cut;  /* objects handed out at least once, the first ones */
};

static size_t rounded(size_t size) { return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1); }

void fin_pool_init(struct fin_pool *pool, size_t object_size) {
  size_t header = rounded(sizeof(struct fin_slab));
  pool->object_size = rounded(object_size > 0 ? object_size : 1);
  pool->slab_size = SLAB_SIZE_MIN;
  while ((pool->slab_size - header) / pool->object_size < SLAB_OBJECTS_MIN) pool->slab_size *= 2;
  pool->capacity = (pool->slab_size - header) / pool->object_size;
  pool->live = 0;
  pool->empty = NULL;
  pool->at_hand = NULL;
  fin_list_init(&pool->slabs_with_room);
  fin_list_init(&pool->slabs_full);
  pool->apart_size = OBJECTS_APART ? object_size : 0;
}

static void release_slab(struct fin_pool *pool, struct fin_slab *slab) {
  fin_list_remove(&slab->link);
  fin_block_release(slab, pool->slab_size, slab->origin);
}

static struct fin_slab *new_slab(struct fin_pool *pool) {
  void *origin;
  struct fin_slab *slab = fin_block_alloc(pool->slab_size, &origin);
  if (!slab) return NULL;
  slab->spare = NULL;
  slab->origin = origin;
  slab->live = slab->cut = 0;
  fin_list_append(&pool->slabs_with_room, &slab->link);
  return slab;
}

static char *objects_of(struct fin_slab *slab) {
  return (char *)slab + rounded(sizeof(struct fin_slab));
}

static void *take_object(struct fin_pool *pool) {
  struct fin_slab *slab = fin_list_empty(&pool->slabs_with_room)
                              ? new_slab(pool)
                              : fin_container(pool->slabs_with_room.next, struct fin_slab, link);
  if (!slab) return NULL;
  if (slab == pool->empty) pool->empty = NULL;
  slab->live++;
  if (slab->live == pool->capacity) {
    fin_list_remove(&slab->link);
    fin_list_append(&pool->slabs_full, &slab->link);
  }
  struct spare *object = slab->spare;
  if (!object) return objects_of(slab) + slab->cut++ * pool->object_size;
  slab->spare = object->next;
  return object;
}

void *fin_pool_get(struct fin_pool *pool) {
  void *object = pool->at_hand;
  if (object)
    pool->at_hand = NULL;
  else
    object = pool->apart_size ? fin_alloc(pool->apart_size) : take_object(pool);
  if (object) pool->live++;
  return object;
}

static void return_object(struct fin_pool *pool, void *object) {
  struct fin_slab *slab = (struct fin_slab *)((uintptr_t)object & ~(pool->slab_size - 1));
  struct spare *spare = object;
  assert((size_t)((char *)object - objects_of(slab)) % pool->object_size == 0 && slab->live > 0);
  spare->next = slab->spare;
  slab->spare = spare;
  if (slab->live == pool->capacity) { /* in front, as its memory is warm */
    fin_list_remove(&slab->link);
    fin_list_append(pool->slabs_with_room.next, &slab->link);
  }
  if (--slab->live > 0) return;
  if (pool->empty) {
    release_slab(pool, slab);
    return;
  }
  pool->empty = slab; /* at the end, as slabs in use shall fill up first */
  fin_list_remove(&slab->link);
  fin_list_append(&pool->slabs_with_room, &slab->link);
}

void fin_pool_put(struct fin_pool *pool, void *object) {
  assert(pool->live > 0);
  pool->live--;
  if (pool->apart_size)
    fin_release(object);
  else if (!pool->at_hand)
    pool->at_hand = object;
  else
    return_object(pool, object);
}

void fin_pool_fini(struct fin_pool *pool) {
  assert(pool->live == 0);
  if (pool->at_hand) return_object(pool, pool->at_hand);
  pool->at_hand = NULL;
  if (pool->empty) release_slab(pool, pool->empty);
  pool->empty = NULL;
}
