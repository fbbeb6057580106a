/* SPDX-License-Identifier: MIT
 *
 * What a server held at a moment, one by one: by their numbers alone, what is left for good cannot
 * be told from what comes and goes.
 */
#include <errno.h>
#include <stdlib.h>

#include "server/watch_parts.h"

static int by_identity(const void *left, const void *right) {
  const struct watch_thing *a = left, *b = right;
  if (a->inode != b->inode) return a->inode < b->inode ? -1 : 1;
  if (a->pid != b->pid) return a->pid < b->pid ? -1 : 1;
  return (a->fd > b->fd) - (a->fd < b->fd);
}

int watch_list_add(struct watch_list *list, struct watch_thing thing) {
  if (list->count == list->capacity) {
    const size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
    void *grown = realloc(list->items, capacity * sizeof thing);
    if (grown == NULL) return ENOMEM;
    list->items = grown;
    list->capacity = capacity;
  }
  list->items[list->count++] = thing;
  return 0;
}

static void sort(struct watch_list *list) {
  if (list->count > 0) qsort(list->items, list->count, sizeof *list->items, by_identity);
}

static bool contains(const struct watch_list *list, struct watch_thing thing) {
  return list->count > 0 &&
         bsearch(&thing, list->items, list->count, sizeof thing, by_identity) != NULL;
}

/* How many of `now` were there `then`, without a client any more, and not yet `before`. */
static uint32_t count_kept(const struct watch_list *now, const struct watch_list *then,
                           const struct watch_list *open, const struct watch_list *before) {
  uint32_t count = 0;
  for (size_t i = 0; i < now->count; i++) {
    const struct watch_thing thing = now->items[i], socket = {.inode = thing.inode};
    count += contains(then, thing) && !contains(open, socket) && !contains(before, thing);
  }
  return count;
}

void watch_held_compare(struct watch_held *before, struct watch_held *then,
                        const struct watch_held *now, struct watch_result *result) {
  sort(&before->sockets);
  sort(&before->descriptors);
  sort(&then->sockets);
  sort(&then->descriptors);
  sort(&then->open);
  result->kept_sockets = count_kept(&now->sockets, &then->sockets, &then->open, &before->sockets);
  result->kept_descriptors =
      count_kept(&now->descriptors, &then->descriptors, &then->open, &before->descriptors);
}

void watch_held_release(struct watch_held *held) {
  free(held->sockets.items);
  free(held->open.items);
  free(held->descriptors.items);
  *held = (struct watch_held){0};
}
