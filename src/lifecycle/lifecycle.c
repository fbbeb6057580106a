/* SPDX-License-Identifier: MIT
 *
 * The tables that lifecycle.def expands to.
 */
#include "lifecycle/lifecycle.h"

enum { /* the action names as lifecycle.def writes them */
       NO_ACTION = 0,
#define ACTION(name, meaning) name = FIN_DO_##name,
#include "lifecycle/lifecycle.def"
};

const fin_lifecycle_table fin_lifecycle = {
#define ROW(from, event, to, actions) \
  [FIN_ST_##from][FIN_EV_##event] = {FIN_ROW, FIN_ST_##to, (uint8_t)(actions)},
#define IGNORE(state, event, why) \
  [FIN_ST_##state][FIN_EV_##event] = {FIN_IGNORED, FIN_ST_##state, NO_ACTION},
#include "lifecycle/lifecycle.def"
};

const struct fin_state_info fin_states[FIN_ST_COUNT] = {
#define STATE(name, input, output, bound, kernel) \
  {#name, FIN_INPUT_##input, FIN_OUTPUT_##output, FIN_BOUND_##bound, kernel},
#include "lifecycle/lifecycle.def"
};

const struct fin_event_info fin_events[FIN_EV_COUNT] = {
#define EVENT(name, from, meaning) {#name, FIN_FROM_##from, meaning},
#include "lifecycle/lifecycle.def"
};

const char *const fin_action_names[FIN_ACTION_COUNT] = {
#define ACTION(name, meaning) #name,
#include "lifecycle/lifecycle.def"
};
