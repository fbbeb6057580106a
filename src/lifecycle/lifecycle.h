/* SPDX-License-Identifier: MIT
 *
 * The life of a connection as a dense table, generated from lifecycle.def. Pure: knows neither
 * sockets nor clocks nor handlers.
 */
#ifndef FIN_LIFECYCLE_H
#define FIN_LIFECYCLE_H

#include <stdint.h>

enum fin_state {
#define STATE(name, input, output, bound, kernel) FIN_ST_##name,
#include "lifecycle/lifecycle.def"
  FIN_ST_COUNT
};

enum fin_event {
#define EVENT(name, from, meaning) FIN_EV_##name,
#include "lifecycle/lifecycle.def"
  FIN_EV_COUNT
};

enum fin_action_bit {
#define ACTION(name, meaning) FIN_BIT_##name,
#include "lifecycle/lifecycle.def"
  FIN_ACTION_COUNT
};

enum fin_action {
  FIN_DO_NOTHING = 0,
#define ACTION(name, meaning) FIN_DO_##name = 1 << FIN_BIT_##name,
#include "lifecycle/lifecycle.def"
};

enum fin_input { FIN_INPUT_HOLD, FIN_INPUT_DELIVER, FIN_INPUT_DISCARD, FIN_INPUT_NONE };
enum fin_output { FIN_OUTPUT_ACCEPT, FIN_OUTPUT_FIN, FIN_OUTPUT_NONE };
enum fin_bound {
  FIN_BOUND_NONE,
  FIN_BOUND_OPEN,
  FIN_BOUND_IDLE,
  FIN_BOUND_HALF,
  FIN_BOUND_STALL,
  FIN_BOUND_LINGER
};
enum fin_source { FIN_FROM_IO, FIN_FROM_HANDLER, FIN_FROM_CLOCK };

struct fin_state_info {
  const char *name;
  uint8_t input;  /* enum fin_input */
  uint8_t output; /* enum fin_output */
  uint8_t bound;  /* enum fin_bound */
  const char *kernel;
};

struct fin_event_info {
  const char *name;
  uint8_t source; /* enum fin_source */
  const char *meaning;
};

enum fin_step_kind { FIN_IMPOSSIBLE, FIN_ROW, FIN_IGNORED };

/* What one event does in one state. An ignored event leaves the state as it is. */
struct fin_step {
  uint8_t kind;    /* enum fin_step_kind */
  uint8_t to;      /* enum fin_state */
  uint8_t actions; /* enum fin_action, or-ed */
};

typedef struct fin_step fin_lifecycle_table[FIN_ST_COUNT][FIN_EV_COUNT];

extern const fin_lifecycle_table fin_lifecycle;
extern const struct fin_state_info fin_states[FIN_ST_COUNT];
extern const struct fin_event_info fin_events[FIN_EV_COUNT];
extern const char *const fin_action_names[FIN_ACTION_COUNT];

#endif
