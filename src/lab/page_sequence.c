/* SPDX-License-Identifier: MIT
 *
 * The sequence diagram of each connection. Time runs down, evenly while something happens; silence
 * is drawn shorter than it was, and where much happens at once time is given room.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/judge.h"
#include "lab/page_part.h"
#include "lab/segment.h"
#include "lab/timeline_text.h"

enum {
  DIAGRAMS_MAX = 8,
  LINES_MAX = 1500, /* arrows of one diagram */
  WIDTH = 960,
  CLIENT_X = 330,
  SERVER_X = 640,
  TOP = 44,
  LABEL_HEIGHT = 16,
  BURST_SHOWN = 3
};

#define BURST_NS UINT64_C(60000000)
#define TICKS_PER_SECOND 400.0
#define EVEN_SECONDS 0.3

enum lane { LANE_CLIENT, LANE_SERVER, LANE_FROM_CLIENT, LANE_FROM_SERVER, LANE_NONE };

struct mark { /* an event of this connection */
  const struct lab_event *event;
  double y;
  bool faint; /* one of many alike */
};

struct diagram {
  const struct page *page;
  unsigned connection;
  uint16_t client_port, server_port;
  uint64_t from_ns, to_ns; /* the ports may be another's before and after */
  struct mark *marks;
  size_t count;
  double height;
};

/* ---- what belongs to the connection ---- */

static bool belongs(const struct diagram *diagram, const struct lab_event *event) {
  if (event->at_ns < diagram->from_ns || event->at_ns >= diagram->to_ns) return false;
  const uint16_t client = diagram->client_port, server = diagram->server_port;
  switch (event->kind) {
    case LAB_SEGMENT:
      return event->segment.client_port == client && event->segment.server_port == server;
    case LAB_STATE:
      return event->state.client_port == client && event->state.server_port == server &&
             event->state.from != event->state.to;
    case LAB_CALL:
      return event->call.client_port == client && event->call.server_port == server;
    case LAB_SAID:
      return event->said.client_port == client && server == diagram->page->it->story->server_port;
    default:
      return false;
  }
}

static enum lane lane_of(const struct diagram *diagram, const struct mark *mark) {
  const struct lab_event *event = mark->event;
  enum lab_side side = diagram->page->it->expect->under_test; /* of calls */
  if (mark->faint) return LANE_NONE;
  if (event->kind == LAB_SEGMENT) {
    if (event->segment.leaves) return LANE_NONE;
    return event->segment.from == LAB_CLIENT ? LANE_FROM_CLIENT : LANE_FROM_SERVER;
  }
  if (event->kind == LAB_STATE) side = event->state.side;
  if (event->kind == LAB_SAID) side = event->said.side;
  return side == LAB_CLIENT ? LANE_CLIENT : LANE_SERVER;
}

/* ---- bursts ---- */

struct burst {
  uint64_t last_ns;
  unsigned shown;
};

/* Data and ACKs in quick succession: by sender, and whether they leave; calls that are repeated. */
static bool is_one_of_many(struct burst bursts[5], const struct lab_event *event) {
  const struct lab_segment *segment = &event->segment;
  struct burst *burst = &bursts[4];
  if (event->kind == LAB_CALL && event->call.times > 1) return true;
  if (event->kind == LAB_SEGMENT) {
    if ((segment->flags & (TCP_SYN | TCP_FIN | TCP_RST)) != 0 || segment->fate != LAB_PASSED)
      return false;
    burst = &bursts[2 * (segment->from == LAB_SERVER) + segment->leaves];
  } else if (event->kind != LAB_CALL ||
             (strcmp(event->call.name, "read") != 0 && strcmp(event->call.name, "write") != 0)) {
    return false;
  }
  if (event->at_ns > burst->last_ns + BURST_NS) burst->shown = 0;
  burst->last_ns = event->at_ns;
  return burst->shown++ >= BURST_SHOWN;
}

/* ---- where time is ---- */

static double advance(double seconds) {
  if (seconds <= EVEN_SECONDS) return seconds * TICKS_PER_SECOND;
  return EVEN_SECONDS * TICKS_PER_SECOND + fmin(60, (seconds - EVEN_SECONDS) * 20);
}

static bool lay_out(struct diagram *diagram) {
  const struct lab_story *story = diagram->page->it->story;
  struct burst bursts[5] = {{0, 0}};
  double y = TOP, last[LANE_NONE] = {0};
  diagram->marks = malloc((story->count + 1) * sizeof *diagram->marks);
  if (diagram->marks == NULL) return false;
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    if (!belongs(diagram, event)) continue;
    struct mark *mark = &diagram->marks[diagram->count];
    *mark = (struct mark){.event = event, .faint = is_one_of_many(bursts, event)};
    if (diagram->count > 0) y += advance((double)(event->at_ns - mark[-1].event->at_ns) / 1e9);
    const enum lane lane = lane_of(diagram, mark);
    if (lane != LANE_NONE) {
      if (y < last[lane] + LABEL_HEIGHT && last[lane] > 0) y = last[lane] + LABEL_HEIGHT;
      last[lane] = y;
    }
    mark->y = y;
    diagram->count++;
  }
  diagram->height = y + 40;
  return true;
}

static double y_at(const struct diagram *diagram, uint64_t at_ns) {
  const struct mark *before = NULL;
  for (size_t i = 0; i < diagram->count; i++) {
    const struct mark *mark = &diagram->marks[i];
    if (mark->event->at_ns == at_ns && mark->event->kind == LAB_STATE) return mark->y;
    if (mark->event->at_ns > at_ns) break;
    before = mark;
  }
  if (before == NULL) return TOP - 10;
  const double y = before->y + advance((double)(at_ns - before->event->at_ns) / 1e9);
  const double end = before + 1 < diagram->marks + diagram->count ? before[1].y : diagram->height;
  return fmin(y, end);
}

/* ---- lifelines ---- */

static void draw_lifelines(const struct diagram *diagram) {
  FILE *out = diagram->page->out;
  for (size_t i = 0; i < diagram->page->lives.count; i++) {
    const struct lab_life *life = &diagram->page->lives.items[i];
    const int x = life->side == LAB_CLIENT ? CLIENT_X : SERVER_X;
    if (life->connection != diagram->connection) continue;
    for (size_t k = 0; k < life->count; k++) {
      const struct lab_span *span = &life->spans[k];
      const bool lasts = life->open && k + 1 == life->count;
      const double from = y_at(diagram, span->from_ns);
      const double to = lasts ? diagram->height : y_at(diagram, span->to_ns);
      if (to > from)
        fprintf(out,
                "<rect class=\"%s\" x=\"%d\" y=\"%.1f\" width=\"10\" height=\"%.1f\"><title>%s"
                "</title></rect>\n",
                page_class(span->state->to), x - 5, from, to - from,
                fin_tcp_state_name(span->state->to));
    }
  }
}

static void draw_pauses(const struct diagram *diagram) {
  FILE *out = diagram->page->out;
  for (size_t i = 1; i < diagram->count; i++) {
    const struct mark *mark = &diagram->marks[i];
    const double seconds = (double)(mark->event->at_ns - mark[-1].event->at_ns) / 1e9;
    const double y = (mark->y + mark[-1].y) / 2;
    if (seconds < 3 * EVEN_SECONDS) continue;
    fprintf(out,
            "<line class=\"pause\" x1=\"64\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text class=\"quiet\" x=\"%d\" y=\"%.1f\" text-anchor=\"middle\">%.1f s</text>\n",
            WIDTH, y, y, (CLIENT_X + SERVER_X) / 2, y - 4, seconds);
  }
}

/* ---- segments ---- */

static const char *segment_class(const struct lab_segment *segment) {
  if ((segment->flags & TCP_RST) != 0 || segment->fate == LAB_DROPPED) return "bad";
  if ((segment->flags & (TCP_FIN | TCP_SYN)) != 0) return "fin";
  return segment->len > 0 ? "data" : "plain";
}

static void draw_arrow(const struct diagram *diagram, const struct mark *enters, double y2,
                       bool arrives) {
  FILE *out = diagram->page->out;
  const struct lab_segment *segment = &enters->event->segment;
  const bool right = segment->from == LAB_CLIENT;
  const double x1 = right ? CLIENT_X + 6 : SERVER_X - 6, x3 = right ? SERVER_X - 6 : CLIENT_X + 6;
  const double x2 = arrives ? x3 : (x1 + x3) / 2, y1 = enters->y;
  const double angle = atan2(y2 - y1, x2 - x1) * 180 / 3.14159265;
  const char *class = segment_class(segment);
  char text[48];
  fprintf(out, "<path class=\"arrow %s%s%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>", class,
          arrives ? "" : " lost", enters->faint ? " faint" : "", x1, y1, x2, y2);
  if (enters->faint) {
    fputc('\n', out);
    return;
  }
  if (arrives)
    fprintf(out,
            "<path class=\"tip %s\" transform=\"translate(%.1f %.1f) rotate(%.1f)\" "
            "d=\"M0 0L-9 4V-4Z\"/>",
            class, x2, y2, angle);
  else
    fprintf(out, "<path class=\"arrow bad\" d=\"M%.1f %.1fl12 12m0 -12l-12 12\"/>", x2 - 6, y2 - 6);
  fprintf(out,
          "<text transform=\"translate(%.1f %.1f) rotate(%.1f)\" dy=\"-4\" "
          "text-anchor=\"middle\">%s%s</text>\n",
          x1 + (x3 - x1) * 0.3, y1 + (y2 - y1) * (arrives ? 0.3 : 0.6), right ? angle : angle + 180,
          lab_segment_text(segment, text),
          segment->fate == LAB_DROPPED      ? ", dropped"
          : segment->fate == LAB_HELD       ? ", held"
          : segment->fate == LAB_DUPLICATED ? ", twice"
                                            : "");
}

static void draw_segment(const struct diagram *diagram, size_t at) {
  const struct mark *enters = &diagram->marks[at];
  const struct lab_segment *segment = &enters->event->segment;
  bool arrived = false;
  for (size_t i = at + 1; i < diagram->count; i++) {
    const struct lab_event *event = &diagram->marks[i].event[0];
    if (event->kind != LAB_SEGMENT || !event->segment.leaves ||
        event->segment.number != segment->number)
      continue;
    draw_arrow(diagram, enters, diagram->marks[i].y, event->segment.fate != LAB_DROPPED);
    arrived = true;
    if (segment->fate != LAB_DUPLICATED) return;
  }
  if (!arrived) draw_arrow(diagram, enters, enters->y + 30, false);
}

/* ---- labels ---- */

static void draw_label(const struct diagram *diagram, const struct mark *mark, const char *class,
                       const char *text, const char *rest) {
  FILE *out = diagram->page->out;
  const struct sheet sheet = {.unicode = true};
  const bool left = lane_of(diagram, mark) == LANE_CLIENT;
  char clean[CELL_MAX];
  sheet_clean(&sheet, text, 42, clean, sizeof clean);
  fprintf(out, "<text class=\"%s\" x=\"%d\" y=\"%.1f\" text-anchor=\"%s\">", class,
          left ? CLIENT_X - 12 : SERVER_X + 12, mark->y + 4, left ? "end" : "start");
  page_text(out, clean);
  if (*rest != '\0') {
    fputs("<tspan class=\"quiet\">", out);
    page_text(out, rest);
    fputs("</tspan>", out);
  }
  fputs("</text>\n", out);
}

static void label(const struct diagram *diagram, const struct mark *mark) {
  const struct lab_event *event = mark->event;
  struct cell cell;
  char text[64];
  if (mark->faint) return;
  switch (event->kind) {
    case LAB_STATE:
      timeline_state(&event->state, event->state.side == diagram->page->it->expect->under_test,
                     &cell);
      draw_label(diagram, mark,
                 event->state.source == LAB_INFERRED ? "head inferred"
                 : cell.tone == TONE_RED             ? "head bad"
                                                     : "head",
                 cell.text + (cell.text[0] == ' ' || cell.text[0] == '*'), cell.rest);
      break;
    case LAB_CALL:
      draw_label(diagram, mark, event->call.error != 0 ? "mono bad" : "mono",
                 lab_call_text(&event->call, text), "");
      break;
    case LAB_SAID:
      draw_label(diagram, mark, event->said.failed ? "bad" : "quiet", event->said.text, "");
      break;
    default:
      break;
  }
}

static void draw_times(const struct diagram *diagram) {
  double last = 0;
  for (size_t i = 0; i < diagram->count; i++) {
    const struct mark *mark = &diagram->marks[i];
    if (mark->y < last + LABEL_HEIGHT) continue;
    last = mark->y;
    fprintf(diagram->page->out,
            "<text class=\"quiet\" x=\"52\" y=\"%.1f\" text-anchor=\"end\">%.3f</text>\n",
            mark->y + 4, page_seconds(diagram->page, mark->event->at_ns));
  }
}

/* ---- diagrams ---- */

static void draw(const struct diagram *diagram) {
  FILE *out = diagram->page->out;
  unsigned lines = 0;
  fprintf(out,
          "<details%s><summary>Connection %u, port %u</summary>\n<div class=\"scroll\">"
          "<svg role=\"img\" viewBox=\"0 0 %d %.0f\"><title>Segments between client and server, "
          "connection %u</title>\n",
          diagram->connection <= 2 ? " open=\"open\"" : "", diagram->connection,
          diagram->client_port, WIDTH, diagram->height + 4, diagram->connection);
  fprintf(out,
          "<text class=\"head\" x=\"%d\" y=\"18\" text-anchor=\"middle\">client</text>"
          "<text class=\"head\" x=\"%d\" y=\"18\" text-anchor=\"middle\">server</text>"
          "<text class=\"quiet\" x=\"52\" y=\"18\" text-anchor=\"end\">seconds</text>\n",
          CLIENT_X, SERVER_X);
  for (unsigned side = 0; side < 2; side++)
    fprintf(out, "<line class=\"life\" x1=\"%d\" x2=\"%d\" y1=\"26\" y2=\"%.0f\"/>\n",
            side == LAB_CLIENT ? CLIENT_X : SERVER_X, side == LAB_CLIENT ? CLIENT_X : SERVER_X,
            diagram->height);
  draw_pauses(diagram);
  draw_lifelines(diagram);
  for (size_t i = 0; i < diagram->count; i++)
    if (diagram->marks[i].event->kind == LAB_SEGMENT && !diagram->marks[i].event->segment.leaves &&
        (lines++ < LINES_MAX || !diagram->marks[i].faint))
      draw_segment(diagram, i);
  for (size_t i = 0; i < diagram->count; i++) label(diagram, &diagram->marks[i]);
  draw_times(diagram);
  fputs("</svg></div></details>\n", out);
}

/* From its first state on, and a little before, until the ports are another's. */
static struct diagram diagram_of(const struct page *page, unsigned connection) {
  struct diagram diagram = {.page = page, .connection = connection, .to_ns = UINT64_MAX};
  for (size_t i = 0; i < page->lives.count; i++) {
    const struct lab_life *life = &page->lives.items[i];
    if (life->count == 0 || life->client_port == 0) continue;
    if (life->connection == connection) {
      diagram.client_port = life->client_port;
      diagram.server_port = life->server_port;
    } else if (life->client_port == diagram.client_port &&
               life->server_port == diagram.server_port && life->connection > connection) {
      if (life->spans[0].from_ns < diagram.to_ns) diagram.to_ns = life->spans[0].from_ns;
    }
  }
  for (size_t i = 0; i < page->lives.count; i++) {
    const struct lab_life *life = &page->lives.items[i];
    if (life->connection < connection && life->connection > 0 && life->count > 0 &&
        life->client_port == diagram.client_port && life->server_port == diagram.server_port)
      diagram.from_ns = life->spans[life->count - 1].to_ns;
  }
  return diagram;
}

bool page_sequence(const struct page *page) {
  const unsigned all = page->lives.connections;
  if (all == 0) return true;
  fputs(
      "<h2>Sequence</h2>\n<p class=\"note\">Time runs down; long silence is shortened. The "
      "coloured lines are the kernels' states, beside them what the lab did and what the program "
      "called.</p>\n",
      page->out);
  for (unsigned number = 1; number <= all && number <= DIAGRAMS_MAX; number++) {
    struct diagram diagram = diagram_of(page, number);
    if (!lay_out(&diagram)) return false;
    if (diagram.count > 0) draw(&diagram);
    free(diagram.marks);
  }
  if (all > DIAGRAMS_MAX)
    fprintf(page->out, "<p class=\"note\">%u more connections are not drawn.</p>\n",
            all - DIAGRAMS_MAX);
  return true;
}
