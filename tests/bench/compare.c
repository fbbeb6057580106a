/* SPDX-License-Identifier: MIT
 *
 * Comparisons: servers run in turns under the same load, who is not like the others is left out
 * with the reason, and nothing is left.
 */
#include "compare/compare.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "support/leftover.h"

static char names[][16] = {"finale", "raw_epoll", "liar", "absent"};

static const struct compare_peer peers[] = {
    {.name = names[0],
     .about = "",
     .packages = "",
     .prints_port = true,
     .commands[LOAD_HTTP] = "{finale} serve http --listen 127.0.0.1:0",
     .commands[LOAD_ECHO] = "{finale} serve echo --listen 127.0.0.1:0"},
    {.name = names[1],
     .about = "",
     .packages = "",
     .prints_port = true,
     .commands[LOAD_HTTP] = "{peers}/raw_epoll http",
     .commands[LOAD_ECHO] = "{peers}/raw_epoll echo"},
    {.name = names[2],
     .about = "",
     .packages = "",
     .prints_port = true,
     .commands[LOAD_HTTP] = "{peers}/raw_epoll echo"},
    {.name = names[3],
     .about = "",
     .packages = "absent",
     .prints_port = true,
     .commands[LOAD_HTTP] = "no-such-server"},
};

enum { PEERS = sizeof peers / sizeof *peers };

static struct compare_place here(void) {
  struct compare_place place;
  const char *built = getenv("FINALE_BINARY_DIR");
  cr_assert(built);
  snprintf(place.finale, sizeof place.finale, "%s/finale", built);
  snprintf(place.peers, sizeof place.peers, "%s/bench/peers", built);
  return place;
}

static void run_these(const struct compare_peer *these, size_t count,
                      struct compare_options options, struct compare_table *table) {
  static struct compare_place place;
  options.place = &place;
  place = here();
  struct leftover_baseline baseline = leftover_begin();
  char why[LOAD_WHY_MAX] = "";
  cr_assert(compare_run(&options, these, count, table, why), "%s", why);
  cr_expect_eq(table->rounds, options.rounds);
  cr_expect(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a server is left");
  leftover_end(&baseline);
}

static void run(const char *workload, unsigned connections, struct compare_table *table) {
  const struct compare_options options = {
      .workload = compare_workload_find(workload),
      .rounds = 2,
      .connections = connections,
      .depth = 4,
      .duration_ms = 300,
  };
  run_these(peers, PEERS, options, table);
}

static double value(const struct compare_table *table, const char *name,
                    enum compare_metric metric) {
  const struct compare_row *row = compare_row_find(table, name);
  for (size_t i = 0; i < table->row_count; i++)
    cr_assert(row || strcmp(table->rows[i].peer->name, name) != 0, "%s is left out: %s", name,
              table->rows[i].why);
  cr_assert(row, "%s is not there", name);
  return compare_summarize(table, row, metric).value;
}

static void check_measured(const char *workload) {
  struct compare_table table;
  run(workload, 8, &table);
  for (size_t i = 0; i < 2; i++) {
    cr_expect_eq(value(&table, names[i], COMPARE_ERRORS), 0);
    cr_expect_eq(value(&table, names[i], COMPARE_LEFT), 0);
    cr_expect_gt(value(&table, names[i], COMPARE_RATE), 0);
    cr_expect_gt(value(&table, names[i], COMPARE_CPU), 0);
    cr_expect(isnan(value(&table, names[i], COMPARE_MEMORY)));
    cr_expect(isnan(value(&table, names[i], COMPARE_INSTRUCTIONS)));
  }
  compare_table_release(&table);
}

Test(compare, keepalive) { check_measured("keepalive"); }
Test(compare, pipeline) { check_measured("pipeline"); }
Test(compare, churn) { check_measured("churn"); }
Test(compare, churn_close) { check_measured("churn-close"); }
Test(compare, churn_echo) { check_measured("churn-echo"); }
Test(compare, echo) { check_measured("echo"); }
Test(compare, stream) { check_measured("stream"); }

Test(compare, idle) {
  struct compare_table table;
  run("idle", 600, &table);
  cr_expect_gt(value(&table, "finale", COMPARE_MEMORY), 0);
  cr_expect_eq(value(&table, "finale", COMPARE_ERRORS), 0);
  cr_expect_eq(value(&table, "finale", COMPARE_LEFT), 0);
  cr_expect(isnan(value(&table, "finale", COMPARE_CPU)));
  compare_table_release(&table);
}

/* ---- rude clients ---- */

static void read_peer(const char *name, struct compare_peer *peer) {
  char path[4200], why[LOAD_WHY_MAX];
  snprintf(path, sizeof path, "%s/bench/peers/%s.peer", getenv("FINALE_SOURCE_DIR"), name);
  cr_assert(compare_peer_read(path, peer, why), "%s", why);
}

static void check_naive(const char *workload, const enum compare_metric *caught, size_t count) {
  struct compare_table table;
  struct compare_peer pair[2];
  const struct compare_options options = {
      .workload = compare_workload_find(workload), .rounds = 1, .duration_ms = 2000};
  read_peer("finale", &pair[0]);
  read_peer("naive", &pair[1]);
  run_these(pair, 2, options, &table);
  for (size_t i = 0; i < count; i++) {
    const char *key = compare_metric_key(caught[i]);
    cr_expect_eq(value(&table, "finale", caught[i]), 0, "finale, %s: %g", key,
                 value(&table, "finale", caught[i]));
    cr_expect_gt(value(&table, "naive", caught[i]), 0, "naive is not caught: %s", key);
  }
  compare_table_release(&table);
  for (size_t i = 0; i < 2; i++) compare_peer_release(&pair[i]);
}

Test(compare, a_naive_server_keeps_what_is_in_close_wait_or_was_reset) {
  static const enum compare_metric caught[] = {COMPARE_CLOSE_WAIT, COMPARE_LEFT, COMPARE_ERRORS};
  check_naive("mix", caught, 3);
}

/* How many replies it cuts off is a matter of how busy the machine is; peers_run.c sees to that. */
Test(compare, a_naive_server_keeps_what_was_reset) {
  static const enum compare_metric caught[] = {COMPARE_LEFT};
  check_naive("mix-echo", caught, 1);
}

Test(compare, who_does_not_take_part) {
  struct compare_table table;
  struct compare_peer naive;
  const struct compare_options options = {.workload = compare_workload_find("keepalive"),
                                          .rounds = 1};
  char why[LOAD_WHY_MAX] = "";
  read_peer("naive", &naive);
  cr_expect_not(compare_run(&options, &naive, 1, &table, why));
  cr_expect_eq(table.row_count, 0);
  cr_expect(strstr(why, "keepalive: none of the peers takes part"), "'%s'", why);
  compare_table_release(&table);
  compare_peer_release(&naive);
}

Test(compare, who_is_not_like_the_others_is_left_out) {
  struct compare_table table;
  run("keepalive", 2, &table);
  cr_expect_null(compare_row_find(&table, "liar"));
  cr_expect(strstr(table.rows[2].why, "'GET / HTTP/1.1"), "'%s'", table.rows[2].why);
  cr_expect_null(compare_row_find(&table, "absent"));
  cr_expect(strstr(table.rows[3].why, "apt-get install absent"), "'%s'", table.rows[3].why);
  cr_expect_null(compare_row_find(&table, "unheard-of"));

  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  compare_print(&table, out);
  fclose(out);
  cr_expect(strstr(text, "without liar: ") && strstr(text, "without absent: "), "%s", text);
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    cr_expect(strlen(line) <= 100 || strncmp(line, "without ", 8) == 0, "%s", line);
  free(text);
  compare_table_release(&table);
}

Test(compare, none_that_can_be_measured) {
  static struct compare_place place;
  place = here();
  struct leftover_baseline baseline = leftover_begin();
  struct compare_table table;
  char why[LOAD_WHY_MAX] = "";
  const struct compare_options options = {.workload = compare_workload_find("keepalive"),
                                          .place = &place,
                                          .rounds = 1,
                                          .duration_ms = 100};
  cr_expect_not(compare_run(&options, &peers[3], 1, &table, why));
  cr_expect(strstr(why, "absent: no-such-server is not installed"), "'%s'", why);
  compare_table_release(&table);
  leftover_end(&baseline);
}

Test(compare, stopped) {
  static struct compare_place place;
  static volatile sig_atomic_t stopped = 1;
  place = here();
  struct leftover_baseline baseline = leftover_begin();
  struct compare_table table;
  char why[LOAD_WHY_MAX] = "";
  const struct compare_options options = {.workload = compare_workload_find("keepalive"),
                                          .place = &place,
                                          .rounds = 1,
                                          .duration_ms = 100,
                                          .stopped = &stopped};
  cr_expect_not(compare_run(&options, peers, 2, &table, why));
  cr_expect(strstr(why, "interrupted"), "'%s'", why);
  compare_table_release(&table);
  leftover_end(&baseline);
}

/* What a peer says on its standard error, and what its file says of it, need not be UTF-8. */
Test(compare, json_of_what_is_no_text) {
  static const char *const words[] = {"expect", "said"};
  struct compare_peer peer = {.name = (char[]){"latin\xe9"}, .about = "caf\xe9"};
  struct compare_row row = {.peer = &peer, .why = "it said: \xff\xfe"};
  struct compare_table table = {.options.workload = compare_workload_find("echo"),
                                .rows = &row,
                                .row_count = 1,
                                .note = "cut in a character \xc3"};
  struct compare_gate gate;
  char why[LOAD_WHY_MAX], *text = NULL;
  size_t size;
  cr_assert(compare_gate_parse("cpu/caf\xe9<=1", &gate, why), "%s", why);
  FILE *out = open_memstream(&text, &size);
  cr_expect(compare_print_json(&table, 1, &gate, 1, out));
  fclose(out);
  json_error_t error;
  json_t *all = json_loads(text, 0, &error);
  cr_assert(all, "%s: %s", error.text, text);
  const char *name = "", *reason = "", *note = "";
  cr_expect_eq(json_unpack_ex(all, &error, 0, "{s:[{s:s, s:[{s:s, s:s}]}]}", "comparisons", "note",
                              &note, "peers", "name", &name, "left_out", &reason),
               0, "%s: %s", error.text, text);
  cr_expect_str_eq(name, "latin?");
  cr_expect_str_eq(reason, "it said: ??");
  cr_expect_str_eq(note, "cut in a character ?");
  json_t *verdict = json_array_get(json_object_get(all, "gates"), 0);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    cr_expect(json_is_string(json_object_get(verdict, words[i])), "no %s: %s", words[i], text);
  json_decref(all);
  free(text);
}

Test(compare, overview) {
  enum { FINALE, RAW, NOT_THERE, COUNT };
  static struct compare_row rows[3][COUNT + 1];
  static const char *const workloads[3] = {"echo", "idle", "mix"};
  struct compare_table tables[3];
  for (size_t k = 0; k < 3; k++) {
    for (size_t i = 0; i < COUNT; i++) rows[k][i].peer = &peers[i == NOT_THERE ? 3 : i];
    strcpy(rows[k][NOT_THERE].why, "not installed");
    tables[k] = (struct compare_table){.options.workload = compare_workload_find(workloads[k]),
                                       .rows = rows[k],
                                       .row_count = COUNT,
                                       .rounds = 1};
  }
  rows[0][FINALE].values[COMPARE_CPU][0] = 5250;
  rows[0][RAW].values[COMPARE_CPU][0] = 5000;
  rows[1][FINALE].values[COMPARE_MEMORY][0] = 505.3;
  strcpy(rows[1][RAW].why, "it is out of order");
  rows[2][FINALE].values[COMPARE_LEFT][0] = 0;
  rows[2][RAW].values[COMPARE_LEFT][0] = 7;
  rows[2][COUNT].peer = &peers[2]; /* takes part in this one alone */
  rows[2][COUNT].values[COMPARE_LEFT][0] = 9;
  tables[2].row_count++;

  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  compare_print_overview(tables, 3, out);
  fclose(out);
  const char *table = strstr(text, "\n\n");
  cr_assert(table, "%s", text);
  cr_expect_str_eq(table,
                   "\n\n"
                   "| server | echo | idle | mix |\n"
                   "|---|---:|---:|---:|\n"
                   "| finale | 1.05 | 505 B | 0 left |\n"
                   "| raw_epoll | 1.00 | - | 7 left |\n"
                   "| liar | - | - | 9 left |\n");
  free(text);
}

Test(compare, json) {
  struct compare_table table;
  run("churn", 4, &table);
  struct compare_gate gates[2];
  char why[LOAD_WHY_MAX], *text = NULL;
  size_t size;
  cr_assert(compare_gate_parse("errors==0", &gates[0], why), "%s", why);
  cr_assert(compare_gate_parse("cpu/raw_epoll<=0.001", &gates[1], why), "%s", why);
  FILE *out = open_memstream(&text, &size);
  cr_expect(compare_print_json(&table, 1, gates, 2, out));
  fclose(out);
  json_error_t error;
  json_t *all = json_loads(text, 0, &error);
  cr_assert(all, "%s: %s", error.text, text);
  double ratio = 0;
  int good = 0, bad = 1;
  const char *unit = "", *reason = "", *said = "";
  cr_expect_eq(
      json_unpack_ex(all, &error, 0,
                     "{s:[{s:s, s:[{s:{s:{s:F}}}, {}, {s:s}, {}]}], s:[{s:b}, {s:b, s:s}]}",
                     "comparisons", "unit", &unit, "peers", "cpu", "to_raw_epoll", "value", &ratio,
                     "left_out", &reason, "gates", "holds", &good, "holds", &bad, "said", &said),
      0, "%s: %s", error.text, text);
  cr_expect_str_eq(unit, "connection");
  cr_expect_gt(ratio, 0);
  cr_expect(good && !bad);
  cr_expect(strstr(said, "cpu/raw_epoll<=0.001: it is "), "%s", said);
  json_decref(all);
  free(text);
  compare_table_release(&table);
}
