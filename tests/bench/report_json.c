/* SPDX-License-Identifier: MIT
 *
 * The report as JSON: it can be read back, and holds the figures that it was made of.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/made_up.h"

static json_t *json_of(const struct report *report) {
  char *text = NULL;
  size_t len = 0;
  json_error_t error;
  FILE *out = open_memstream(&text, &len);
  cr_assert(report_print_json(report, out));
  fclose(out);
  json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  cr_assert(json, "line %d: %s", error.line, error.text);
  free(text);
  return json;
}

/* "leftovers.after.descriptors"; a '/' stands for a point within a key. */
static json_t *at(json_t *json, const char *path) {
  char key[64];
  while (json && *path != '\0') {
    size_t len = 0;
    for (; *path != '\0' && *path != '.'; path++) key[len++] = *path == '/' ? '.' : *path;
    path += *path == '.';
    key[len] = '\0';
    json = json_object_get(json, key);
  }
  return json;
}

static json_int_t count_at(json_t *json, const char *path) {
  json_t *value = at(json, path);
  cr_assert(json_is_integer(value), "%s", path);
  return json_integer_value(value);
}

Test(report_json, holds_every_metric_that_is_known) {
  for (enum made_up which = 0; which < MADE_UP_COUNT; which++) {
    struct report *report = made_up_new(which);
    json_t *json = json_of(report), *metrics = at(json, "metrics");
    for (size_t i = 0; i < report_metric_count; i++) {
      const struct report_metric *metric = &report_metrics[i];
      json_t *found = json_object_get(metrics, metric->key);
      double value = NAN;
      if (!metric->get(report, &value)) {
        cr_expect_null(found, "%s: %s", made_up_name(which), metric->key);
        continue;
      }
      cr_assert(json_is_number(found), "%s: %s", made_up_name(which), metric->key);
      cr_expect_leq(fabs(json_number_value(found) - value), fabs(value) * 1e-12, "%s: %s",
                    made_up_name(which), metric->key);
    }
    json_decref(json);
    made_up_free(report);
  }
}

Test(report_json, holds_the_series_and_the_samples) {
  for (enum made_up which = 0; which < MADE_UP_COUNT; which++) {
    struct report *report = made_up_new(which);
    json_t *json = json_of(report), *series = at(json, "series");
    json_int_t requests = 0;
    cr_assert_eq(json_array_size(series), report->load->series_count);
    for (size_t i = 0; i < json_array_size(series); i++)
      requests += count_at(json_array_get(series, i), "requests");
    cr_expect_eq(requests, (json_int_t)report->load->counts.requests);
    cr_expect_eq(json_array_size(at(json, "samples")),
                 report->watch ? report->watch->series_count : 0);
    json_decref(json);
    made_up_free(report);
  }
}

Test(report_json, holds_what_went_wrong) {
  struct report *report = made_up_new(MADE_UP_rude);
  json_t *json = json_of(report);
  cr_expect_eq(count_at(json, "errors.truncated"), 11);
  cr_expect_eq(count_at(json, "visits.half-close.whole"), 219);
  cr_expect_eq(count_at(json, "visits.half-close.lost"), 12);
  cr_expect_eq(count_at(json, "options.mix.reset"), 5);
  cr_expect_eq(count_at(json, "leftovers.measured.sockets.CLOSE-WAIT.owned"), 98);
  cr_expect_eq(count_at(json, "leftovers.after.sockets.CLOSE-WAIT.owned"), 99);
  cr_expect_eq(count_at(json, "leftovers.before.descriptors"), 12);
  cr_expect_eq(count_at(json, "leftovers.after.descriptors"), 146);
  cr_expect_eq(count_at(json, "metrics.leftover/close_wait"), 99);
  cr_expect_eq(count_at(json, "latency.p99_ns"), count_at(json, "metrics.p99"));
  json_decref(json);
  made_up_free(report);
}

Test(report_json, says_nothing_of_what_was_not_seen) {
  struct report *report = made_up_new(MADE_UP_remote);
  json_t *json = json_of(report);
  cr_expect(json_is_false(at(json, "leftovers.local")));
  cr_expect_null(at(json, "leftovers.after.sockets"));
  cr_expect_null(at(json, "leftovers.after.descriptors"));
  cr_expect_eq(count_at(json, "leftovers.measured.clients.ESTAB"), 64);
  json_decref(json);
  made_up_free(report);
}

/* One that holds, one that does not, one of what is not known. */
Test(report_json, holds_the_verdicts_of_the_gates) {
  static const struct {
    const char *text, *said;
    bool holds;
  } cases[] = {
      {"errors.truncated==11", "wanted errors.truncated==11: errors.truncated is 11", true},
      {"leftover.owned==0", "wanted leftover.owned==0: leftover.owned is 134", false},
      {"ramp.rate>1", "wanted ramp.rate>1: ramp.rate is not known: this load has not", false},
  };
  enum { CASES = sizeof cases / sizeof *cases };
  struct report_gate gates[CASES];
  struct report *report = made_up_new(MADE_UP_rude);
  char why[LOAD_WHY_MAX];
  for (size_t i = 0; i < CASES; i++)
    cr_assert(report_gate_parse(cases[i].text, &gates[i], why), "%s", why);
  report->gates = gates;
  report->gate_count = CASES;
  json_t *json = json_of(report), *verdicts = at(json, "gates");
  cr_assert_eq(json_array_size(verdicts), CASES);
  for (size_t i = 0; i < CASES; i++) {
    json_t *verdict = json_array_get(verdicts, i);
    const char *said = json_string_value(at(verdict, "said"));
    cr_expect_str_eq(json_string_value(at(verdict, "expect")), cases[i].text);
    cr_expect_eq(json_is_true(at(verdict, "holds")), cases[i].holds, "%s", cases[i].text);
    cr_expect(said && strstr(said, cases[i].said) == said, "%s", said);
  }
  json_decref(json);
  made_up_free(report);
}
