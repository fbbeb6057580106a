/* SPDX-License-Identifier: MIT
 *
 * See story.h. The transitions are those of RFC 9293, figure 5, and those by which Linux leaves a
 * state at once: every state but LISTEN ends in CLOSED by a reset, a timeout or an abort.
 */
#include "lab/story.h"

#include <stdlib.h>
#include <string.h>

enum { CLOSED = 0, PATH_MAX_STATES = 4 };

#define TO(name) (1U << FIN_TCP_##name)
#define TO_CLOSED (1U << CLOSED)

/* By the state that is left: what TCP goes to, as sockets do on Linux. From CLOSED to SYN_RECV: a
 * connection that a listener has been asked for begins as a socket of its own. */
static const unsigned steps[FIN_TCP_STATE_COUNT] = {
    [CLOSED] = TO(LISTEN) | TO(SYN_SENT) | TO(SYN_RECV),
    [FIN_TCP_LISTEN] = TO(SYN_RECV) | TO_CLOSED,
    [FIN_TCP_SYN_SENT] = TO(ESTABLISHED) | TO(SYN_RECV) | TO_CLOSED,
    [FIN_TCP_SYN_RECV] = TO(ESTABLISHED) | TO_CLOSED,
    [FIN_TCP_ESTABLISHED] = TO(FIN_WAIT1) | TO(CLOSE_WAIT) | TO_CLOSED,
    [FIN_TCP_FIN_WAIT1] = TO(FIN_WAIT2) | TO(CLOSING) | TO(TIME_WAIT) | TO_CLOSED,
    [FIN_TCP_FIN_WAIT2] = TO(TIME_WAIT) | TO_CLOSED,
    [FIN_TCP_CLOSING] = TO(TIME_WAIT) | TO_CLOSED,
    [FIN_TCP_TIME_WAIT] = TO_CLOSED,
    [FIN_TCP_CLOSE_WAIT] = TO(LAST_ACK) | TO_CLOSED,
    [FIN_TCP_LAST_ACK] = TO_CLOSED,
};

/* Of the figure, but nothing to infer: a listener cannot connect, and what has not been accepted
 * cannot be closed. */
static const unsigned rare[FIN_TCP_STATE_COUNT] = {
    [FIN_TCP_LISTEN] = TO(SYN_SENT),
    [FIN_TCP_SYN_RECV] = TO(LISTEN) | TO(FIN_WAIT1),
};

/* ---- the story ---- */

/* Events of three processes come almost in order: each is put behind those that are not later. */
bool lab_story_add(struct lab_story *story, const struct lab_event *event) {
  size_t at = story->count;
  if (story->count == story->room) {
    const size_t room = story->room > 0 ? 2 * story->room : 256;
    struct lab_event *events = realloc(story->events, room * sizeof *events);
    if (events == NULL) return false;
    story->events = events;
    story->room = room;
  }
  while (at > 0 && story->events[at - 1].at_ns > event->at_ns) {
    story->events[at] = story->events[at - 1];
    at--;
  }
  story->events[at] = *event;
  story->count++;
  return true;
}

void lab_story_release(struct lab_story *story) {
  free(story->events);
  free(story->counters);
  free(story->output);
  *story = (struct lab_story){0};
}

/* ---- transitions ---- */

/* A socket without a connection (CLOSE, "UNCONN") and none at all are both CLOSED. */
static unsigned plain(fin_tcp_state state) {
  return state == FIN_TCP_CLOSE ? CLOSED : (unsigned)state;
}

bool lab_transition_legal(fin_tcp_state from, fin_tcp_state to) {
  if ((unsigned)from >= FIN_TCP_STATE_COUNT || (unsigned)to >= FIN_TCP_STATE_COUNT) return false;
  if (from != to && plain(from) == plain(to)) return true;
  return ((steps[plain(from)] | rare[plain(from)]) >> plain(to) & 1U) != 0;
}

struct path {
  unsigned to, ways;
  unsigned states[PATH_MAX_STATES], found[PATH_MAX_STATES];
};

/* Counts the ways to path->to over exactly `length` states, of which `depth` are chosen. Nothing
 * leads through CLOSED or LISTEN: behind them is another connection. */
static void walk(struct path *path, unsigned from, unsigned depth, unsigned length) {
  if (depth == length) {
    if ((steps[from] >> path->to & 1U) == 0) return;
    memcpy(path->found, path->states, sizeof path->found);
    path->ways++;
    return;
  }
  for (unsigned next = FIN_TCP_ESTABLISHED; next < FIN_TCP_STATE_COUNT; next++) {
    if (next == FIN_TCP_LISTEN || (steps[from] >> next & 1U) == 0) continue;
    path->states[depth] = next;
    walk(path, next, depth + 1, length);
  }
}

int lab_transition_path(fin_tcp_state from, fin_tcp_state to, fin_tcp_state between[4]) {
  const bool legal = lab_transition_legal(from, to);
  if ((unsigned)from >= FIN_TCP_STATE_COUNT || (unsigned)to >= FIN_TCP_STATE_COUNT) return -1;
  if (legal && (rare[plain(from)] >> plain(to) & 1U) == 0) return 0;
  struct path path = {.to = plain(to)};
  for (unsigned length = 1; length <= PATH_MAX_STATES && path.ways == 0; length++) {
    walk(&path, plain(from), 0, length);
    if (path.ways != 1) continue;
    for (unsigned i = 0; i < length; i++) between[i] = (fin_tcp_state)path.found[i];
    return (int)length;
  }
  return legal ? 0 : -1;
}
