/* SPDX-License-Identifier: MIT
 *
 * The report for people who look at a terminal. Lines end before column 80.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/words.h"

enum { LINE_WIDTH = 78, LABEL_WIDTH = 38, FIGURE_WIDTH = 16, NAME_WIDTH = 26, COLUMN_WIDTH = 13 };

/* ---- writing ---- */

static bool colours(FILE *out) {
  const char *no = getenv("NO_COLOR");
  return isatty(fileno(out)) && !(no && *no != '\0');
}

static void print_styled(FILE *out, const char *style, const char *text, int width) {
  bool coloured = colours(out);
  fprintf(out, "%s%*s%s", coloured ? style : "", width, text, coloured ? "\033[0m" : "");
}

static void print_heading(FILE *out, const char *text, int width) {
  print_styled(out, "\033[1m", text, width);
}

static void print_figure(FILE *out, const char *text, int width, bool bad) {
  if (bad) {
    print_styled(out, "\033[1;31m", text, width);
  } else {
    fprintf(out, "%*s", width, text);
  }
}

static void print_count(FILE *out, uint64_t count, bool bad) {
  char text[32];
  print_figure(out, report_format(REPORT_COUNT, (double)count, text), COLUMN_WIDTH,
               bad && count > 0);
}

/* A paragraph, broken at spaces. */
static void print_paragraph(FILE *out, const char *indent, const char *text) {
  size_t column = 0;
  while (*text != '\0') {
    size_t len = strcspn(text, " ");
    if (column > 0 && column + 1 + len > LINE_WIDTH) {
      fputc('\n', out);
      column = 0;
    }
    column += (size_t)fprintf(out, "%s%.*s", column > 0 ? " " : indent, (int)len, text);
    text += len;
    text += strspn(text, " ");
  }
  fputc('\n', out);
}

/* ---- single figures ---- */

struct line {
  const char *key, *label, *behind;
};

static void print_lines(FILE *out, const struct report *report, const struct line *lines,
                        size_t count) {
  for (size_t i = 0; i < count; i++) {
    char text[32], figure[64];
    double value = 0;
    if (!words_value(report, lines[i].key, &value)) continue;
    if (value == 0 && strcmp(lines[i].key, "resets") == 0) continue;
    bool bad = (strcmp(lines[i].key, "errors") == 0 && value > 0) ||
               (strcmp(lines[i].key, "server.idle_cpu") == 0 && value >= WORDS_IDLE_CPU_BAD);
    snprintf(figure, sizeof figure, "%s%s", words_figure(report, lines[i].key, text),
             lines[i].behind);
    fprintf(out, "  %-*s", LABEL_WIDTH, lines[i].label);
    print_figure(out, figure, FIGURE_WIDTH, bad);
    fputc('\n', out);
  }
}

static void print_load(FILE *out, const struct report *report) {
  const struct line lines[] = {
      {"requests", words_request(report->options, true), ""},
      {"rate", "throughput", ""},
      {"ramp.rate", "highest rate within the bound", ""},
      {"bytes.in", "received", "/s"},
      {"bytes.out", "sent", "/s"},
      {"connections", "connections made, warm-up included", ""},
      {"resets", "reset by the server", ""},
      {"errors", "errors", ""},
  };
  static const struct line connecting[] = {
      {"connect.p50", "time to connect, p50", ""},
      {"connect.p99", "time to connect, p99", ""},
  };
  print_lines(out, report, lines, sizeof lines / sizeof *lines);
  if (words_connects(report->options)) print_lines(out, report, connecting, 2);
}

static void print_server(FILE *out, const struct report *report) {
  char each[LABEL_WIDTH];
  snprintf(each, sizeof each, "CPU for a %s", words_request(report->options, false));
  const struct line lines[] = {
      {"server.cpu_per_request", each, ""},
      {"server.cpu", "CPU under load, of one processor", ""},
      {"server.idle_cpu", "CPU afterwards, idle", ""},
      {"server.rss", "memory under load", ""},
      {"server.memory_per_connection", "memory for an idle connection", ""},
  };
  double value;
  if (!words_value(report, "server.rss", &value)) return;
  print_heading(out, "\n  The server\n", 0);
  print_lines(out, report, lines, sizeof lines / sizeof *lines);
}

/* ---- latency ---- */

static void print_latency(FILE *out, const struct report *report) {
  static const char *const keys[] = {"p50", "p90", "p99", "p999", "max"};
  static const char *const names[] = {"p50", "p90", "p99", "p99.9", "max"};
  char text[32];
  double value;
  if (!words_value(report, "p50", &value)) return;
  print_heading(out, "\n  Latency    ", 0);
  for (size_t i = 0; i < 5; i++) fprintf(out, "%*s", COLUMN_WIDTH, names[i]);
  fprintf(out, "\n%*s", 13, "");
  for (size_t i = 0; i < 5; i++)
    fprintf(out, "%*s", COLUMN_WIDTH, words_figure(report, keys[i], text));
  fputc('\n', out);
  print_paragraph(out, "  ", words_latency(report->options));
}

/* ---- errors and visits ---- */

static void print_errors(FILE *out, const struct report *report) {
  const struct load_errors *errors = &report->load->counts.errors;
  if (load_errors_sum(errors) == 0) return;
  print_heading(out, "\n  Errors\n", 0);
  for (size_t i = 0; i < WORDS_ERROR_COUNT; i++) {
    struct words_error error = words_error(errors, i);
    if (error.count == 0) continue;
    fprintf(out, "  %-10s", error.name);
    print_count(out, error.count, true);
    fprintf(out, "  %s\n", error.meaning);
  }
}

static void print_visits(FILE *out, const struct report *report) {
  if (!load_is_mixed(report->options)) return;
  print_heading(out, "\n  Visits", -NAME_WIDTH - 1);
  fprintf(out, "%*s%*s%*s%*s\n", COLUMN_WIDTH, "made", COLUMN_WIDTH, "whole", COLUMN_WIDTH,
          "truncated", COLUMN_WIDTH, "lost");
  for (enum load_manner i = 0; i < LOAD_MANNER_COUNT; i++) {
    const struct load_visits *visits = &report->load->visits[i];
    if (visits->visits == 0) continue;
    fprintf(out, "  %-*s", NAME_WIDTH - 2, load_manner_name(i));
    print_count(out, visits->visits, false);
    print_count(out, visits->whole, false);
    print_count(out, visits->truncated, true);
    print_count(out, visits->lost, true);
    fputc('\n', out);
  }
}

/* ---- what is left over ---- */

static void print_leftovers(FILE *out, const struct report *report) {
  struct words_leftover list[WORDS_LEFTOVERS_MAX];
  size_t count = words_leftovers(report, list);
  const struct watch_result *watch = words_watch(report);
  if (count == 0 && watch->processes == 0) return;
  print_heading(out, watch->local ? "\n  Sockets of the server" : "\n  Our own sockets",
                -NAME_WIDTH - 1);
  fprintf(out, "%*s%*s%*s\n", COLUMN_WIDTH, "before", COLUMN_WIDTH, "end of load", COLUMN_WIDTH,
          "settled");
  for (size_t i = 0; i < count; i++) {
    char name[64];
    bool plain = !watch->local || list[i].holder == FIN_HOLDER_TIME_WAIT;
    snprintf(name, sizeof name, "%s%s%s", list[i].name, plain ? "" : ", ",
             plain ? "" : fin_holder_name(list[i].holder));
    fprintf(out, "  %-*s", NAME_WIDTH - 2, name);
    print_count(out, list[i].before, false);
    print_count(out, list[i].measured, false);
    print_count(out, list[i].after, list[i].bad);
    fputc('\n', out);
  }
  if (watch->processes == 0) return;
  fprintf(out, "  %-*s", NAME_WIDTH - 2, "descriptors");
  print_count(out, watch->before.descriptors, false);
  print_count(out, watch->measured.descriptors, false);
  print_count(out, watch->after.descriptors, watch->after.descriptors > watch->before.descriptors);
  fputc('\n', out);
}

/* What those states mean that should not be there. */
static void print_meanings(FILE *out, const struct report *report) {
  struct words_leftover list[WORDS_LEFTOVERS_MAX];
  size_t count = words_leftovers(report, list);
  for (size_t i = 0; i < count; i++)
    if (list[i].bad) fprintf(out, "  %-11s  %s\n", list[i].name, list[i].meaning);
}

/* ---- all ---- */

/* Where it is too long for a line, its beginning. */
static void print_target(FILE *out, const char *target) {
  char *clean = report_clean(target), line[LINE_WIDTH + 1];
  if (!clean) return;
  bool whole = strlen(clean) <= LINE_WIDTH;
  snprintf(line, sizeof line, "%.*s%s", whole ? LINE_WIDTH : LINE_WIDTH - 3, clean,
           whole ? "" : "...");
  print_heading(out, line, 0);
  fputc('\n', out);
  free(clean);
}

void report_print(const struct report *report, FILE *out) {
  char text[WORDS_MAX];
  fputc('\n', out);
  print_target(out, report->target);
  print_paragraph(out, "", words_subject(report, text));
  fputc('\n', out);
  print_load(out, report);
  print_latency(out, report);
  print_errors(out, report);
  print_visits(out, report);
  print_leftovers(out, report);
  print_server(out, report);
  fputc('\n', out);
  print_paragraph(out, "", words_verdict(report, text));
  print_meanings(out, report);
}
