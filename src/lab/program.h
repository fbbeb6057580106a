/* SPDX-License-Identifier: MIT
 *
 * The program under test: started, listened to, ended with all that comes from it.
 */
#ifndef LAB_PROGRAM_H
#define LAB_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { LAB_OUTPUT_MAX = 64 * 1024 };

struct lab_program {
  pid_t pid, fence; /* 0: none, see lab_fork_fenced */
  int output;       /* to be read without blocking; -1: it has closed it */
  char *text;       /* what it printed: LAB_OUTPUT_MAX bytes of the caller's, a 0 at the end */
  size_t len;
  bool ended;
  int status; /* of exit(3); -N: killed by signal N */
};

struct lab_program_start {
  const char *const *argv;
  const char *calls; /* of lab_calls_path; NULL: its calls are not recorded */
  int events;        /* where they go */
  char *text;        /* see lab_program.text */
};

/* False with errno set. That the program cannot be run is told as what it printed. */
bool lab_program_begin(struct lab_program *program, const struct lab_program_start *start);
void lab_program_listen(struct lab_program *program); /* reads what it has printed by now */
bool lab_program_ended(struct lab_program *program);  /* looks, without waiting */
void lab_program_end(struct lab_program *program);    /* kills and reaps all that there is of it */

/* The port of a whole line `listening on HOST:PORT`; 0: there is none yet. */
uint16_t lab_program_port(const struct lab_program *program);

#endif
