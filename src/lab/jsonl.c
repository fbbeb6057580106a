/* SPDX-License-Identifier: MIT
 *
 * See jsonl.h. What is not known, or not there, is left out.
 */
#include "lab/jsonl.h"

#include <stdlib.h>
#include <string.h>

#include "lab/segment.h"

static const char *const sides[] = {"client", "server"};

static const char *const sources[] = {
#define NAME(name, text) text,
    LAB_SOURCES(NAME)
#undef NAME
};

static const char *const fates[] = {
#define NAME(name, text) text,
    LAB_FATES(NAME)
#undef NAME
};

/* ---- members ---- */

json_t *lab_json_text(const char *text) {
  json_t *value = json_string(text);
  char *const clean = value == NULL ? strdup(text) : NULL;
  for (char *c = clean; c != NULL && *c != '\0'; c++)
    if ((unsigned char)*c >= 0x80) *c = '?';
  if (clean != NULL) value = json_string(clean);
  free(clean);
  return value;
}

static void add_text(json_t *object, const char *key, const char *text) {
  json_object_set_new(object, key, lab_json_text(text));
}

static void add_number(json_t *object, const char *key, int64_t value) {
  json_object_set_new(object, key, json_integer(value));
}

static void add_bool(json_t *object, const char *key, bool value) {
  json_object_set_new(object, key, json_boolean(value));
}

static double seconds(uint64_t began_ns, uint64_t at_ns) {
  return at_ns >= began_ns ? (double)(at_ns - began_ns) / 1e9 : -(double)(began_ns - at_ns) / 1e9;
}

static void add_seconds(json_t *object, const char *key, double value) {
  json_object_set_new(object, key, json_real(value));
}

static void add_ports(json_t *object, uint16_t client_port, uint16_t server_port) {
  if (client_port != 0) add_number(object, "client_port", client_port);
  if (server_port != 0) add_number(object, "server_port", server_port);
}

/* ---- kinds ---- */

static void add_segment(json_t *object, const struct lab_segment *segment) {
  static const struct {
    uint8_t flag;
    const char *name;
  } flags[] = {{TCP_SYN, "SYN"}, {TCP_FIN, "FIN"}, {TCP_RST, "RST"}, {8, "PSH"}, {TCP_ACK, "ACK"}};
  json_t *names = json_array();
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (segment->flags & flags[i].flag) json_array_append_new(names, json_string(flags[i].name));
  add_text(object, "kind", "segment");
  add_number(object, "number", (int64_t)segment->number);
  add_text(object, "from", sides[segment->from]);
  add_text(object, "does", segment->leaves ? "leave" : "enter");
  if (segment->fate != LAB_PASSED) add_text(object, "fate", fates[segment->fate]);
  add_ports(object, segment->client_port, segment->server_port);
  json_object_set_new(object, "flags", names);
  add_number(object, "seq", segment->seq);
  if (segment->flags & TCP_ACK) add_number(object, "ack", segment->ack);
  add_number(object, "len", segment->len);
  add_number(object, "window", segment->window);
}

static const char *state_name(fin_tcp_state state) {
  return lab_is_closed(state) ? "CLOSED" : fin_tcp_state_name(state);
}

static void add_state(json_t *object, const struct lab_state *state) {
  add_text(object, "kind", "state");
  add_text(object, "side", sides[state->side]);
  add_text(object, "source", sources[state->source]);
  add_ports(object, state->client_port, state->server_port);
  if (state->cookie != 0) add_number(object, "cookie", (int64_t)state->cookie);
  add_text(object, "from", state_name(state->from));
  add_text(object, "to", state_name(state->to));
  if (state->from != state->to && !lab_transition_legal(state->from, state->to))
    add_bool(object, "legal", false);
  if (lab_is_closed(state->to)) return;
  if (state->holder != FIN_HOLDER_ANY) add_text(object, "holder", fin_holder_name(state->holder));
  add_number(object, "recv_queue", state->recv_queue);
  add_number(object, "send_queue", state->send_queue);
  add_text(object, "timer", fin_tcp_timer_name(state->timer));
  if (state->timer != FIN_TCP_TIMER_NONE) add_number(object, "timer_ms", state->timer_ms);
  if (state->owner[0] != '\0') add_text(object, "owner", state->owner);
  if (state->owner[0] != '\0' && state->fd >= 0) add_number(object, "fd", state->fd);
}

static void add_call(json_t *object, const struct lab_call *call) {
  add_text(object, "kind", "call");
  add_text(object, "name", call->name);
  add_number(object, "pid", call->pid);
  if (call->fd >= 0) add_number(object, "fd", call->fd);
  add_number(object, "result", call->result);
  if (call->times > 1) add_number(object, "times", call->times);
  if (call->error != 0)
    add_text(object, "error",
             strerrorname_np(call->error) != NULL ? strerrorname_np(call->error) : "?");
  if (call->cookie != 0) add_number(object, "cookie", (int64_t)call->cookie);
  add_ports(object, call->client_port, call->server_port);
}

static void add_said(json_t *object, const struct lab_said *said) {
  add_text(object, "kind", "step");
  add_text(object, "side", sides[said->side]);
  add_number(object, "player", said->player);
  add_number(object, "line", said->line);
  add_ports(object, said->client_port, 0);
  add_bool(object, "ok", !said->failed);
  add_bool(object, "last", said->last);
  add_text(object, "text", said->text);
}

static void add_point(json_t *object, const struct lab_point *point) {
  static const char *const marks[] = {"ready", "played", "ended", "looked", "failed"};
  add_text(object, "kind", "point");
  add_text(object, "mark", marks[point->mark]);
  add_text(object, "side", sides[point->side]);
  if (point->mark == LAB_ENDED) add_number(object, "status", point->status);
  if (point->text[0] != '\0') add_text(object, "text", point->text);
}

/* ---- lines ---- */

static bool print(FILE *out, json_t *object) {
  const bool good = object != NULL &&
                    json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0 &&
                    fputc('\n', out) != EOF;
  json_decref(object);
  return good;
}

bool lab_jsonl_event(FILE *out, uint64_t began_ns, const struct lab_event *event) {
  json_t *object = json_object();
  if (object == NULL) return false;
  add_seconds(object, "at", seconds(began_ns, event->at_ns));
  switch (event->kind) {
    case LAB_SEGMENT:
      add_segment(object, &event->segment);
      break;
    case LAB_STATE:
      add_state(object, &event->state);
      break;
    case LAB_CALL:
      add_call(object, &event->call);
      break;
    case LAB_COUNT:
      add_text(object, "kind", "count");
      add_number(object, "descriptors", event->count.descriptors);
      add_number(object, "invisible", event->count.invisible);
      add_number(object, "backlog", event->count.backlog);
      break;
    case LAB_SAID:
      add_said(object, &event->said);
      break;
    case LAB_POINT:
      add_point(object, &event->point);
      break;
  }
  return print(out, object);
}

static json_t *counters(const struct lab_story *story) {
  json_t *all = json_object();
  for (unsigned side = 0; side < 2; side++) {
    json_t *of = json_object();
    for (size_t i = 0; i < story->counter_count; i++)
      if (story->counters[i].side == side)
        add_number(of, story->counters[i].name, story->counters[i].grew);
    json_object_set_new(all, sides[side], of);
  }
  return all;
}

static json_t *verdicts(const struct lab_judgement *judgement) {
  json_t *all = json_array();
  for (size_t i = 0; i < judgement->count; i++) {
    const struct lab_finding *finding = &judgement->findings[i];
    json_t *one = json_object();
    add_text(one, "claim", finding->claim->source);
    add_number(one, "line", finding->claim->line);
    add_text(one, "verdict", lab_verdict_name(finding->verdict));
    add_text(one, "seen", finding->seen);
    json_array_append_new(all, one);
  }
  return all;
}

static json_t *opinions(const struct lab_diagnosis *diagnosis) {
  json_t *all = json_array();
  for (size_t i = 0; i < diagnosis->count; i++) {
    const struct lab_opinion *opinion = &diagnosis->opinions[i];
    json_t *one = json_object(), *reasons = json_array();
    add_text(one, "cause", lab_cause_name(opinion->cause));
    add_number(one, "weight", opinion->weight);
    for (size_t k = 0; k < opinion->reason_count; k++)
      json_array_append_new(reasons, lab_json_text(opinion->reasons[k]));
    json_object_set_new(one, "reasons", reasons);
    json_array_append_new(all, one);
  }
  return all;
}

bool lab_jsonl_end(FILE *out, const struct lab_story *story, const struct lab_judgement *judgement,
                   const struct lab_diagnosis *diagnosis) {
  json_t *object = json_object();
  if (object == NULL) return false;
  add_seconds(object, "at", seconds(story->began_ns, story->ended_ns));
  add_text(object, "kind", "end");
  add_bool(object, "wire", story->wire);
  if (!story->wire) add_text(object, "why_no_wire", story->why_no_wire);
  add_bool(object, "stopped", story->stopped);
  add_number(object, "lost_frames", (int64_t)story->lost_frames);
  add_bool(object, "exited", story->exited);
  if (story->exited) add_number(object, "status", story->status);
  json_object_set_new(object, "counters", counters(story));
  if (judgement != NULL) json_object_set_new(object, "claims", verdicts(judgement));
  if (judgement != NULL) add_number(object, "breaches", (int64_t)judgement->breach_count);
  if (diagnosis != NULL) json_object_set_new(object, "causes", opinions(diagnosis));
  return print(out, object);
}

bool lab_jsonl_print(FILE *out, const struct lab_story *story,
                     const struct lab_judgement *judgement, const struct lab_diagnosis *diagnosis) {
  bool good = true;
  for (size_t i = 0; i < story->count && good; i++)
    good = lab_jsonl_event(out, story->began_ns, &story->events[i]);
  return good && lab_jsonl_end(out, story, judgement, diagnosis) && fflush(out) == 0;
}
