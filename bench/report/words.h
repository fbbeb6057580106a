/* SPDX-License-Identifier: MIT
 *
 * What table, JSON and page say in the same words. Within report/ only.
 */
#ifndef BENCH_REPORT_WORDS_H
#define BENCH_REPORT_WORDS_H

#include "report/report.h"

enum { WORDS_MAX = 512 };

/* A metric's value, and as text; false and NULL if it is not known. */
bool words_value(const struct report *report, const char *key, double *value);
const char *words_figure(const struct report *report, const char *key, char text[32]);

/* "keepalive, 64 connections, 1 thread, closed loop, 10.0 s" */
const char *words_subject(const struct report *report, char text[WORDS_MAX]);

/* How the load was set, one at a time: what is of no account for this load is left out. */
enum { WORDS_OPTIONS_MAX = 24 };
struct words_option {
  const char *name;
  char text[WORDS_MAX];
};
size_t words_options(const struct load_options *options,
                     struct words_option list[WORDS_OPTIONS_MAX]);

/* What counts as a request: "good reply", "good replies"; "connection" where nothing is said. */
const char *words_request(const struct load_options *options, bool plural);
/* Whether it goes on making connections, so that the time this takes is worth telling. */
bool words_connects(const struct load_options *options);

/* X-lists by number. */
struct words_error {
  const char *name, *meaning;
  uint64_t count;
};
enum {
#define WORDS_ERROR_NUMBER(name, text) WORDS_ERROR_##name,
  LOAD_ERRORS(WORDS_ERROR_NUMBER)
#undef WORDS_ERROR_NUMBER
      WORDS_ERROR_COUNT
};
struct words_error words_error(const struct load_errors *errors, size_t number);

/* What was watched; all zero, hence nothing seen, where nothing was. Never NULL. */
const struct watch_result *words_watch(const struct report *report);

/* Sockets of the server; where it cannot be seen, our own ends, which are all owned. */
uint32_t words_sockets(const struct report *report, const struct watch_sample *sample,
                       fin_tcp_state state, fin_holder holder);

/* One line of what is left over: a state as its holder has it, before the load, at its end, and
 * when nothing changed any more. */
struct words_leftover {
  fin_tcp_state state;
  fin_holder holder;
  const char *name, *meaning; /* "CLOSE-WAIT" */
  uint32_t before, measured, after;
  bool bad; /* the server still holds more of them than before */
};
enum { WORDS_LEFTOVERS_MAX = FIN_TCP_STATE_COUNT * FIN_HOLDER_COUNT };
/* Only what is not zero all along. */
size_t words_leftovers(const struct report *report,
                       struct words_leftover list[WORDS_LEFTOVERS_MAX]);

/* Whether the server kept something; whether it did, or spins. */
bool words_left_over(const struct report *report);
bool words_is_bad(const struct report *report);
/* A server that idles does nothing; if it takes more it spins. */
enum { WORDS_IDLE_CPU_BAD = 5 }; /* percent */
/* A generator that has no time left measures itself. */
enum { WORDS_GENERATOR_BUSY = 90 }; /* percent */
/* All that in some sentences, or what could not be seen. */
const char *words_verdict(const struct report *report, char text[WORDS_MAX]);
/* From when latency was counted, and what that hides. */
const char *words_latency(const struct load_options *options);

#endif
