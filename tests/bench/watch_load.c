/* SPDX-License-Identifier: MIT
 *
 * A whole run: the load, the watch and the gates, on servers with a fault.
 */
#include <criterion/criterion.h>

#include "watched.h"

static void run_warmed(struct watched *watched, enum load_workload workload,
                       const struct fault *fault, uint32_t warmup_ms) {
  char why[LOAD_WHY_MAX] = "";
  watched_begin(watched, fault);
  watched->options = (struct load_options){
      .target = watched->target,
      .workload = workload,
      .connections = 4,
      .threads = 1,
      .depth = 1,
      .size = 64,
      .requests = 500,
      .warmup_ms = warmup_ms,
      .timeout_ms = 5000,
      .sources = 1,
      .first_cpu = -1,
  };
  cr_assert(load_run(&watched->options, &watched->observer, &watched->load, why), "%s", why);
  watched->connections = watched->load.connections;
  watched_settle(watched);
}

static void run(struct watched *watched, const struct fault *fault) {
  run_warmed(watched, LOAD_CHURN_WORKLOAD, fault, 0);
}

static void end(struct watched *watched) {
  load_result_release(&watched->load);
  watched_end(watched);
}

Test(watch_load, a_good_server_passes) {
  static struct watched watched;
  run(&watched, &(struct fault){0});
  cr_expect(watched_gate(&watched, "errors==0"));
  cr_expect(watched_gate(&watched, "requests>=500"));
  cr_expect(watched_gate(&watched, "leftover.owned==0"));
  cr_expect(watched_gate(&watched, "leftover.per_1000==0"));
  cr_expect(watched_gate(&watched, "server.cpu>0"));
  cr_expect(watched_gate(&watched, "server.idle_cpu<5%"));
  end(&watched);
}

Test(watch_load, one_connection_in_a_hundred_that_is_kept) {
  static struct watched watched;
  run(&watched, &(struct fault){.keep_every = 100});
  cr_expect_eq(watched.result->after.connections, watched.load.connections);
  cr_expect(watched_gate(&watched, "errors==0"));
  cr_expect_not(watched_gate(&watched, "leftover.close_wait==0"));
  cr_expect(watched_gate(&watched, "leftover.close_wait>=5"));
  cr_expect(watched_gate(&watched, "leftover.per_1000>9"));
  cr_expect(watched_gate(&watched, "leftover.per_1000<=10"));
  end(&watched);
}

/* A few connections that are there all the time, and are kept when the load is over. */
Test(watch_load, a_leak_of_those_who_leave_last) {
  static struct watched watched;
  run_warmed(&watched, LOAD_KEEPALIVE_WORKLOAD, &(struct fault){.keep_every = 1}, 200);
  cr_expect(watched_gate(&watched, "leftover.close_wait==4"));
  cr_expect(watched_gate(&watched, "leftover.per_1000==1k"));
  end(&watched);
}

Test(watch_load, a_spin_after_the_load) {
  static struct watched watched;
  run(&watched, &(struct fault){.spin = true});
  cr_expect(watched_gate(&watched, "leftover.owned==0"));
  cr_expect_not(watched_gate(&watched, "server.idle_cpu<5%"));
  end(&watched);
}
