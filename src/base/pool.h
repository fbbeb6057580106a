/* SPDX-License-Identifier: MIT
 *
 * Objects of one size, cut from slabs; an empty slab goes back to the system unless it is the only
 * empty one. One object is kept at hand, for who takes and returns one all the time. Under
 * AddressSanitizer every object is an allocation of its own, so that a use after free is seen.
 */
#ifndef FIN_POOL_H
#define FIN_POOL_H

#include <stddef.h>

#include "base/list.h"

struct fin_pool {
  size_t object_size; /* rounded up to alignment, 16 */
  size_t slab_size;   /* a power of two; slabs are aligned to it */
  size_t capacity;    /* objects in a slab */
  size_t apart_size;  /* not 0: each object is an allocation of its own, of this size */
  size_t live;        /* objects handed out */
  void *at_hand;      /* one that has come back, which its slab counts as handed out; or NULL */
  struct fin_link slabs_with_room;
  struct fin_link slabs_full;
  struct fin_slab *empty; /* last of slabs_with_room, or NULL */
};

void fin_pool_init(struct fin_pool *pool, size_t object_size);
void fin_pool_fini(struct fin_pool *pool); /* every object must have come back */
void *fin_pool_get(struct fin_pool *pool); /* not zeroed; NULL: no memory */
void fin_pool_put(struct fin_pool *pool, void *object);

#endif
