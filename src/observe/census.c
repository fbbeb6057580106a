/* SPDX-License-Identifier: MIT
 *
 * The census: rows joined with their owners. Descriptors are read first and the tables second, so
 * that a descriptor without a row, if it is still there afterwards, truly had none.
 */
#include <errno.h>
#include <finale/observe.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "observe/census.h"

const char *fin_tcp_state_name(fin_tcp_state state) {
  static const char *const names[FIN_TCP_STATE_COUNT] = {
#define NAME(name, number, text) [number] = text,
      FIN_TCP_STATES(NAME)
#undef NAME
  };
  return (unsigned)state < FIN_TCP_STATE_COUNT && names[state] != NULL ? names[state] : "?";
}

const char *fin_holder_name(fin_holder holder) {
  static const char *const names[FIN_HOLDER_COUNT] = {
#define NAME(name, text) [FIN_HOLDER_##name] = text,
      FIN_HOLDERS(NAME)
#undef NAME
  };
  return (unsigned)holder < FIN_HOLDER_COUNT && names[holder] != NULL ? names[holder] : "?";
}

const char *fin_tcp_timer_name(fin_tcp_timer timer) {
  static const char *const names[FIN_TCP_TIMER_COUNT] = {
#define NAME(name, text) [FIN_TCP_TIMER_##name] = text,
      FIN_TCP_TIMERS(NAME)
#undef NAME
  };
  return (unsigned)timer < FIN_TCP_TIMER_COUNT ? names[timer] : "?";
}

size_t fin_census_count(const fin_census *census, fin_tcp_state state, fin_holder holder) {
  size_t count = 0;
  for (size_t i = 0; i < census->row_count; i++) {
    const fin_census_row *row = &census->rows[i];
    if (state != FIN_TCP_ANY && row->state != state) continue;
    if (holder != FIN_HOLDER_ANY && row->holder != holder) continue;
    count++;
  }
  return count;
}

int fin_census_grow(void **items, size_t count, size_t *capacity, size_t size) {
  const size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
  void *grown;
  if (count < *capacity) return 0;
  grown = fin_resize(*items, wanted * size);
  if (grown == NULL) return -ENOMEM;
  *items = grown;
  *capacity = wanted;
  return 0;
}

#ifdef FINALE_HAVE_LIBMNL

/* What the caller sees, and the arrays behind it. Rows point into `owners`. */
struct census {
  fin_census public;
  struct fin_census_rows rows;
  struct fin_census_owners owners, invisible;
};

static int by_inode(const void *a, const void *b) {
  const fin_census_owner *left = a, *right = b;
  if (left->inode != right->inode) return left->inode < right->inode ? -1 : 1;
  if (left->pid != right->pid) return left->pid < right->pid ? -1 : 1;
  return (left->fd > right->fd) - (left->fd < right->fd);
}

static int rows_by_inode(const void *a, const void *b) {
  const fin_census_row *left = a, *right = b;
  return (left->inode > right->inode) - (left->inode < right->inode);
}

static int add_invisible(struct census *census, const fin_census_owner *owner) {
  struct fin_census_owners *invisible = &census->invisible;
  if (!fin_owner_is_tcp(owner)) return 0;
  if (!fin_owner_is_here(owner)) {
    census->public.elsewhere++;
    return 0;
  }
  if (fin_census_grow((void **)&invisible->items, invisible->count, &invisible->capacity,
                      sizeof *owner) != 0) {
    return -ENOMEM;
  }
  invisible->items[invisible->count++] = *owner;
  return 0;
}

/* Walks rows and owners side by side, both in the order of their inodes. */
static int join(struct census *census) {
  const struct fin_census_owners *owners = &census->owners;
  size_t row = 0;
  if (owners->count > 0) qsort(owners->items, owners->count, sizeof *owners->items, by_inode);
  if (census->rows.count > 0) {
    qsort(census->rows.items, census->rows.count, sizeof *census->rows.items, rows_by_inode);
  }
  for (size_t first = 0, next; first < owners->count; first = next) {
    const uint64_t inode = owners->items[first].inode;
    bool found = false;
    for (next = first; next < owners->count && owners->items[next].inode == inode;) next++;
    while (row < census->rows.count && census->rows.items[row].inode < inode) row++;
    for (; row < census->rows.count && census->rows.items[row].inode == inode; row++) {
      census->rows.items[row].owners = &owners->items[first];
      census->rows.items[row].owner_count = next - first;
      found = true;
    }
    for (size_t i = first; i < next && !found; i++) {
      if (add_invisible(census, &owners->items[i]) != 0) return -ENOMEM;
    }
  }
  return 0;
}

static bool wanted(const fin_census_row *row, const fin_census_query *query) {
  if (query->pid != 0 && row->owner_count == 0) return false;
  if (query->port_count == 0) return true;
  for (size_t i = 0; i < query->port_count; i++) {
    if (row->local_port == query->ports[i] || row->remote_port == query->ports[i]) return true;
  }
  return false;
}

static void filter(struct fin_census_rows *rows, const fin_census_query *query) {
  size_t kept = 0;
  for (size_t i = 0; i < rows->count; i++) {
    if (wanted(&rows->items[i], query)) rows->items[kept++] = rows->items[i];
  }
  rows->count = kept;
}

static int take(struct census *census, const fin_census_query *query) {
  const bool owners = query->owners || query->pid != 0;
  int error = 0;
  if (owners)
    error = fin_owners_read(&census->owners, query->pid, &census->public.unseen_processes);
  if (error == 0) error = fin_sock_diag_read(&census->rows, query->heard);
  if (error == 0 && owners) error = join(census);
  if (error != 0) return error;
  filter(&census->rows, query);
  for (size_t i = 0; i < census->rows.count && owners; i++) {
    const fin_census_row *row = &census->rows.items[i];
    if (row->holder == FIN_HOLDER_OWNED && row->owner_count == 0) census->public.unseen_rows++;
  }
  census->public.rows = census->rows.items;
  census->public.row_count = census->rows.count;
  census->public.invisible = census->invisible.items;
  census->public.invisible_count = census->invisible.count;
  return 0;
}

fin_census *fin_census_take(const fin_census_query *query) {
  static const fin_census_query everything;
  struct census *census = fin_alloc_zeroed(sizeof *census);
  int error;
  if (census == NULL) {
    errno = ENOMEM;
    return NULL;
  }
  error = take(census, query != NULL ? query : &everything);
  if (error != 0) {
    fin_census_free(&census->public);
    errno = -error;
    return NULL;
  }
  return &census->public;
}

void fin_census_free(fin_census *public) {
  struct census *census = (struct census *)(void *)public;
  if (census == NULL) return;
  fin_release(census->rows.items);
  fin_release(census->owners.items);
  fin_release(census->invisible.items);
  fin_release(census);
}

#else

fin_census *fin_census_take(const fin_census_query *query) {
  (void)query;
  errno = ENOTSUP;
  return NULL;
}

void fin_census_free(fin_census *census) { (void)census; }

#endif
