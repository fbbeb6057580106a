/* SPDX-License-Identifier: MIT
 *
 * What the server held over time: its sockets by state, those that the kernel holds for it, its
 * descriptors, memory and CPU time. Second 0 is where measuring began.
 */
#include <math.h>
#include <stdlib.h>

#include "report/html.h"
#include "report/words.h"

/* More samples than that cannot be told apart. */
enum { SAMPLES_MAX = 800, BANDS_MAX = 8 };

/* ---- samples ---- */

struct history {
  const struct html_page *page;
  const struct watch_sample **samples;
  struct svg_point *low, *high;
  size_t count;
  double origin, end; /* of the watch: where measuring began and ended */
};

static uint32_t sum_of(const struct report *report, const struct watch_sample *sample) {
  uint32_t sum = 0;
  for (fin_holder holder = FIN_HOLDER_OWNED; holder < FIN_HOLDER_COUNT; holder++)
    for (fin_tcp_state state = FIN_TCP_ESTABLISHED; state < FIN_TCP_STATE_COUNT; state++)
      sum += words_sockets(report, sample, state, holder);
  return sum;
}

/* Of each few that share a place, the one with most sockets; and the last, which is what is left.
 */
static void thin_out(struct history *history, const struct watch_result *watch) {
  const struct report *report = history->page->report;
  size_t stride = watch->series_count / SAMPLES_MAX + 1;
  for (size_t i = 0; i < watch->series_count; i += stride) {
    const struct watch_sample *most = &watch->series[i];
    for (size_t k = i + 1; k < i + stride && k < watch->series_count; k++)
      if (sum_of(report, &watch->series[k]) > sum_of(report, most)) most = &watch->series[k];
    history->samples[history->count++] = most;
  }
  const struct watch_sample *last = &watch->series[watch->series_count - 1];
  if (history->samples[history->count - 1] != last) history->samples[history->count++] = last;
}

static bool history_take(struct history *history, const struct html_page *page) {
  const struct watch_result *watch = words_watch(page->report);
  size_t max = watch->series_count / (watch->series_count / SAMPLES_MAX + 1) + 2;
  *history = (struct history){.page = page};
  history->samples = calloc(max, sizeof *history->samples);
  history->low = calloc(2 * max, sizeof *history->low);
  history->high = calloc(2 * max, sizeof *history->high);
  if (!history->samples || !history->low || !history->high) return false;
  history->origin = watch->measure.seconds;
  history->end = watch->measured.seconds;
  if (watch->series_count > 0) thin_out(history, watch);
  return true;
}

static void history_release(struct history *history) {
  free(history->samples);
  free(history->low);
  free(history->high);
}

static double when(const struct history *history, size_t i) {
  return history->samples[i]->seconds - history->origin;
}

static struct svg_plot plot_of(const struct history *history, const char *id, unsigned height,
                               struct svg_axis y) {
  double from = fmin(when(history, 0), 0);
  double to = fmax(when(history, history->count - 1), history->end - history->origin);
  return (struct svg_plot){history->page->out, id, height, svg_clock(from, to), y};
}

/* What was before and after the load stands back. */
static void begin_plot(const struct history *history, const struct svg_plot *plot,
                       const char *title, const char *caption) {
  html_figure_begin(history->page, "", title, caption);
  svg_begin(plot, title, caption);
  svg_stretch(plot, "apart", plot->x.low, 0, 0, NULL);
  svg_stretch(plot, "apart", history->end - history->origin, plot->x.high, 0, NULL);
  svg_grid(plot);
}

static void end_plot(const struct history *history, const struct svg_plot *plot) {
  svg_mark(plot, history->end - history->origin, "end of load");
  svg_end(plot);
}

/* ---- sockets ---- */

struct band {
  const char *name, *class;
  fin_holder holder;
  unsigned states; /* a bit for each */
};

#define BIT(state) (1U << FIN_TCP_##state)
#define OTHERS (BIT(SYN_SENT) | BIT(SYN_RECV) | BIT(CLOSE))
enum { EVERY_STATE = (1 << FIN_TCP_STATE_COUNT) - 1 };

/* From the foot up: what must go away stands on the ground, where it is seen best. */
static const struct band of_server[] = {
    {"CLOSE-WAIT", "close-wait", FIN_HOLDER_OWNED, BIT(CLOSE_WAIT)},
    {"LAST-ACK, CLOSING", "last-ack", FIN_HOLDER_OWNED, BIT(LAST_ACK) | BIT(CLOSING)},
    {"FIN-WAIT", "fin-wait", FIN_HOLDER_OWNED, BIT(FIN_WAIT1) | BIT(FIN_WAIT2)},
    {"others", "others", FIN_HOLDER_OWNED, OTHERS},
    {"ESTABLISHED", "established", FIN_HOLDER_OWNED, BIT(ESTABLISHED)},
    {"not yet accepted", "queued", FIN_HOLDER_QUEUED, EVERY_STATE},
};
static const struct band of_kernel[] = {
    {"orphans", "fin-wait", FIN_HOLDER_ORPHAN, EVERY_STATE},
    {"TIME-WAIT", "queued", FIN_HOLDER_TIME_WAIT, EVERY_STATE},
};
static const struct band of_ours[] = {
    {"CLOSE-WAIT", "close-wait", FIN_HOLDER_OWNED, BIT(CLOSE_WAIT)},
    {"LAST-ACK, CLOSING", "last-ack", FIN_HOLDER_OWNED, BIT(LAST_ACK) | BIT(CLOSING)},
    {"FIN-WAIT", "fin-wait", FIN_HOLDER_OWNED, BIT(FIN_WAIT1) | BIT(FIN_WAIT2)},
    {"others", "others", FIN_HOLDER_OWNED, OTHERS},
    {"ESTABLISHED", "established", FIN_HOLDER_OWNED, BIT(ESTABLISHED)},
    {"TIME-WAIT", "queued", FIN_HOLDER_OWNED, BIT(TIME_WAIT)},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static double in_band(const struct history *history, const struct band *band, size_t i) {
  uint32_t sum = 0;
  for (fin_tcp_state state = FIN_TCP_ESTABLISHED; state < FIN_TCP_STATE_COUNT; state++)
    if (band->states >> state & 1)
      sum += words_sockets(history->page->report, history->samples[i], state, band->holder);
  return sum;
}

static double most_in(const struct history *history, const struct band *bands, size_t count) {
  double most = 0;
  for (size_t i = 0; i < history->count; i++) {
    double sum = 0;
    for (size_t k = 0; k < count; k++) sum += in_band(history, &bands[k], i);
    most = fmax(most, sum);
  }
  return most;
}

static void print_keys(const struct history *history, const struct band *bands, size_t count) {
  fputs("<ul class=\"keys\">\n", history->page->out);
  for (size_t k = count; k-- > 0;) {
    double most = most_in(history, &bands[k], 1);
    char a[32], b[32];
    if (most == 0) continue;
    fprintf(history->page->out,
            "<li><span class=\"key %s\"></span>%s <small>at most %s, at last %s</small></li>\n",
            bands[k].class, bands[k].name, report_format(REPORT_COUNT, most, a),
            report_format(REPORT_COUNT, in_band(history, &bands[k], history->count - 1), b));
  }
  fputs("</ul>\n", history->page->out);
}

static void print_bands(struct history *history, const struct svg_plot *plot,
                        const struct band *bands, size_t count) {
  for (size_t i = 0; i < history->count; i++)
    history->high[i] = (struct svg_point){when(history, i), 0};
  for (size_t k = 0; k < count; k++) {
    for (size_t i = 0; i < history->count; i++) {
      history->low[i] = history->high[i];
      history->high[i].y += in_band(history, &bands[k], i);
    }
    if (most_in(history, &bands[k], 1) > 0)
      svg_area(plot, bands[k].class, history->low, history->high, history->count);
  }
}

static void print_sockets(struct history *history, const char *id, const char *title,
                          const char *caption, const struct band *bands, size_t count) {
  double most = most_in(history, bands, count);
  struct svg_plot plot = plot_of(history, id, 200, svg_linear(most, REPORT_COUNT));
  if (most == 0) {
    html_figure_begin(history->page, "", title, caption);
    fputs("<p>None at any time.</p>\n", history->page->out);
    html_figure_end(history->page);
    return;
  }
  begin_plot(history, &plot, title, caption);
  print_bands(history, &plot, bands, count);
  end_plot(history, &plot);
  print_keys(history, bands, count);
  html_figure_end(history->page);
}

/* ---- descriptors, memory, CPU ---- */

static void print_series(const struct history *history, const char *id, const char *title,
                         const char *caption, enum report_unit unit, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++) most = fmax(most, history->high[i].y);
  struct svg_plot plot = plot_of(history, id, 120, svg_linear(most, unit));
  begin_plot(history, &plot, title, caption);
  svg_line(&plot, "flow", history->high, count);
  end_plot(history, &plot);
  html_figure_end(history->page);
}

/* Over less than that the curve would show the scheduler's turns. */
static size_t cpu_points(struct history *history) {
  const double least_s = 0.5;
  size_t count = 0, from = 0;
  for (size_t i = 1; i < history->count; i++) {
    const struct watch_sample *a = history->samples[from], *b = history->samples[i];
    if (b->seconds - a->seconds < least_s) continue;
    double cpu = b->cpu_ns > a->cpu_ns ? (double)(b->cpu_ns - a->cpu_ns) : 0;
    double percent = cpu / (b->seconds - a->seconds) / 1e7;
    history->high[count++] = (struct svg_point){when(history, from), percent};
    history->high[count++] = (struct svg_point){when(history, i), percent};
    from = i;
  }
  return count;
}

static void print_processes(struct history *history) {
  fputs("<div class=\"trio\">\n", history->page->out);
  for (size_t i = 0; i < history->count; i++)
    history->high[i] = (struct svg_point){when(history, i), history->samples[i]->descriptors};
  print_series(history, "descriptors", "Descriptors", "open in the server", REPORT_COUNT,
               history->count);
  for (size_t i = 0; i < history->count; i++)
    history->high[i].y = (double)history->samples[i]->rss_bytes;
  print_series(history, "memory", "Memory", "resident, of the server", REPORT_BYTES,
               history->count);
  print_series(history, "cpu", "CPU", "of one processor", REPORT_PERCENT, cpu_points(history));
  fputs("</div>\n", history->page->out);
}

/* ---- all ---- */

bool html_server(const struct html_page *page) {
  const struct watch_result *watch = words_watch(page->report);
  struct history history;
  bool taken = history_take(&history, page);
  if (taken && history.count > 0) {
    fprintf(page->out,
            "<section>\n<h2>%s</h2>\n<p class=\"note\">Measuring begins at 0 s. Shaded: before it, "
            "and after the load until nothing changed.</p>\n<div class=\"halves\">\n",
            watch->local ? "Server" : "Our own ends");
    if (watch->local) {
      print_sockets(&history, "owned", "Sockets of the server", "by TCP state", of_server,
                    COUNT(of_server));
      print_sockets(&history, "kernel", "Held by the kernel alone",
                    "closed by the server; gone by themselves", of_kernel, COUNT(of_kernel));
    } else {
      print_sockets(&history, "owned", "Our sockets", "by TCP state", of_ours, COUNT(of_ours));
    }
    fputs("</div>\n", page->out);
    if (watch->local && watch->processes > 0) print_processes(&history);
    fputs("</section>\n", page->out);
  }
  history_release(&history);
  return taken;
}
