/* SPDX-License-Identifier: MIT
 *
 * What goes on, on stderr: a line that changes if it is a terminal, else one for each phase.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"

enum { LINE_MAX_LEN = 160, COLUMNS = 80 };

struct line {
  char text[LINE_MAX_LEN];
  size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int len = vsnprintf(line->text + line->len, sizeof line->text - line->len, format, values);
  va_end(values);
  if (len > 0) line->len += (size_t)len;
  if (line->len >= sizeof line->text) line->len = sizeof line->text - 1;
}

/* A line that wraps could not be taken back. */
static int width(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2) return COLUMNS - 1;
  return size.ws_col - 1;
}

void bench_progress_clear(const struct bench_progress *progress) {
  if (progress->terminal) fputs("\r\033[K", stderr);
}

void bench_progress_say(const struct bench_progress *progress, const char *phase) {
  if (progress->terminal)
    fprintf(stderr, "\r\033[K%.*s", width(), phase);
  else
    fprintf(stderr, "%s\n", phase);
  fflush(stderr);
}

/* ---- the line ---- */

/* Of the server where it is here, else of our own ends. */
static uint32_t open_in(const struct watch_sample *sample, fin_tcp_state state) {
  uint32_t count = 0;
  for (fin_holder holder = FIN_HOLDER_ANY + 1; holder < FIN_HOLDER_COUNT; holder++)
    count += sample->sockets[state][holder];
  return count;
}

static void add_sockets(struct line *line, const struct watch_sample *sample) {
  static const char *const names[FIN_TCP_STATE_COUNT] = {
#define NAME(name, number, text) [FIN_TCP_##name] = text,
      FIN_TCP_STATES(NAME)
#undef NAME
  };
  for (fin_tcp_state state = FIN_TCP_ANY + 1; state < FIN_TCP_STATE_COUNT; state++)
    if (open_in(sample, state) > 0)
      add(line, "  %s %" PRIu32, names[state], open_in(sample, state));
}

static void show(const struct bench_progress *progress, const struct load_progress *load) {
  char rate[32], p99[32];
  struct line line = {.len = 0};
  const struct watch_sample *sample = watch_latest(progress->watch);
  add(&line, "%5.1f s%s", load->seconds, load->warming ? " (warm-up)" : "");
  if (progress->bench->load.workload == LOAD_IDLE_WORKLOAD)
    add(&line, "  %" PRIu64 " connections", load->connections);
  else
    add(&line, "  %s", report_format(REPORT_PER_SECOND, load->rate, rate));
  if (load->p99_ns > 0)
    add(&line, "  p99 %s", report_format(REPORT_TIME, (double)load->p99_ns, p99));
  add(&line, "  errors %" PRIu64, load_errors_sum(&load->counts.errors));
  if (sample) add_sockets(&line, sample);
  bench_progress_say(progress, line.text);
}

static void say_phase(const struct bench_progress *progress, enum load_moment moment) {
  struct line line = {.len = 0};
  const struct load_options *load = &progress->bench->load;
  if (moment == LOAD_WARM && load->warmup_ms > 0)
    add(&line, "warming up");
  else if (moment == LOAD_MEASURE)
    add(&line, "measuring");
  else if (moment == LOAD_OVER)
    add(&line, "the load is over: waiting for what it left to go");
  if (line.len > 0) bench_progress_say(progress, line.text);
}

static void observe(void *context, const struct load_progress *load) {
  const struct bench_progress *progress = context;
  if (!progress->terminal || load->moment == LOAD_OVER)
    say_phase(progress, load->moment);
  else if (load->moment == LOAD_TICK)
    show(progress, load);
}

struct load_observer bench_progress_observer(struct bench_progress *progress) {
  progress->terminal = isatty(STDERR_FILENO);
  return (struct load_observer){.context = progress, .observe = observe};
}
