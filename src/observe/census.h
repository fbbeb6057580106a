/* SPDX-License-Identifier: MIT
 *
 * The two sources of a census, each a growing array: rows out of sock_diag, owners out of /proc.
 */
#ifndef FIN_CENSUS_H
#define FIN_CENSUS_H

#include <finale/observe.h>

struct fin_census_rows {
  fin_census_row *items;
  size_t count, capacity;
};

struct fin_census_owners {
  fin_census_owner *items;
  size_t count, capacity;
};

/* Room for one more element of `size` bytes in the array `items`. 0 or -ENOMEM, then nothing has
 * changed. */
int fin_census_grow(void **items, size_t count, size_t *capacity, size_t size);

/* Appends every TCP socket in the tables, without owners. 0 or a negative errno. */
int fin_sock_diag_read(struct fin_census_rows *rows, bool heard);

/* Appends every descriptor of `pid`, or of all processes (0), that is a socket of any kind. 0 or a
 * negative errno; with pid 0 a process that may not be read is counted in *unseen instead. */
int fin_owners_read(struct fin_census_owners *owners, pid_t pid, size_t *unseen);

/* Whether the descriptor still is the same socket, and that a TCP one. */
bool fin_owner_is_tcp(const fin_census_owner *owner);

/* Whether the process lives in the network namespace of the calling thread. */
bool fin_owner_is_here(const fin_census_owner *owner);

#endif
