/* SPDX-License-Identifier: MIT
 *
 * What is said on a connection: requests out, replies in, each judged and counted once.
 */
#ifndef BENCH_TALK_H
#define BENCH_TALK_H

#include "load/worker.h"

/* Requests that were asked for and have had no reply. */
static inline uint64_t talk_under_way(const struct client *client) {
  return client->asked - client->answered;
}

/* How many requests it may ask for now; from here on they are asked. */
uint64_t talk_take_turns(struct worker *worker, struct client *client);

/* Asks for what it may, and sends what the socket takes. */
void talk_say(struct worker *worker, struct client *client);

/* Of its manner in a mix; NULL: not counted. */
struct load_visits *talk_visits(struct worker *worker, const struct client *client);

/* Whatever is under way has no good reply: `counter` says why the first has none. */
void talk_fail(struct worker *worker, struct client *client, uint64_t *counter);

/* ---- false: the connection is gone, and perhaps another one begun ---- */

/* Reads once. */
bool talk_hear(struct worker *worker, struct client *client);

/* A reply is whole, or beyond help. */
bool talk_judge(struct worker *worker, struct client *client, enum verdict verdict);

/* The connection has come to its end, by FIN (0) or by this error. */
void talk_end(struct worker *worker, struct client *client, int error);

#endif
