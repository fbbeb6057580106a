/* SPDX-License-Identifier: MIT
 *
 * Whatever can fail fails once: each allocation, each call of the io. The connection ends with the
 * reason for it, and nothing is left.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/rig.h"

/* ---- a life that needs all kinds of memory and of calls ---- */

static unsigned refused;

static void release(void *arg, const void *data) {
  (void)arg;
  free((void *)(uintptr_t)data);
}

static void write_all_ways(struct rig *rig) {
  size_t sizes[] = {100, 5000, 30 * 1024}; /* in a chunk, in several, in memory of its own */
  for (unsigned i = 0; i < 3 && rig->conn; i++)
    if (rig_write(rig, sizes[i])) refused++;
  char *data = malloc(100);
  if (!data) abort();
  rig->peer->checks_output = false; /* what was refused leaves a hole */
  if (rig->conn && fin_conn_write_take(rig->conn, data, 100, release, NULL)) refused++;
  if (!rig->conn) free(data);
}

static size_t keep_most(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  if (rig_of(conn)->offered == 3) write_all_ways(rig_of(conn));
  return len / 4;
}

static void stay(fin_conn *conn) { (void)conn; }

static const fin_handler liver = {.on_data = keep_most, .on_end = stay};

/* The connection, or NULL if there was no memory for it. */
static fin_conn *live(struct rig *rig) {
  rig->limits.input_max = 64 * 1024;
  rig->stage.pooled.service.limits = rig->limits;
  rig->peer->capacity = 2000;
  fin_conn *conn = stage_accept(&rig->stage, rig->peer);
  if (!conn) return NULL;
  for (int i = 0; i < 5; i++) rig_receive(rig, 3000);
  for (int i = 0; i < 4; i++) rig_ack(rig);
  if (rig->conn) fin_conn_pause(rig->conn);
  rig_receive(rig, 10);
  rig_peer_fin(rig);
  if (rig->conn) fin_conn_resume(rig->conn);
  for (int i = 0; i < 40; i++) rig_ack(rig);
  if (rig->conn) fin_conn_close(rig->conn, FIN_REASON_CLOSED);
  for (int i = 0; i < 4; i++) rig_ack(rig);
  return conn;
}

Test(life, ends_well_when_nothing_fails) {
  struct rig rig;
  refused = 0;
  rig_begin(&rig, &liver);
  live(&rig);
  RIG_REASON(&rig, "PEER_ENDED");
  cr_assert_eq(rig.report.bytes_accepted, 100 + 5000 + 30 * 1024 + 100);
  cr_assert_eq(rig.report.bytes_acked, rig.report.bytes_accepted);
  cr_assert_eq(rig.report.bytes_in, 15010);
  cr_assert_eq(refused, 0);
  rig_end(&rig);
}

/* ---- memory ---- */

Test(memory, each_allocation_fails_once) {
  size_t number = 1;
  for (bool failed = true; failed; number++) {
    struct rig rig;
    refused = 0;
    rig_begin(&rig, &liver);
    memory_fail_in(number);
    fin_conn *conn = live(&rig);
    failed = memory_failed();
    if (!conn) {
      cr_assert_eq(rig.peer->descriptor, FD_UNUSED);
      stage_end(&rig.stage);
      continue;
    }
    cr_assert_eq(rig.closed, 1, "allocation %zu: %s", number, rig_state(&rig));
    if (failed) RIG_REASON(&rig, "NO_MEMORY");
    if (failed) cr_assert_eq(rig.report.error, ENOMEM);
    cr_assert_leq(rig.report.bytes_acked, rig.report.bytes_accepted);
    rig_end(&rig);
  }
  cr_assert_gt(number, 8, "only %zu allocations", number);
}

/* ---- the system ---- */

static void each_call_fails_once(enum fault kind, int error, const char *reason, unsigned least) {
  unsigned number = 0;
  for (bool failed = true; failed; number++) {
    struct rig rig;
    rig_begin(&rig, &liver);
    rig.stage.io.faults[kind] = error;
    rig.stage.io.skips[kind] = number;
    live(&rig);
    failed = rig.stage.io.faults[kind] == 0;
    cr_assert_eq(rig.closed, 1, "call %u: %s", number, rig_state(&rig));
    if (failed) RIG_REASON(&rig, reason);
    if (failed) cr_assert_eq(rig.report.error, error);
    cr_assert_eq(rig.peer->reset, failed && kind != FAULT_OPEN);
    cr_assert_leq(rig.report.bytes_acked, rig.report.bytes_accepted);
    rig_end(&rig);
  }
  cr_assert_gt(number, least, "only %u calls", number);
}

Test(system, open_fails) { each_call_fails_once(FAULT_OPEN, EINVAL, "NOT_OPENED", 1); }
Test(system, hear_fails) { each_call_fails_once(FAULT_HEAR, ENOMEM, "NO_MEMORY", 4); }
Test(system, send_fails) { each_call_fails_once(FAULT_SEND, ETIMEDOUT, "PEER_VANISHED", 2); }
Test(system, write_fails) { each_call_fails_once(FAULT_WRITE, ENOMEM, "NO_MEMORY", 1); }
Test(system, send_fin_fails) { each_call_fails_once(FAULT_SEND_FIN, ENOTCONN, "PEER_RESET", 1); }

/* ---- the report of a failure ---- */

static void fails_during_a_write(enum news news, uint64_t acked) {
  struct rig rig;
  rig_begin(&rig, NULL);
  rig_connect(&rig);
  rig.peer->capacity = 2000;
  cr_assert_eq(rig_write(&rig, 5000), 0);
  rig_rest(&rig);
  rig.peer->capacity = 4000; /* as kernels enlarge it */
  peer_ack(rig.peer, 500);
  rig_rest(&rig); /* of the write in flight the kernel has taken a part */
  cr_assert(rig.peer->writing && rig.peer->write_taken > 0);
  peer_fail(rig.peer, ECONNRESET);
  socket_tell(rig.peer, news, 0);
  rig_rest(&rig);
  RIG_REASON(&rig, "PEER_RESET");
  cr_assert_eq(rig.report.bytes_accepted, 5000);
  cr_assert_eq(rig.report.bytes_acked, acked);
  rig_end(&rig);
}

Test(report, counts_what_was_acknowledged_before_a_reset) { fails_during_a_write(NEWS_ERROR, 500); }

/* How much the kernel had taken of a write that failed nobody knows. */
Test(report, counts_no_more_than_is_known_after_a_failed_write) {
  fails_during_a_write(NEWS_WRITE_ERROR, 0);
}
