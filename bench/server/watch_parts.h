/* SPDX-License-Identifier: MIT
 *
 * What a watch is made of: where the target is and which sockets are its, and the processes that
 * serve it. Functions that may fail return 0 or an errno.
 */
#ifndef BENCH_WATCH_PARTS_H
#define BENCH_WATCH_PARTS_H

#include <sys/types.h>

#include "server/watch.h"

/* ---- one by one ---- */

struct watch_thing {
  uint64_t inode; /* of a socket; 0: something else */
  pid_t pid;      /* and descriptor; 0 and 0: a row of the census */
  int fd;
};

struct watch_list {
  struct watch_thing *items;
  size_t count, capacity;
};

int watch_list_add(struct watch_list *list, struct watch_thing thing);

struct watch_held {
  struct watch_list sockets;     /* owned by the server */
  struct watch_list open;        /* those of them that are established */
  struct watch_list descriptors; /* sockets or not, as far as they may be looked at */
};

/* Sets what of `now` was left over already `then` (measuring began), and not `before` (the load).
 * Sorts the first two. */
void watch_held_compare(struct watch_held *before, struct watch_held *then,
                        const struct watch_held *now, struct watch_result *result);
void watch_held_release(struct watch_held *held);

/* ---- sockets ---- */

struct watch_place {
  uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
  uint16_t port;
  bool any;  /* 0.0.0.0 or ::, which leads to whatever address of this host */
  bool here; /* an address of this host */
};

void watch_place_init(struct watch_place *place, const struct load_target *target);

/* Adds the sockets of both sides to the sample, and the server's to `held`, which may be NULL. */
int watch_sockets_count(const struct watch_place *place, struct watch_sample *sample,
                        struct watch_held *held);

/* How well a listening socket fits: the kernel gives a connection to the one that fits best. 0: not
 * at all. */
unsigned watch_place_fit(const struct watch_place *place, const fin_census_row *row);

/* ---- processes ---- */

struct watch_process {
  pid_t pid;
  uint64_t cpu_ns; /* when it was last looked at: it remains when the process has ended */
};

struct watch_processes {
  struct watch_process *items;
  size_t count, capacity;
};

/* Adds those that listen at the place. *listening: somebody does, seen or not. We are never among
 * them. */
int watch_processes_find(struct watch_processes *processes, const struct watch_place *place,
                         bool *listening);

/* Adds what they have started, directly or not. */
int watch_processes_grow(struct watch_processes *processes);

/* Looks at the CPU time of each. Quick, two system calls a process. */
void watch_processes_look(struct watch_processes *processes);
uint64_t watch_processes_cpu_ns(const struct watch_processes *processes); /* as last looked at */

/* Lists their descriptors. */
int watch_processes_list(const struct watch_processes *processes, struct watch_list *descriptors);

/* Descriptors and memory. Exact: memory page by page and not by the kernel's counters, which before
 * Linux 6.17 lag by up to a few hundred KiB. */
int watch_processes_measure(const struct watch_processes *processes, bool exact,
                            struct watch_sample *sample);

#endif
