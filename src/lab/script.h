/* SPDX-License-Identifier: MIT
 *
 * Plays what a lab's clients, or the servers that it brings itself, are to do: with plain sockets,
 * all of them at once in one thread. Nothing blocks: who owns the script polls, and gives it turns.
 */
#ifndef LAB_SCRIPT_H
#define LAB_SCRIPT_H

#include <netinet/in.h>
#include <poll.h>

#include "lab/expect.h"
#include "lab/story.h"

struct lab_script;

struct lab_script_options {
  enum lab_side side;                /* LAB_SERVER: players are the connections that come */
  const struct lab_players *players; /* must outlive the script */
  struct sockaddr_in address;        /* to connect to, or to listen on */
  bool patient;                      /* nothing has a deadline */
  size_t send_max; /* a player that sends more at once is left out, and says so; 0: any */

  void (*on_said)(void *context, const struct lab_event *event); /* a LAB_SAID */
  bool (*on_vanish)(void *context, uint16_t client_port); /* NULL or false: there is no wire */
  void *context;
};

/* NULL with errno set. A server's listens from now on; clients wait for their first turn. */
struct lab_script *lab_script_new(const struct lab_script_options *options);
void lab_script_free(struct lab_script *script); /* its sockets are closed; NULL is allowed */

uint16_t lab_script_port(const struct lab_script *script); /* that a server's listens on */

/* What to poll for until the next turn. Returns how many of `max` were filled, and lowers
 * `*timeout_ms` to when a turn is due at the latest. */
size_t lab_script_polls(const struct lab_script *script, struct pollfd *polls, size_t max,
                        int *timeout_ms);
void lab_script_turn(struct lab_script *script);

/* Every player has come to its end, or failed. A socket that it has not closed stays open. */
bool lab_script_over(const struct lab_script *script);

#endif
