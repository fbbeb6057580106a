/* SPDX-License-Identifier: MIT
 *
 * What is left of both servers' connections, side by side, and what it means. Lines end before
 * column 80.
 */
#include <errno.h>
#include <finale/observe.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

enum { LABEL_WIDTH = 38, FIGURE_WIDTH = 16, LINE_WIDTH = 78 };

struct line {
  const char *key, *label;
  size_t offset;
  bool bad;
};

#define DEMO_LINE(key, label, bad) {#key, label, offsetof(struct demo_figures, key), bad},
static const struct line traffic[] = {DEMO_TRAFFIC(DEMO_LINE)};
static const struct line leftover[] = {DEMO_LEFTOVER(DEMO_LINE)};
static const struct line kernel[] = {DEMO_KERNEL(DEMO_LINE)};
static const struct line cpu[] = {DEMO_CPU(DEMO_LINE)};
#undef DEMO_LINE
#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint64_t figure(const struct demo_figures *figures, const struct line *line) {
  uint64_t value;
  memcpy(&value, (const char *)figures + line->offset, sizeof value);
  return value;
}

/* ---- counting ---- */

static void count_row(const fin_census_row *row, struct demo_figures *figures) {
  if (row->holder == FIN_HOLDER_TIME_WAIT) {
    figures->time_wait++;
    return;
  }
  if (row->holder == FIN_HOLDER_ORPHAN) {
    figures->orphans++;
    return;
  }
  switch (row->state) {
    case FIN_TCP_LISTEN:
      break;
    case FIN_TCP_CLOSE_WAIT:
      figures->close_wait++;
      figures->close_wait_unread += row->recv_queue > 0; /* an unread FIN counts as one byte */
      break;
    case FIN_TCP_FIN_WAIT1:
    case FIN_TCP_FIN_WAIT2:
      figures->fin_wait++;
      break;
    case FIN_TCP_LAST_ACK:
      figures->last_ack++;
      break;
    case FIN_TCP_ESTABLISHED:
      figures->established++;
      break;
    default:
      figures->other++;
      break;
  }
}

int demo_count_leftover(const struct demo_server *server, struct demo_figures *figures) {
  fin_census *census =
      fin_census_take(&(fin_census_query){.ports = &server->port, .port_count = 1});
  if (!census) return -errno;
  for (size_t i = 0; i < census->row_count; i++)
    if (census->rows[i].local_port == server->port) count_row(&census->rows[i], figures);
  fin_census_free(census);

  census = fin_census_take(&(fin_census_query){.pid = server->pid});
  if (!census) return -errno;
  figures->invisible = census->invisible_count;
  fin_census_free(census);

  unsigned now = demo_server_descriptors(server);
  figures->descriptors = now > server->descriptors ? now - server->descriptors : 0;
  return 0;
}

bool demo_report_holds(const struct demo_report *report) {
  const struct demo_figures *finale = &report->finale;
  uint64_t owed = finale->replies_truncated + finale->replies_lost;
  owed += finale->connections != report->connections;
  for (size_t i = 0; i < COUNT(leftover); i++) owed += figure(finale, &leftover[i]);
  return owed == 0 && report->drain_status == 0;
}

/* ---- words ---- */

/* "1234567" as "1,234,567". */
static const char *grouped(uint64_t value, char text[32]) {
  char *p = text + 31;
  int digits = 0;
  *p = '\0';
  do {
    if (digits > 0 && digits % 3 == 0) *--p = ',';
    *--p = (char)('0' + value % 10);
    digits++;
  } while ((value /= 10) > 0);
  return p;
}

/* Prints a paragraph, broken at spaces. */
static void print_paragraph(FILE *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void print_paragraph(FILE *out, const char *format, ...) {
  char text[1024];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  size_t column = 0;
  char *rest = NULL;
  for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
    size_t len = strlen(word);
    if (column > 0 && column + 1 + len > LINE_WIDTH) {
      fputc('\n', out);
      column = 0;
    }
    column += (size_t)fprintf(out, column > 0 ? " %s" : "%s", word);
  }
  fputc('\n', out);
}

/* ---- the table ---- */

static bool colours(FILE *out) { return isatty(fileno(out)) && !getenv("NO_COLOR"); }

static void print_figure(FILE *out, const struct line *line, uint64_t value) {
  char text[32];
  const char *colour = line->bad && colours(out) ? (value > 0 ? "\033[31m" : "\033[32m") : "";
  fprintf(out, "%s%*s%s", colour, FIGURE_WIDTH, grouped(value, text), *colour ? "\033[0m" : "");
}

/* Lines that may be absent from the text: where both sides have nothing to tell. */
static bool is_detail(const struct line *line) {
  return line->label[0] == ' ' || strcmp(line->key, "other") == 0;
}

static void print_lines(FILE *out, const struct demo_report *report, const struct line *lines,
                        size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t finale = figure(&report->finale, &lines[i]);
    uint64_t naive = figure(&report->naive, &lines[i]);
    if (is_detail(&lines[i]) && finale == 0 && naive == 0) continue;
    fprintf(out, "  %-*s", LABEL_WIDTH, lines[i].label);
    print_figure(out, &lines[i], finale);
    print_figure(out, &lines[i], naive);
    fputc('\n', out);
  }
}

static void print_cpu(FILE *out, const struct demo_report *report) {
  fprintf(out, "  %-*s%*.1f ms%*.1f ms\n", LABEL_WIDTH, cpu[0].label, FIGURE_WIDTH - 3,
          (double)report->finale.cpu_us / 1000, FIGURE_WIDTH - 3,
          (double)report->naive.cpu_us / 1000);
}

static void print_naive_verdict(FILE *out, const struct demo_figures *naive) {
  char a[32], b[32];
  if (naive->close_wait > 0)
    print_paragraph(out,
                    "The naive server holds %s sockets in CLOSE_WAIT: their clients have left, and "
                    "nobody read the FIN of %s of them, because reading was stopped for "
                    "back-pressure when they left. They stay until it is restarted.",
                    grouped(naive->close_wait, a),
                    naive->close_wait_unread == naive->close_wait
                        ? "any"
                        : grouped(naive->close_wait_unread, b));
  if (naive->established > 0)
    print_paragraph(out,
                    "%s more pass for ESTABLISHED: there the FIN is stuck behind requests that "
                    "nobody reads.",
                    grouped(naive->established, a));
  if (naive->invisible > 0)
    print_paragraph(out,
                    "%s more descriptors belong to connections that were reset meanwhile: no list "
                    "of sockets shows them, until there is none left for accept().",
                    grouped(naive->invisible, a));
  if (naive->replies_truncated + naive->replies_lost > 0)
    print_paragraph(out,
                    "%s replies never came whole: it closed at the FIN of clients that still "
                    "waited, over what was queued for them.",
                    grouped(naive->replies_truncated + naive->replies_lost, a));
}

static void print_verdict(FILE *out, const struct demo_report *report) {
  print_naive_verdict(out, &report->naive);
  fputc('\n', out);
  if (demo_report_holds(report))
    print_paragraph(out,
                    "finale holds nothing: it watches a connection also while it does not read, "
                    "flushes before it closes, and bounds every state by a deadline.");
  else if (report->drain_status != 0)
    print_paragraph(out, "FAILED: the finale server did not drain when asked to (status %d).",
                    report->drain_status);
  else
    print_paragraph(out,
                    "FAILED: the finale side left something over, owes a reply, or could not be "
                    "reached by every client.");
}

/* The first line of the server's own account is the total, for the heading. */
static void print_endings(FILE *out, const struct demo_report *report) {
  const char *list = strchr(report->endings, '\n');
  char text[32];
  if (!list) return;
  fprintf(out, "\n  How finale's %s connections ended, by its own account:%s\n",
          grouped(strtoull(report->endings, NULL, 10), text), list);
}

/* "24 % polite, 18 % half-close, ...": varieties of one name stand together in the table. */
static void print_mix(FILE *out) {
  char mix[512];
  size_t len = 0;
  for (size_t i = 0; i < demo_manner_count && len < sizeof mix;) {
    const char *name = demo_manners[i].name;
    unsigned share = 0;
    for (; i < demo_manner_count && strcmp(demo_manners[i].name, name) == 0; i++)
      share += demo_manners[i].share;
    len += (size_t)snprintf(mix + len, sizeof mix - len, "%s%u %% %s", len > 0 ? ", " : "", share,
                            name);
  }
  print_paragraph(out, "%s", mix);
}

void demo_report_print(const struct demo_report *report, FILE *out) {
  char text[32];
  bool bold = colours(out);
  fprintf(out, "\n%sTwo servers, %s rude connections to each%s\n", bold ? "\033[1m" : "",
          grouped(report->connections, text), bold ? "\033[0m" : "");
  print_mix(out);
  fputc('\n', out);
  fprintf(out, "  %-*s%*s%*s\n", LABEL_WIDTH, "", FIGURE_WIDTH, "finale", FIGURE_WIDTH,
          "naive libuv");
  print_lines(out, report, traffic, COUNT(traffic));
  print_cpu(out, report);
  fprintf(out, "\n  Held by the server %u s after the last client has left:\n",
          report->settle_ms / 1000);
  print_lines(out, report, leftover, COUNT(leftover));
  fprintf(out, "\n  Held by the kernel alone, for a while, as TCP wants it:\n");
  print_lines(out, report, kernel, COUNT(kernel));
  print_endings(out, report);
  print_verdict(out, report);
}

/* ---- for programs ---- */

static void print_side_json(FILE *out, const char *name, const struct demo_figures *figures) {
  static const struct {
    const struct line *lines;
    size_t count;
  } parts[] = {{traffic, COUNT(traffic)},
               {leftover, COUNT(leftover)},
               {kernel, COUNT(kernel)},
               {cpu, COUNT(cpu)}};
  fprintf(out, "  \"%s\": {", name);
  const char *comma = "";
  for (size_t i = 0; i < COUNT(parts); i++)
    for (size_t k = 0; k < parts[i].count; k++) {
      const struct line *line = &parts[i].lines[k];
      fprintf(out, "%s\n    \"%s\": %" PRIu64, comma, line->key, figure(figures, line));
      comma = ",";
    }
  fprintf(out, "\n  },\n");
}

void demo_report_print_json(const struct demo_report *report, FILE *out) {
  fprintf(out, "{\n  \"connections\": %u,\n  \"settle_ms\": %u,\n", report->connections,
          report->settle_ms);
  print_side_json(out, "finale", &report->finale);
  print_side_json(out, "naive", &report->naive);
  fprintf(out, "  \"holds\": %s\n}\n", demo_report_holds(report) ? "true" : "false");
}
