/* SPDX-License-Identifier: MIT
 *
 * Two hosts on one wire, as far as the kernel can tell: two network namespaces of this process,
 * joined by a veth pair. The wire can be cut without either end being told.
 *
 *   struct two_hosts hosts;
 *   two_hosts_begin(&hosts);          the thread is now on the server's host
 *   net_begin(&net, &(fin_listen){.host = TWO_HOSTS_SERVER, ...});
 *   int peer = two_hosts_connect(&hosts, &net);
 *   two_hosts_cut(&hosts);
 *   ...
 *   net_end(&net);
 *   two_hosts_end(&hosts);
 */
#ifndef TESTS_TWO_HOSTS_H
#define TESTS_TWO_HOSTS_H

#include "support/net.h"

#define TWO_HOSTS_SERVER "10.99.0.1"
#define TWO_HOSTS_CLIENT "10.99.0.2"

struct two_hosts {
  int home, server, client; /* namespaces */
};

/* Skips the test, saying why, if this needs rights or programs that are not there. */
void two_hosts_begin(struct two_hosts *hosts);
void two_hosts_end(struct two_hosts *hosts); /* the thread is where it was */

/* A peer on the client's host. */
int two_hosts_connect(struct two_hosts *hosts, struct net *net);

/* From now on every packet is lost; until mended. */
void two_hosts_cut(struct two_hosts *hosts);
void two_hosts_mend(struct two_hosts *hosts);

#endif
