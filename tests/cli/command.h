/* SPDX-License-Identifier: MIT
 *
 * Runs the built `finale` as its users do: with arguments, signals and pipes. It is found through
 * FINALE_BINARY_DIR, which ctest sets.
 */
#ifndef TESTS_CLI_COMMAND_H
#define TESTS_CLI_COMMAND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { COMMAND_ARGS_MAX = 24, COMMAND_TEXT_MAX = 512 * 1024 };

/* A `finale` that runs. What it writes is kept. */
struct command {
  pid_t pid; /* 0 once it has ended */
  int out_fd, err_fd;
  char out[COMMAND_TEXT_MAX], err[COMMAND_TEXT_MAX]; /* NUL-terminated */
  size_t out_len, err_len;
  int status; /* its exit status, or minus the signal that killed it */
};

/* Starts it with `args`, NULL at the end, without the program's name. */
void command_start(struct command *command, const char *const *args);

/* Reads what it says until `text` is in its stdout or stderr. Fails the test if it ends before, or
 * is not done in time. */
void command_until(struct command *command, const char *text);

/* Waits until it has ended, at most so long: then it is killed and the test fails. */
void command_wait(struct command *command, unsigned timeout_ms);

/* Start and wait. */
void command_run(struct command *command, const char *const *args);

/* Starts `finale serve` with these arguments, waits until it listens and gives the port. */
uint16_t command_serve(struct command *command, const char *const *args);

/* SIGTERM, and wait. */
void command_drain(struct command *command);

/* ---- clients: blocking sockets that give up after a while ---- */

int client_connect(uint16_t port);        /* 127.0.0.1 */
int client_connect_ipv6(uint16_t port);   /* ::1 */
void client_until_refused(uint16_t port); /* waits until nobody listens there any more */
void client_send(int fd, const char *text);

/* Receives exactly so many bytes. */
void client_receive(int fd, char *data, size_t len);
void client_expect(int fd, const char *text);

/* What comes next: 0 for an end, a positive errno for an error, -1 for data. */
int client_next(int fd);

uint64_t now_ms(void);

#endif
