/* SPDX-License-Identifier: MIT
 *
 * See timeline.h. What happens at almost the same time, in different columns, shares a line. What
 * is repeated in quick succession is told three times and then counted.
 */
#include "lab/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "lab/judge.h"
#include "lab/segment.h"
#include "lab/timeline_text.h"

enum { BURST_SHOWN = 3, CALLS_KNOWN = 16 };

#define MS UINT64_C(1000000)
#define SAME_TIME (8 * MS)    /* somewhat more than the time between two looks */
#define BURST_PAUSE (60 * MS) /* after which another burst begins */
#define SILENCE (900 * MS)    /* that a reader should not overlook */
#define SETTLED (350 * MS)    /* since a queue's last change: what is on its way has arrived */
#define UNSETTLED (1000 * MS) /* a queue that goes on changing is told all the same */

struct burst {
  uint64_t last_ns;
  unsigned shown, hidden;
  uint64_t bytes;
  struct lab_event last; /* the last that was hidden */
};

struct connection {
  uint16_t client_port, server_port;
  struct burst bursts[2][2]; /* by sender, and whether it leaves */
};

struct socket { /* what of it was told last */
  struct lab_state told, now;
  bool waiting;                  /* now is another, and not told yet */
  uint64_t since_ns, changed_ns; /* that it waits; the last change */
};

struct calls {
  char name[12];
  int fd;
  struct burst burst;
};

struct lab_timeline {
  struct lab_timeline_options options;
  struct sheet sheet;
  struct connection *connections;
  size_t connection_count;
  struct socket *sockets;
  size_t socket_count;
  struct calls calls[CALLS_KNOWN];
  struct lab_count counted;
  bool has_counted, has_begun;

  struct line line;  /* the last one, which may not be complete */
  uint64_t shown_ns; /* the line before it */
  bool has_line;
  unsigned rows; /* that it takes in the terminal; 0: not written yet */
};

/* ---- lines ---- */

void lab_timeline_settle(struct lab_timeline *timeline) {
  if (timeline->has_line && timeline->rows == 0) sheet_line(&timeline->sheet, &timeline->line);
  timeline->has_line = false;
  timeline->rows = 0;
  fflush(timeline->options.out);
}

static void begin(struct lab_timeline *timeline, uint64_t at_ns) {
  if (timeline->has_begun) return;
  timeline->has_begun = true;
  if (timeline->sheet.began_ns == 0) timeline->sheet.began_ns = at_ns;
  sheet_head(&timeline->sheet, &timeline->options);
}

static bool fits(const struct lab_timeline *timeline, uint64_t at_ns, unsigned connection,
                 enum column column) {
  const uint64_t line = timeline->line.at_ns;
  const uint64_t apart = at_ns > line ? at_ns - line : line - at_ns;
  return timeline->has_line && timeline->line.connection == connection && apart <= SAME_TIME &&
         timeline->line.cells[column].text[0] == '\0';
}

static void show(struct lab_timeline *timeline, uint64_t at_ns, unsigned connection,
                 enum column column, const struct cell *cell) {
  if (!fits(timeline, at_ns, connection, column)) {
    lab_timeline_settle(timeline);
    if (timeline->shown_ns > 0 && at_ns > timeline->shown_ns + SILENCE)
      sheet_pause(&timeline->sheet);
    timeline->shown_ns = at_ns;
    timeline->line = (struct line){.at_ns = at_ns, .connection = connection};
    timeline->has_line = true;
  }
  timeline->line.cells[column] = *cell;
  if (!timeline->options.rewrites) return;
  if (timeline->rows > 0) fprintf(timeline->options.out, "\033[%uA\r\033[J", timeline->rows);
  timeline->rows = sheet_line(&timeline->sheet, &timeline->line);
  fflush(timeline->options.out);
}

static void show_point(struct lab_timeline *timeline, uint64_t at_ns, const char *text,
                       enum tone tone) {
  lab_timeline_settle(timeline);
  sheet_point(&timeline->sheet, at_ns, text, tone);
}

static enum column side_column(enum lab_side side) {
  return side == LAB_CLIENT ? COLUMN_CLIENT : COLUMN_SERVER;
}

/* ---- connections, counted in the order in which they appear ---- */

static unsigned number_of(struct lab_timeline *timeline, uint16_t client_port,
                          uint16_t server_port) {
  if (client_port == 0) return 0;
  for (size_t i = 0; i < timeline->connection_count; i++)
    if (timeline->connections[i].client_port == client_port &&
        timeline->connections[i].server_port == server_port)
      return (unsigned)i + 1;
  struct connection *grown =
      realloc(timeline->connections, (timeline->connection_count + 1) * sizeof *grown);
  if (grown == NULL) return 0;
  timeline->connections = grown;
  grown[timeline->connection_count] =
      (struct connection){.client_port = client_port, .server_port = server_port};
  if (timeline->connection_count == 1) timeline->sheet.told_apart = true;
  return (unsigned)++timeline->connection_count;
}

/* ---- bursts ---- */

/* Whether it is to be told; otherwise it is counted. */
static bool is_told(struct burst *burst, const struct lab_event *event, uint64_t bytes,
                    unsigned times) {
  burst->last_ns = event->at_ns;
  if (burst->shown < BURST_SHOWN && times <= 1) {
    burst->shown++;
    return true;
  }
  burst->shown = BURST_SHOWN;
  burst->hidden += times > 1 ? times : 1;
  burst->bytes += bytes;
  burst->last = *event;
  return false;
}

/* That there were more is known when they have ceased, and other lines may have come since: time
 * runs down all the same. */
static uint64_t not_before(const struct lab_timeline *timeline, uint64_t at_ns) {
  return at_ns > timeline->shown_ns ? at_ns : timeline->shown_ns;
}

static void show_hidden_segments(struct lab_timeline *timeline, const struct burst *burst,
                                 unsigned connection) {
  struct cell cell;
  timeline_segment(&burst->last.segment, false, 0, &cell);
  if (burst->hidden > 1) {
    cell.text[0] = '\0';
    lab_say(cell.text, CELL_MAX, "%u more", burst->hidden);
    if (burst->bytes > 0)
      lab_say(cell.text, CELL_MAX, ", %.*f%s", burst->bytes < 10000 ? 0 : 1,
              burst->bytes < 10000 ? (double)burst->bytes : (double)burst->bytes / 1000,
              burst->bytes < 10000 ? " B" : " kB");
  }
  show(timeline, not_before(timeline, burst->last.at_ns), connection, COLUMN_WIRE, &cell);
}

static void end_segments(struct lab_timeline *timeline, unsigned connection, struct burst *burst) {
  if (burst->hidden > 0) show_hidden_segments(timeline, burst, connection);
  *burst = (struct burst){0};
}

static void end_calls(struct lab_timeline *timeline, struct calls *calls) {
  const struct burst *burst = &calls->burst;
  const struct lab_call *call = &burst->last.call;
  struct cell cell;
  if (burst->hidden > 0) {
    timeline_call(call, &cell);
    if (burst->hidden > 1) {
      snprintf(cell.text, sizeof cell.text, " %s(%d) %u times more", call->name, call->fd,
               burst->hidden);
      if (burst->bytes > 0)
        lab_say(cell.text, CELL_MAX, ", %llu bytes", (unsigned long long)burst->bytes);
    }
    show(timeline, not_before(timeline, burst->last.at_ns),
         number_of(timeline, call->client_port, call->server_port),
         side_column(timeline->options.under_test), &cell);
  }
  calls->burst = (struct burst){0};
}

static void end_bursts(struct lab_timeline *timeline, uint64_t now_ns) {
  for (size_t i = 0; i < timeline->connection_count; i++)
    for (unsigned k = 0; k < 4; k++) {
      struct burst *burst = &timeline->connections[i].bursts[k / 2][k % 2];
      if (burst->shown > 0 && burst->last_ns + BURST_PAUSE < now_ns)
        end_segments(timeline, (unsigned)i + 1, burst);
    }
  for (unsigned i = 0; i < CALLS_KNOWN; i++)
    if (timeline->calls[i].burst.shown > 0 &&
        timeline->calls[i].burst.last_ns + BURST_PAUSE < now_ns)
      end_calls(timeline, &timeline->calls[i]);
}

/* ---- segments ---- */

static void take_segment(struct lab_timeline *timeline, const struct lab_event *event) {
  const struct lab_segment *segment = &event->segment;
  const unsigned number = number_of(timeline, segment->client_port, segment->server_port);
  const bool plain = (segment->flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0 &&
                     segment->fate == LAB_PASSED && segment->window > 0;
  struct cell cell;
  if (number > 0) {
    struct burst *burst =
        &timeline->connections[number - 1].bursts[segment->from][segment->leaves ? 1 : 0];
    if (!plain)
      end_segments(timeline, number, burst);
    else if (!is_told(burst, event, segment->len, 1))
      return;
  }
  timeline_segment(segment, timeline->options.numbers, timeline->sheet.widths[COLUMN_WIRE], &cell);
  show(timeline, event->at_ns, number, COLUMN_WIRE, &cell);
}

/* ---- states ---- */

static struct socket *socket_of(struct lab_timeline *timeline, const struct lab_state *state) {
  for (size_t i = 0; i < timeline->socket_count; i++) {
    struct socket *socket = &timeline->sockets[i];
    if (socket->told.side == state->side && socket->told.client_port == state->client_port &&
        socket->told.server_port == state->server_port)
      return socket;
  }
  struct socket *grown = realloc(timeline->sockets, (timeline->socket_count + 1) * sizeof *grown);
  if (grown == NULL) return NULL;
  timeline->sockets = grown;
  grown[timeline->socket_count] = (struct socket){.told = *state};
  grown[timeline->socket_count].told.to = FIN_TCP_ANY;
  return &grown[timeline->socket_count++];
}

static void show_state(struct lab_timeline *timeline, const struct lab_state *state,
                       uint64_t at_ns) {
  struct cell cell;
  timeline_state(state, state->side == timeline->options.under_test, &cell);
  show(timeline, at_ns, number_of(timeline, state->client_port, state->server_port),
       side_column(state->side), &cell);
}

static bool looks_the_same(const struct lab_state *a, const struct lab_state *b) {
  return a->to == b->to && a->recv_queue == b->recv_queue && a->send_queue == b->send_queue &&
         a->holder == b->holder && a->timer == b->timer;
}

/* Another holder, or a timer that tells something. */
static bool matters(const struct lab_state *told, const struct lab_state *now) {
  return told->to != now->to || told->holder != now->holder ||
         (told->owner[0] != '\0' && strcmp(told->owner, now->owner) != 0) ||
         (told->timer != now->timer &&
          (now->timer == FIN_TCP_TIMER_PERSIST || now->timer == FIN_TCP_TIMER_TIME_WAIT));
}

static void tell(struct lab_timeline *timeline, struct socket *socket, uint64_t at_ns) {
  socket->told = socket->now;
  socket->waiting = false;
  show_state(timeline, &socket->now, at_ns);
}

/* Queues change all the time: they are told when they have settled. */
static void wait_to_tell(struct socket *socket, uint64_t at_ns) {
  if (!socket->waiting) socket->since_ns = at_ns;
  socket->changed_ns = at_ns;
  socket->waiting = !looks_the_same(&socket->told, &socket->now);
}

static void take_state(struct lab_timeline *timeline, const struct lab_event *event) {
  struct socket *socket = socket_of(timeline, &event->state);
  if (socket == NULL) return;
  socket->now = event->state;
  if (event->state.from != event->state.to || matters(&socket->told, &socket->now))
    tell(timeline, socket, event->at_ns);
  else
    wait_to_tell(socket, event->at_ns);
}

static void tell_waiting(struct lab_timeline *timeline, uint64_t now_ns) {
  for (size_t i = 0; i < timeline->socket_count; i++) {
    struct socket *socket = &timeline->sockets[i];
    const uint64_t settled = socket->changed_ns + SETTLED, latest = socket->since_ns + UNSETTLED;
    const uint64_t due = settled < latest ? settled : latest;
    if (socket->waiting && due <= now_ns) tell(timeline, socket, due);
  }
}

/* ---- calls, steps, counts, points ---- */

static struct calls *calls_like(struct lab_timeline *timeline, const struct lab_call *call) {
  struct calls *oldest = &timeline->calls[0];
  for (unsigned i = 0; i < CALLS_KNOWN; i++) {
    struct calls *calls = &timeline->calls[i];
    if (calls->fd == call->fd && strcmp(calls->name, call->name) == 0) return calls;
    if (calls->burst.last_ns < oldest->burst.last_ns) oldest = calls;
  }
  end_calls(timeline, oldest);
  snprintf(oldest->name, sizeof oldest->name, "%s", call->name);
  oldest->fd = call->fd;
  return oldest;
}

static void take_call(struct lab_timeline *timeline, const struct lab_event *event) {
  const struct lab_call *call = &event->call;
  struct calls *calls = calls_like(timeline, call);
  const bool bytes = strcmp(call->name, "read") == 0 || strcmp(call->name, "write") == 0;
  struct cell cell;
  if (!is_told(&calls->burst, event, bytes && call->result > 0 ? (uint64_t)call->result : 0,
               call->times))
    return;
  timeline_call(call, &cell);
  show(timeline, event->at_ns, number_of(timeline, call->client_port, call->server_port),
       side_column(timeline->options.under_test), &cell);
}

static void take_said(struct lab_timeline *timeline, const struct lab_event *event) {
  const struct lab_said *said = &event->said;
  struct cell cell = {.tone = said->failed ? TONE_RED : TONE_QUIET};
  const uint16_t port = timeline->connection_count > 0 ? timeline->connections[0].server_port : 0;
  snprintf(cell.text, sizeof cell.text, " > ");
  sheet_clean(&timeline->sheet, said->text, CELL_MAX, cell.text + 3, sizeof cell.text - 3);
  unsigned number = 0;
  for (size_t i = 0; i < timeline->connection_count && port != 0; i++)
    if (timeline->connections[i].client_port == said->client_port) number = (unsigned)i + 1;
  show(timeline, event->at_ns, number, side_column(said->side), &cell);
}

static void take_count(struct lab_timeline *timeline, const struct lab_event *event) {
  const struct lab_count *now = &event->count, *told = &timeline->counted;
  struct cell cell = {.tone = TONE_QUIET};
  const bool changed = now->descriptors != told->descriptors || now->invisible != told->invisible;
  if (timeline->has_counted && !changed) return;
  snprintf(cell.text, sizeof cell.text, " %u socket%s held", now->descriptors,
           now->descriptors == 1 ? "" : "s");
  if (now->invisible > 0) lab_say(cell.text, CELL_MAX, ", %u in no table", now->invisible);
  if (now->invisible > told->invisible) cell.tone = TONE_RED;
  timeline->counted = *now;
  timeline->has_counted = true;
  show(timeline, event->at_ns, 0, side_column(timeline->options.under_test), &cell);
}

static void take_point(struct lab_timeline *timeline, const struct lab_event *event) {
  static const char *const names[] = {
#define MARK(name, text) text,
      LAB_MARKS(MARK)
#undef MARK
  };
  const struct lab_point *point = &event->point;
  char text[sizeof point->text + 64];
  if (point->mark == LAB_LOOKED || (unsigned)point->mark > LAB_FAILED) return;
  snprintf(text, sizeof text, "%s%s%s", names[point->mark], point->text[0] != '\0' ? ": " : "",
           point->text);
  if (point->mark == LAB_ENDED && point->status < 0)
    lab_say(text, sizeof text, " (killed by signal %d)", -point->status);
  else if (point->mark == LAB_ENDED)
    lab_say(text, sizeof text, " (status %d)", point->status);
  show_point(timeline, event->at_ns, text, point->mark == LAB_FAILED ? TONE_RED : TONE_PLAIN);
}

void lab_timeline_event(struct lab_timeline *timeline, const struct lab_event *event) {
  begin(timeline, event->at_ns);
  end_bursts(timeline, event->at_ns);
  tell_waiting(timeline, event->at_ns);
  switch (event->kind) {
    case LAB_SEGMENT:
      take_segment(timeline, event);
      break;
    case LAB_STATE:
      take_state(timeline, event);
      break;
    case LAB_CALL:
      take_call(timeline, event);
      break;
    case LAB_COUNT:
      take_count(timeline, event);
      break;
    case LAB_SAID:
      take_said(timeline, event);
      break;
    case LAB_POINT:
      take_point(timeline, event);
      break;
  }
}

/* ---- the timeline ---- */

struct lab_timeline *lab_timeline_new(const struct lab_timeline_options *options) {
  struct lab_timeline *timeline = calloc(1, sizeof *timeline);
  if (timeline == NULL) return NULL;
  timeline->options = *options;
  sheet_init(&timeline->sheet, options);
  return timeline;
}

void lab_timeline_free(struct lab_timeline *timeline) {
  if (timeline == NULL) return;
  free(timeline->connections);
  free(timeline->sockets);
  free(timeline);
}

void lab_timeline_end(struct lab_timeline *timeline, const struct lab_story *story) {
  end_bursts(timeline, UINT64_MAX);
  tell_waiting(timeline, story->ended_ns);
  lab_timeline_settle(timeline);
  timeline_end(&timeline->sheet, story);
  fflush(timeline->options.out);
}

bool lab_timeline_print(const struct lab_timeline_options *options, const struct lab_story *story) {
  struct lab_timeline_options all = *options;
  struct lab_lives lives;
  if (!lab_lives_read(story, &lives)) return false;
  if (all.connections == 0) all.connections = lives.connections;
  lab_lives_release(&lives);
  if (all.began_ns == 0) all.began_ns = story->began_ns;
  all.rewrites = false;
  struct lab_timeline *timeline = lab_timeline_new(&all);
  if (timeline == NULL) return false;
  for (size_t i = 0; i < story->count; i++) lab_timeline_event(timeline, &story->events[i]);
  lab_timeline_end(timeline, story);
  lab_timeline_free(timeline);
  return !ferror(options->out);
}
