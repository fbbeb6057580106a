/* SPDX-License-Identifier: MIT
 *
 * The explorer: breadth first over a set of facts, then the laws that speak of every future.
 */
#include "lifecycle/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle/world.h"

struct node {
  struct facts facts;
  uint32_t parent; /* its own index: a beginning */
  uint8_t move;    /* that led here from the parent */
};

struct model {
  struct world world;
  struct node *nodes; /* in the order of discovery, which is that of distance */
  uint32_t node_count;
  uint32_t node_room;
  uint32_t *slots; /* open addressing: 1 + index of the node, 0 if empty */
  uint32_t slot_count;
  int8_t *rest; /* by node: the most events that can be left, UNKNOWN */
};

/* What may move in a future that a law speaks of, and how long that may take at most. */
struct company {
  enum law law;
  uint32_t moves; /* 1 << move */
  int events_max;
};

#define MOVE(event) (UINT32_C(1) << (event))
#define SILENCE \
  (MOVE(MOVE_RETURN) | MOVE(FIN_EV_FIN_SENT) | MOVE(FIN_EV_FD_CLOSED) | MOVE(FIN_EV_DEADLINE))

static const struct company companies[] = {
    {LAW_silence_leads_to_closed, SILENCE | MOVE(FIN_EV_STALLED), 4},
    {LAW_a_peer_that_left_is_not_kept,
     SILENCE | MOVE(FIN_EV_STALLED) | MOVE(FIN_EV_PEER_FIN) | MOVE(FIN_EV_FIN_SEEN), 5},
    {LAW_a_live_peer_gets_all_output_and_a_fin,
     SILENCE | MOVE(MOVE_TAKE) | MOVE(MOVE_ACK) | MOVE(MOVE_LEAVE) | MOVE(FIN_EV_PEER_FIN), 6},
};

enum { UNKNOWN = -1, TOO_MANY = 100 };

struct model *model_new(void) {
  struct model *model = calloc(1, sizeof *model);
  if (!model) abort();
  return model;
}

void model_free(struct model *model) {
  if (!model) return;
  free(model->nodes);
  free(model->slots);
  free(model->rest);
  free(model);
}

/* ---- the set ---- */

static uint32_t hash(const struct facts *facts) {
  uint64_t word[3];
  memcpy(word, facts, sizeof word);
  uint64_t mix = word[0] * UINT64_C(0x9e3779b97f4a7c15);
  mix = (mix ^ (mix >> 29) ^ word[1]) * UINT64_C(0xbf58476d1ce4e5b9);
  mix = (mix ^ (mix >> 32) ^ word[2]) * UINT64_C(0x94d049bb133111eb);
  return (uint32_t)(mix >> 32);
}

/* The slot that holds these facts, or the empty one where they belong. */
static uint32_t *find_slot(const struct model *model, const struct facts *facts) {
  uint32_t mask = model->slot_count - 1;
  for (uint32_t at = hash(facts) & mask;; at = (at + 1) & mask) {
    uint32_t *slot = &model->slots[at];
    if (!*slot || !memcmp(&model->nodes[*slot - 1].facts, facts, sizeof *facts)) return slot;
  }
}

static void *resized(void *memory, size_t count, size_t size) {
  void *larger = realloc(memory, count * size);
  if (!larger) abort();
  return larger;
}

static void grow(struct model *model) {
  model->node_room = model->node_room ? 2 * model->node_room : 1 << 14;
  model->slot_count = 2 * model->node_room;
  model->nodes = resized(model->nodes, model->node_room, sizeof *model->nodes);
  model->rest = resized(model->rest, model->node_room, sizeof *model->rest);
  model->slots = resized(model->slots, model->slot_count, sizeof *model->slots);
  memset(model->slots, 0, model->slot_count * sizeof *model->slots);
  for (uint32_t i = 0; i < model->node_count; i++)
    *find_slot(model, &model->nodes[i].facts) = i + 1;
}

static void clear(struct model *model) {
  model->node_count = 0;
  if (!model->nodes) grow(model);
  memset(model->slots, 0, model->slot_count * sizeof *model->slots);
  memset(model->world.reached, 0, sizeof model->world.reached);
}

static void add(struct model *model, const struct facts *facts, uint32_t parent, unsigned move) {
  uint32_t *slot = find_slot(model, facts);
  if (*slot) return;
  if (model->node_count == model->node_room) {
    grow(model);
    slot = find_slot(model, facts);
  }
  model->nodes[model->node_count] = (struct node){*facts, parent, (uint8_t)move};
  *slot = ++model->node_count;
}

/* ---- the path to a broken law ---- */

static void print_actions(FILE *to, unsigned actions) {
  for (unsigned bit = 0; bit < FIN_ACTION_COUNT; bit++)
    if (actions >> bit & 1) fprintf(to, ", %s", fin_action_names[bit]);
}

static void print_move(FILE *to, const struct model *model, const struct facts *before,
                       const struct facts *after, unsigned move) {
  const struct fin_step *step;

  if (move == MOVE_RETURN) {
    fprintf(to, "  (%s returns)", callback_names[before->callback]);
    print_actions(to, before->actions);
  } else if (move >= FIN_EV_COUNT) {
    fprintf(to, "  %s", move_names[move - FIN_EV_COUNT]);
  } else {
    step = &(*model->world.table)[before->state][move];
    fprintf(to, "  %s: %s", fin_events[move].name, fin_states[before->state].name);
    if (before->state != after->state) fprintf(to, " -> %s", fin_states[after->state].name);
    if (step->kind == FIN_ROW) print_actions(to, step->actions);
    if (step->kind == FIN_IMPOSSIBLE) fprintf(to, ", no line");
  }
  fputc('\n', to);
}

static void print_way_to(FILE *to, const struct model *model, uint32_t index) {
  const struct node *node = &model->nodes[index];

  if (node->parent == index) {
    fprintf(to, "  (%s)\n", node->facts.idle_forever ? "idle_ms is FIN_NEVER" : "begin");
    return;
  }
  print_way_to(to, model, node->parent);
  print_move(to, model, &model->nodes[node->parent].facts, &node->facts, node->move);
}

/* Opens verdict->path for writing; the caller closes it. */
static FILE *open_path(struct verdict *verdict, unsigned law) {
  FILE *to = fmemopen(verdict->path, sizeof verdict->path - 1, "w");
  if (!to) abort();
  verdict->broken = law;
  fprintf(to, "%s: %s\n", law_names[law], law_texts[law]);
  return to;
}

/* ---- every present ---- */

static unsigned first_law(uint32_t broken) {
  unsigned law = 0;
  while (!(broken >> law & 1)) law++;
  return law;
}

static bool explore_from(struct model *model, uint32_t index, uint32_t laws,
                         struct verdict *verdict) {
  for (unsigned move = 0; move < MOVE_COUNT; move++) {
    struct facts facts = model->nodes[index].facts;
    if (!world_possible(&model->world, &facts, move)) continue;
    verdict->edges++;
    bool has_line = world_step(&model->world, &facts, move);
    if (model->world.broken & laws) {
      FILE *to = open_path(verdict, first_law(model->world.broken & laws));
      print_way_to(to, model, index);
      print_move(to, model, &model->nodes[index].facts, &facts, move);
      fclose(to);
      return false;
    }
    if (has_line) add(model, &facts, index, move);
  }
  return true;
}

static bool every_line_was_reached(const struct model *model, struct verdict *verdict) {
  for (unsigned state = 0; state < FIN_ST_COUNT; state++) {
    for (unsigned event = 0; event < FIN_EV_COUNT; event++) {
      bool has_line = (*model->world.table)[state][event].kind != FIN_IMPOSSIBLE;
      if (!has_line || model->world.reached[state][event]) continue;
      FILE *to = open_path(verdict, LAW_every_line_can_happen);
      fprintf(to, "  %s in %s\n", fin_events[event].name, fin_states[state].name);
      fclose(to);
      return false;
    }
  }
  return true;
}

/* ---- every future ---- */

static bool ends_well(const struct facts *facts, enum law law) {
  if (!world_over(facts)) return false;
  return law != LAW_a_live_peer_gets_all_output_and_a_fin ||
         (!facts->reset && facts->fin_sent && facts->output != OUTPUT_QUEUED);
}

/* The most events until the end in that company; TOO_MANY also for an end that is no good one. A
 * callback's return is no event. */
static int most_events(struct model *model, uint32_t index, const struct company *company,
                       int left) {
  const struct facts *now = &model->nodes[index].facts;
  int most = UNKNOWN;

  if (model->rest[index] != UNKNOWN) return model->rest[index];
  if (ends_well(now, company->law)) return 0;
  if (left < 0) return TOO_MANY;
  for (unsigned move = 0; move < MOVE_COUNT; move++) {
    struct facts facts = *now;
    if (!(company->moves >> move & 1) || !world_possible(&model->world, &facts, move)) continue;
    if (!world_step(&model->world, &facts, move)) continue;
    int cost = move == MOVE_RETURN ? 0 : 1;
    uint32_t next = *find_slot(model, &facts) - 1;
    int events = cost + most_events(model, next, company, left - cost);
    if (events >= TOO_MANY) return TOO_MANY;
    if (events > most) most = events;
  }
  if (most == UNKNOWN) return TOO_MANY;
  model->rest[index] = (int8_t)most;
  return most;
}

/* Whether the law speaks of the futures of these facts. */
static bool concerns(const struct facts *facts, enum law law) {
  switch (law) {
    case LAW_silence_leads_to_closed:
      return !facts->idle_forever;
    case LAW_a_peer_that_left_is_not_kept:
      return facts->peer_fin != FIN_NOT_SENT;
    default:
      return facts->closed && facts->opened && facts->descriptor == FD_OPEN;
  }
}

static bool every_future_is_good(struct model *model, const struct company *company,
                                 struct verdict *verdict) {
  memset(model->rest, UNKNOWN, model->node_count);
  for (uint32_t index = 0; index < model->node_count; index++) {
    if (!concerns(&model->nodes[index].facts, company->law)) continue;
    if (most_events(model, index, company, company->events_max) <= company->events_max) continue;
    FILE *to = open_path(verdict, company->law);
    print_way_to(to, model, index);
    fprintf(to, "  ...and from here not within %d events\n", company->events_max);
    fclose(to);
    return false;
  }
  return true;
}

bool model_explore(struct model *model, const fin_lifecycle_table *table,
                   const struct fin_state_info *states, uint32_t laws, struct verdict *verdict) {
  *verdict = (struct verdict){.broken = LAW_COUNT};
  clear(model);
  model->world.table = table;
  model->world.states = states;
  for (int idle_forever = 0; idle_forever <= 1; idle_forever++) {
    struct facts facts = world_begin(idle_forever);
    add(model, &facts, model->node_count, MOVE_COUNT);
  }
  for (uint32_t index = 0; index < model->node_count; index++)
    if (!explore_from(model, index, laws, verdict)) return false;
  verdict->states = model->node_count;
  if (laws >> LAW_every_line_can_happen & 1 && !every_line_was_reached(model, verdict))
    return false;
  for (size_t i = 0; i < sizeof companies / sizeof *companies; i++)
    if (laws >> companies[i].law & 1 && !every_future_is_good(model, &companies[i], verdict))
      return false;
  return true;
}
