/* SPDX-License-Identifier: MIT
 *
 * Observing: the kernel's own account of TCP sockets, for any process. The rules of finale.h hold.
 *
 *   fin_census *census = fin_census_take(&(fin_census_query){.owners = true});
 *   fin_census_count(census, FIN_TCP_CLOSE_WAIT, FIN_HOLDER_OWNED);
 *   fin_census_free(census);
 */
#ifndef FINALE_OBSERVE_H
#define FINALE_OBSERVE_H

#include <finale/finale.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, number that the kernel gives it, name as ss(8) writes it) */
#define FIN_TCP_STATES(X) \
  X(ESTABLISHED, 1, "ESTAB") \
  X(SYN_SENT, 2, "SYN-SENT") \
  X(SYN_RECV, 3, "SYN-RECV") \
  X(FIN_WAIT1, 4, "FIN-WAIT-1") \
  X(FIN_WAIT2, 5, "FIN-WAIT-2") \
  X(TIME_WAIT, 6, "TIME-WAIT") \
  X(CLOSE, 7, "UNCONN") \
  X(CLOSE_WAIT, 8, "CLOSE-WAIT") \
  X(LAST_ACK, 9, "LAST-ACK") \
  X(LISTEN, 10, "LISTEN") \
  X(CLOSING, 11, "CLOSING")

typedef enum fin_tcp_state {
  FIN_TCP_ANY = 0,
#define FIN_TCP_STATE_ENUM(name, number, text) FIN_TCP_##name = number,
  FIN_TCP_STATES(FIN_TCP_STATE_ENUM)
#undef FIN_TCP_STATE_ENUM
      FIN_TCP_STATE_COUNT
} fin_tcp_state;

/* Who can still end a socket. X(name, text)
 *   OWNED      a descriptor of some process, or a service of the kernel
 *   QUEUED     nobody yet: it waits to be accepted, or for the handshake that comes before
 *   ORPHAN     the kernel alone: every descriptor is closed and the farewell goes on. FIN_WAIT2 is
 *              bounded by tcp_fin_timeout, the others by tcp_orphan_retries
 *   TIME_WAIT  the kernel alone: only the wait that ends a healthy connection is left */
#define FIN_HOLDERS(X) \
  X(OWNED, "owned") \
  X(QUEUED, "queued") \
  X(ORPHAN, "orphan") \
  X(TIME_WAIT, "time-wait")

typedef enum fin_holder {
  FIN_HOLDER_ANY = 0,
#define FIN_HOLDER_ENUM(name, text) FIN_HOLDER_##name,
  FIN_HOLDERS(FIN_HOLDER_ENUM)
#undef FIN_HOLDER_ENUM
      FIN_HOLDER_COUNT
} fin_holder;

/* The timer that will move a socket, if it hears nothing. X(name, text as ss(8) writes it) */
#define FIN_TCP_TIMERS(X) \
  X(NONE, "off") \
  X(RETRANSMIT, "on") \
  X(KEEPALIVE, "keepalive") \
  X(TIME_WAIT, "timewait") \
  X(PERSIST, "persist")

typedef enum fin_tcp_timer {
#define FIN_TCP_TIMER_ENUM(name, text) FIN_TCP_TIMER_##name,
  FIN_TCP_TIMERS(FIN_TCP_TIMER_ENUM)
#undef FIN_TCP_TIMER_ENUM
      FIN_TCP_TIMER_COUNT
} fin_tcp_timer;

/* "CLOSE-WAIT", "orphan", "persist"; "?" for a value out of range. */
FIN_EXPORT const char *fin_tcp_state_name(fin_tcp_state state);
FIN_EXPORT const char *fin_holder_name(fin_holder holder);
FIN_EXPORT const char *fin_tcp_timer_name(fin_tcp_timer timer);

/* One descriptor that holds a socket. */
typedef struct fin_census_owner {
  uint64_t inode; /* as in the descriptor's link, "socket:[inode]" */
  pid_t pid;
  int fd;
  char name[16]; /* of the process; what is not printable ASCII is a '?' */
} fin_census_owner;

typedef struct fin_census_row {
  int family; /* AF_INET, or AF_INET6 also for IPv4 over an IPv6 socket (::ffff:127.0.0.1) */
  fin_tcp_state state;
  fin_holder holder;
  uint8_t local[16], remote[16]; /* network byte order; AF_INET uses the first four bytes */
  uint16_t local_port, remote_port;
  uint32_t recv_queue; /* bytes unread, and one for an unread FIN; LISTEN: connections that wait */
  uint32_t send_queue; /* bytes unacknowledged, FIN included; LISTEN: how many may wait */
  fin_tcp_timer timer;
  uint32_t timer_ms;    /* until it fires */
  uint32_t retransmits; /* of what the timer repeats: segments, probes */
  uint32_t heard_ms;    /* since the peer was last heard; UINT32_MAX: not asked for, or unknown */
  uint32_t uid;         /* of an owned socket */
  uint64_t inode;       /* 0 unless owned */
  uint64_t cookie;      /* as SO_COOKIE: never reused */
  const fin_census_owner *owners; /* every descriptor found that holds it */
  size_t owner_count;
} fin_census_row;

/* Everything below belongs to the census; rows are in no order. Without `owners` or `pid` in the
 * query only `rows` is filled. */
typedef struct fin_census {
  const fin_census_row *rows;
  size_t row_count;

  /* TCP descriptors without a socket in any table, which no list of sockets shows: reset, or ended
   * both ways, and never closed. Also those that have not been connected yet. They have no port, so
   * the query's ports do not choose among them. */
  const fin_census_owner *invisible;
  size_t invisible_count;

  size_t unseen_rows;      /* owned rows without an owner found. On a busy machine a few are merely
                              younger than the look at the processes, or belong to the kernel */
  size_t unseen_processes; /* processes whose descriptors may not be read */
  size_t elsewhere;        /* TCP descriptors without a row, of processes in other network
                              namespaces, whose sockets this census does not cover */
} fin_census;

typedef struct fin_census_query {
  const uint16_t *ports; /* only rows with one of these as local or remote port; none: every port */
  size_t port_count;
  pid_t pid;   /* only rows held by this process; finds no other owners. 0: every row */
  bool owners; /* find the owners: walks every process (2 ms for a thousand sockets) */
  bool heard;  /* fill heard_ms: 1.4 us for a row instead of 1 (18,000 rows, Linux 6.18) */
} fin_census_query;

/* Counts the TCP sockets, IPv4 and IPv6, of the calling thread's network namespace. Needs no
 * privilege: every row is seen by everybody, owners only as far as /proc lets the caller read (see
 * unseen_rows). NULL `query`: every row. Tables are read piece by piece, not in one instant: a
 * socket that changes its state meanwhile may be missed or counted twice.
 * NULL with errno set:
 *   ENOTSUP  built without libmnl
 *   ESRCH    no process with that pid
 *   EACCES   its descriptors may not be read
 *   ENOENT   the kernel lacks tcp_diag, or /proc is not mounted
 *   ENOMEM, EMFILE, ...  as socket(2) and open(2) have it */
FIN_EXPORT fin_census *fin_census_take(const fin_census_query *query);
FIN_EXPORT void fin_census_free(fin_census *census); /* NULL is allowed */

/* How many rows have this state and this holder; FIN_TCP_ANY and FIN_HOLDER_ANY stand for all. */
FIN_EXPORT size_t fin_census_count(const fin_census *census, fin_tcp_state state,
                                   fin_holder holder);

#ifdef __cplusplus
}
#endif
#endif
