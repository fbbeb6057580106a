/* SPDX-License-Identifier: MIT
 *
 * The sockets of a story, each from its first state to its last: what the events tell, gathered by
 * connection. A port that is used again begins another life.
 */
#ifndef LAB_LIFE_H
#define LAB_LIFE_H

#include "lab/story.h"

struct lab_span {                /* as long as nothing about the socket changed */
  const struct lab_state *state; /* what it is: state->to, ... */
  uint64_t from_ns, to_ns;
};

struct lab_life {
  enum lab_side side;
  uint16_t client_port, server_port; /* client_port 0: the listener */
  bool open;                         /* still there at the end of the story */
  struct lab_span *spans;
  size_t count, room;
  unsigned connection; /* counts from 1, the same for both ends; 0: the listener */
};

struct lab_lives {
  struct lab_life *items; /* in the order in which they began */
  size_t count, room;
  unsigned connections;
};

/* Points into the story. False: no memory, and nothing is to be released. */
bool lab_lives_read(const struct lab_story *story, struct lab_lives *lives);
void lab_lives_release(struct lab_lives *lives);

/* When this side was looked at for the last time. */
uint64_t lab_last_look(const struct lab_story *story, enum lab_side side);

/* Whether the state is none: a socket that is gone. */
bool lab_is_closed(fin_tcp_state state);

#endif
