/* SPDX-License-Identifier: MIT
 *
 * A circular doubly linked list with its links inside the elements. An element that is in no list
 * points at itself.
 */
#ifndef FIN_LIST_H
#define FIN_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct fin_link {
  struct fin_link *prev, *next;
};

/* The element of `type` whose `member` is at `link`. */
#define fin_container(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void fin_list_init(struct fin_link *link) { link->prev = link->next = link; }

static inline bool fin_list_empty(const struct fin_link *list) { return list->next == list; }

static inline void fin_list_append(struct fin_link *list, struct fin_link *link) {
  link->prev = list->prev;
  link->next = list;
  list->prev->next = link;
  list->prev = link;
}

static inline void fin_list_remove(struct fin_link *link) {
  link->prev->next = link->next;
  link->next->prev = link->prev;
  fin_list_init(link);
}

/* Moves everything in `from` behind what is in `to`. */
static inline void fin_list_splice(struct fin_link *to, struct fin_link *from) {
  if (fin_list_empty(from)) return;
  from->next->prev = to->prev;
  from->prev->next = to;
  to->prev->next = from->next;
  to->prev = from->prev;
  fin_list_init(from);
}

#endif
