/* SPDX-License-Identifier: MIT
 *
 * Plots as inline SVG that fits any width: paths have coordinates of their own and are stretched,
 * while text, ticks and strokes keep their size and are placed by percentages.
 */
#ifndef BENCH_REPORT_SVG_H
#define BENCH_REPORT_SVG_H

#include "report/report.h"

enum svg_scale {
  SVG_LINEAR,
  SVG_LOG,
  SVG_CLOCK,      /* linear: seconds of the run */
  SVG_PERCENTILE, /* log: 1 / (1 - percentile / 100), which opens out the tail */
};

struct svg_axis {
  enum svg_scale scale;
  double low, high;      /* low < high; on a log axis above 0 */
  enum report_unit unit; /* of what is written at its ticks */
};

/* An axis from 0 up to the largest value. */
struct svg_axis svg_linear(double max, enum report_unit unit);
/* One that has room for both, from and to a round figure. Both above 0. */
struct svg_axis svg_log(double min, double max, enum report_unit unit);
struct svg_axis svg_clock(double from, double to);
/* As many values have a tail as long as that. */
struct svg_axis svg_percentile(double count);

enum { SVG_TICKS_MAX = 32 };
size_t svg_ticks(const struct svg_axis *axis, double ticks[SVG_TICKS_MAX]);
const char *svg_tick_text(const struct svg_axis *axis, double value, char text[32]);
bool svg_is_log(const struct svg_axis *axis);

struct svg_plot {
  FILE *out;
  const char *id; /* unique in the page */
  unsigned height;
  struct svg_axis x, y;
};

struct svg_point {
  double x, y; /* a y that is not a number, or cannot be on a log axis, is a gap */
};

/* A name at the right of the line that ends at y. */
struct svg_label {
  double y;
  const char *text, *class;
};
enum { SVG_LABELS_MAX = 8 };

/* Title and description are what is read to those who do not see it. Text is not escaped here. */
void svg_begin(const struct svg_plot *plot, const char *title, const char *description);
void svg_grid(const struct svg_plot *plot); /* both axes with their labels */
void svg_end(const struct svg_plot *plot);

/* A lone point between gaps is a dot. */
void svg_line(const struct svg_plot *plot, const char *class, const struct svg_point *points,
              size_t count);
/* What lies between two values at each x; both ends have the same x. */
void svg_area(const struct svg_plot *plot, const char *class, const struct svg_point *low,
              const struct svg_point *high, size_t count);
void svg_labels(const struct svg_plot *plot, const struct svg_label *labels, size_t count);
/* A level that is named at its left end. */
void svg_level(const struct svg_plot *plot, double y, const char *text);
/* An upright line, named above the plot; the text is at its left if it is far right. */
void svg_mark(const struct svg_plot *plot, double x, const char *text);
/* A stretch of x, over the whole height or, at the foot, of so many pixels; `text`, which may be
 * NULL, is shown while it is pointed at. */
void svg_stretch(const struct svg_plot *plot, const char *class, double from, double to,
                 unsigned height, const char *text);

#endif
