/* SPDX-License-Identifier: MIT
 *
 * For tests on real sockets: a finale server on a loop of the test's own, and scripted peers, all
 * in one thread. Nothing sleeps: a test says what it waits for, and the loop is turned until it
 * holds.
 *
 *   struct net net;
 *   net_begin(&net, &(fin_listen){.handler = &echo});      port 0 on 127.0.0.1 unless it says else
 *   int peer = net_connect(&net);
 *   net_send(&net, peer, "hello", 5);
 *   net_expect(&net, peer, "hello", 5);
 *   net_close(&net, peer);
 *   net_until(&net, net.closed == 1);
 *   net_end(&net);                                          drains, and takes the census: all empty
 */
#ifndef TESTS_NET_H
#define TESTS_NET_H

#include <criterion/criterion.h>
#include <finale/finale.h>
#include <uv.h>

#include "support/leftover.h"

enum { NET_DEADLINE_MS = 10 * 1000 }; /* for what is waited for; generous, for slow machines */

struct net {
  uv_loop_t loop;
  fin_server *server;
  uint16_t port;
  fin_handler handler; /* the test's, with its callbacks counted */
  const fin_handler *wrapped;

  /* What the server's side saw. */
  unsigned opened, ended, closed;
  fin_conn *conn;      /* the connection opened last; NULL once closed */
  fin_report report;   /* of the connection closed last */
  fin_report *reports; /* of all, in the order of closing */
  bool drained;

  fin_server_options options; /* the test's */
  uv_timer_t wake;            /* ends a turn in which nothing happens */
  struct leftover_baseline baseline;
};

/* For listen->host: every address, as fin_listen has it for NULL. */
#define NET_EVERY_HOST "*"

/* `net->handler` counts and records, then calls the test's handler, whose state_size is kept. A
 * callback that the test leaves NULL keeps its default; `ended` is counted only if on_end is set.
 * The context of connections is listen->context if it is set, else `net`. The loop of `options` is
 * net's own. */
void net_begin(struct net *net, const fin_listen *listen);
void net_begin_with(struct net *net, const fin_server_options *options, const fin_listen *listen);

/* Drains the server unless the test did, turns the loop until all is closed, and asserts that no
 * socket, descriptor or handle of the loop is left. Peers must have been closed with net_close. */
void net_end(struct net *net);

/* One turn of the loop that waits at most `wait_ms` for something to happen. */
void net_turn(struct net *net, int wait_ms);

uint64_t net_now_ms(void); /* CLOCK_MONOTONIC */

/* Turns the loop until `condition` holds; the test fails if it does not within NET_DEADLINE_MS. */
#define net_until(net, condition) \
  do { \
    uint64_t net_begun_ = net_now_ms(); \
    while (!(condition)) { \
      cr_assert(net_now_ms() - net_begun_ < NET_DEADLINE_MS, "waited for " #condition); \
      net_turn((net), 5); \
    } \
  } while (0)

/* ---- peers: non-blocking client sockets ---- */

int net_connect(struct net *net); /* and waits until the server has opened it: net->conn */
int net_dial(struct net *net);    /* does not wait: it stays in the backlog until the next turn */
int net_connect_to(struct net *net, const char *address); /* IPv4 or IPv6; net_connect: 127.0.0.1 */
int net_connect_small(struct net *net, int receive_buffer, int send_buffer); /* 0: the default */

/* Sends all of it, turning the loop while the socket is full. */
void net_send(struct net *net, int peer, const void *data, size_t len);
/* Sends what the socket takes now; returns how much. */
size_t net_send_some(int peer, const void *data, size_t len);

/* Receives exactly `len` bytes and compares them. */
void net_expect(struct net *net, int peer, const void *data, size_t len);
/* Receives until the peer's end, error or `max` bytes: how many, and in *ending 0 for FIN, the
 * errno for an error, -1 if `max` was reached. `data` may be NULL. */
size_t net_receive_all(struct net *net, int peer, void *data, size_t max, int *ending);
size_t net_receive_some(int peer, void *data, size_t max); /* what is there now */

void net_fin(int peer);                    /* shutdown(SHUT_WR) */
void net_reset(struct net *net, int peer); /* SO_LINGER 0 and close */
void net_close(struct net *net, int peer);

/* The kernel's state of a socket (TCP_ESTABLISHED, ...), and its bytes: received and not yet read,
 * sent and not yet acknowledged (a FIN counts as one). */
int net_tcp_state(int fd);
size_t net_unread(int fd);
size_t net_unacked(int fd);

/* The server's descriptor of a connection. For looking only. */
int net_fd(const fin_conn *conn);

/* The state of the connection opened last (FIN_ST_OPEN, ...); FIN_STATES_MAX once it is closed. */
unsigned net_life(const struct net *net);

/* The connection closed last ended for this reason: net_reason(&net, PEER_RESET). */
#define net_reason(net, name) \
  cr_assert((net)->report.reason == FIN_REASON_##name, "%s (%s), not " #name, \
            fin_reason_name((net)->report.reason), fin_strerror((net)->report.error))

/* "abcdefgh..." of any length up to NET_PATTERN_MAX, the same at each call, small letters only and
 * without a period: payloads whose order can be checked. */
enum { NET_PATTERN_MAX = 64 * 1024 * 1024 };
const char *net_pattern(size_t len);

#endif
