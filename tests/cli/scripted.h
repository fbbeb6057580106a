/* SPDX-License-Identifier: MIT
 *
 * Servers that are none, for commands that talk to one: a port where nobody listens, and one that
 * gives everybody the same answer.
 */
#ifndef TESTS_CLI_SCRIPTED_H
#define TESTS_CLI_SCRIPTED_H

#include <pthread.h>
#include <stdint.h>

/* A socket bound to a port of 127.0.0.1, so that nobody else gets it; it does not listen. */
int scripted_claim(uint16_t *port);

struct scripted {
  pthread_t thread;
  int fd;
  uint16_t port;
  const char *answer; /* to whatever is said; NULL: closes at once */
};

void scripted_begin(struct scripted *scripted);
void scripted_end(struct scripted *scripted);

#endif
