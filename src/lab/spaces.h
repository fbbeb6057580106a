/* SPDX-License-Identifier: MIT
 *
 * Where a lab takes place: a network namespace for the client, one for the server, and one between
 * them for the wire, made without privilege where a user namespace is allowed. Namespaces are held
 * by descriptors and processes only: they are gone with the last of these.
 */
#ifndef LAB_SPACES_H
#define LAB_SPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lab/story.h"

enum { LAB_WHY_MAX = 160 }; /* room for a sentence that says why not; see lab_story.why_no_wire */

#define LAB_CLIENT_ADDRESS "10.7.0.1"
#define LAB_SERVER_ADDRESS "10.7.0.2"

struct lab_spaces {
  int net[2];      /* the sides' namespaces, by lab_side */
  int wire;        /* the caller's own since lab_spaces_enter */
  int inner[2];    /* interfaces there, by the side that they lead to */
  bool user_space; /* false: root needed no user namespace */
};

/* Moves the caller, which must have no other thread yet, into the wire's namespace, and joins the
 * sides to it: addresses, loopback, checksums done in software. It is tried by a child first: where
 * it is refused the caller stays where it was, and `why` says what was refused and what falls away.
 */
bool lab_spaces_enter(struct lab_spaces *spaces, char why[LAB_WHY_MAX]);
void lab_spaces_release(struct lab_spaces *spaces); /* the caller stays in its namespace */

/* Sets net.ipv4.NAME, or else net.core.NAME, of one side. */
bool lab_spaces_sysctl(const struct lab_spaces *spaces, enum lab_side side, const char *name,
                       const char *value, char why[LAB_WHY_MAX]);

/* ---- processes; all of them must be called by the thread that began the process ---- */

/* fork(2), but the child is killed when the caller ends. */
pid_t lab_fork(void);
/* The same into a side's namespace. NULL: there is none, the child stays in the caller's. */
pid_t lab_fork_side(const struct lab_spaces *spaces, enum lab_side side);
/* The same for a program not to be trusted: its own children and theirs, too, are gone when the
 * caller ends, or when it kills `*fence`, a child that does nothing (0 where such a fence is
 * refused: then only the child itself goes). Pids are as ever for the caller; inside the fence
 * getpid(2) gives others, and readlink("/proc/self") the caller's. */
pid_t lab_fork_fenced(pid_t *fence);

#endif
