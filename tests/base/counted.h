/* SPDX-License-Identifier: MIT
 *
 * An allocator that counts what is allocated, hands out dirty memory, and fails when told to.
 */
#ifndef FIN_TEST_COUNTED_H
#define FIN_TEST_COUNTED_H

#include <finale/finale.h>
#include <stdlib.h>
#include <string.h>

struct counted {
  size_t calls;   /* allocations and resizes asked for */
  size_t live;    /* allocations not released */
  size_t bytes;   /* in these */
  size_t fail_at; /* the call that fails; 0: none */
};

static struct counted counted;

enum { COUNTED_HEADER = 16 };

static inline void *counted_alloc(size_t size) {
  if (++counted.calls == counted.fail_at) return NULL;
  char *memory = malloc(COUNTED_HEADER + size);
  if (!memory) return NULL;
  memset(memory, 0xa5, COUNTED_HEADER + size);
  memcpy(memory, &size, sizeof size);
  counted.live++;
  counted.bytes += size;
  return memory + COUNTED_HEADER;
}

static inline void counted_release(void *memory) {
  size_t size;
  memcpy(&size, (char *)memory - COUNTED_HEADER, sizeof size);
  counted.live--;
  counted.bytes -= size;
  free((char *)memory - COUNTED_HEADER);
}

static inline void *counted_resize(void *memory, size_t size) {
  size_t old = 0;
  if (memory) memcpy(&old, (char *)memory - COUNTED_HEADER, sizeof old);
  char *moved = counted_alloc(size);
  if (!moved || !memory) return moved;
  memcpy(moved, memory, old < size ? old : size);
  counted_release(memory);
  return moved;
}

static inline void counted_begin(void) {
  counted = (struct counted){0};
  fin_set_allocator(counted_alloc, counted_resize, counted_release);
}

/* Lets the next `calls` - 1 allocations succeed and the one after them fail. */
static inline void counted_fail_in(size_t calls) { counted.fail_at = counted.calls + calls; }

#endif
