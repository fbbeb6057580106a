/* SPDX-License-Identifier: MIT
 *
 * The page's tables: what is left over, visits, errors, settings, and the seconds behind the
 * curves.
 */
#include "report/html.h"
#include "report/words.h"

static void print_heads(const struct html_page *page, const char *class, const char *const *names,
                        size_t count) {
  fprintf(page->out, "<div class=\"wide\"><table class=\"%s\">\n<thead><tr>", class);
  for (size_t i = 0; i < count; i++) fprintf(page->out, "<th scope=\"col\">%s</th>", names[i]);
  fputs("</tr></thead>\n<tbody>\n", page->out);
}

static void print_table_end(const struct html_page *page) {
  fputs("</tbody></table></div>\n", page->out);
}

static void print_cell(const struct html_page *page, enum report_unit unit, double value) {
  char text[32];
  fprintf(page->out, "<td>%s</td>", report_format(unit, value, text));
}

static void print_row_name(const struct html_page *page, const char *name, const char *meaning,
                           bool bad) {
  fprintf(page->out, "<tr%s><th scope=\"row\">%s", bad ? " class=\"bad\"" : "", name);
  if (*meaning != '\0') fprintf(page->out, " <small>%s</small>", meaning);
  fputs("</th>", page->out);
}

/* ---- left over ---- */

static void print_sample_row(const struct html_page *page, const char *name, const char *meaning,
                             enum report_unit unit, const double values[3], bool bad) {
  print_row_name(page, name, meaning, bad);
  for (size_t i = 0; i < 3; i++) print_cell(page, unit, values[i]);
  fputs("</tr>\n", page->out);
}

static void print_process_rows(const struct html_page *page) {
  const struct watch_result *watch = words_watch(page->report);
  const struct watch_sample *samples[] = {&watch->before, &watch->measured, &watch->after};
  double descriptors[3], memory[3];
  for (size_t i = 0; i < 3; i++) {
    descriptors[i] = samples[i]->descriptors;
    memory[i] = (double)samples[i]->rss_bytes;
  }
  print_sample_row(page, "descriptors", "", REPORT_COUNT, descriptors,
                   descriptors[2] > descriptors[0]);
  print_sample_row(page, "memory", "resident", REPORT_BYTES, memory, false);
}

static void print_after(const struct html_page *page) {
  char idle[32], request[32];
  const char *idling = words_figure(page->report, "server.idle_cpu", idle);
  const char *cost = words_figure(page->report, "server.cpu_per_request", request);
  fputs("<p class=\"note\">", page->out);
  if (idling) fprintf(page->out, "Idle afterwards, the server took %s of a processor. ", idling);
  if (cost)
    fprintf(page->out, "Under load it took %s of CPU time for a %s.", cost,
            words_request(page->report->options, false));
  fputs("</p>\n", page->out);
}

void html_leftovers(const struct html_page *page) {
  static const char *const heads[] = {"state", "before", "end of load", "settled"};
  struct words_leftover list[WORDS_LEFTOVERS_MAX];
  const struct watch_result *watch = words_watch(page->report);
  size_t count = words_leftovers(page->report, list);
  if (count == 0 && watch->processes == 0) return;
  fprintf(page->out, "<section id=\"leftovers\">\n<h2>%s</h2>\n",
          watch->local ? "Left over" : "Left over at our end");
  print_heads(page, "named", heads, 4);
  for (size_t i = 0; i < count; i++) {
    const double values[] = {list[i].before, list[i].measured, list[i].after};
    char name[64];
    /* A socket in TIME-WAIT can be held by nobody else. */
    bool plain = !watch->local || list[i].holder == FIN_HOLDER_TIME_WAIT;
    snprintf(name, sizeof name, "%s%s%s", list[i].name, plain ? "" : ", ",
             plain ? "" : fin_holder_name(list[i].holder));
    print_sample_row(page, name, list[i].meaning, REPORT_COUNT, values, list[i].bad);
  }
  if (watch->local && watch->processes > 0) print_process_rows(page);
  print_table_end(page);
  if (watch->local) print_after(page);
  fputs("</section>\n", page->out);
}

/* ---- visits ---- */

void html_visits(const struct html_page *page) {
  static const char *const heads[] = {"visits", "made", "whole", "cut off", "lost"};
  static const char *const does[] = {
#define DOES(name, text, does, must) does "; the server must " must,
      LOAD_MANNERS(DOES)
#undef DOES
  };
  if (!load_is_mixed(page->report->options)) return;
  fputs("<section id=\"visits\">\n<h2>Visits</h2>\n", page->out);
  print_heads(page, "named", heads, 5);
  for (enum load_manner i = 0; i < LOAD_MANNER_COUNT; i++) {
    const struct load_visits *visits = &page->report->load->visits[i];
    if (visits->visits == 0) continue;
    print_row_name(page, load_manner_name(i), does[i], visits->truncated + visits->lost > 0);
    print_cell(page, REPORT_COUNT, (double)visits->visits);
    print_cell(page, REPORT_COUNT, (double)visits->whole);
    print_cell(page, REPORT_COUNT, (double)visits->truncated);
    print_cell(page, REPORT_COUNT, (double)visits->lost);
    fputs("</tr>\n", page->out);
  }
  print_table_end(page);
  fputs("</section>\n", page->out);
}

/* ---- errors ---- */

void html_errors(const struct html_page *page) {
  static const char *const heads[] = {"errors", "requests"};
  const struct load_errors *errors = &page->report->load->counts.errors;
  if (load_errors_sum(errors) == 0) return;
  fputs("<section id=\"errors\">\n<h2>Errors</h2>\n", page->out);
  print_heads(page, "named", heads, 2);
  for (size_t i = 0; i < WORDS_ERROR_COUNT; i++) {
    struct words_error error = words_error(errors, i);
    if (error.count == 0) continue;
    print_row_name(page, error.name, error.meaning, true);
    print_cell(page, REPORT_COUNT, (double)error.count);
    fputs("</tr>\n", page->out);
  }
  print_table_end(page);
  fputs("</section>\n", page->out);
}

/* ---- settings ---- */

void html_settings(const struct html_page *page) {
  struct words_option list[WORDS_OPTIONS_MAX];
  size_t count = words_options(page->report->options, list);
  fputs("<section id=\"settings\">\n<h2>Settings</h2>\n<pre tabindex=\"0\">", page->out);
  html_text(page->out, page->report->command);
  fputs("</pre>\n<dl class=\"settings\">\n", page->out);
  for (size_t i = 0; i < count; i++)
    fprintf(page->out, "<dt>%s</dt><dd>%s</dd>\n", list[i].name, list[i].text);
  fputs("</dl>\n</section>\n", page->out);
}

/* ---- second by second ---- */

void html_seconds(const struct html_page *page) {
  static const char *const heads[] = {"second", "requests", "errors", "p50",
                                      "p90",    "p99",      "p99.9",  "max"};
  const struct load_result *load = page->report->load;
  double now = 0;
  if (load->series_count == 0) return;
  fputs("<section>\n<details>\n<summary>Second by second</summary>\n", page->out);
  print_heads(page, "", heads, 8);
  for (size_t i = 0; i < load->series_count; i++) {
    const struct load_second *second = &load->series[i];
    const uint64_t latency[] = {second->p50_ns, second->p90_ns, second->p99_ns, second->p999_ns,
                                second->max_ns};
    now += second->seconds;
    fprintf(page->out, "<tr><th scope=\"row\">%.4g</th>", now);
    print_cell(page, REPORT_COUNT, (double)second->counts.requests);
    print_cell(page, REPORT_COUNT, (double)load_errors_sum(&second->counts.errors));
    for (size_t k = 0; k < 5; k++)
      if (latency[k] > 0) {
        print_cell(page, REPORT_TIME, (double)latency[k]);
      } else {
        fputs("<td>-</td>", page->out);
      }
    fputs("</tr>\n", page->out);
  }
  print_table_end(page);
  fputs("</details>\n</section>\n", page->out);
}
