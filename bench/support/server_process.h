/* SPDX-License-Identifier: MIT
 *
 * A server under measurement, as a process of its own on the first processor.
 */
#ifndef BENCH_SERVER_PROCESS_H
#define BENCH_SERVER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct server_process {
  pid_t pid;
  uint16_t port;
  FILE *output; /* what it prints; held open, for what it says at its end */
};

/* Starts argv and waits for its line `listening on HOST:PORT`. Exits with a message if that fails.
 */
struct server_process server_process_start(const char *const *argv);

/* The same with `command`, behind `prefix` if that is not NULL. */
struct server_process server_process_start_behind(const char *const *prefix,
                                                  const char *const *command);

/* The same for a server that says nothing, and is waited for until it listens on `port`. */
struct server_process server_process_start_at(uint16_t port, const char *const *prefix,
                                              const char *const *command);

void server_process_stop(struct server_process *server);

/* CPU time used so far, all threads, user and system. */
uint64_t server_process_cpu_ns(const struct server_process *server);

/* Anonymous memory of its own: heap and stacks, in bytes. */
size_t server_process_memory(const struct server_process *server);

/* The path of a program built beside this benchmark: "../finale", "peers/raw_epoll". */
const char *built_program(const char *relative);

/* The path of an installed program, which the caller frees; NULL: not installed. */
char *find_program(const char *name);

/* Runs the caller on the last processor, so that load and server do not share one. */
void run_on_last_cpu(void);

/* Allows as many descriptors as the system lets us; returns how many. */
size_t raise_descriptor_limit(void);

/* Prints "NAME: message" and exits with status 2. */
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t now_ns(void);

/* The number given as `--NAME VALUE`; a flag `--NAME` counts as 1. Any other argument, and a value
 * that is no positive number, is a failure. */
struct bench_option {
  const char *name; /* "--connections" */
  double value;     /* the default, then what was given */
  bool flag;
};
void bench_parse(int argc, char **argv, struct bench_option *options, size_t count);

double median(double *values, size_t count); /* sorts them */

#endif
