/* SPDX-License-Identifier: MIT
 *
 * How a client behaves on one connection, from connect() to close(): the workloads and the manners
 * of a mix are values of one struct.
 */
#ifndef BENCH_MANNERS_H
#define BENCH_MANNERS_H

#include "load/load.h"

enum farewell {
  FAREWELL_CLOSE, /* closes */
  FAREWELL_WAIT,  /* waits for the server's FIN, then closes */
  FAREWELL_RESET, /* RST */
  FAREWELL_STAY,  /* stays, and says no more */
};

struct manner {
  unsigned asks;          /* requests on a connection; 0: without end */
  enum farewell farewell; /* when all is asked and answered */
  bool mute;              /* asks nothing: to be connected is all it wants */
  bool half;              /* asks by half, which is no request */
  bool stream;            /* writes without waiting for replies */
  bool owed;              /* its replies are waited for and judged; what is missing is an error */
  bool timed;             /* their latency is counted */
  bool from_connect;      /* and begins with connect() */
  bool ends;              /* FIN right behind what it says */
  uint32_t leave_ms;      /* mute: how long it stays */
  size_t read_max;        /* it leaves when it has read so much; 0: all */

  /* For slow_ms it reads, or writes, a byte every LOAD_TICK_MS at most; then at full speed. */
  uint32_t slow_ms;
  bool slow_read, slow_write;
  int receive_buffer; /* of the socket; 0: the system's choice */
};

enum { LOAD_TICK_MS = 10 };

extern const struct manner load_manners[LOAD_MANNER_COUNT];

/* What every connection does without a mix. */
struct manner load_workload_manner(const struct load_options *options);

/* Deals out manners by their shares, so that every hundred hold each as often as it should be, and
 * well mixed. All zero: nothing dealt yet. */
struct dealer {
  int credit[LOAD_MANNER_COUNT];
};
enum load_manner load_deal(struct dealer *dealer, const unsigned shares[LOAD_MANNER_COUNT]);

#endif
