/* SPDX-License-Identifier: MIT
 *
 * Everything around a lifecycle table: the handler, the peer, the system and the clock, each of
 * which may do at any time what it can do at all. The table is told of events exactly as the driver
 * would tell it: the state changes first, then the row's actions are performed in order, and a
 * callback among them may call back in before the rest.
 */
#ifndef TESTS_LIFECYCLE_WORLD_H
#define TESTS_LIFECYCLE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "lifecycle/lifecycle.h"
#include "lifecycle/model.h"

/* What can happen next: the table's events, and what happens without telling the table. */
enum move {
  MOVE_RETURN = FIN_EV_COUNT, /* the callback returns */
  MOVE_WRITE,                 /* the handler writes */
  MOVE_PAUSE,
  MOVE_RESUME,
  MOVE_DELIVER, /* on_data */
  MOVE_TAKE,    /* the kernel takes the queued output */
  MOVE_ACK,     /* the peer acknowledges it */
  MOVE_LEAVE,   /* the peer's FIN arrives; it is read later, or never */
  MOVE_COUNT
};

extern const char *const move_names[MOVE_COUNT - FIN_EV_COUNT];

enum descriptor { FD_OPEN, FD_CLOSING, FD_GONE };
enum output_level { OUTPUT_EMPTY, OUTPUT_QUEUED, OUTPUT_UNACKED };
enum peer_fin { FIN_NOT_SENT, FIN_UNREAD, FIN_READ };
enum callback { NO_CALLBACK, IN_ON_OPEN, IN_ON_END, IN_ON_CLOSE };

extern const char *const callback_names[];

/* One state of the model: what has happened so far, so far as it can matter. Bytes throughout, so
 * that equal facts are equal memory. */
struct facts {
  uint8_t state;      /* enum fin_state: all that the table knows */
  uint8_t descriptor; /* enum descriptor */
  uint8_t output;     /* enum output_level */
  uint8_t peer_fin;   /* enum peer_fin */
  uint8_t callback;   /* enum callback: the one that is running */
  uint8_t actions;    /* enum fin_action: to perform when it returns */
  bool idle_forever;  /* configuration: idle_ms is FIN_NEVER */
  bool opened;
  bool failed;  /* IO_ERROR */
  bool stalled; /* STALLED */
  bool ended;   /* END was said */
  bool closed;  /* CLOSE was said, or a deadline said it */
  bool aborted; /* ABORT was said while there was something to abort */
  bool paused;
  bool fin_seen;       /* the peer's FIN was seen behind unread input */
  bool fin_seen_again; /* ...during this pause */
  bool fin_promised;
  bool fin_sent;
  bool timed_out; /* the deadline came before it was open */
  bool lingered;  /* the deadline came while only the peer's FIN was missing */
  bool reset;     /* RST went out */
  bool told_open;
  bool told_end;
  bool told_close;
};

struct world {
  const fin_lifecycle_table *table;
  const struct fin_state_info *states;
  bool reached[FIN_ST_COUNT][FIN_EV_COUNT]; /* the lines that happened so far */
  uint32_t broken;                          /* 1 << enum law, by the last step */
};

struct facts world_begin(bool idle_forever);
bool world_possible(const struct world *world, const struct facts *facts, unsigned move);

/* Lets a possible move happen and notes in world->broken what laws that breaks. False if the table
 * has no line for it. */
bool world_step(struct world *world, struct facts *facts, unsigned move);

/* CLOSED, and on_close has returned: nothing more can happen. */
bool world_over(const struct facts *facts);

/* laws.c, for world_step: what must hold of facts that nothing is being done to, of a row that is
 * about to be taken, of an action that is about to be performed, of a move or an event that is
 * about to happen, and of an event that was ignored. Each returns the broken laws. */
uint32_t laws_at_rest(const struct world *world, const struct facts *facts);
uint32_t laws_of_row(const struct world *world, const struct facts *facts, unsigned event,
                     const struct fin_step *row);
uint32_t laws_of_action(const struct facts *facts, unsigned action);
uint32_t laws_of_event(const struct facts *facts, unsigned event);
uint32_t laws_of_move(const struct facts *facts, unsigned move);
uint32_t laws_of_ignoring(const struct facts *before, const struct facts *after);

#endif
