/* SPDX-License-Identifier: MIT
 *
 * What follows from the rounds of a comparison, and gates on it.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "compare/compare.h"

enum { ROUNDS = 3 };

static char names[][16] = {"finale", "raw_epoll", "nginx", "h2o"};
static struct compare_peer peers[4];
static struct compare_row rows[4];

/* Three rounds of four peers, of which the last one was left out. */
static struct compare_table made_up(const char *workload) {
  static const double cpu[3][ROUNDS] = {{10, 40, 15}, {10, 20, 30}, {40, 40, 60}};
  for (size_t i = 0; i < 4; i++) {
    peers[i].name = names[i];
    rows[i] = (struct compare_row){.peer = &peers[i]};
    for (unsigned metric = 0; metric < COMPARE_METRIC_COUNT; metric++)
      for (unsigned round = 0; round < ROUNDS; round++) rows[i].values[metric][round] = NAN;
    for (unsigned round = 0; round < ROUNDS && i < 3; round++) {
      rows[i].values[COMPARE_CPU][round] = cpu[i][round] * 1e3;
      rows[i].values[COMPARE_ERRORS][round] = round == 1 ? 7 : 0;
    }
    rows[i].values[COMPARE_LEFT][ROUNDS - 1] = 0;
  }
  strcpy(rows[3].why, "h2o is not installed");
  return (struct compare_table){
      .options = {.workload = compare_workload_find(workload)},
      .rows = rows,
      .row_count = 4,
      .rounds = ROUNDS,
  };
}

Test(compare_gates, medians_and_ranges) {
  struct compare_table table = made_up("keepalive");
  struct compare_summary cpu = compare_summarize(&table, &rows[0], COMPARE_CPU);
  cr_expect(cpu.value == 15e3 && cpu.min == 10e3 && cpu.max == 40e3);
  cr_expect_eq(compare_summarize(&table, &rows[0], COMPARE_ERRORS).value, 7,
               "one bad round counts");
  cr_expect_eq(compare_summarize(&table, &rows[0], COMPARE_LEFT).value, 0);
  cr_expect(isnan(compare_summarize(&table, &rows[0], COMPARE_P99).value));
  table.rounds = 2;
  cr_expect_eq(compare_summarize(&table, &rows[0], COMPARE_CPU).value, 25e3);
}

/* The ratio of medians would be 15/20 here. */
Test(compare_gates, ratios_are_formed_in_each_round) {
  struct compare_table table = made_up("keepalive");
  struct compare_summary ratio = compare_ratio(&table, &rows[0], &rows[1], COMPARE_CPU);
  cr_expect(ratio.value == 1 && ratio.min == 0.5 && ratio.max == 2);
  cr_expect_eq(compare_ratio(&table, &rows[0], &rows[2], COMPARE_CPU).value, 0.25);
  cr_expect(isnan(compare_ratio(&table, &rows[0], NULL, COMPARE_CPU).value));
  cr_expect(isnan(compare_ratio(&table, &rows[0], &rows[3], COMPARE_CPU).value));
  cr_expect(isnan(compare_ratio(&table, &rows[0], &rows[1], COMPARE_LEFT).value), "0 over 0");
}

static enum compare_verdict check(const char *workload, const char *text, const char *said_part) {
  struct compare_table table = made_up(workload);
  struct compare_gate gate;
  char why[LOAD_WHY_MAX] = "", said[LOAD_WHY_MAX] = "";
  cr_assert(compare_gate_parse(text, &gate, why), "%s", why);
  enum compare_verdict verdict = compare_gate_check(&gate, &table, said);
  cr_expect(strstr(said, said_part), "%s: '%s' has not '%s'", text, said, said_part);
  return verdict;
}

Test(compare_gates, hold_or_fail) {
  static const struct {
    const char *text, *said;
    enum compare_verdict verdict;
  } cases[] = {
      {"cpu/raw_epoll<=1.00", "keepalive, wanted cpu/raw_epoll<=1.00: it is 1.000", COMPARE_HOLDS},
      {"cpu/raw_epoll<1", "it is 1.000", COMPARE_FAILS},
      {"cpu/raw_epoll==1", "it is 1.000", COMPARE_HOLDS},
      {"cpu/raw_epoll!=1", "it is 1.000", COMPARE_FAILS},
      {"cpu/nginx>=0.25", "it is 0.250", COMPARE_HOLDS},
      {"cpu/nginx>0.25", "it is 0.250", COMPARE_FAILS},
      {"keepalive:cpu/nginx<=0.85", "it is 0.250", COMPARE_HOLDS},
      {"pipeline:cpu/nginx<=0.85", "", COMPARE_OTHER},
      {"memory<=520", "", COMPARE_OTHER},
      {"cpu<=15us", "it is 15.0 us", COMPARE_HOLDS},
      {"cpu<=0.014ms", "it is 15.0 us", COMPARE_FAILS},
      {"errors==0", "it is 7", COMPARE_FAILS},
      {"left==0", "it is 0", COMPARE_HOLDS},
      {"rate>=0", "not known", COMPARE_FAILS},
      {"instructions<=2000", "not known: add --instructions", COMPARE_FAILS},
      {"cpu/h2o<1", "not known: h2o: h2o is not installed", COMPARE_FAILS},
      {"cpu/apache<1", "not known: apache: it is not among the peers", COMPARE_FAILS},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    cr_expect_eq(check("keepalive", cases[i].text, cases[i].said), cases[i].verdict, "%s",
                 cases[i].text);
  cr_expect_eq(check("idle", "memory<=520", "not known"), COMPARE_FAILS);
  cr_expect_eq(check("idle", "cpu<5us", ""), COMPARE_OTHER);
  cr_expect_eq(check("stream", "instructions<5", ""), COMPARE_OTHER);
}

Test(compare_gates, values_and_their_units) {
  static const struct {
    const char *text;
    double value;
  } cases[] = {
      {"p99<5ms", 5e6},     {"p99<1.5s", 1.5e9},        {"cpu<900ns", 900},
      {"rate>=20k", 2e4},   {"idle:memory<=1k", 1024},  {"left==0", 0},
      {"rate>1m", 1e6},     {"cpu/raw_epoll<1.1", 1.1}, {"idle: memory <= 1 k ", 1024},
      {"cpu/nginx < 2", 2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct compare_gate gate;
    char why[LOAD_WHY_MAX] = "";
    cr_expect(compare_gate_parse(cases[i].text, &gate, why), "%s", why);
    cr_expect_float_eq(gate.bound.value, cases[i].value, 1e-9, "%s", cases[i].text);
  }
}

Test(compare_gates, wrong_ones) {
  static const struct {
    const char *text, *why;
  } cases[] = {
      {"", "the metrics are rate, p99"},
      {"speed<5", "the metrics are rate, p99"},
      {"cpus<5us", "the metrics are rate, p99"},
      {"nothing:cpu<5us", "no such workload"},
      {"keepalive:memory<5", "does not measure that"},
      {"cpu/<5", "no peer's name"},
      {"cpu", "behind cpu comes one of < <="},
      {"cpu=5us", "behind cpu comes one of < <= == != >= >, not '=5us'"},
      {"cpu/nginx", "behind cpu/nginx comes one of"},
      {"cpu<", "a time with its unit"},
      {"cpu<5", "a time with its unit (ns, us, ms, s), as 5ms, not '5'"},
      {"p99<5k", "a time with its unit"},
      {"cpu/nginx<5ms", "cpu/nginx is a ratio, as 1.10, not '5ms'"},
      {"cpu/nginx<5k", "cpu/nginx is a ratio"},
      {"errors==none", "errors is a number"},
      {"errors<-1", "errors is a number"},
      {"errors<inf", "errors is a number"},
      {"rate>5 kk", "rate is a number"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct compare_gate gate;
    char why[LOAD_WHY_MAX] = "";
    cr_expect_not(compare_gate_parse(cases[i].text, &gate, why), "'%s'", cases[i].text);
    cr_expect(strstr(why, cases[i].why) && strstr(why, "--expect "), "'%s': '%s'", cases[i].text,
              why);
  }
}
