/* SPDX-License-Identifier: MIT
 *
 * The caller and what has come from it: its children and theirs, with those that were left to it or
 * to one of them.
 */
#ifndef LAB_FAMILY_H
#define LAB_FAMILY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct lab_descriptor { /* of a socket */
  uint64_t inode;
  pid_t pid;
  int fd;
  char name[16]; /* of the process; what is not printable ASCII is a '?' */
};

struct lab_descriptors {
  struct lab_descriptor *items;
  size_t count, room;
};

/* All descriptors of the family that are sockets. What it cannot read, it leaves out. */
void lab_family_descriptors(struct lab_descriptors *descriptors);

/* Kills and reaps every child, those included that are left to the caller meanwhile. */
void lab_family_end(void);

#endif
