/* SPDX-License-Identifier: MIT
 *
 * Every socket as a bar that is coloured by its state, and the program's descriptors, over time.
 */
#include <math.h>

#include "lab/judge.h"
#include "lab/page_part.h"

enum { BARS_MAX = 40 };

/* X(class, names) */
#define KEYS(X) \
  X("syn", "SYN-SENT, SYN-RECV") \
  X("established", "ESTAB") \
  X("fin-wait", "FIN-WAIT-1, FIN-WAIT-2") \
  X("closing", "CLOSING") \
  X("time-wait", "TIME-WAIT") \
  X("close-wait", "CLOSE-WAIT") \
  X("last-ack", "LAST-ACK")

static double length_of(const struct page *page) {
  const double length = page_seconds(page, page->it->story->ended_ns);
  return length > 0.001 ? length : 0.001;
}

static double percent(const struct page *page, uint64_t at_ns) {
  return fmin(fmax(100 * page_seconds(page, at_ns) / length_of(page), 0), 100);
}

static void draw_span(const struct page *page, const struct lab_life *life, size_t first,
                      size_t last) {
  const struct lab_state *state = life->spans[last].state;
  const double from = percent(page, life->spans[first].from_ns);
  const double width = percent(page, life->spans[last].to_ns) - from;
  const char *name = fin_tcp_state_name(state->to);
  char text[24];
  fprintf(
      page->out,
      "<rect class=\"%s\" x=\"%.3f%%\" width=\"%.3f%%\" height=\"22\"><title>%s, %s, Recv-Q %u, "
      "Send-Q %u, %s</title></rect>",
      page_class(state->to), from, width, name,
      lab_seconds(life->spans[last].to_ns - life->spans[first].from_ns, text), state->recv_queue,
      state->send_queue, fin_holder_name(state->holder));
  if (width > 14)
    fprintf(page->out, "<text class=\"on\" x=\"%.3f%%\" dx=\"6\" y=\"15\">%s%s</text>", from, name,
            state->holder == FIN_HOLDER_OWNED || width < 24 ? ""
            : state->holder == FIN_HOLDER_QUEUED            ? ", in nobody's hands"
            : state->holder == FIN_HOLDER_ORPHAN            ? ", orphan"
                                                            : "");
}

static void draw_life(const struct page *page, const struct lab_life *life) {
  size_t first = 0;
  fprintf(page->out, "<div class=\"left\">%s %u <small>:%u</small></div><svg>",
          life->side == LAB_CLIENT ? "client" : "server", life->connection, life->client_port);
  while (first < life->count) {
    size_t last = first;
    while (last + 1 < life->count &&
           life->spans[last + 1].state->to == life->spans[first].state->to)
      last++;
    draw_span(page, life, first, last);
    first = last + 1;
  }
  fputs("</svg>\n", page->out);
}

static void draw_axis(const struct page *page) {
  const double length = length_of(page);
  double step = 0.1;
  while (length / step > 8) step *= length / step > 40 ? 10 : 2;
  fputs("<div></div><svg class=\"axis\">", page->out);
  for (unsigned i = 0; i * step <= length; i++) {
    const double at = 100 * i * step / length;
    fprintf(page->out,
            "<line class=\"tick\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"0\" y2=\"5\"/>"
            "<text class=\"quiet\" x=\"%.3f%%\" y=\"18\" text-anchor=\"%s\">%.*f s</text>",
            at, at, at,
            i == 0    ? "start"
            : at > 97 ? "end"
                      : "middle",
            step < 1 ? 1 : 0, i * step);
  }
  fputs("</svg>\n", page->out);
}

void page_bars(const struct page *page) {
  unsigned drawn = 0, left_out = 0;
  fputs("<h2>Sockets</h2>\n<div class=\"bars\">\n", page->out);
  for (unsigned number = 1; number <= page->lives.connections; number++)
    for (size_t i = 0; i < page->lives.count; i++) {
      const struct lab_life *life = &page->lives.items[i];
      if (life->connection != number || life->count == 0) continue;
      if (drawn < BARS_MAX) {
        drawn++;
        draw_life(page, life);
      } else {
        left_out++;
      }
    }
  draw_axis(page);
  fputs("</div>\n<ul class=\"keys\">\n", page->out);
#define KEY(class, names) \
  fputs("<li><span class=\"key " class "\"></span>" names "</li>\n", page->out);
  KEYS(KEY)
#undef KEY
  fputs("</ul>\n", page->out);
  if (left_out > 0)
    fprintf(page->out, "<p class=\"note\">%u more sockets are not drawn.</p>\n", left_out);
}

/* ---- descriptors ---- */

static void draw_curve(const struct page *page, bool invisible, unsigned most) {
  const struct lab_story *story = page->it->story;
  bool begun = false;
  fprintf(page->out, "<path class=\"curve%s\" d=\"", invisible ? " bad" : "");
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    if (event->kind != LAB_COUNT) continue;
    const unsigned value = invisible ? event->count.invisible : event->count.descriptors;
    const double x = 10 * percent(page, event->at_ns), y = 96 - 92.0 * value / most;
    if (!begun)
      fprintf(page->out, "M%.1f %.1f", x, y);
    else
      fprintf(page->out, "H%.1fV%.1f", x, y);
    begun = true;
  }
  fputs("H1000\"/>\n", page->out);
}

void page_descriptors(const struct page *page) {
  const struct lab_story *story = page->it->story;
  unsigned most = 0, invisible = 0, last = 0, count = 0;
  for (size_t i = 0; i < story->count; i++) {
    if (story->events[i].kind != LAB_COUNT) continue;
    const struct lab_count *now = &story->events[i].count;
    count++;
    last = now->descriptors;
    if (now->descriptors > most) most = now->descriptors;
    if (now->invisible > invisible) invisible = now->invisible;
  }
  if (count == 0 || most == 0) return;
  fprintf(
      page->out,
      "<h2>Descriptors</h2>\n<p class=\"note\">Sockets that the program holds: %u at most, %u at "
      "the end%s.</p>\n<div class=\"bars\"><div class=\"left\">%u</div>"
      "<svg viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" style=\"height:100px\">"
      "<title>Sockets held by the program over time</title>\n",
      most, last, invisible > 0 ? "; the red line is those that no table of sockets shows" : "",
      most);
  draw_curve(page, false, most);
  if (invisible > 0) draw_curve(page, true, most);
  fputs("</svg>\n", page->out);
  draw_axis(page);
  fputs("</div>\n", page->out);
}
