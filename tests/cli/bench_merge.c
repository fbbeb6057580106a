/* SPDX-License-Identifier: MIT
 *
 * `finale bench merge`: several files as if they were of one run.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

#define HEADER "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"

static struct command command;

/* Ninety requests of 1 ms; ten of 9 ms. */
static const char quick[] = HEADER
    "    1.000000 0.000000000000         90           1.00\n"
    "    1.000000 1.000000000000         90\n"
    "#[Mean    =     1.000000, StdDeviation   =     0.000000]\n"
    "#[Max     =     1.000000, Total count    =           90]\n";
static const char slow[] = HEADER
    "    9.000000 0.000000000000         10           1.00\n"
    "    9.000000 1.000000000000         10\n"
    "#[Mean    =     9.000000, StdDeviation   =     0.000000]\n"
    "#[Max     =     9.000000, Total count    =           10]\n";

struct place {
  char directory[32], quick[64], slow[64], sum[64];
};

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  cr_assert_not_null(file);
  fputs(text, file);
  fclose(file);
}

static void place_make(struct place *place) {
  strcpy(place->directory, "/tmp/finale-merge-XXXXXX");
  cr_assert_not_null(mkdtemp(place->directory));
  snprintf(place->quick, sizeof place->quick, "%s/quick", place->directory);
  snprintf(place->slow, sizeof place->slow, "%s/slow", place->directory);
  snprintf(place->sum, sizeof place->sum, "%s/sum", place->directory);
  write_file(place->quick, quick);
  write_file(place->slow, slow);
}

static void place_remove(const struct place *place) {
  unlink(place->quick);
  unlink(place->slow);
  unlink(place->sum);
  rmdir(place->directory);
}

static json_t *run(const char *const *args) {
  json_error_t error;
  command_run(&command, args);
  cr_assert_eq(command.status, 0, "'%s'", command.err);
  cr_expect_str_empty(command.err);
  json_t *all = json_loads(command.out, 0, &error);
  cr_assert_not_null(all, "%s in '%s'", error.text, command.out);
  return all;
}

static void expect_figure(json_t *all, const char *key, double ns) {
  double value = json_number_value(json_object_get(json_object_get(all, "latency"), key));
  cr_expect_float_eq(value, ns, ns * 0.001, "%s: %f", key, value);
}

static void expect_sum(json_t *all) {
  cr_expect_eq(json_integer_value(json_object_get(json_object_get(all, "latency"), "count")), 100);
  expect_figure(all, "min_ns", 1e6);
  expect_figure(all, "p50_ns", 1e6);
  expect_figure(all, "p90_ns", 1e6);
  expect_figure(all, "p95_ns", 9e6);
  expect_figure(all, "max_ns", 9e6);
  expect_figure(all, "mean_ns", 1.8e6);
  expect_figure(all, "deviation_ns", 2.4e6);
}

Test(bench_merge, as_if_of_one_run) {
  struct place place;
  place_make(&place);
  json_t *all = run((const char *[]){"bench", "merge", place.quick, place.slow, "--json",
                                     "--histogram", place.sum, NULL});
  expect_sum(all);
  cr_expect_eq(json_integer_value(json_object_get(all, "files")), 2);
  json_decref(all);

  all = run((const char *[]){"bench", "merge", place.sum, "--json", NULL});
  expect_sum(all);
  json_decref(all);
  place_remove(&place);
}

/* The file to be written may be one of those that are read. */
Test(bench_merge, into_one_of_them) {
  struct place place;
  place_make(&place);
  json_t *all = run((const char *[]){"bench", "merge", "--json", "--histogram", place.slow,
                                     place.slow, place.quick, NULL});
  expect_sum(all);
  json_decref(all);
  all = run((const char *[]){"bench", "merge", place.slow, "--json", NULL});
  expect_sum(all);
  json_decref(all);
  place_remove(&place);
}

Test(bench_merge, for_people) {
  struct place place;
  place_make(&place);
  command_run(&command, (const char *[]){"bench", "merge", place.quick, place.slow, NULL});
  cr_expect_eq(command.status, 0, "'%s'", command.err);
  cr_expect_not_null(strstr(command.out, "100 replies in 2 files"), "'%s'", command.out);
  cr_expect_not_null(strstr(command.out, "p99.9"), "'%s'", command.out);
  place_remove(&place);
}
