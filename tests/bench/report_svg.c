/* SPDX-License-Identifier: MIT
 *
 * Axes have few ticks, at round figures, within their reach, whatever that is.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "report/svg.h"

static void expect_ticks(const struct svg_axis *axis, size_t least, size_t most) {
  double ticks[SVG_TICKS_MAX];
  size_t count = svg_ticks(axis, ticks);
  cr_assert_lt(axis->low, axis->high);
  cr_expect(count >= least && count <= most, "%zu ticks from %g to %g", count, axis->low,
            axis->high);
  for (size_t i = 0; i < count; i++) {
    cr_expect(ticks[i] >= axis->low * (axis->low < 0 ? 1.001 : 0.999) &&
                  ticks[i] <= axis->high * 1.001 + 1e-9,
              "%g is not between %g and %g", ticks[i], axis->low, axis->high);
    if (i > 0) cr_expect_gt(ticks[i], ticks[i - 1]);
  }
}

Test(report_svg, has_few_ticks_at_any_size) {
  for (double most = 0.001; most < 1e13; most *= 1.37) {
    struct svg_axis counts = svg_linear(most, REPORT_COUNT);
    struct svg_axis bytes = svg_linear(most, REPORT_BYTES);
    struct svg_axis percents = svg_linear(most, REPORT_PERCENT);
    struct svg_axis clock = svg_clock(-most / 10, most);
    expect_ticks(&counts, 1, 8);
    expect_ticks(&bytes, 2, 8);
    expect_ticks(&percents, 2, 8);
    expect_ticks(&clock, 2, 8);
    for (double least = most; least > most * 1e-9; least /= 3.3) {
      struct svg_axis times = svg_log(least, most, REPORT_TIME);
      expect_ticks(&times, 2, 12);
    }
  }
  for (double count = 0; count < 1e10; count = 2 * count + 1) {
    struct svg_axis axis = svg_percentile(count);
    expect_ticks(&axis, 2, 7);
  }
}

static void expect_text(struct svg_axis axis, double value, const char *expected) {
  char text[32];
  cr_expect_str_eq(svg_tick_text(&axis, value, text), expected);
}

Test(report_svg, writes_what_people_read) {
  expect_text(svg_linear(90000, REPORT_COUNT), 80000, "80k");
  expect_text(svg_linear(90000, REPORT_COUNT), 0, "0");
  expect_text(svg_linear(3 << 20, REPORT_BYTES), 1 << 20, "1 MiB");
  expect_text(svg_linear(100, REPORT_PERCENT), 50, "50%");
  expect_text(svg_log(1e5, 1e9, REPORT_TIME), 2e5, "200 us");
  expect_text(svg_log(1e5, 1e9, REPORT_TIME), 1e9, "1 s");
  expect_text(svg_clock(-1, 10), 0, "0 s");
  expect_text(svg_clock(0, 3600), 1200, "20 min");
  expect_text(svg_percentile(1e6), 2, "50%");
  expect_text(svg_percentile(1e6), 100, "99%");
  expect_text(svg_percentile(1e6), 10000, "99.99%");
}
