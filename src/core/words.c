/* SPDX-License-Identifier: MIT
 *
 * Words for reasons, states, errors and the version.
 */
#include <finale/finale.h>
#include <limits.h>
#include <string.h>

#include "lifecycle/lifecycle.h"

_Static_assert(FIN_ST_COUNT <= FIN_STATES_MAX, "a report has room for every state");

struct words {
  const char *name;
  const char *text;
  bool clean;
};

static const struct words reasons[FIN_REASON_COUNT] = {
#define REASON_WORDS(name, clean, text) {#name, text, clean},
    FIN_REASONS(REASON_WORDS)
#undef REASON_WORDS
};

static const struct words *words_of(fin_reason reason) {
  return &reasons[(unsigned)reason < FIN_REASON_COUNT ? reason : FIN_REASON_BUG];
}

const char *fin_reason_name(fin_reason reason) { return words_of(reason)->name; }
const char *fin_reason_text(fin_reason reason) { return words_of(reason)->text; }
bool fin_reason_clean(fin_reason reason) { return words_of(reason)->clean; }

unsigned fin_state_count(void) { return FIN_ST_COUNT; }
const char *fin_state_name(unsigned state) {
  return state < FIN_ST_COUNT ? fin_states[state].name : "?";
}

const char *fin_strerror(int error) {
  const char *text = strerrordesc_np(error < 0 && error > INT_MIN ? -error : error);
  return text ? text : "unknown error";
}

#define TEXT_OF(number) #number
#define VERSION_TEXT(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *fin_version(void) {
  return VERSION_TEXT(FIN_VERSION_MAJOR, FIN_VERSION_MINOR, FIN_VERSION_PATCH);
}
