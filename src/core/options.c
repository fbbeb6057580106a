/* SPDX-License-Identifier: MIT
 *
 * The bounds of a connection: defaults, ranges, and what the system is told of them.
 */
#include <errno.h>

#include "core/loop.h"

static int fill_time(uint32_t *time_ms, uint32_t default_ms) {
  if (*time_ms == 0) *time_ms = default_ms;
  return *time_ms <= FIN_TIME_MAX_MS ? 0 : -EINVAL;
}

static void fill_size(size_t *size, size_t default_size) {
  if (*size == 0) *size = default_size;
}

int fin_conn_options_fill(fin_conn_options *o) {
  if (fill_time(&o->open_ms, 10 * 1000) || fill_time(&o->half_ms, 30 * 1000) ||
      fill_time(&o->stall_ms, 30 * 1000) || fill_time(&o->linger_ms, 10 * 1000) ||
      fill_time(&o->linger_grace_ms, 200) || fill_time(&o->dead_peer_after_ms, 120 * 1000))
    return -EINVAL;
  if (o->idle_ms != FIN_NEVER && fill_time(&o->idle_ms, 75 * 1000)) return -EINVAL;
  if (o->linger_bytes_max == 0) o->linger_bytes_max = 64 * 1024 * 1024;
  if (o->min_rate == 0) o->min_rate = 240;
  fill_size(&o->output_high, 64 * 1024);
  fill_size(&o->output_low, o->output_high / 2);
  fill_size(&o->output_max, 16 * 1024 * 1024);
  fill_size(&o->input_max, 64 * 1024);
  return o->output_low <= o->output_high && o->output_high <= o->output_max ? 0 : -EINVAL;
}

/* Our own stall_ms fires before TCP_USER_TIMEOUT, so that the reason is ours; it may be noticed a
 * quarter late. The system wants an int. */
uint32_t fin_conn_user_timeout(const fin_conn_options *limits) {
  uint32_t after_ms = limits->stall_ms + limits->stall_ms / 4 + 1000;
  if (after_ms < limits->dead_peer_after_ms) after_ms = limits->dead_peer_after_ms;
  return after_ms < INT32_MAX ? after_ms : INT32_MAX;
}
