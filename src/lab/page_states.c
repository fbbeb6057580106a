/* SPDX-License-Identifier: MIT
 *
 * The states of TCP (RFC 9293, figure 5), and the ways that were gone.
 */
#include <math.h>

#include "lab/page_part.h"

enum { BOX_WIDTH = 94, BOX_HEIGHT = 28, END = FIN_TCP_STATE_COUNT, PLACES };

/* 0 is CLOSED where it begins, END where it ends. */
static const struct place {
  int x, y;
} places[PLACES] = {
    [0] = {215, 24},
    [FIN_TCP_LISTEN] = {105, 88},
    [FIN_TCP_SYN_SENT] = {325, 88},
    [FIN_TCP_SYN_RECV] = {105, 152},
    [FIN_TCP_ESTABLISHED] = {215, 216},
    [FIN_TCP_FIN_WAIT1] = {105, 280},
    [FIN_TCP_CLOSE_WAIT] = {355, 280},
    [FIN_TCP_FIN_WAIT2] = {55, 350},
    [FIN_TCP_CLOSING] = {195, 350},
    [FIN_TCP_LAST_ACK] = {355, 350},
    [FIN_TCP_TIME_WAIT] = {105, 420},
    [END] = {355, 420},
};

static const struct {
  int from, to;
} ways[] = {
    {0, FIN_TCP_LISTEN},
    {0, FIN_TCP_SYN_SENT},
    {FIN_TCP_LISTEN, FIN_TCP_SYN_RECV},
    {FIN_TCP_SYN_SENT, FIN_TCP_SYN_RECV},
    {FIN_TCP_SYN_SENT, FIN_TCP_ESTABLISHED},
    {FIN_TCP_SYN_RECV, FIN_TCP_ESTABLISHED},
    {FIN_TCP_ESTABLISHED, FIN_TCP_FIN_WAIT1},
    {FIN_TCP_ESTABLISHED, FIN_TCP_CLOSE_WAIT},
    {FIN_TCP_FIN_WAIT1, FIN_TCP_FIN_WAIT2},
    {FIN_TCP_FIN_WAIT1, FIN_TCP_CLOSING},
    {FIN_TCP_FIN_WAIT1, FIN_TCP_TIME_WAIT},
    {FIN_TCP_FIN_WAIT2, FIN_TCP_TIME_WAIT},
    {FIN_TCP_CLOSING, FIN_TCP_TIME_WAIT},
    {FIN_TCP_CLOSE_WAIT, FIN_TCP_LAST_ACK},
    {FIN_TCP_TIME_WAIT, END},
    {FIN_TCP_LAST_ACK, END},
};

struct walked { /* how often, and where it stopped */
  unsigned ways[PLACES][PLACES];
  unsigned been[PLACES], still[PLACES];
};

static void walk(const struct page *page, enum lab_side side, struct walked *walked) {
  const struct lab_story *story = page->it->story;
  *walked = (struct walked){0};
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_state *state = &story->events[i].state;
    if (story->events[i].kind != LAB_STATE || state->side != side || state->from == state->to)
      continue;
    const int from = lab_is_closed(state->from) ? 0 : (int)state->from;
    const int to = lab_is_closed(state->to) ? END : (int)state->to;
    walked->ways[from][to]++;
    walked->been[from]++;
    walked->been[to]++;
  }
  for (size_t i = 0; i < page->lives.count; i++) {
    const struct lab_life *life = &page->lives.items[i];
    if (life->side == side && life->open && life->count > 0)
      walked->still[life->spans[life->count - 1].state->to]++;
  }
}

/* From the edge of a box in the direction of another point. */
static void leave_box(double *x, double *y, double to_x, double to_y, double more) {
  const double dx = to_x - *x, dy = to_y - *y, length = hypot(dx, dy);
  const double across = fabs(dx) > 0 ? (BOX_WIDTH / 2.0) / fabs(dx) : 9;
  const double down = fabs(dy) > 0 ? (BOX_HEIGHT / 2.0) / fabs(dy) : 9;
  const double share = fmin(across, down) + more / length;
  *x += dx * share;
  *y += dy * share;
}

static void draw_way(FILE *out, int from, int to, unsigned times, bool by_the_book) {
  double x1 = places[from].x, y1 = places[from].y, x2 = places[to].x, y2 = places[to].y;
  const double from_x = x1, from_y = y1;
  leave_box(&x1, &y1, x2, y2, 0);
  leave_box(&x2, &y2, from_x, from_y, 7);
  const double angle = atan2(y2 - y1, x2 - x1);
  fprintf(out, "<path class=\"way%s%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>", times > 0 ? " been" : "",
          by_the_book ? "" : " short", x1, y1, x2, y2);
  fprintf(out,
          "<path class=\"point%s\" transform=\"translate(%.1f %.1f) rotate(%.1f)\" "
          "d=\"M7 0L-3 4.5V-4.5Z\"/>\n",
          times > 0 ? " been" : "", x2, y2, angle * 180 / 3.14159265);
}

static bool is_way(int from, int to) {
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (ways[i].from == from && ways[i].to == to) return true;
  return false;
}

static void draw_box(FILE *out, int state, const struct walked *walked) {
  const struct place *place = &places[state];
  const bool closed = state == 0 || state == END, been = walked->been[state] > 0;
  const fin_tcp_state name = closed ? FIN_TCP_ANY : (fin_tcp_state)state;
  fprintf(out,
          "<rect class=\"box%s%s %s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\"/>"
          "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
          been ? " been" : "", walked->still[state] > 0 ? " last" : "",
          been && !closed ? page_class(name) : "", place->x - BOX_WIDTH / 2,
          place->y - BOX_HEIGHT / 2, BOX_WIDTH, BOX_HEIGHT,
          been && !closed ? "on" : (been ? "" : "never"), place->x, place->y + 4,
          closed ? "CLOSED" : fin_tcp_state_name(name));
  if (walked->still[state] > 0 && state != FIN_TCP_LISTEN)
    fprintf(out, "<text class=\"quiet\" x=\"%d\" y=\"%d\">%u</text>\n",
            place->x + BOX_WIDTH / 2 + 6, place->y + 4, walked->still[state]);
}

static void draw_side(const struct page *page, enum lab_side side) {
  FILE *out = page->out;
  const char *name = side == LAB_CLIENT ? "client" : "server";
  struct walked walked;
  walk(page, side, &walked);
  fprintf(out,
          "<figure><h3>%s</h3><svg role=\"img\" viewBox=\"0 0 430 444\"><title>"
          "The states that the %s went through</title>\n",
          side == LAB_CLIENT ? "Client" : "Server", name);
  for (unsigned lit = 0; lit < 2; lit++)
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
      const unsigned times = walked.ways[ways[i].from][ways[i].to];
      if ((times > 0) == (lit == 1)) draw_way(out, ways[i].from, ways[i].to, times, true);
    }
  for (int from = 1; from < END; from++)
    for (int to = 1; to <= END; to++)
      if (walked.ways[from][to] > 0 && !is_way(from, to))
        draw_way(out, from, to, walked.ways[from][to], false);
  for (int state = 0; state < PLACES; state++)
    if (places[state].x != 0) draw_box(out, state, &walked);
  fputs("</svg></figure>\n", out);
}

void page_states(const struct page *page) {
  fputs(
      "<h2>States</h2>\n<p class=\"note\">The ways of TCP, and those that were gone. A thick frame "
      "is where sockets were left; a dashed way is a reset, a timeout, or an end that only the "
      "kernel saw.</p>\n<div class=\"halves\">\n",
      page->out);
  draw_side(page, LAB_CLIENT);
  draw_side(page, LAB_SERVER);
  fputs("</div>\n", page->out);
}
