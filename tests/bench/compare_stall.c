/* SPDX-License-Identifier: MIT
 *
 * Servers that do not have their turn within a round: the round is unknown. Whoever has had its
 * time and answers nothing is left out.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compare/compare.h"
#include "support/leftover.h"

enum { ROUND_MS = 100, STALL_S = 3 }; /* longer than a round with its warm-up, by far */

/* The one server is stopped when this round begins. */
struct stall {
  const char *round; /* "round 2 of 3" */
  bool for_good;
  pid_t server;
  pthread_t thread; /* lets it go on */
};

static void *let_go_on(void *context) {
  const struct stall *stall = context;
  const struct timespec pause = {.tv_sec = STALL_S};
  nanosleep(&pause, NULL);
  kill(stall->server, SIGCONT);
  return NULL;
}

static pid_t only_child(void) {
  FILE *file = fopen("/proc/thread-self/children", "r");
  int pid = 0;
  if (!file) cr_skip_test("no /proc/thread-self/children");
  cr_assert_eq(fscanf(file, "%d", &pid), 1);
  fclose(file);
  return pid;
}

static ssize_t hear(void *context, const char *text, size_t len) {
  struct stall *stall = context;
  if (stall->server || !memmem(text, len, stall->round, strlen(stall->round))) return (ssize_t)len;
  stall->server = only_child();
  cr_assert_eq(kill(stall->server, SIGSTOP), 0);
  if (!stall->for_good) cr_assert_eq(pthread_create(&stall->thread, NULL, let_go_on, stall), 0);
  return (ssize_t)len;
}

static bool run(struct stall *stall, unsigned rounds, struct compare_table *table,
                char why[LOAD_WHY_MAX]) {
  static struct compare_place place;
  static char name[] = "raw_epoll";
  static const struct compare_peer peer = {.name = name,
                                           .about = "",
                                           .packages = "",
                                           .prints_port = true,
                                           .commands[LOAD_ECHO] = "{peers}/raw_epoll echo"};
  struct leftover_baseline baseline = leftover_begin();
  snprintf(place.peers, sizeof place.peers, "%s/bench/peers", getenv("FINALE_BINARY_DIR"));
  FILE *progress = fopencookie(stall, "w", (cookie_io_functions_t){.write = hear});
  cr_assert(progress);
  const struct compare_options options = {.workload = compare_workload_find("churn-echo"),
                                          .place = &place,
                                          .rounds = rounds,
                                          .connections = 4,
                                          .duration_ms = ROUND_MS,
                                          .progress = progress};
  bool measured = compare_run(&options, &peer, 1, table, why);
  fclose(progress);
  cr_assert(stall->server, "it was not stopped");
  if (!stall->for_good) pthread_join(stall->thread, NULL);
  leftover_end(&baseline);
  return measured;
}

Test(compare_stall, a_round_without_an_answer_is_unknown) {
  struct stall stall = {.round = "round 2 of 3"};
  struct compare_table table;
  char why[LOAD_WHY_MAX] = "";
  cr_assert(run(&stall, 3, &table, why), "%s", why);
  const struct compare_row *row = compare_row_find(&table, "raw_epoll");
  cr_assert(row, "it is left out: %s", table.rows[0].why);
  cr_expect_eq(table.rounds, 3);
  for (unsigned round = 0; round < 3; round++) {
    cr_expect_eq(isnan(row->values[COMPARE_RATE][round]), round == 1, "%u", round);
    cr_expect_eq(isnan(row->values[COMPARE_P99][round]), round == 1, "%u", round);
    cr_expect_eq(isnan(row->values[COMPARE_CPU][round]), round == 1, "%u", round);
    cr_expect_eq(row->values[COMPARE_ERRORS][round], 0);
  }
  cr_expect_gt(compare_summarize(&table, row, COMPARE_RATE).value, 0);
  compare_table_release(&table);
}

Test(compare_stall, no_round_with_an_answer) {
  struct stall stall = {.round = "round 1 of 1"};
  struct compare_table table;
  char why[LOAD_WHY_MAX] = "";
  cr_expect_not(run(&stall, 1, &table, why));
  cr_expect(strstr(why, "raw_epoll: no answer came within a round of 0.1 s; make them longer"),
            "%s", why);
  compare_table_release(&table);
}

Test(compare_stall, who_never_answers_is_left_out_at_once) {
  struct stall stall = {.round = "round 1 of 3", .for_good = true};
  struct compare_table table;
  char why[LOAD_WHY_MAX] = "";
  cr_expect_not(run(&stall, 3, &table, why));
  cr_expect(strstr(why, "raw_epoll: it answered nothing"), "%s", why);
  compare_table_release(&table);
}
