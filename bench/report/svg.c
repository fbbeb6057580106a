/* SPDX-License-Identifier: MIT */
#include "report/svg.h"

#include <math.h>

/* The paths' own width, to which 100 % of the page's is stretched. */
enum { PATH_WIDTH = 1000, LABEL_HEIGHT = 15 };

/* ---- places ---- */

static double place(const struct svg_axis *axis, double value) {
  double low = axis->low, high = axis->high;
  if (svg_is_log(axis)) {
    low = log(low);
    high = log(high);
    value = log(value);
  }
  return fmin(fmax((value - low) / (high - low), 0), 1);
}

static double percent(const struct svg_plot *plot, double x) { return 100 * place(&plot->x, x); }

static double across(const struct svg_plot *plot, double x) {
  return PATH_WIDTH * place(&plot->x, x);
}

static double down(const struct svg_plot *plot, double y) {
  return plot->height * (1 - place(&plot->y, y));
}

static bool is_gap(const struct svg_plot *plot, double y) {
  return !isfinite(y) || (svg_is_log(&plot->y) && y <= 0);
}

/* ---- frame ---- */

void svg_begin(const struct svg_plot *plot, const char *title, const char *description) {
  fprintf(plot->out,
          "<div class=\"plot\"><svg role=\"img\" aria-labelledby=\"%s-title %s-desc\" "
          "width=\"100%%\" height=\"%u\">\n<title id=\"%s-title\">%s</title>\n"
          "<desc id=\"%s-desc\">%s</desc>\n",
          plot->id, plot->id, plot->height, plot->id, title, plot->id, description);
}

void svg_end(const struct svg_plot *plot) { fputs("</svg></div>\n", plot->out); }

static void begin_paths(const struct svg_plot *plot) {
  fprintf(plot->out,
          "<svg width=\"100%%\" height=\"%u\" viewBox=\"0 0 %d %u\" preserveAspectRatio=\"none\">",
          plot->height, PATH_WIDTH, plot->height);
}

static void end_paths(const struct svg_plot *plot) { fputs("</svg>\n", plot->out); }

static void grid_x(const struct svg_plot *plot) {
  double ticks[SVG_TICKS_MAX];
  char text[32];
  size_t count = svg_ticks(&plot->x, ticks);
  for (size_t i = 0; i < count; i++) {
    double at = percent(plot, ticks[i]);
    fprintf(plot->out, "<line class=\"tick\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%u\" y2=\"%u\"/>", at,
            at, plot->height, plot->height + 5);
    /* On a narrow page every other label has to do. */
    fprintf(plot->out, "<text class=\"x%s\" x=\"%.2f%%\" y=\"%u\">%s</text>\n",
            count > 6 && (count - 1 - i) % 2 ? " other" : "", at, plot->height + 19,
            svg_tick_text(&plot->x, ticks[i], text));
  }
}

static void grid_y(const struct svg_plot *plot) {
  double ticks[SVG_TICKS_MAX];
  char text[32];
  size_t count = svg_ticks(&plot->y, ticks);
  for (size_t i = 0; i < count; i++) {
    double at = down(plot, ticks[i]);
    fprintf(plot->out, "<line class=\"grid\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>", at,
            at);
    fprintf(plot->out, "<text class=\"y\" x=\"-8\" y=\"%.1f\">%s</text>\n", at + 4,
            svg_tick_text(&plot->y, ticks[i], text));
  }
}

void svg_grid(const struct svg_plot *plot) {
  grid_y(plot);
  fprintf(plot->out, "<line class=\"axis\" x1=\"0\" x2=\"100%%\" y1=\"%u\" y2=\"%u\"/>\n",
          plot->height, plot->height);
  grid_x(plot);
}

/* ---- what is seen ---- */

void svg_line(const struct svg_plot *plot, const char *class, const struct svg_point *points,
              size_t count) {
  bool drawing = false;
  size_t first = 0;
  while (first < count && is_gap(plot, points[first].y)) first++;
  if (first == count) return;
  begin_paths(plot);
  fprintf(plot->out, "<path class=\"line %s\" d=\"", class);
  for (size_t i = first; i < count; i++) {
    if (is_gap(plot, points[i].y)) {
      drawing = false;
      continue;
    }
    /* Beginning with a line of no length makes a dot of what stays alone. */
    fprintf(plot->out, drawing ? "L%.1f %.1f" : "M%.1f %.1fh0", across(plot, points[i].x),
            down(plot, points[i].y));
    drawing = true;
  }
  fputs("\"/>", plot->out);
  end_paths(plot);
}

void svg_area(const struct svg_plot *plot, const char *class, const struct svg_point *low,
              const struct svg_point *high, size_t count) {
  if (count == 0) return;
  begin_paths(plot);
  fprintf(plot->out, "<path class=\"area %s\" d=\"", class);
  for (size_t i = 0; i < count; i++)
    fprintf(plot->out, "%c%.1f %.1f", i > 0 ? 'L' : 'M', across(plot, high[i].x),
            down(plot, high[i].y));
  for (size_t i = count; i-- > 0;)
    fprintf(plot->out, "L%.1f %.1f", across(plot, low[i].x), down(plot, low[i].y));
  fputs("Z\"/>", plot->out);
  end_paths(plot);
}

/* From the top down; labels that would touch are moved apart, and up again at the foot. */
void svg_labels(const struct svg_plot *plot, const struct svg_label *labels, size_t count) {
  size_t order[SVG_LABELS_MAX];
  double at[SVG_LABELS_MAX];
  if (count > SVG_LABELS_MAX) count = SVG_LABELS_MAX;
  for (size_t i = 0; i < count; i++) {
    size_t k = i;
    for (; k > 0 && labels[order[k - 1]].y < labels[i].y; k--) order[k] = order[k - 1];
    order[k] = i;
  }
  for (size_t i = 0; i < count; i++) {
    at[i] = down(plot, labels[order[i]].y);
    if (i > 0) at[i] = fmax(at[i], at[i - 1] + LABEL_HEIGHT);
  }
  for (size_t i = count; i-- > 0;)
    at[i] = fmin(at[i], i + 1 < count ? at[i + 1] - LABEL_HEIGHT : plot->height);
  for (size_t i = 0; i < count; i++)
    fprintf(plot->out, "<text class=\"name %s\" x=\"100%%\" dx=\"6\" y=\"%.1f\">%s</text>\n",
            labels[order[i]].class, at[i] + 4, labels[order[i]].text);
}

void svg_level(const struct svg_plot *plot, double y, const char *text) {
  double at = down(plot, y);
  fprintf(plot->out,
          "<line class=\"level\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>"
          "<text class=\"aside\" x=\"4\" y=\"%.1f\">%s</text>\n",
          at, at, at - 5, text);
}

void svg_mark(const struct svg_plot *plot, double x, const char *text) {
  double at = percent(plot, x);
  fprintf(plot->out,
          "<line class=\"mark\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"-16\" y2=\"%u\"/>"
          "<text class=\"%s\" x=\"%.2f%%\" dx=\"%d\" y=\"-6\">%s</text>\n",
          at, at, plot->height, at > 60 ? "aside before" : "aside", at, at > 60 ? -5 : 5, text);
}

void svg_stretch(const struct svg_plot *plot, const char *class, double from, double to,
                 unsigned height, const char *text) {
  if (height == 0) height = plot->height;
  fprintf(plot->out, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%u\" height=\"%u\">",
          class, percent(plot, from), percent(plot, to) - percent(plot, from),
          plot->height - height, height);
  if (text) fprintf(plot->out, "<title>%s</title>", text);
  fputs("</rect>\n", plot->out);
}
