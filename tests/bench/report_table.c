/* SPDX-License-Identifier: MIT
 *
 * The report as a table: it fits a terminal, says what the metrics say, and is quiet where there is
 * nothing to tell.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "bench/made_up.h"
#include "report/words.h"

enum { LINE_MAX_WIDTH = 79 };

static char *table_of(enum made_up which) {
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  struct report *report = made_up_new(which);
  report_print(report, out);
  fclose(out);
  made_up_free(report);
  return text;
}

/* Whether a line has these words, in this order, with blanks between. */
static bool has_line(const char *text, const char *words) {
  for (const char *line = text; line; line = strchr(line, '\n')) {
    const char *at = line + strspn(line, "\n "), *word = words;
    while (*word != '\0') {
      if (*word == ' ') {
        if (*at != ' ') break;
        at += strspn(at, " ");
        word++;
      } else if (*word++ != *at++) {
        break;
      }
      if (*word == '\0' && (*at == '\n' || *at == '\0')) return true;
    }
    line += *line == '\n';
  }
  return false;
}

Test(report_table, fits_a_terminal) {
  for (enum made_up which = 0; which < MADE_UP_COUNT; which++) {
    char *text = table_of(which);
    for (char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
      cr_expect_leq(strcspn(line, "\n"), LINE_MAX_WIDTH, "%s: %.*s", made_up_name(which),
                    (int)strcspn(line, "\n"), line);
    cr_expect_null(strchr(text, '\033'), "%s", made_up_name(which));
    free(text);
  }
}

Test(report_table, says_what_the_metrics_say) {
  static const char *const keys[] = {"rate", "requests",   "errors",
                                     "p50",  "p999",       "server.cpu_per_request",
                                     "max",  "server.rss", "server.idle_cpu"};
  struct report *report = made_up_new(MADE_UP_rude);
  char *text = table_of(MADE_UP_rude), figure[32];
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    const struct report_metric *metric = report_metric_find(keys[i], strlen(keys[i]));
    double value = 0;
    cr_assert(metric && metric->get(report, &value), "%s", keys[i]);
    cr_expect(strstr(text, report_format(metric->unit, value, figure)), "%s: %s", keys[i], figure);
  }
  made_up_free(report);
  free(text);
}

Test(report_table, tells_what_went_wrong) {
  char *text = table_of(MADE_UP_rude);
  cr_expect(has_line(text, "truncated 11 reply cut off: the connection ended within it"));
  cr_expect(has_line(text, "half-close 250 219 19 12"));
  cr_expect(has_line(text, "CLOSE-WAIT, owned 0 98 99"));
  cr_expect(has_line(text, "CLOSE-WAIT its client has left, the server has not closed"));
  cr_expect(has_line(text, "descriptors 12 208 146"));
  cr_expect(strstr(text, "134 sockets and 134 descriptors"));
  cr_expect(strstr(text, "It spins"));
  free(text);
}

Test(report_table, is_quiet_where_nothing_did) {
  char *text = table_of(MADE_UP_clean);
  cr_expect_null(strstr(text, "Errors"));
  cr_expect_null(strstr(text, "Visits"));
  cr_expect_null(strstr(text, "CLOSE-WAIT"));
  cr_expect(strstr(text, "Nothing is left over"));
  free(text);
}

Test(report_table, says_that_the_generator_had_no_time_left) {
  struct report *report = made_up_new(MADE_UP_clean);
  struct load_result load = *report->load;
  report->load = &load;
  char text[WORDS_MAX];
  load.cpu_ns = (uint64_t)(load.seconds * 0.89e9);
  cr_expect_null(strstr(words_verdict(report, text), "generator"), "%s", text);
  load.cpu_ns = (uint64_t)(load.seconds * 0.97e9);
  cr_expect(strstr(words_verdict(report, text), "The generator was the limit, busy for 97"), "%s",
            text);
  made_up_free(report);
}

/* 134 are left; 1,100 connections were made, of which 36 ended in the warm-up. */
Test(report_table, tells_a_leak_from_what_is_kept_once_and_for_all) {
  struct report *report = made_up_new(MADE_UP_rude);
  struct watch_result watch = *report->watch;
  report->watch = &watch;
  char text[WORDS_MAX];
  watch.kept_sockets = watch.kept_descriptors = 124;
  cr_expect(strstr(words_verdict(report, text), "left: 9.40 more for every 1,000 connections."),
            "%s", text);
  watch.kept_sockets = watch.kept_descriptors = 134;
  cr_expect(strstr(words_verdict(report, text), "left: no more than when the warm-up was over."),
            "%s", text);
  made_up_free(report);
}

Test(report_table, says_what_could_not_be_seen) {
  char *text = table_of(MADE_UP_remote);
  cr_expect(strstr(text, "on another machine"));
  cr_expect(strstr(text, "Our own sockets"));
  cr_expect_null(strstr(text, "CPU"));
  cr_expect_null(strstr(text, "Nothing is left over"));
  free(text);
  text = table_of(MADE_UP_silent);
  cr_expect(strstr(text, "Nobody looked"));
  cr_expect_null(strstr(text, "Latency"));
  free(text);
}

/* A ramp keeps a rate, though none was given: what a stall delays is seen. */
Test(report_table, says_how_a_ramp_was_run) {
  char *text = table_of(MADE_UP_ramp);
  cr_expect(strstr(text, "ramp, 64 connections, 1 thread, open loop, 2.00 s"), "%s", text);
  cr_expect(has_line(text, "highest rate within the bound 20,000/s"));
  cr_expect(strstr(text, "Counted from when each request was due"), "%s", text);
  free(text);
}

/* That nobody waited does not mean that anything changed. */
Test(report_table, says_that_it_was_not_waited_for_the_server) {
  char *text = table_of(MADE_UP_ramp);
  cr_expect(strstr(text, "before the server was seen at rest."), "%s", text);
  free(text);
}

/* ---- on a terminal ---- */

/* What a terminal is sent, up to its size: the buffers of a pseudo terminal are small. */
static size_t on_terminal(enum made_up which, char *text, size_t size) {
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  FILE *out = fdopen(slave, "w");
  cr_assert(out);
  struct report *report = made_up_new(which);
  cr_assert_eq(setvbuf(out, NULL, _IOFBF, 65536), 0);
  report_print(report, out);
  made_up_free(report);
  cr_assert_eq(fcntl(slave, F_SETFL, O_NONBLOCK), 0);
  size_t len = 0;
  while (len < size - 1) {
    fflush(out);
    ssize_t got = read(master, text + len, size - 1 - len);
    if (got <= 0) break;
    len += (size_t)got;
    if (strstr(text, "It spins")) break;
  }
  text[len] = '\0';
  fclose(out);
  close(master);
  return len;
}

Test(report_table, stands_out_on_a_terminal_only) {
  static char text[65536];
  unsetenv("NO_COLOR");
  cr_assert_gt(on_terminal(MADE_UP_rude, text, sizeof text), 0);
  cr_expect(strstr(text, "\033[1;31m          136\033[0m") || strstr(text, "136\033[0m"));
  setenv("NO_COLOR", "1", 1);
  memset(text, 0, sizeof text);
  cr_assert_gt(on_terminal(MADE_UP_rude, text, sizeof text), 0);
  cr_expect_null(strchr(text, '\033'));
}
