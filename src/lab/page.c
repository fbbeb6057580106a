/* SPDX-License-Identifier: MIT
 *
 * See page.h. The page asks for nothing, which its own policy enforces.
 */
#include "lab/page.h"

#include "lab/glyph.h"
#include "lab/page_part.h"
#include "lab/timeline.h"

void page_text(FILE *out, const char *text) {
  while (*text != '\0') {
    unsigned width;
    const size_t len = lab_glyph(text, &width);
    switch (*text) {
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
        if (len == 0)
          fputs(*text == '\n' ? "\n" : "\xef\xbf\xbd", out);
        else
          fwrite(text, 1, len, out);
    }
    text += len > 0 ? len : 1;
  }
}

const char *page_class(fin_tcp_state state) {
  switch (state) {
    case FIN_TCP_SYN_SENT:
    case FIN_TCP_SYN_RECV:
      return "syn";
    case FIN_TCP_ESTABLISHED:
      return "established";
    case FIN_TCP_FIN_WAIT1:
    case FIN_TCP_FIN_WAIT2:
      return "fin-wait";
    case FIN_TCP_CLOSING:
      return "closing";
    case FIN_TCP_TIME_WAIT:
      return "time-wait";
    case FIN_TCP_CLOSE_WAIT:
      return "close-wait";
    case FIN_TCP_LAST_ACK:
      return "last-ack";
    case FIN_TCP_LISTEN:
      return "listen";
    default:
      return "gone";
  }
}

double page_seconds(const struct page *page, uint64_t at_ns) {
  const uint64_t began = page->it->story->began_ns;
  return at_ns > began ? (double)(at_ns - began) / 1e9 : 0;
}

/* ---- head ---- */

static void print_head(const struct page *page) {
  FILE *out = page->out;
  fputs(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; img-src data:\"/>\n"
      "<link rel=\"icon\" href=\"data:,\"/>\n<title>finale lab: ",
      out);
  page_text(out, page->it->expect->title);
  fputs("</title>\n<style>\n", out);
  for (const char *const *line = page_style; *line != NULL; line++) fprintf(out, "%s\n", *line);
  fputs("</style>\n</head>\n<body>\n<main>\n<p class=\"kicker\">finale lab ", out);
  page_text(out, page->it->name);
  fputs(": ", out);
  page_text(out, page->it->program);
  fputs("</p>\n<h1>", out);
  page_text(out, page->it->expect->title);
  fputs(" <small lang=\"zh\">", out);
  page_text(out, page->it->expect->title_zh);
  fputs("</small></h1>\n", out);
  const struct lab_story *story = page->it->story;
  if (!story->wire) {
    fputs("<p class=\"note\">There was no wire, only loopback", out);
    if (story->why_no_wire[0] != '\0') fputs(": ", out);
    page_text(out, story->why_no_wire);
    fputs("</p>\n", out);
  }
  if (story->stopped)
    fputs("<p class=\"note\">The run was stopped before its time was over.</p>\n", out);
}

/* ---- cause ---- */

static void print_cause(const struct page *page) {
  FILE *out = page->out;
  const struct lab_diagnosis *diagnosis = page->it->diagnosis;
  if (diagnosis == NULL || diagnosis->count == 0) return;
  const struct lab_opinion *best = &diagnosis->opinions[0];
  fprintf(out, "<div class=\"cause%s\">\n<strong>", best->cause == LAB_CAUSE_NONE ? " none" : "");
  page_text(out, lab_cause_english(best->cause));
  fputs("</strong>\n<p lang=\"zh\">", out);
  page_text(out, lab_cause_chinese(best->cause));
  fprintf(out, "</p>\n<p><code>%s</code></p>\n<ul>\n", lab_cause_name(best->cause));
  for (size_t i = 0; i < best->reason_count; i++) {
    fputs("<li>", out);
    page_text(out, best->reasons[i]);
    fputs("</li>\n", out);
  }
  fputs("</ul>\n", out);
  if (diagnosis->count > 1) {
    fputs("<p class=\"also\">Less likely: ", out);
    for (size_t i = 1; i < diagnosis->count; i++)
      fprintf(out, "%s<code>%s</code>", i > 1 ? ", " : "",
              lab_cause_name(diagnosis->opinions[i].cause));
    fputs(".</p>\n", out);
  }
  fputs("</div>\n", out);
}

/* ---- claims ---- */

static void print_claims(const struct page *page) {
  static const char *const classes[] = {"holds", "fails", "open"};
  FILE *out = page->out;
  const struct lab_judgement *judgement = page->it->judgement;
  if (judgement == NULL || judgement->count == 0) return;
  fprintf(out,
          "<h2>Claims</h2>\n<p class=\"note\">%zu hold, %zu fail, %zu are not judged.</p>\n"
          "<table><thead><tr><th>claim</th><th>verdict</th><th>what was seen</th></tr></thead>\n"
          "<tbody>\n",
          judgement->verdicts[LAB_HOLDS], judgement->verdicts[LAB_FAILS],
          judgement->verdicts[LAB_OPEN]);
  for (size_t i = 0; i < judgement->count; i++) {
    const struct lab_finding *finding = &judgement->findings[i];
    fputs("<tr><td><code>", out);
    page_text(out, finding->claim->source);
    fprintf(out, "</code></td><td class=\"verdict %s\">%s</td><td>", classes[finding->verdict],
            lab_verdict_name(finding->verdict));
    page_text(out, finding->seen);
    fputs("</td></tr>\n", out);
  }
  fputs("</tbody></table>\n", out);
  for (size_t i = 0; i < judgement->breach_count; i++) {
    fputs("<p class=\"fails\">", out);
    page_text(out, judgement->breaches[i].text);
    fputs("</p>\n", out);
  }
}

/* ---- counters ---- */

static void print_counters(const struct page *page) {
  const struct lab_story *story = page->it->story;
  FILE *out = page->out;
  unsigned count = 0;
  for (size_t i = 0; i < story->counter_count; i++) {
    const struct lab_counter *counter = &story->counters[i];
    if (!lab_counter_tells(counter->name)) continue;
    if (count++ == 0)
      fputs(
          "<h2>Counters</h2>\n<table><thead><tr><th>side</th><th>counter</th>"
          "<th>grew by</th></tr></thead>\n<tbody>\n",
          out);
    fprintf(out, "<tr><td>%s</td><td><code>", counter->side == LAB_CLIENT ? "client" : "server");
    page_text(out, counter->name);
    fprintf(out, "</code></td><td class=\"number\">%lld</td></tr>\n", (long long)counter->grew);
  }
  if (count > 0) fputs("</tbody></table>\n", out);
}

static void print_output(const struct page *page) {
  const struct lab_story *story = page->it->story;
  if (story->output == NULL || story->output_len == 0) return;
  fputs("<h2>What the program printed</h2>\n<pre>", page->out);
  page_text(page->out, story->output);
  fputs("</pre>\n", page->out);
}

bool lab_page_print(FILE *out, const struct lab_page *it) {
  struct page page = {.it = it, .out = out};
  if (!lab_lives_read(it->story, &page.lives)) return false;
  print_head(&page);
  print_cause(&page);
  print_claims(&page);
  const bool whole = page_sequence(&page);
  page_states(&page);
  page_bars(&page);
  page_descriptors(&page);
  print_counters(&page);
  print_output(&page);
  fputs("</main>\n</body>\n</html>\n", out);
  lab_lives_release(&page.lives);
  return fflush(out) == 0 && whole && !ferror(out);
}
