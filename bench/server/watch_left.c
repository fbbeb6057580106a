/* SPDX-License-Identifier: MIT
 *
 * What a load has left behind: what is there afterwards, less what was there before.
 */
#include "server/watch.h"

static uint32_t less(uint32_t after, uint32_t before) {
  return after > before ? after - before : 0;
}

uint32_t watch_left_in(const struct watch_result *result, fin_tcp_state state) {
  if (state == FIN_TCP_ANY) return watch_left_owned(result);
  return less(result->after.sockets[state][FIN_HOLDER_OWNED],
              result->before.sockets[state][FIN_HOLDER_OWNED]);
}

uint32_t watch_left_held(const struct watch_result *result, fin_holder holder) {
  uint32_t after = 0, before = 0;
  for (unsigned state = 0; state < FIN_TCP_STATE_COUNT; state++) {
    after += result->after.sockets[state][holder];
    before += result->before.sockets[state][holder];
  }
  return less(after, before);
}

uint32_t watch_left_owned(const struct watch_result *result) {
  return watch_left_held(result, FIN_HOLDER_OWNED);
}

uint32_t watch_left_descriptors(const struct watch_result *result) {
  return less(result->after.descriptors, result->before.descriptors);
}

/* Those that were open when measuring began have ended since: a server that keeps whoever leaves
 * last is not let off. */
static uint64_t ended(const struct watch_result *result) {
  const struct watch_sample *measure = &result->measure;
  const uint64_t made = measure->connections;
  const uint64_t open =
      less(measure->clients[FIN_TCP_ESTABLISHED], result->before.clients[FIN_TCP_ESTABLISHED]);
  return result->after.connections - (made > open ? made - open : 0);
}

double watch_left_per_1000(const struct watch_result *result) {
  const uint32_t sockets = less(watch_left_owned(result), result->kept_sockets);
  const uint32_t descriptors = less(watch_left_descriptors(result), result->kept_descriptors);
  const uint32_t left = sockets > descriptors ? sockets : descriptors;
  return left == 0 || ended(result) == 0 ? 0 : left * 1000.0 / (double)ended(result);
}
