/* SPDX-License-Identifier: MIT
 *
 * Throughput and latency over time, and the percentile curve, which shares the latency's axis.
 */
#include <math.h>
#include <stdlib.h>

#include "report/html.h"
#include "report/words.h"

/* More steps than that cannot be told apart; then several seconds share one. */
enum { STEPS_MAX = 600, CURVE_POINTS = 240, LINES = 5 };

/* One second of the load, or a few: their sums, and the worst percentiles among them. */
struct step {
  double from, to;
  uint64_t requests, bytes, connections, errors;
  uint64_t latency_ns[LINES]; /* 0: nothing was answered */
};

struct steps {
  struct step *list;
  struct svg_point *points; /* room for a line through both ends of each step */
  struct svg_point *ground;
  size_t count, seconds; /* of each */
};

static const struct {
  const char *name, *class;
} lines[LINES] = {
    {"p50", "p50"}, {"p90", "p90"}, {"p99", "p99"}, {"p99.9", "p999"}, {"max", "max"}};

/* ---- seconds ---- */

static void add_second(struct step *step, const struct load_second *second) {
  const uint64_t latency[LINES] = {second->p50_ns, second->p90_ns, second->p99_ns, second->p999_ns,
                                   second->max_ns};
  step->to += second->seconds;
  step->requests += second->counts.requests;
  step->bytes += second->counts.bytes_in;
  step->connections += second->counts.connections;
  step->errors += load_errors_sum(&second->counts.errors);
  for (size_t i = 0; i < LINES; i++)
    if (latency[i] > step->latency_ns[i]) step->latency_ns[i] = latency[i];
}

static bool steps_take(struct steps *steps, const struct load_result *load) {
  size_t stride = load->series_count / STEPS_MAX + 1;
  *steps = (struct steps){.seconds = stride};
  steps->list = calloc(load->series_count / stride + 1, sizeof *steps->list);
  steps->points = calloc(2 * (load->series_count / stride + 1), sizeof *steps->points);
  steps->ground = calloc(2 * (load->series_count / stride + 1), sizeof *steps->ground);
  if (!steps->list || !steps->points || !steps->ground) return false;
  double now = 0;
  for (size_t i = 0; i < load->series_count; i++) {
    if (i % stride == 0) steps->list[steps->count++] = (struct step){.from = now, .to = now};
    add_second(&steps->list[steps->count - 1], &load->series[i]);
    now = steps->list[steps->count - 1].to;
  }
  return true;
}

static void steps_release(struct steps *steps) {
  free(steps->list);
  free(steps->points);
  free(steps->ground);
}

/* What is shown while a step is pointed at. */
static void print_hints(const struct svg_plot *plot, const struct steps *steps) {
  for (size_t i = 0; i < steps->count; i++) {
    const struct step *step = &steps->list[i];
    char requests[32], errors[32], p50[32], p99[32], max[32], text[256];
    snprintf(text, sizeof text, "%.3g s to %.3g s: %s requests, %s errors; p50 %s, p99 %s, max %s",
             step->from, step->to, report_format(REPORT_COUNT, (double)step->requests, requests),
             report_format(REPORT_COUNT, (double)step->errors, errors),
             report_format(REPORT_TIME, (double)step->latency_ns[0], p50),
             report_format(REPORT_TIME, (double)step->latency_ns[2], p99),
             report_format(REPORT_TIME, (double)step->latency_ns[4], max));
    svg_stretch(plot, "hint", step->from, step->to, 0, text);
  }
}

/* ---- throughput ---- */

struct measure {
  const char *title, *caption;
  enum report_unit unit;
};

static struct measure measure_of(const struct load_options *options) {
  if (options->workload == LOAD_STREAM_WORKLOAD)
    return (struct measure){"Throughput", "bytes received a second", REPORT_BYTES};
  if (options->workload == LOAD_CONNECT_WORKLOAD)
    return (struct measure){"Throughput", "connections a second", REPORT_COUNT};
  return (struct measure){"Throughput", "good replies a second", REPORT_COUNT};
}

static double measured(const struct load_options *options, const struct step *step) {
  uint64_t sum = step->requests;
  if (options->workload == LOAD_STREAM_WORKLOAD) sum = step->bytes;
  if (options->workload == LOAD_CONNECT_WORKLOAD) sum = step->connections;
  return step->to > step->from ? (double)sum / (step->to - step->from) : 0;
}

static void print_throughput(const struct html_page *page, struct steps *steps) {
  const struct load_options *options = page->report->options;
  struct measure measure = measure_of(options);
  double most = options->rate, until = page->report->load->seconds;
  bool errors = false;
  for (size_t i = 0; i < steps->count; i++) {
    const struct step *step = &steps->list[i];
    double value = measured(options, step);
    steps->points[2 * i] = (struct svg_point){step->from, value};
    steps->points[2 * i + 1] = (struct svg_point){step->to, value};
    steps->ground[2 * i] = (struct svg_point){step->from, 0};
    steps->ground[2 * i + 1] = (struct svg_point){step->to, 0};
    most = fmax(most, value);
    until = fmax(until, step->to);
    errors |= step->errors > 0;
  }
  struct svg_plot plot = {page->out, "throughput", 180, svg_clock(0, until),
                          svg_linear(most, measure.unit)};
  html_figure_begin(page, "wide", measure.title, measure.caption);
  svg_begin(&plot, measure.title, measure.caption);
  svg_grid(&plot);
  svg_area(&plot, "flow", steps->ground, steps->points, 2 * steps->count);
  svg_line(&plot, "flow", steps->points, 2 * steps->count);
  for (size_t i = 0; i < steps->count; i++)
    if (steps->list[i].errors > 0)
      svg_stretch(&plot, "error", steps->list[i].from, steps->list[i].to, 5, NULL);
  if (options->rate > 0) svg_level(&plot, options->rate, "asked for");
  print_hints(&plot, steps);
  svg_end(&plot);
  if (errors)
    fputs("<p class=\"note\"><span class=\"key error\"></span>seconds with errors</p>\n",
          page->out);
  html_figure_end(page);
}

/* ---- latency ---- */

/* The times to connect, if they are worth a curve. */
static const struct histogram *connect_of(const struct report *report) {
  bool worth = words_connects(report->options) && report->load->connect.count > 0;
  return worth ? &report->load->connect : NULL;
}

static void make_room(double *min, double *max, const struct histogram *histogram) {
  if (!histogram || histogram->count == 0) return;
  *min = fmin(*min, fmax((double)histogram->min_ns, 1));
  *max = fmax(*max, (double)histogram->max_ns);
}

/* The same for both plots, so that they can be read across. */
static struct svg_axis latency_axis(const struct report *report) {
  const struct load_result *load = report->load;
  double min = INFINITY, max = 1;
  make_room(&min, &max, &load->latency);
  make_room(&min, &max, connect_of(report));
  for (size_t i = 0; i < load->series_count; i++) {
    if (load->series[i].p50_ns > 0) min = fmin(min, (double)load->series[i].p50_ns);
    max = fmax(max, (double)load->series[i].max_ns);
  }
  return svg_log(fmin(min, max), max, REPORT_TIME);
}

static void print_latency(const struct html_page *page, struct steps *steps) {
  static const char title[] = "Latency over time";
  struct svg_label labels[LINES];
  size_t label_count = 0;
  double until = page->report->load->seconds;
  if (steps->count > 0) until = fmax(until, steps->list[steps->count - 1].to);
  struct svg_plot plot = {page->out, "latency", 240, svg_clock(0, until),
                          latency_axis(page->report)};
  char caption[64] = "percentiles of each second, log scale";
  if (steps->seconds > 1)
    snprintf(caption, sizeof caption, "the worst second of %zu, log scale", steps->seconds);
  html_figure_begin(page, "named", title, caption);
  svg_begin(&plot, title, "The 50th, 90th, 99th and 99.9th percentile and the longest, by second");
  svg_grid(&plot);
  for (size_t line = LINES; line-- > 0;) {
    double last = NAN;
    for (size_t i = 0; i < steps->count; i++) {
      double value = (double)steps->list[i].latency_ns[line];
      steps->points[2 * i] = (struct svg_point){steps->list[i].from, value};
      steps->points[2 * i + 1] = (struct svg_point){steps->list[i].to, value};
      if (value > 0) last = value;
    }
    svg_line(&plot, lines[line].class, steps->points, 2 * steps->count);
    if (isfinite(last))
      labels[label_count++] = (struct svg_label){last, lines[line].name, lines[line].class};
  }
  svg_labels(&plot, labels, label_count);
  print_hints(&plot, steps);
  svg_end(&plot);
  html_figure_end(page);
}

/* ---- the percentile curve ---- */

/* Ends at the maximum: of n values the last one is the whole tail beyond 1 - 1/n. */
static void print_curve_line(const struct svg_plot *plot, const struct histogram *histogram,
                             const char *class) {
  struct svg_point points[CURVE_POINTS];
  double count = (double)histogram->count;
  if (histogram->count == 0) return;
  for (size_t i = 0; i < CURVE_POINTS; i++) {
    double x = pow(count, (double)i / (CURVE_POINTS - 1));
    points[i] = (struct svg_point){
        x, (double)histogram_percentile_ns(histogram, fmin(100 * (1 - 1 / x), 100))};
  }
  points[CURVE_POINTS - 1] = (struct svg_point){count, (double)histogram->max_ns};
  svg_line(plot, class, points, CURVE_POINTS);
}

static void print_curve(const struct html_page *page) {
  static const char title[] = "Latency by percentile";
  const struct histogram *latency = &page->report->load->latency;
  const struct histogram *connect = connect_of(page->report);
  double most = fmax((double)latency->count, connect ? (double)connect->count : 0);
  struct svg_plot plot = {page->out, "curve", 240, svg_percentile(most),
                          latency_axis(page->report)};
  html_figure_begin(page, "", title, "so much of all was as fast or faster");
  svg_begin(&plot, title, "Latency, log scale, against 1 / (1 - percentile), log scale");
  svg_grid(&plot);
  if (connect) print_curve_line(&plot, connect, "connect");
  print_curve_line(&plot, latency, "p99");
  svg_end(&plot);
  if (connect)
    fprintf(page->out,
            "<ul class=\"keys\">%s<li><span class=\"key connect\"></span>time to "
            "connect</li></ul>\n",
            latency->count > 0 ? "<li><span class=\"key p99\"></span>latency</li>" : "");
  html_figure_end(page);
}

/* ---- both ---- */

bool html_load(const struct html_page *page) {
  const struct report *report = page->report;
  bool answered = report->load->latency.count > 0;
  struct steps steps;
  bool taken = steps_take(&steps, report->load);
  fputs("<section>\n<h2>Load</h2>\n", page->out);
  if (taken) print_throughput(page, &steps);
  fputs("<div class=\"pair\">\n", page->out);
  if (taken && answered) print_latency(page, &steps);
  if (answered || connect_of(report)) print_curve(page);
  fprintf(page->out, "</div>\n<p class=\"note\">%s</p>\n</section>\n",
          answered ? words_latency(report->options)
                   : "No request was answered: there is no latency to show.");
  steps_release(&steps);
  return taken;
}
