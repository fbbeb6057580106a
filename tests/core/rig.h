/* SPDX-License-Identifier: MIT
 *
 * For tests with exact times: one connection with its peer on a stage, a handler whose callbacks
 * are counted, and a clock that wraps around its 32 bits soon after the beginning.
 */
#ifndef FIN_TEST_RIG_H
#define FIN_TEST_RIG_H

#include <criterion/criterion.h>

#include "core/laws.h"
#include "core/stage.h"

#define RIG_BEGIN_MS ((UINT64_C(1) << 32) - 1500)

/* Limits that are told apart by their sizes. */
enum {
  RIG_OPEN_MS = 1000,
  RIG_IDLE_MS = 10000,
  RIG_HALF_MS = 4000,
  RIG_STALL_MS = 2000,
  RIG_LINGER_MS = 3000,
  RIG_GRACE_MS = 100,
  RIG_LINGER_BYTES = 1000,
  RIG_MIN_RATE = 100,
  RIG_HIGH = 1000,
  RIG_LOW = 400,
  RIG_OUTPUT_MAX = 300 * 1024,
  RIG_INPUT_MAX = 100
};

struct rig {
  struct stage stage;
  fin_handler handler;     /* counts, then does what `does` says */
  const fin_handler *does; /* the test's; on_data NULL: consumes all */
  fin_conn_options limits; /* changed before rig_connect by who wants others */
  struct socket *peer;
  fin_conn *conn; /* NULL before on_open and after on_close */

  unsigned opened, offered, ended, writable, timers, drained, closed;
  uint64_t offered_bytes;  /* in all, again and again */
  uint64_t accepted_bytes; /* by rig_write */
  uint64_t closed_ms;      /* since the beginning */
  fin_report report;
};

/* A callback that is NULL in `does` is NULL in the handler; `does` may be NULL. */
void rig_begin(struct rig *rig, const fin_handler *does);
void rig_connect(struct rig *rig); /* a connection that is open, at rest */
void rig_end(struct rig *rig);     /* it must be closed; nothing may be left */

/* The rig of a connection, for callbacks. */
struct rig *rig_of(const fin_conn *conn);

void rig_rest(struct rig *rig);
void rig_pass(struct rig *rig, uint64_t time_ms); /* sleeps, then rests */
uint64_t rig_now(const struct rig *rig);          /* since the beginning */

/* The state, "GONE" if the connection is closed. */
const char *rig_state(const struct rig *rig);

int rig_write(struct rig *rig, size_t len);    /* the pattern that the peer expects */
void rig_receive(struct rig *rig, size_t len); /* the peer sends, the driver is told */
void rig_peer_fin(struct rig *rig);            /* and is told */
void rig_ack(struct rig *rig);                 /* the peer acknowledges all, FIN included */

/* Checks the state by name. */
#define RIG_IN(rig, name) cr_assert_str_eq(rig_state(rig), name)

/* It stays in its state for `time_ms` - 1 and leaves it exactly then. */
void rig_leaves_after(struct rig *rig, uint64_t time_ms);

/* Checks how the connection ended; before or after its descriptor is told to be closed. */
#define RIG_REASON(rig, name) \
  do { \
    cr_assert_eq((rig)->closed, 1); \
    cr_assert_str_eq(fin_reason_name((rig)->report.reason), name); \
  } while (0)

#endif
