/* SPDX-License-Identifier: MIT
 *
 * A random world around the driver: an application that calls whatever it may whenever it may,
 * peers that do what peers do, a system that fails, a clock that jumps. Beside each connection
 * stands a subject, which notes what has happened to it: that is all that the invariants go by. One
 * seed makes one world, and the same world each time.
 */
#ifndef FIN_TEST_WORLD_H
#define FIN_TEST_WORLD_H

#include "core/laws.h"
#include "core/stage.h"
#include "support/random.h"

enum { SUBJECTS_MAX = 5, OWNERS = 3, STATE_MAX = 64, FLOW_POINTS = 1024 };

/* A handler, which connections are made for or handed over to; the context of these. */
struct owner {
  struct world *world;
  fin_handler handler;
};

/* Bytes so far, after each millisecond in which they grew. */
struct flow {
  unsigned count;
  struct flow_point {
    uint64_t ms, bytes;
  } points[FLOW_POINTS];
};

/* One connection, and what has happened to it. */
struct subject {
  struct world *world;
  struct socket *socket;
  fin_conn *conn; /* NULL when it is no more */
  uint64_t born_ms;
  bool dialled;
  bool alive; /* from its making to on_close */

  /* Whose it is. */
  const struct owner *owner;
  fin_conn_options limits;
  uint64_t number;    /* of this owner's time with it; in its state */
  bool state_known;   /* the number has been written there */
  bool handed_over;   /* once at least */
  bool greet_due;     /* on_open, to the new owner */
  bool end_due;       /* on_end, to the new owner: the peer's FIN was read before */
  uint64_t handed_ms; /* when that was last */
  uint64_t whole_ms;  /* since when it may idle its whole time */

  /* What has been said, and what has happened. */
  bool opened;
  bool ended;
  bool closed; /* by the handler, by default, or by a deadline */
  bool aborted;
  bool failed;
  bool stalled;
  bool lingered;  /* long enough */
  bool timed_out; /* before it was open */
  bool broken;    /* the handler has broken its contract */
  bool fin_seen;
  uint32_t reasons;             /* 1 << fin_reason: one of these must be reported */
  int errors[FIN_REASON_COUNT]; /* with this errno */

  bool told_open;
  bool told_end;
  bool told_close;

  /* Input. */
  bool paused;
  bool busy;
  uint64_t consumed;
  uint64_t offered;    /* up to here each byte has been offered */
  bool offer_due;      /* what was kept must be offered again */
  uint64_t message_ms; /* since when the rest of a message is waited for */
  uint64_t discarded;  /* read since closed */

  /* Output. */
  uint64_t accepted;
  bool held_back;    /* passed output_high, and not down to output_low since */
  bool waits;        /* something is not acknowledged */
  uint64_t waits_ms; /* since then */
  uint64_t fin_ms;   /* when our FIN was promised */

  bool timer_set;
  uint64_t timer_ms;
  bool drain_owed;

  unsigned state;    /* as last looked at */
  uint64_t state_ms; /* since when */

  struct flow read, acked, written;
};

/* What happened in a run of schedules, to show that everything did. */
struct tally {
  uint64_t schedules, steps, laws;
  uint64_t reasons[FIN_REASON_COUNT];
  uint64_t states[FIN_ST_COUNT]; /* seen at the end of a step */
  uint64_t news[NEWS_COUNT];
  uint64_t faults[FAULT_COUNT];
  uint64_t ends, closes, aborts, writes, takes, refused, without_memory;
  uint64_t on_writable, on_timer, on_drain, offered_again, resets, dialled, clean;
  uint64_t busy, handed_over, handed_again, handed_end, greeted, full_duplex;
};

/* What a schedule is made of. */
enum step {
  STEP_CONNECT,
  STEP_CALL,
  STEP_PEER,
  STEP_TELL,
  STEP_TURN_END,
  STEP_SLEEP,
  STEP_JUMP,
  STEP_DRAIN,
  STEP_COUNT
};

/* How this world's people behave: weights and chances out of 64. */
struct temper {
  unsigned steps;
  unsigned calls; /* of the application's own, in all */
  unsigned step_weights[STEP_COUNT];
  unsigned verbs;        /* 1 << enum verb: what the application ever calls */
  unsigned peer_moves;   /* 1 << enum peer_move */
  unsigned acting;       /* in a callback */
  unsigned consuming;    /* all that is offered; else a part or nothing */
  unsigned faults;       /* per step */
  unsigned memory_fails; /* per step */
  unsigned following;    /* our FIN with the peer's */
  unsigned breaking;     /* returns more than was offered, out of 4096 */
  unsigned write_bits;   /* sizes below 2^bits */
  unsigned input_bits;
  unsigned time_bits;     /* of how long things take */
  unsigned patience_bits; /* of the limits, beyond these */
  unsigned ending;        /* how often a verb that ends is meant */
  bool dials;
};

/* Of what this step is made: some things can only have come of it. */
enum cause { BY_CALLS, BY_NEWS, BY_TURN_END, BY_TIME };

struct world {
  struct stage stage; /* first: the stage's hooks get back to the world */
  uint64_t seed;
  uint64_t random;
  struct temper temper;
  struct owner owners[OWNERS];
  fin_conn_options limits; /* of connections that were not handed over */
  uint64_t last_number;
  struct subject subjects[SUBJECTS_MAX];
  unsigned count;
  struct subject *begun;   /* in its making */
  struct subject *calling; /* whose callback runs */
  unsigned judged;         /* number of the subject looked at last */
  unsigned depth;          /* of fin_ calls */
  enum cause telling;      /* what the driver is being told */
  unsigned budget;         /* of calls that the application still makes */
  unsigned takes;          /* not released */
  uint64_t late_ms;        /* when the loop last was late for a deadline */
  bool tracing;
  struct tally *tally;
};

/* Plays one schedule; on a broken law leaves through law_catcher. */
void world_play(struct world *world, uint64_t seed, bool tracing, struct tally *tally);

/* One line of the trace, with the time. */
__attribute__((format(printf, 3, 4))) void world_trace(const struct world *world,
                                                       const struct subject *subject,
                                                       const char *what, ...);

static inline uint64_t world_below(struct world *world, uint64_t bound) {
  return random_below(&world->random, bound);
}

static inline bool world_chance(struct world *world, unsigned of_64) {
  return world_below(world, 64) < of_64;
}

static inline uint64_t world_now(const struct world *world) { return world->stage.io.now_ms; }

/* When this step began: within it time moves only where handlers work long. */
static inline uint64_t world_step_ms(const struct world *world) {
  return world->stage.io.now_ms - world->stage.io.worked_ms;
}

/* ---- temper.c ---- */

/* Chooses temper and limits. */
void temper_choose(struct world *world);
void temper_choose_limits(struct world *world, fin_conn_options *limits);

/* The time at which this world begins. */
uint64_t temper_beginning(struct world *world);

/* ---- application.c, verbs.c ---- */

enum verb {
  VERB_WRITE,
  VERB_TAKE,
  VERB_END,
  VERB_CLOSE,
  VERB_ABORT,
  VERB_PAUSE,
  VERB_RESUME,
  VERB_SET_TIMER,
  VERB_SET_BUSY,
  VERB_HAND_OVER,
  VERB_COUNT
};

/* The random handlers of this world. */
void application_begin(struct world *world);

/* Calls something on the connection, if it is not gone. */
void application_act(struct world *world, struct subject *subject);
void application_close(struct world *world, struct subject *subject);

/* It has become this one's, with these limits; as accepted or dialled, or handed over. */
void subject_begin_with(struct subject *subject, const struct owner *owner,
                        const fin_conn_options *limits);
void subject_handed_over(struct subject *subject, const struct owner *owner,
                         const fin_conn_options *limits);

/* Whether on_open is still owed after a hand-over. */
bool subject_greet_due(struct subject *subject);

/* ---- the subject's knowledge: invariants.c ---- */

void subject_blame(struct subject *subject, uint32_t reasons, int error);
void subject_failed(struct subject *subject, int error);

/* The handler, or the driver in its place, has closed. */
void subject_closed(struct subject *subject, fin_reason reason);

/* Whether callbacks but on_close may come; whether those that are due must. */
bool subject_may_hear(const struct subject *subject);
bool subject_has_voice(const struct subject *subject);

/* Whether input may be offered, as far as the handler has a say in it. */
bool subject_reading(const struct subject *subject);

/* Bytes accepted and not yet sent, or in a write that is not done. */
uint64_t subject_queued(const struct subject *subject);

#endif
