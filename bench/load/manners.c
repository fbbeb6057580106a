/* SPDX-License-Identifier: MIT */
#include "load/manners.h"

const struct manner load_manners[LOAD_MANNER_COUNT] = {
    [LOAD_POLITE] = {.asks = 10, .owed = true, .timed = true},
    [LOAD_HALF_CLOSE] = {.asks = 1, .owed = true, .ends = true, .farewell = FAREWELL_WAIT},
    [LOAD_RESET] = {.asks = 1, .farewell = FAREWELL_RESET},
    /* Fewer bytes than any reply but the smallest echo. The kernel says RST to the rest. */
    [LOAD_ABANDON] = {.asks = 1, .read_max = 8},
    /* With a small window the server cannot get rid of a larger reply. */
    [LOAD_SLOW_READ] =
        {.asks = 1, .owed = true, .slow_ms = 1000, .slow_read = true, .receive_buffer = 4096},
    [LOAD_SLOW_WRITE] = {.asks = 1, .owed = true, .slow_ms = 1000, .slow_write = true},
    [LOAD_EARLY_FIN] = {.asks = 1, .half = true, .ends = true, .farewell = FAREWELL_WAIT},
    [LOAD_SILENT] = {.mute = true, .leave_ms = 2000},
};

struct manner load_workload_manner(const struct load_options *options) {
  bool http = options->target.protocol == LOAD_HTTP, tcp = options->target.protocol == LOAD_TCP;
  struct manner manner = {.owed = true, .timed = true};
  switch (options->workload) {
    case LOAD_CHURN_WORKLOAD:
      manner.asks = 1;
      manner.from_connect = true;
      /* Over HTTP the request itself asks the server to close. */
      manner.ends = options->server_closes && !http;
      manner.farewell = options->server_closes ? FAREWELL_WAIT : FAREWELL_CLOSE;
      break;
    case LOAD_CONNECT_WORKLOAD:
      manner.mute = true;
      manner.from_connect = true;
      break;
    case LOAD_IDLE_WORKLOAD:
      manner.asks = 1;
      manner.mute = tcp;
      manner.farewell = FAREWELL_STAY;
      break;
    case LOAD_STREAM_WORKLOAD:
      manner.stream = !http; /* one large reply behind the other is an ordinary load */
      break;
    default:
      break;
  }
  return manner;
}

bool load_is_mixed(const struct load_options *options) {
  for (int i = 0; i < LOAD_MANNER_COUNT; i++)
    if (options->mix[i] > 0) return true;
  return false;
}

/* Everybody earns their share, and whoever has most pays for all. */
enum load_manner load_deal(struct dealer *dealer, const unsigned shares[LOAD_MANNER_COUNT]) {
  int all = 0, chosen = 0;
  for (int i = 0; i < LOAD_MANNER_COUNT; i++) {
    dealer->credit[i] += (int)shares[i];
    all += (int)shares[i];
    if (dealer->credit[i] > dealer->credit[chosen]) chosen = i;
  }
  dealer->credit[chosen] -= all;
  return (enum load_manner)chosen;
}
