/* SPDX-License-Identifier: MIT
 *
 * The page: one file without scripts that asks for nothing, which its own policy enforces.
 */
#include "report/html.h"

#include <stdlib.h>
#include <string.h>

#include "report/words.h"

void html_text(FILE *out, const char *text) {
  char *clean = report_clean(text);
  for (const char *c = clean; c && *c != '\0'; c++) {
    switch (*c) {
      case '<':
        fputs("&lt;", out);
        break;
      case '>':
        fputs("&gt;", out);
        break;
      case '&':
        fputs("&amp;", out);
        break;
      case '"':
        fputs("&quot;", out);
        break;
      case '\'':
        fputs("&#39;", out);
        break;
      default:
        fputc(*c, out);
    }
  }
  free(clean);
}

void html_figure_begin(const struct html_page *page, const char *class, const char *title,
                       const char *caption) {
  fprintf(page->out, "<figure class=\"%s\">\n<figcaption><h3>%s</h3><p>%s</p></figcaption>\n",
          class, title, caption);
}

void html_figure_end(const struct html_page *page) { fputs("</figure>\n", page->out); }

/* ---- head ---- */

static void print_head(const struct html_page *page) {
  fputs(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; img-src data:\"/>\n"
      "<link rel=\"icon\" href=\"data:,\"/>\n<title>finale bench: ",
      page->out);
  html_text(page->out, page->report->target);
  fputs("</title>\n<style>\n", page->out);
  for (const char *const *line = html_style; *line; line++) fprintf(page->out, "%s\n", *line);
  fputs("</style>\n</head>\n", page->out);
}

/* ---- what came of it, at a glance ---- */

static void print_figure(const struct html_page *page, const char *key, const char *name,
                         bool bad) {
  char text[32];
  if (!words_figure(page->report, key, text)) return;
  fprintf(page->out, "<div%s><dt>%s</dt><dd>%s</dd></div>\n", bad ? " class=\"bad\"" : "", name,
          text);
}

static void print_figures(const struct html_page *page) {
  const struct report *report = page->report;
  bool answered = report->load->latency.count > 0;
  fputs("<dl class=\"figures\">\n", page->out);
  print_figure(page, "rate", "throughput", false);
  if (report->options->workload == LOAD_RAMP_WORKLOAD)
    print_figure(page, "ramp.rate", "kept the bound up to", false);
  if (answered) {
    print_figure(page, "p50", "p50", false);
    print_figure(page, "p99", "p99", false);
    print_figure(page, "p999", "p99.9", false);
    print_figure(page, "max", "max", false);
  }
  print_figure(page, "errors", "errors", load_errors_sum(&report->load->counts.errors) > 0);
  print_figure(page, "leftover.owned", "sockets left over", words_left_over(report));
  fputs("</dl>\n", page->out);
}

static void print_top(const struct html_page *page) {
  char text[WORDS_MAX];
  fputs("<header>\n<p class=\"kicker\">finale bench</p>\n<h1>", page->out);
  html_text(page->out, page->report->target);
  fprintf(page->out, "</h1>\n<p class=\"subject\">%s</p>\n</header>\n",
          words_subject(page->report, text));
  print_figures(page);
  const char *class = words_is_bad(page->report) ? "verdict bad" : "verdict";
  fprintf(page->out, "<p class=\"%s\">%s</p>\n", class, words_verdict(page->report, text));
}

bool report_print_html(const struct report *report, FILE *out) {
  const struct html_page page = {.report = report, .out = out};
  print_head(&page);
  fputs("<body>\n<main>\n", out);
  print_top(&page);
  bool whole = html_load(&page) && html_server(&page);
  html_leftovers(&page);
  html_visits(&page);
  html_errors(&page);
  html_settings(&page);
  html_seconds(&page);
  fputs("</main>\n</body>\n</html>\n", out);
  return fflush(out) == 0 && whole && !ferror(out);
}
