/* SPDX-License-Identifier: MIT
 *
 * A tunnel between two ends that the test holds: clients connect to the server, whose tunnel leads
 * them to a listener of the test's.
 *
 *   struct ends ends;
 *   ends_begin(&ends, &(fin_conn_options){.idle_ms = 200});
 *   ends_open(&ends);                       ends.client and ends.target are joined
 *   net_send(&ends.net, ends.client, "hello", 5);
 *   net_expect(&ends.net, ends.target, "hello", 5);
 *   ...
 *   net_close(&ends.net, ends.client);
 *   net_close(&ends.net, ends.target);
 *   ends_end(&ends);                        no leg is left, and nothing else
 */
#ifndef TESTS_TUNNEL_ENDS_H
#define TESTS_TUNNEL_ENDS_H

#include <finale/tunnel.h>

#include "more.h"

struct ends {
  struct net net;
  fin_tunnel *tunnel;
  int listener;     /* where the tunnel leads to; -1 once closed */
  uint16_t to_port; /* its port */
  int client, target;
  int plug; /* see ends_be_deaf */
};

void ends_begin(struct ends *ends, const fin_conn_options *conn);

/* The same, leading to a host of one's own. */
void ends_begin_to(struct ends *ends, const fin_tunnel_options *options);

/* The second half of ends_begin, for a net that the test began, and that handler in it. */
void ends_lead(struct ends *ends, const fin_conn_options *conn);
extern const fin_handler *const ends_unused;

/* Connects a client; and waits until it is accepted at the other side. */
int ends_dial(struct ends *ends);
int ends_accept(struct ends *ends);
void ends_open(struct ends *ends);

/* Nobody answers the target's port until ends_answer: the kernel drops what knocks. */
void ends_be_deaf(struct ends *ends);
void ends_answer(struct ends *ends);

/* The server's connections. */
unsigned ends_legs(const struct ends *ends);

/* How many connections ended for this reason: ends_reason(&ends, IDLE). */
#define ends_reason(ends, name) ((unsigned)stats_of(&(ends)->net).closed[FIN_REASON_##name])

/* What an end receives last: 0 for FIN, the errno of a reset. */
int ends_ending(struct ends *ends, int end);

/* Waits until both legs are gone; then drains the server and takes the census. */
void ends_end(struct ends *ends);

#endif
