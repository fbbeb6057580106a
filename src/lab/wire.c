/* SPDX-License-Identifier: MIT
 *
 * See wire.h. A segment that has entered is in one of two lists: `late`, which leaves by the clock
 * and in order, or `held`, which leaves when somebody says so.
 */
#include "lab/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/port.h"
#include "lab/segment.h"

enum { FRAMES_AT_ONCE = 256, MS = 1000000, RETRY_MS = 1 };

struct frame {
  struct frame *next;
  uint64_t due_ns; /* 0: none, it waits to be released */
  struct lab_segment segment;
  size_t size;
  uint8_t bytes[];
};

struct list {
  struct frame *first, **end;
  size_t count;
};

struct lab_wire {
  struct lab_wire_options options;
  struct lab_rule rules[LAB_RULES_MAX];
  struct lab_port ports[2]; /* by the side that they lead to */
  uv_poll_t readable[2];
  uv_timer_t timer;
  unsigned handles; /* not yet closed */
  struct lab_flows flows;
  struct list late, held;
  uint64_t numbers, lost;
};

/* ---- lists ---- */

static void append(struct list *list, struct frame *frame) {
  frame->next = NULL;
  *list->end = frame;
  list->end = &frame->next;
  list->count++;
}

static struct frame *cut(struct list *list, struct frame **at) {
  struct frame *frame = *at;
  *at = frame->next;
  if (*at == NULL) list->end = at;
  list->count--;
  return frame;
}

static void clear(struct list *list) {
  while (list->first != NULL) free(cut(list, &list->first));
}

/* ---- leaving ---- */

static void tell(struct lab_wire *wire, const struct lab_segment *segment, bool leaves) {
  struct lab_event event = {.at_ns = uv_hrtime(), .kind = LAB_SEGMENT, .segment = *segment};
  event.segment.leaves = leaves;
  if (wire->options.on_segment != NULL) wire->options.on_segment(wire->options.context, &event);
}

/* False: not now. What is refused for good is lost. */
static bool pass(struct lab_wire *wire, enum lab_side from, const uint8_t *frame, size_t size) {
  struct lab_port *to = &wire->ports[from == LAB_CLIENT ? LAB_SERVER : LAB_CLIENT];
  const int error = lab_port_send(to, frame, size);
  if (error == -EAGAIN) return false;
  if (error != 0) wire->lost++;
  return true;
}

static bool leave(struct lab_wire *wire, const struct lab_segment *segment, const uint8_t *frame,
                  size_t size) {
  if (!pass(wire, segment->from, frame, size)) return false;
  tell(wire, segment, true);
  if (segment->fate != LAB_DUPLICATED) return true;
  if (pass(wire, segment->from, frame, size)) tell(wire, segment, true);
  return true;
}

static struct frame **find_overdue(struct list *list, uint64_t now) {
  struct frame **at = &list->first;
  while (*at != NULL && ((*at)->due_ns == 0 || (*at)->due_ns > now)) at = &(*at)->next;
  return *at != NULL ? at : NULL;
}

static void on_timer(uv_timer_t *timer);

/* For the segment that leaves next, if the clock makes it. */
static void arm(struct lab_wire *wire) {
  const uint64_t now = uv_hrtime();
  uint64_t due = wire->late.first != NULL ? wire->late.first->due_ns : UINT64_MAX;
  for (const struct frame *frame = wire->held.first; frame != NULL; frame = frame->next)
    if (frame->due_ns != 0 && frame->due_ns < due) due = frame->due_ns;
  uv_timer_stop(&wire->timer);
  if (due == UINT64_MAX) return;
  uv_update_time(wire->options.loop);
  uv_timer_start(&wire->timer, on_timer, due > now ? (due - now + MS - 1) / MS : RETRY_MS, 0);
}

static void on_timer(uv_timer_t *timer) {
  struct lab_wire *wire = timer->data;
  const uint64_t now = uv_hrtime();
  struct frame **at;
  while ((at = find_overdue(&wire->held, now)) != NULL)
    lab_wire_release(wire, (*at)->segment.number);
  while (wire->late.first != NULL && wire->late.first->due_ns <= now) {
    struct frame *frame = wire->late.first;
    if (!leave(wire, &frame->segment, frame->bytes, frame->size)) break;
    free(cut(&wire->late, &wire->late.first));
  }
  arm(wire);
}

/* ---- entering ---- */

static void keep(struct lab_wire *wire, struct list *list, const struct lab_segment *segment,
                 uint64_t due_ns, const uint8_t *bytes, size_t size) {
  struct frame *frame = malloc(sizeof *frame + size);
  if (frame == NULL) {
    wire->lost++;
    return;
  }
  frame->due_ns = due_ns;
  frame->segment = *segment;
  frame->size = size;
  memcpy(frame->bytes, bytes, size);
  append(list, frame);
  if (due_ns != 0 && (list == &wire->held || !uv_is_active((uv_handle_t *)&wire->timer))) arm(wire);
}

static const struct lab_rule *decide(struct lab_wire *wire, struct lab_flow *flow,
                                     struct lab_segment *segment) {
  const struct lab_rule *rule =
      lab_flow_strike(flow, segment, wire->rules, wire->options.rule_count);
  segment->fate = flow->vanished ? LAB_DROPPED : rule != NULL ? rule->fate : LAB_PASSED;
  if (segment->fate == LAB_PASSED && wire->options.step) segment->fate = LAB_HELD;
  return rule;
}

static void enter(struct lab_wire *wire, enum lab_side from, const uint8_t *frame, size_t size) {
  struct lab_tcp tcp;
  struct lab_segment segment;
  struct lab_flow *flow;
  const struct lab_rule *rule;
  const uint64_t now = uv_hrtime();
  uint64_t due = now + (uint64_t)wire->options.delay_ms * MS;
  if (!lab_tcp_parse(frame, size, &tcp)) {
    if (!pass(wire, from, frame, size)) wire->lost++;
    return;
  }
  flow = lab_flow_take(&wire->flows, from, &tcp, &segment);
  if (flow == NULL) {
    wire->lost++;
    return;
  }
  segment.number = ++wire->numbers;
  rule = decide(wire, flow, &segment);
  if (segment.fate == LAB_HELD) {
    due = rule != NULL && rule->hold_ms > 0 ? now + (uint64_t)rule->hold_ms * MS : 0;
    keep(wire, &wire->held, &segment, due, frame, size);
  }
  tell(wire, &segment, false);
  if (segment.fate == LAB_DROPPED || segment.fate == LAB_HELD) return;
  if (wire->options.delay_ms == 0 && wire->late.first == NULL && leave(wire, &segment, frame, size))
    return;
  keep(wire, &wire->late, &segment, due, frame, size);
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  struct lab_wire *wire = poll->data;
  const enum lab_side from = poll == &wire->readable[LAB_CLIENT] ? LAB_CLIENT : LAB_SERVER;
  struct lab_port *port = &wire->ports[from];
  const uint8_t *frame;
  size_t size;
  (void)status, (void)events;
  for (int i = 0; i < FRAMES_AT_ONCE && (frame = lab_port_next(port, &size)) != NULL; i++) {
    enter(wire, from, frame, size);
    lab_port_dismiss(port);
  }
}

/* ---- for whoever decides over the wire ---- */

static struct frame *take_held(struct lab_wire *wire, uint64_t number) {
  struct frame **at = &wire->held.first;
  while (*at != NULL && number != 0 && (*at)->segment.number != number) at = &(*at)->next;
  return *at != NULL ? cut(&wire->held, at) : NULL;
}

size_t lab_wire_held(const struct lab_wire *wire) { return wire->held.count; }

bool lab_wire_release(struct lab_wire *wire, uint64_t number) {
  struct frame *frame = take_held(wire, number);
  if (frame == NULL) return false;
  if (!leave(wire, &frame->segment, frame->bytes, frame->size)) {
    frame->due_ns = uv_hrtime();
    append(&wire->late, frame);
    arm(wire);
    return true;
  }
  free(frame);
  return true;
}

bool lab_wire_discard(struct lab_wire *wire, uint64_t number) {
  struct frame *frame = take_held(wire, number);
  if (frame == NULL) return false;
  frame->segment.fate = LAB_DROPPED;
  tell(wire, &frame->segment, true);
  free(frame);
  return true;
}

void lab_wire_step(struct lab_wire *wire, bool on) {
  wire->options.step = on;
  while (!on && lab_wire_release(wire, 0)) continue;
}

void lab_wire_vanish(struct lab_wire *wire, uint16_t client_port) {
  struct lab_flow *flow = wire->flows.by_client_port[client_port];
  for (; flow != NULL; flow = flow->next) flow->vanished = true;
}

uint64_t lab_wire_lost(struct lab_wire *wire) {
  return wire->lost + lab_port_lost(&wire->ports[LAB_CLIENT]) +
         lab_port_lost(&wire->ports[LAB_SERVER]);
}

/* ---- begin and end ---- */

static void release(struct lab_wire *wire) {
  lab_port_close(&wire->ports[LAB_CLIENT]);
  lab_port_close(&wire->ports[LAB_SERVER]);
  clear(&wire->late);
  clear(&wire->held);
  lab_flows_release(&wire->flows);
  free(wire);
}

static void on_close(uv_handle_t *handle) {
  struct lab_wire *wire = handle->data;
  if (--wire->handles == 0) release(wire);
}

void lab_wire_free(struct lab_wire *wire) {
  if (wire == NULL) return;
  wire->options.on_segment = NULL;
  for (unsigned i = wire->handles - 1; i > 0; i--)
    uv_close((uv_handle_t *)&wire->readable[i - 1], on_close);
  uv_close((uv_handle_t *)&wire->timer, on_close);
}

/* From here on the loop knows the wire: lab_wire_free is the way out. */
static int join_loop(struct lab_wire *wire) {
  int error = uv_timer_init(wire->options.loop, &wire->timer);
  wire->timer.data = wire;
  wire->handles = 1;
  for (size_t side = 0; side < 2 && error == 0; side++) {
    uv_poll_t *poll = &wire->readable[side];
    error = uv_poll_init(wire->options.loop, poll, wire->ports[side].fd);
    if (error != 0) break;
    poll->data = wire;
    wire->handles++;
    error = uv_poll_start(poll, UV_READABLE, on_readable);
  }
  return error;
}

/* Nothing that the loop knows of yet. */
static int open_ends(struct lab_wire *wire, const struct lab_wire_options *options) {
  int error;
  wire->options = *options;
  for (size_t i = 0; i < options->rule_count; i++) wire->rules[i] = options->rules[i];
  wire->late.end = &wire->late.first;
  wire->held.end = &wire->held.first;
  wire->ports[LAB_SERVER].fd = -1;
  error = lab_port_open(&wire->ports[LAB_CLIENT], options->spaces->inner[LAB_CLIENT]);
  if (error != 0) return error;
  return lab_port_open(&wire->ports[LAB_SERVER], options->spaces->inner[LAB_SERVER]);
}

struct lab_wire *lab_wire_new(const struct lab_wire_options *options, char why[LAB_WHY_MAX]) {
  struct lab_wire *wire;
  int error;
  if (options->rule_count > LAB_RULES_MAX) {
    snprintf(why, LAB_WHY_MAX, "%zu rules for the wire: at most %d are possible",
             options->rule_count, LAB_RULES_MAX);
    return NULL;
  }
  wire = calloc(1, sizeof *wire);
  error = wire != NULL ? open_ends(wire, options) : -ENOMEM;
  if (error == 0) error = join_loop(wire);
  if (error == 0) return wire;
  snprintf(why, LAB_WHY_MAX, "the wire cannot be tapped: %s", strerror(-error));
  if (wire != NULL && wire->handles > 0)
    lab_wire_free(wire);
  else if (wire != NULL)
    release(wire);
  return NULL;
}
