/* SPDX-License-Identifier: MIT
 *
 * The wire between two namespaces, as part of a libuv program: it forwards every frame, TCP
 * segments late and by rules, anything else (ARP) at once and untold. It knows segments, not states
 * of sockets.
 */
#ifndef LAB_WIRE_H
#define LAB_WIRE_H

#include <uv.h>

#include "lab/rule.h"
#include "lab/spaces.h"
#include "lab/story.h"

struct lab_wire_options {
  uv_loop_t *loop;
  const struct lab_spaces *spaces; /* used by lab_wire_new only */
  uint32_t delay_ms;
  const struct lab_rule *rules; /* copied. The first that strikes a segment decides */
  size_t rule_count;            /* at most LAB_RULES_MAX */
  bool step;                    /* every segment is held, and leaves when it is released */

  /* A segment enters, or leaves: a LAB_SEGMENT. One that is dropped does not leave; if it was held
   * before, it is told once more, with `leaves` and LAB_DROPPED. One that is duplicated leaves
   * twice. Must not free the wire. */
  void (*on_segment)(void *context, const struct lab_event *event);
  void *context;
};

struct lab_wire;

struct lab_wire *lab_wire_new(const struct lab_wire_options *options, char why[LAB_WHY_MAX]);
/* What is on the wire is lost. The loop has to be turned until its handles are closed; NULL is
 * allowed. */
void lab_wire_free(struct lab_wire *wire);

/* From now on, nothing of this connection enters. */
void lab_wire_vanish(struct lab_wire *wire, uint16_t client_port);

/* Segments that are held, by step mode or by a rule. `number` as in lab_segment, 0: the one that is
 * held longest. False: no such segment is held. */
size_t lab_wire_held(const struct lab_wire *wire);
bool lab_wire_release(struct lab_wire *wire, uint64_t number);
bool lab_wire_discard(struct lab_wire *wire, uint64_t number);
void lab_wire_step(struct lab_wire *wire, bool on); /* off: releases all that are held */

/* Frames that came faster than this process took them, and were lost against its will. */
uint64_t lab_wire_lost(struct lab_wire *wire);

#endif
