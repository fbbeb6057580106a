/* SPDX-License-Identifier: MIT
 *
 * A server that we start, as a process group of its own that dies with the thread that started it.
 */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_WHY_MAX = 512 };

struct process {
  pid_t pid;  /* 0: none */
  int output; /* what it has printed, a file to pread from; -1: none */
  uint16_t port;
};

struct process_start {
  const char *const *argv;   /* found in PATH and in /usr/sbin */
  const char *const *prefix; /* NULL, or a command to run it with, such as valgrind's */
  const char *directory;     /* to run in; NULL: ours */
  uint16_t port;        /* waited for until it listens; 0: it prints `listening on HOST:PORT` */
  int cpu;              /* to run on; -1: any */
  bool quiet;           /* its stderr goes where its stdout goes */
  uint32_t deadline_ms; /* to be listening; 0: 20 s */
};

/* Returns when the server listens; false with `why` (its last words among it) if it does not within
 * its deadline: then it is ended. */
bool process_begin(struct process *process, const struct process_start *start,
                   char why[PROCESS_WHY_MAX]);

/* Whether it has ended by itself; `why` says how: "was ended by SIGPIPE", "ended with status 1". */
bool process_has_ended(const struct process *process, char why[PROCESS_WHY_MAX]);

/* SIGTERM to the group, SIGKILL if it has not ended within 5 s, and to what it leaves of its group.
 * Returns the exit status, -1 if killed. Nothing is left to be waited for. */
int process_end(struct process *process);

/* A port of 127.0.0.1 that was free a moment ago; 0: none. */
uint16_t process_free_port(void);

/* Of the processors that we may use: the first one is for servers, the last one for their load. -1:
 * not known. */
void process_find_cpus(int *first, int *last);

/* The path of a program; the caller frees it. NULL: not installed. A name with a slash is a path.
 */
char *process_find_program(const char *name);

#endif
