/* SPDX-License-Identifier: MIT
 *
 * The report as a page: well-formed, closed in itself, and with what it was made of. That a browser
 * draws it is page.sh's to show.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "bench/made_up.h"

static char *page_of(enum made_up which) {
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  struct report *report = made_up_new(which);
  cr_assert(report_print_html(report, out));
  fclose(out);
  made_up_free(report);
  return text;
}

static size_t count_of(const char *text, const char *part) {
  size_t count = 0;
  for (; (text = strstr(text, part)); text++) count++;
  return count;
}

/* ---- form ---- */

enum { DEPTH_MAX = 32, NAME_MAX_LEN = 32 };

/* Every element is ended, in the right order, and no '<' is meant as text. */
static void expect_well_formed(const char *which, const char *text) {
  char open[DEPTH_MAX][NAME_MAX_LEN];
  size_t depth = 0;
  for (const char *at = strchr(text, '<'); at; at = strchr(at, '<')) {
    size_t len = strcspn(at, ">");
    bool ends = at[1] == '/', empty = at[len - 1] == '/';
    const char *name = at + 1 + ends;
    int name_len = (int)strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789");
    cr_assert_eq(at[len], '>', "%s", which);
    if (at[1] != '!') {
      cr_assert(name_len > 0 && name_len < NAME_MAX_LEN, "%s: %.40s", which, at);
      if (ends) {
        cr_assert(depth > 0 && strlen(open[depth - 1]) == (size_t)name_len &&
                      strncmp(open[depth - 1], name, (size_t)name_len) == 0,
                  "%s: %.40s", which, at);
        depth--;
      } else if (!empty) {
        cr_assert_lt(depth, DEPTH_MAX);
        snprintf(open[depth++], NAME_MAX_LEN, "%.*s", name_len, name);
      }
    }
    at += len;
  }
  cr_assert_eq(depth, 0, "%s: <%s> is not ended", which, open[depth > 0 ? depth - 1 : 0]);
}

/* Figures that a browser can draw: no "nan", no "inf". */
static void expect_figures(const char *which, const char *text) {
  static const char *const names[] = {" d=\"",  " x=\"",  " y=\"",  " x1=\"",
                                      " x2=\"", " y1=\"", " y2=\"", " width=\""};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (const char *at = text; (at = strstr(at, names[i]));) {
      at += strlen(names[i]);
      size_t len = strcspn(at, "\"");
      cr_expect_eq(strspn(at, "-0123456789.% MLhZ"), len, "%s:%s%.40s", which, names[i], at);
    }
}

/* An id once, and what refers to one to one that is there. */
static void expect_ids(const char *which, const char *text) {
  for (const char *at = text; (at = strstr(at, " id=\""));) {
    char attribute[80];
    snprintf(attribute, sizeof attribute, "%.*s\"", (int)strcspn(at + 5, "\"") + 5, at);
    cr_expect_eq(count_of(text, attribute), 1, "%s:%s", which, attribute);
    at += 5;
  }
}

Test(report_html, is_well_formed) {
  for (enum made_up which = 0; which < MADE_UP_COUNT; which++) {
    char *text = page_of(which);
    expect_well_formed(made_up_name(which), text);
    expect_figures(made_up_name(which), text);
    expect_ids(made_up_name(which), text);
    free(text);
  }
}

Test(report_html, needs_nothing_else) {
  static const char *const forbidden[] = {"<script", " src=",       "@import", "url(",
                                          "<iframe", "javascript:", "https:",  "<object"};
  for (enum made_up which = 0; which < MADE_UP_COUNT; which++) {
    char *text = page_of(which);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
      /* In the hostile one's text. */
      bool told = which == MADE_UP_hostile && strcmp(forbidden[i], " src=") == 0;
      cr_expect_eq(count_of(text, forbidden[i]), told ? 1 : 0, "%s: %s", made_up_name(which),
                   forbidden[i]);
    }
    /* Title, heading, and, but for the hostile one, the command name the target. */
    cr_expect_eq(count_of(text, "http:"), which == MADE_UP_hostile ? 2 : 3, "%s",
                 made_up_name(which));
    cr_expect(strstr(text, "default-src 'none'"));
    free(text);
  }
}

Test(report_html, lets_no_text_be_more_than_text) {
  char *text = page_of(MADE_UP_hostile);
  cr_expect(strstr(text, "&quot;&gt;&lt;script&gt;alert(&#39;??&#39;)&lt;/script&gt;&amp;amp;"));
  cr_expect(strstr(text, "&lt;/pre&gt;&lt;script&gt;"));
  cr_expect_null(strstr(text, "<img"));
  free(text);
}

/* ---- what is in it ---- */

/* The points of the path with this class, as far as it is drawn; a line from gap to gap counts. */
static size_t points_of(const char *text, const char *class, size_t *pieces) {
  char begin[80];
  snprintf(begin, sizeof begin, "<path class=\"%s\" d=\"", class);
  const char *path = strstr(text, begin);
  size_t points = 0;
  *pieces = 0;
  if (!path) return 0;
  for (path += strlen(begin); *path != '"'; path++) {
    points += *path == 'M' || *path == 'L';
    *pieces += *path == 'M';
  }
  return points;
}

static void expect_path(enum made_up which, const char *class, size_t points, size_t pieces) {
  char *text = page_of(which);
  size_t found_pieces, found = points_of(text, class, &found_pieces);
  cr_expect_geq(found, points, "%s: %s has %zu points", made_up_name(which), class, found);
  cr_expect_eq(found_pieces, pieces, "%s: %s has %zu pieces", made_up_name(which), class,
               found_pieces);
  free(text);
}

Test(report_html, has_the_curves) {
  expect_path(MADE_UP_clean, "line flow", 20, 1);
  expect_path(MADE_UP_clean, "line p50", 20, 1);
  expect_path(MADE_UP_clean, "line p999", 20, 1);
  expect_path(MADE_UP_clean, "area established", 200, 1);
  expect_path(MADE_UP_clean, "area close-wait", 0, 0);
  expect_path(MADE_UP_rude, "area close-wait", 200, 1);
  expect_path(MADE_UP_rude, "line connect", 0, 0); /* nothing was counted */
  expect_path(MADE_UP_second, "line p99", 2, 1);
}

Test(report_html, breaks_curves_where_nothing_was_answered) {
  expect_path(MADE_UP_gaps, "line p50", 14, 4);
  expect_path(MADE_UP_gaps, "line flow", 20, 1); /* none is a figure */
  expect_path(MADE_UP_silent, "line p50", 0, 0);
}

Test(report_html, thins_out_what_no_page_has_room_for) {
  char *text = page_of(MADE_UP_hour);
  size_t pieces, points = points_of(text, "line flow", &pieces);
  cr_expect(points >= 1000 && points <= 1300, "%zu points", points);
  points = points_of(text, "area established", &pieces);
  cr_expect(points >= 1400 && points <= 1700, "%zu points", points);
  cr_expect(strstr(text, "ESTABLISHED <small>at most 64, at last 0<"), "the last sample counts");
  free(text);
}

Test(report_html, tells_the_figures_the_errors_and_what_is_left_over) {
  char *text = page_of(MADE_UP_rude);
  cr_expect(strstr(text, "<dt>errors</dt><dd>136</dd>"));
  cr_expect(strstr(text, "<dt>sockets left over</dt><dd>134</dd>"));
  cr_expect(strstr(text, "CLOSE-WAIT, owned"));
  cr_expect(strstr(text, "<td>0</td><td>98</td><td>99</td>"));
  cr_expect(strstr(text, "<td>250</td><td>219</td><td>19</td><td>12</td>"));
  cr_expect(strstr(text, "reply cut off: the connection ended within it"));
  cr_expect(strstr(text, "finale bench http://127.0.0.1:8080/ --conns 64 --duration 10s"));
  cr_expect(strstr(text, ">end of load<"));
  free(text);
  text = page_of(MADE_UP_clean);
  cr_expect_null(strstr(text, "id=\"errors\""));
  cr_expect_null(strstr(text, "id=\"visits\""));
  free(text);
}

Test(report_html, says_when_it_cannot_be_written) {
  FILE *out = fopen("/dev/full", "w");
  struct report *report = made_up_new(MADE_UP_second);
  cr_assert(out);
  cr_expect_not(report_print_html(report, out));
  cr_expect_not(report_print_json(report, out));
  fclose(out);
  made_up_free(report);
}
