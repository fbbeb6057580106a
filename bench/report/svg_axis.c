/* SPDX-License-Identifier: MIT
 *
 * Axes: how far they reach, where their ticks are and what is written at them.
 */
#include <math.h>
#include <stdio.h>

#include "report/svg.h"

enum { STEPS_WANTED = 5 };

/* ---- units ---- */

struct unit {
  double size;
  const char *name;
};

static const struct unit counts[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}};
static const struct unit times[] = {{1e9, " s"}, {1e6, " ms"}, {1e3, " us"}, {1, " ns"}};
static const struct unit sizes[] = {
    {1073741824, " GiB"}, {1048576, " MiB"}, {1024, " KiB"}, {1, " B"}};
static const struct unit percents[] = {{1, "%"}};
static const struct unit clocks[] = {{60, " min"}, {1, " s"}};

/* The largest that the value is no less than, or the smallest there is. */
static const struct unit *unit_of(const struct svg_axis *axis, double value) {
  const struct unit *unit = counts;
  if (axis->scale == SVG_CLOCK) {
    /* One for the whole axis. */
    return axis->high - axis->low > 300 ? &clocks[0] : &clocks[1];
  }
  if (axis->unit == REPORT_PERCENT) return percents;
  if (axis->unit == REPORT_TIME) unit = times;
  if (axis->unit == REPORT_BYTES) unit = sizes;
  while (unit->size > 1 && fabs(value) < unit->size * 0.999) unit++;
  return unit;
}

/* 1 / (1 - p) as "99.9%". */
static const char *percentile_text(double value, char text[32]) {
  int digits = (int)fmax(round(log10(value)) - 2, 0);
  snprintf(text, 32, "%.*f%%", digits, 100 * (1 - 1 / value));
  return text;
}

const char *svg_tick_text(const struct svg_axis *axis, double value, char text[32]) {
  if (axis->scale == SVG_PERCENTILE) return percentile_text(value, text);
  const struct unit *unit = unit_of(axis, value == 0 ? axis->high : value);
  snprintf(text, 32, "%.6g%s", value / unit->size,
           value == 0 && axis->scale != SVG_CLOCK ? "" : unit->name);
  return text;
}

/* ---- round figures ---- */

/* The round figure (1, 2 or 5 with zeros) at or above the value, or at or below it. */
static double round_figure(double value, bool up) {
  static const double figures[] = {1, 2, 5, 10};
  double decade = pow(10, floor(log10(value)));
  for (size_t i = 0; i < 4; i++) {
    double figure = figures[up ? i : 3 - i] * decade;
    if (up ? figure >= value * 0.999999 : figure <= value * 1.000001) return figure;
  }
  return decade;
}

/* ---- reach ---- */

struct svg_axis svg_linear(double max, enum report_unit unit) {
  return (struct svg_axis){.high = max > 0 ? max * 1.04 : 1, .unit = unit};
}

struct svg_axis svg_log(double min, double max, enum report_unit unit) {
  struct svg_axis axis = {.scale = SVG_LOG, .unit = unit};
  axis.low = round_figure(min, false);
  axis.high = round_figure(max, true);
  if (axis.high <= axis.low) axis.high = axis.low * 2;
  return axis;
}

struct svg_axis svg_clock(double from, double to) {
  return (struct svg_axis){.scale = SVG_CLOCK, .low = from, .high = to > from ? to : from + 1};
}

struct svg_axis svg_percentile(double count) {
  return (struct svg_axis){.scale = SVG_PERCENTILE, .low = 1, .high = fmax(count, 10)};
}

bool svg_is_log(const struct svg_axis *axis) {
  return axis->scale == SVG_LOG || axis->scale == SVG_PERCENTILE;
}

/* ---- ticks ---- */

static size_t linear_ticks(const struct svg_axis *axis, double ticks[SVG_TICKS_MAX]) {
  double unit = unit_of(axis, axis->high)->size;
  double step = unit * round_figure((axis->high - axis->low) / unit / STEPS_WANTED, true);
  bool whole = axis->scale == SVG_LINEAR && axis->unit == REPORT_COUNT;
  if (whole) step = fmax(step, 1);
  double first = ceil(axis->low / step - 1e-9);
  size_t count = 0;
  while (count < SVG_TICKS_MAX && (first + (double)count) * step <= axis->high * (1 + 1e-9)) {
    ticks[count] = (first + (double)count) * step;
    count++;
  }
  return count;
}

/* Powers of ten, and twice and five times of them where there are few. */
static size_t log_ticks(const struct svg_axis *axis, double ticks[SVG_TICKS_MAX]) {
  static const double figures[] = {1, 2, 5};
  bool few = axis->high / axis->low < 1000;
  size_t count = 0;
  for (double decade = pow(10, floor(log10(axis->low))); decade <= axis->high * 1.001; decade *= 10)
    for (size_t i = 0; i < (few ? 3 : 1); i++) {
      double tick = decade * figures[i];
      if (tick >= axis->low * 0.999 && tick <= axis->high * 1.001 && count < SVG_TICKS_MAX)
        ticks[count++] = tick;
    }
  return count;
}

/* 50%, 90%, 99%, 99.9%, ...; every other one where the labels would touch. */
static size_t percentile_ticks(const struct svg_axis *axis, double ticks[SVG_TICKS_MAX]) {
  const double factor = axis->high > 1.1e5 ? 100 : 10;
  size_t count = 0;
  ticks[count++] = 2;
  for (double tick = factor; tick <= axis->high * 1.001 && count < SVG_TICKS_MAX; tick *= factor)
    ticks[count++] = tick;
  return count;
}

size_t svg_ticks(const struct svg_axis *axis, double ticks[SVG_TICKS_MAX]) {
  if (axis->scale == SVG_LOG) return log_ticks(axis, ticks);
  if (axis->scale == SVG_PERCENTILE) return percentile_ticks(axis, ticks);
  return linear_ticks(axis, ticks);
}
