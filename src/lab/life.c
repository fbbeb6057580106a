/* SPDX-License-Identifier: MIT
 *
 * See life.h.
 */
#include "lab/life.h"

#include <stdlib.h>

bool lab_is_closed(fin_tcp_state state) { return state == FIN_TCP_ANY || state == FIN_TCP_CLOSE; }

uint64_t lab_last_look(const struct lab_story *story, enum lab_side side) {
  uint64_t last = story->ended_ns;
  if (last == 0 && story->count > 0) last = story->events[story->count - 1].at_ns;
  for (size_t i = story->count; i-- > 0;) {
    const struct lab_event *event = &story->events[i];
    if (event->kind == LAB_POINT && event->point.mark == LAB_LOOKED && event->point.side == side)
      return event->at_ns;
  }
  return last;
}

/* ---- growing ---- */

static void *grow(void *items, size_t size, size_t count, size_t *room) {
  if (count < *room) return items;
  const size_t more = *room > 0 ? 2 * *room : 16;
  void *grown = realloc(items, more * size);
  if (grown != NULL) *room = more;
  return grown;
}

static struct lab_life *add_life(struct lab_lives *lives) {
  struct lab_life *items = grow(lives->items, sizeof *items, lives->count, &lives->room);
  if (items == NULL) return NULL;
  lives->items = items;
  items[lives->count] = (struct lab_life){.open = true};
  return &items[lives->count++];
}

static bool add_span(struct lab_life *life, const struct lab_state *state, uint64_t at_ns) {
  struct lab_span *spans = grow(life->spans, sizeof *spans, life->count, &life->room);
  if (spans == NULL) return false;
  life->spans = spans;
  spans[life->count++] = (struct lab_span){.state = state, .from_ns = at_ns, .to_ns = at_ns};
  return true;
}

/* ---- which life ---- */

static bool same_ports(const struct lab_life *life, const struct lab_state *state) {
  return life->client_port == state->client_port && life->server_port == state->server_port;
}

static struct lab_life *find_open(struct lab_lives *lives, const struct lab_state *state) {
  for (size_t i = lives->count; i-- > 0;) {
    struct lab_life *life = &lives->items[i];
    if (life->open && life->side == state->side && same_ports(life, state)) return life;
  }
  return NULL;
}

static bool has_connection(const struct lab_lives *lives, enum lab_side side, unsigned number) {
  for (size_t i = 0; i < lives->count; i++)
    if (lives->items[i].side == side && lives->items[i].connection == number) return true;
  return false;
}

/* That of the other end, if this is the first life on this side that can be of it. */
static unsigned connection_of(struct lab_lives *lives, const struct lab_state *state) {
  if (state->client_port == 0) return 0;
  for (size_t i = lives->count; i-- > 0;) {
    const struct lab_life *life = &lives->items[i];
    if (life->side == state->side || !same_ports(life, state)) continue;
    if (has_connection(lives, state->side, life->connection)) break;
    return life->connection;
  }
  return ++lives->connections;
}

static struct lab_life *begin(struct lab_lives *lives, const struct lab_state *state) {
  const unsigned connection = connection_of(lives, state);
  struct lab_life *life = add_life(lives);
  if (life == NULL) return NULL;
  life->side = state->side;
  life->client_port = state->client_port;
  life->server_port = state->server_port;
  life->connection = connection;
  return life;
}

/* ---- reading ---- */

static void end(struct lab_life *life, uint64_t at_ns) {
  if (life->count > 0) life->spans[life->count - 1].to_ns = at_ns;
  life->open = false;
}

static bool take(struct lab_lives *lives, const struct lab_state *state, uint64_t at_ns) {
  struct lab_life *life = find_open(lives, state);
  const bool begins =
      state->from != state->to && (lab_is_closed(state->from) || state->from == FIN_TCP_LISTEN);
  if (life != NULL && (begins || lab_is_closed(state->to))) {
    end(life, at_ns);
    life = NULL;
  }
  if (lab_is_closed(state->to)) return true;
  if (life == NULL && (life = begin(lives, state)) == NULL) return false;
  if (life->count > 0) life->spans[life->count - 1].to_ns = at_ns;
  return add_span(life, state, at_ns);
}

bool lab_lives_read(const struct lab_story *story, struct lab_lives *lives) {
  const uint64_t last[2] = {lab_last_look(story, LAB_CLIENT), lab_last_look(story, LAB_SERVER)};
  *lives = (struct lab_lives){0};
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    if (event->kind != LAB_STATE || event->at_ns > last[event->state.side]) continue;
    if (!take(lives, &event->state, event->at_ns)) {
      lab_lives_release(lives);
      return false;
    }
  }
  for (size_t i = 0; i < lives->count; i++) {
    struct lab_life *life = &lives->items[i];
    if (life->open && life->count > 0) life->spans[life->count - 1].to_ns = last[life->side];
  }
  return true;
}

void lab_lives_release(struct lab_lives *lives) {
  for (size_t i = 0; i < lives->count; i++) free(lives->items[i].spans);
  free(lives->items);
  *lives = (struct lab_lives){0};
}
