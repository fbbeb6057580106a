/* SPDX-License-Identifier: MIT
 *
 * See played.h.
 */
#include "lab/played.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/within.h"

static const char *from_environment(const char *name) {
  const char *const value = getenv(name);
  within_check(value != NULL, "%s is not set", name);
  return value;
}

static void write_text(const char *path, const char *text) {
  FILE *const file = fopen(path, "we");
  within_check(file != NULL, "%s: %s", path, strerror(errno));
  fputs(text, file);
  within_check(fclose(file) == 0, "%s: %s", path, strerror(errno));
}

static void build(struct played *played, const char *source, const char *flags) {
  const char *const compiler = getenv("CC");
  char path[512], command[1024];
  if (strchr(source, '\n') != NULL) {
    snprintf(path, sizeof path, "%s/program.c", played->directory);
    write_text(path, source);
  } else {
    snprintf(path, sizeof path, "%s/%s", from_environment("FINALE_SOURCE_DIR"), source);
  }
  snprintf(command, sizeof command, "%s -D_GNU_SOURCE %s -o %s %s -luv",
           compiler != NULL ? compiler : "cc", flags != NULL ? flags : "", played->program, path);
  within_check(system(command) == 0, "%s", command);
}

void played_begin(struct played *played, const char *source, const char *flags,
                  const char *expect) {
  static char calls[512];
  bool read;
  *played = (struct played){0};
  snprintf(played->directory, sizeof played->directory, "/tmp/finale-played-XXXXXX");
  within_check(mkdtemp(played->directory) != NULL, "%s", strerror(errno));
  snprintf(played->program, sizeof played->program, "%s/program", played->directory);
  build(played, source, flags);
  if (strchr(expect, '\n') != NULL) {
    read = lab_expect_parse("text", expect, strlen(expect), &played->expect, played->why);
  } else {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", from_environment("FINALE_SOURCE_DIR"), expect);
    read = lab_expect_read(path, &played->expect, played->why);
  }
  within_check(read, "%s", played->why);
  snprintf(calls, sizeof calls, "%s/lab/calls.so", from_environment("FINALE_BINARY_DIR"));
  played->options = (struct lab_run_options){
      .expect = &played->expect,
      .program = played->program,
      .calls = calls,
      .delay_ms = LAB_DELAY_AS_EXPECTED,
  };
}

void played_run(struct played *played) {
  const bool ok = lab_run(&played->options, &played->story, played->why);
  if (!ok && !played->story.wire && played->story.why_no_wire[0] != '\0') {
    char why[sizeof played->story.why_no_wire];
    memcpy(why, played->story.why_no_wire, sizeof why);
    played_end(played);
    within_skip("%s", why);
  }
  within_check(ok, "%s", played->why);
}

void played_end(struct played *played) {
  char command[128];
  lab_story_release(&played->story);
  lab_expect_release(&played->expect);
  snprintf(command, sizeof command, "rm -r %s", played->directory);
  within_check(system(command) == 0, "%s", command);
}

/* ---- questions ---- */

static bool is_new(const struct lab_state *state) {
  return state->to != FIN_TCP_LISTEN &&
         (state->from == FIN_TCP_ANY || state->from == FIN_TCP_LISTEN);
}

/* The client's port of the n-th connection; 0: there is none. */
static uint16_t port_of(const struct played *played, enum lab_side side, size_t nth) {
  for (size_t i = 0; i < played->story.count; i++) {
    const struct lab_event *const event = &played->story.events[i];
    if (event->kind != LAB_STATE || event->state.side != side || !is_new(&event->state)) continue;
    if (nth-- == 0) return event->state.client_port;
  }
  return 0;
}

const char *played_way(const struct played *played, enum lab_side side, size_t nth) {
  static char way[512];
  const uint16_t port = port_of(played, side, nth);
  size_t len = 0;
  way[0] = '\0';
  for (size_t i = 0; i < played->story.count && port != 0; i++) {
    const struct lab_event *const event = &played->story.events[i];
    const struct lab_state *const state = &event->state;
    if (event->kind != LAB_STATE || state->side != side || state->client_port != port) continue;
    if (state->from == state->to) continue;
    within_check(lab_transition_legal(state->from, state->to), "%s -> %s behind %s",
                 fin_tcp_state_name(state->from), fin_tcp_state_name(state->to), way);
    len += (size_t)snprintf(way + len, sizeof way - len, "%s%s", len > 0 ? " " : "",
                            state->to == FIN_TCP_ANY ? "gone" : fin_tcp_state_name(state->to));
    within_check(len < sizeof way, "%s", way);
  }
  return way;
}

const struct lab_state *played_last(const struct played *played, enum lab_side side, size_t nth) {
  const uint16_t port = port_of(played, side, nth);
  const struct lab_state *last = NULL;
  for (size_t i = 0; i < played->story.count && port != 0; i++) {
    const struct lab_event *const event = &played->story.events[i];
    if (event->kind == LAB_STATE && event->state.side == side && event->state.client_port == port)
      last = &event->state;
  }
  return last;
}

const char *played_calls(const struct played *played) {
  static char calls[1024];
  size_t len = 0;
  calls[0] = '\0';
  for (size_t i = 0; i < played->story.count && len < sizeof calls; i++) {
    const struct lab_event *const event = &played->story.events[i];
    if (event->kind == LAB_CALL)
      len += (size_t)snprintf(calls + len, sizeof calls - len, "%s%s", len > 0 ? " " : "",
                              event->call.name);
  }
  return calls;
}

int64_t played_grew(const struct played *played, enum lab_side side, const char *counter) {
  for (size_t i = 0; i < played->story.counter_count; i++) {
    const struct lab_counter *const found = &played->story.counters[i];
    if (found->side == side && strcmp(found->name, counter) == 0) return found->grew;
  }
  return 0;
}

unsigned played_descriptors(const struct played *played) {
  const struct lab_count *first = NULL, *last = NULL;
  for (size_t i = 0; i < played->story.count; i++) {
    if (played->story.events[i].kind != LAB_COUNT) continue;
    last = &played->story.events[i].count;
    if (first == NULL) first = last;
  }
  within_check(first != NULL, "nothing was counted");
  return last->descriptors - first->descriptors;
}

bool played_failed(const struct played *played) {
  for (size_t i = 0; i < played->story.count; i++) {
    const struct lab_event *const event = &played->story.events[i];
    if (event->kind == LAB_SAID && event->said.side == LAB_CLIENT && event->said.failed)
      return true;
  }
  return false;
}
