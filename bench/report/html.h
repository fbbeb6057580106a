/* SPDX-License-Identifier: MIT
 *
 * The parts of the page. It is well-formed XML too, so that a strict parser can read it.
 */
#ifndef BENCH_REPORT_HTML_H
#define BENCH_REPORT_HTML_H

#include "report/report.h"
#include "report/svg.h"

struct html_page {
  const struct report *report;
  FILE *out;
};

extern const char *const html_style[]; /* its lines, and NULL */

/* Text as it may stand between tags and in attributes, whatever is in it. */
void html_text(FILE *out, const char *text);
void html_figure_begin(const struct html_page *page, const char *class, const char *title,
                       const char *caption);
void html_figure_end(const struct html_page *page);

/* False: no memory. */
bool html_load(const struct html_page *page);   /* throughput and latency */
bool html_server(const struct html_page *page); /* sockets, descriptors, memory, CPU over time */
void html_leftovers(const struct html_page *page);
void html_visits(const struct html_page *page); /* nothing unless there was a mix */
void html_errors(const struct html_page *page);
void html_seconds(const struct html_page *page); /* the figures behind the curves */
void html_settings(const struct html_page *page);

#endif
