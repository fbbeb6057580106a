/* SPDX-License-Identifier: MIT
 *
 * finale: an event-driven TCP server in which every connection comes to a proper end.
 *
 * Rules that hold for every function here:
 *  - One thread: a server, its connections and its callbacks live on the thread that runs its loop.
 *  - No function runs a callback before it returns, except fin_server_run() and fin_server_free().
 *  - A `fin_conn *` is valid from its first callback until its on_close returns; not after.
 *  - Data is copied unless the name says `take`. Strings are NUL-terminated and stay the caller's.
 *  - Times are milliseconds, sizes are bytes. In an options struct zero means the documented
 * default.
 *  - Functions that can fail return 0, or a negative errno value (fin_strerror() words it).
 */
#ifndef FINALE_FINALE_H
#define FINALE_FINALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIN_VERSION_MAJOR 0
#define FIN_VERSION_MINOR 1
#define FIN_VERSION_PATCH 0

#if defined(__GNUC__)
#define FIN_EXPORT __attribute__((visibility("default")))
#else
#define FIN_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fin_conn fin_conn;
typedef struct fin_server fin_server;
typedef struct fin_conn_options fin_conn_options;
struct uv_loop_s; /* libuv's uv_loop_t */

/* A time that never comes. Only where the option says that it is allowed. */
#define FIN_NEVER UINT32_MAX

/* ---- why a connection ended ----
 * X(name, clean, text). Clean: nothing that either side had begun was cut short. Zero is never
 * reported by a correct program: it means that the handler or the library broke its contract. */
#define FIN_REASONS(X) \
  X(BUG, false, "a contract was broken") \
  X(PEER_ENDED, true, "the peer ended first and everything was sent") \
  X(ENDED, true, "we ended first and the peer followed") \
  X(CLOSED, true, "the handler closed") \
  X(DRAINED, true, "the server drained") \
  X(IDLE, true, "no traffic for idle_ms") \
  X(ABORTED, false, "the handler aborted") \
  X(PROTOCOL, false, "the peer broke the protocol") \
  X(TOO_LONG, false, "the peer sent a message over the limit") \
  X(NOT_OPENED, false, "no connection could be made") \
  X(OPEN_TIMEOUT, false, "not open after open_ms") \
  X(HALF_TIMEOUT, false, "half-closed without progress for half_ms") \
  X(SLOW_READER, false, "output made no progress for stall_ms") \
  X(SLOW_WRITER, false, "an incomplete message made no progress for stall_ms") \
  X(LINGER_CUT, false, "closed with output unacknowledged, or the peer still sending") \
  X(DRAIN_TIMEOUT, false, "the drain's time was up") \
  X(PEER_RESET, false, "the peer reset the connection") \
  X(PEER_VANISHED, false, "the peer stopped answering") \
  X(OUTPUT_FULL, false, "the handler wrote more than output_max") \
  X(NO_MEMORY, false, "out of memory") \
  X(IO, false, "the system reported another error")

typedef enum fin_reason {
#define FIN_REASON_ENUM(name, clean, text) FIN_REASON_##name,
  FIN_REASONS(FIN_REASON_ENUM)
#undef FIN_REASON_ENUM
      FIN_REASON_COUNT
} fin_reason;

/* "PEER_RESET", "the peer reset the connection", whether it is clean. Static strings; any value
 * outside the enumeration is treated as FIN_REASON_BUG. */
FIN_EXPORT const char *fin_reason_name(fin_reason reason);
FIN_EXPORT const char *fin_reason_text(fin_reason reason);
FIN_EXPORT bool fin_reason_clean(fin_reason reason);

/* ---- what a connection did ---- */

/* The states of a connection's life number from 0 to fin_state_count() - 1 and stay below this. */
#define FIN_STATES_MAX 16
FIN_EXPORT unsigned fin_state_count(void);
/* "OPEN", "PEER_DONE", ...; "?" for a number out of range. The states and the moves between them
 * are drawn in docs/lifecycle.md. */
FIN_EXPORT const char *fin_state_name(unsigned state);

typedef struct fin_report {
  fin_reason reason;
  int error;               /* the errno behind the reason, or 0 */
  uint64_t bytes_in;       /* received from the peer, discarded input included */
  uint64_t bytes_accepted; /* taken from the handler by fin_conn_write and _write_take */
  uint64_t bytes_acked;    /* of these, acknowledged by the peer's TCP when the descriptor closed */
  uint32_t state_ms[FIN_STATES_MAX]; /* time spent in each state */
} fin_report;

/* ---- the handler: what a protocol does ----
 * Constant and shared by all connections. Only on_data is required; each NULL callback stands for
 * the polite default given beside it. Every verb and every write is legal in every callback. */
typedef struct fin_handler {
  size_t state_size; /* zeroed bytes that live and die with the connection: fin_conn_state() */

  /* Input is not answered here but goes elsewhere: output that waits does not hold it back. Who
   * sets this keeps to output_high by itself. */
  bool full_duplex;

  /* The connection is open. First, once. Default: nothing. */
  void (*on_open)(fin_conn *conn);

  /* Input. Returns how many of the `len` bytes it consumed; the rest is kept and offered again in
   * front of what arrives next, or after a pause. `data` is valid until the callback returns.
   * Consuming nothing of input_max bytes or more, while not paused, closes the connection with
   * FIN_REASON_TOO_LONG. */
  size_t (*on_data)(fin_conn *conn, const char *data, size_t len);

  /* The peer has sent its FIN: no more input will come, output still may go (RFC 9293, 3.6).
   * Default: fin_conn_close. A handler that sets this must end or close sooner or later; half_ms
   * without progress does it otherwise. */
  void (*on_end)(fin_conn *conn);

  /* Output that had passed output_high has drained to output_low. Default: nothing. */
  void (*on_writable)(fin_conn *conn);

  /* The time set by fin_conn_set_timer has come. Default: nothing. */
  void (*on_timer)(fin_conn *conn);

  /* The server drains: finish what is begun, then close. Default: fin_conn_close, DRAINED. */
  void (*on_drain)(fin_conn *conn);

  /* Last, exactly once, after the descriptor is closed: also for a connection that failed before
   * on_open. `report` is valid until the callback returns. Default: nothing. */
  void (*on_close)(fin_conn *conn, const fin_report *report);
} fin_handler;

/* ---- the life of one connection ----
 * Three verbs, legal in every state and idempotent; on_close follows each of them. */

/* No more output from us: FIN once all that was written has left. Input is still delivered until
 * the peer's FIN, after which the connection closes (RFC 9293, 3.6). */
FIN_EXPORT void fin_conn_end(fin_conn *conn);

/* Closes politely: flush, FIN, then wait for the peer's FIN while discarding input, so that no
 * reset destroys what the peer has not read yet (RFC 9112, 9.6). No callback but on_close follows.
 * `reason` goes to the report, 0 stands for CLOSED; of several clean reasons the first stays, as
 * PEER_ENDED does after the peer's FIN. One that is still opening is opened for what was written,
 * and given up at once if nothing was. */
FIN_EXPORT void fin_conn_close(fin_conn *conn, fin_reason reason);

/* Ends at once with RST; what was not sent is lost (RFC 9293, 3.10.5). */
FIN_EXPORT void fin_conn_abort(fin_conn *conn);

/* Queues a copy of `len` bytes, all or none. What is written during a callback leaves when it
 * returns, what is written elsewhere leaves before the loop sleeps; large amounts at once.
 *   -EPIPE    output has ended: after end, close, abort, an error
 *   -ENOBUFS  more than output_max would wait
 *   -ENOMEM   no memory
 * The result need not be looked at: after -ENOBUFS and -ENOMEM the connection ends with RST, as the
 * peer would otherwise receive a stream with a hole. Who rather skips a message asks
 * fin_conn_output_len first. Reading pauses by itself above output_high, until the queue is down to
 * output_low. */
FIN_EXPORT int fin_conn_write(fin_conn *conn, const void *data, size_t len);

/* The same without the copy: takes `data`, and calls release(arg, data) once when it is no longer
 * needed. Also when it fails, before it returns; release must not call fin_ functions, and may be
 * NULL. */
FIN_EXPORT int fin_conn_write_take(fin_conn *conn, const void *data, size_t len,
                                   void (*release)(void *arg, const void *data), void *arg);

/* Bytes accepted and not yet taken by the kernel. */
FIN_EXPORT size_t fin_conn_output_len(const fin_conn *conn);

/* Stops and restarts on_data. Idempotent. A paused connection still learns of the peer's reset, and
 * of its FIN behind unread bytes (which starts half_ms). */
FIN_EXPORT void fin_conn_pause(fin_conn *conn);
FIN_EXPORT void fin_conn_resume(fin_conn *conn);

/* Whether on_data may still be called as things stand: not paused by the handler or by
 * back-pressure, not closed. A handler that takes messages out of one buffer stops when this turns
 * false, and returns what it has consumed. */
FIN_EXPORT bool fin_conn_reading(const fin_conn *conn);

/* Calls on_timer once, `after_ms` from now (at most 24 days), unless the connection has been closed
 * by then; replaces the time set before. FIN_NEVER cancels. */
FIN_EXPORT void fin_conn_set_timer(fin_conn *conn, uint32_t after_ms);

/* While a connection is busy its handler bounds the time, with a timer: neither idle_ms nor the
 * waiting for the rest of a message counts. For who works on an answer, or keeps better time. Every
 * other bound stays; but for half_ms of a full_duplex handler, which waits for another connection
 * that is bounded itself. Who is still busy when half_ms is over is reset: what was begun must not
 * pass for the whole. */
FIN_EXPORT void fin_conn_set_busy(fin_conn *conn, bool busy);

/* From now on the connection is another handler's: `handler` stays the caller's. Its on_open comes
 * first, soon after the running callback, then the input that was not consumed, and the peer's FIN
 * if that has been. The old handler hears no more of it, not even on_close; its timer, its pause
 * and its being busy are over. `options` NULL: the bounds stay.
 *   -EPIPE   output has ended
 *   -EINVAL  no on_data, or an option out of range
 *   -ENOMEM  no memory
 * A failure changes nothing. */
FIN_EXPORT int fin_conn_hand_over(fin_conn *conn, const fin_handler *handler, void *context,
                                  const fin_conn_options *options);

FIN_EXPORT void *fin_conn_state(fin_conn *conn);         /* handler->state_size bytes */
FIN_EXPORT void *fin_conn_context(const fin_conn *conn); /* fin_listen.context */
FIN_EXPORT const fin_handler *fin_conn_handler(const fin_conn *conn);
FIN_EXPORT fin_server *fin_conn_server(const fin_conn *conn);
FIN_EXPORT uint64_t fin_conn_id(const fin_conn *conn);     /* from 1, never reused */
FIN_EXPORT unsigned fin_conn_life(const fin_conn *conn);   /* state number: fin_state_name */
FIN_EXPORT uint32_t fin_conn_age_ms(const fin_conn *conn); /* as of the running turn */

/* Its bounds, every default filled in; valid until on_close returns, or it is handed over. */
FIN_EXPORT const fin_conn_options *fin_conn_limits(const fin_conn *conn);

/* Writes the peer's or our own address as "127.0.0.1:80" or "[::1]:80" into `text`, at most `size`
 * bytes with the NUL (FIN_ADDRESS_MAX always suffices). -ENOTCONN once the descriptor is closed or
 * the peer is gone, -ENOSPC if it does not fit. */
#define FIN_ADDRESS_MAX 64
FIN_EXPORT int fin_conn_peer_address(const fin_conn *conn, char *text, size_t size);
FIN_EXPORT int fin_conn_own_address(const fin_conn *conn, char *text, size_t size);

/* ---- bounds of a connection ----
 * Every state of a connection has a deadline. idle_ms alone may be FIN_NEVER: the times that bound
 * a dying connection may not. Times are at most 24 days. */
struct fin_conn_options {
  uint32_t open_ms; /* to be open (10 s) */
  uint32_t idle_ms; /* open without traffic, then closed politely (75 s); FIN_NEVER: no bound */
  uint32_t half_ms; /* half-closed either way without progress (30 s) */

  /* Bytes that wait without progress: output for the peer's acknowledgement, and while neither side
   * has ended, input for the rest of a message that the handler has left unconsumed (30 s). */
  uint32_t stall_ms;
  uint32_t min_rate; /* bytes a second that count as progress (240) */

  uint32_t linger_ms; /* after our FIN for the peer's, in all (10 s) */
  /* ...and this long once everything is acknowledged and nothing more arrives (200 ms). */
  uint32_t linger_grace_ms;
  /* Input discarded after close (64 MiB): a client that sends all before it reads shall still find
   * our last words. */
  uint32_t linger_bytes_max;

  /* Silence of a peer's kernel: keepalive probes ask it, TCP_USER_TIMEOUT gives it up. Not before
   * stall_ms and a quarter, so that the reason of what can be told apart is ours (120 s). */
  uint32_t dead_peer_after_ms;

  size_t output_high; /* reading pauses above (64 KiB) */
  size_t output_low;  /* and goes on at or below (half of output_high) */
  size_t output_max;  /* most that may wait (16 MiB) */
  size_t input_max;   /* most that may stay unconsumed (64 KiB) */
};

/* ---- the server ---- */

typedef struct fin_server_options {
  struct uv_loop_s *loop; /* the embedder's loop; NULL: a loop of our own, run by fin_server_run */
  uint32_t drain_ms;      /* a drain aborts what is left after this (30 s) */
  bool drain_on_signals;  /* SIGINT and SIGTERM drain; a second one aborts */
  /* All connections have ended and no listener is left. May call fin_server_free. */
  void (*on_drained)(fin_server *server, void *context);
  void *context;
} fin_server_options;

/* NULL with errno set if memory or descriptors are short or an option is out of range (EINVAL).
 * `options` may be NULL. Blocks SIGPIPE in the calling thread, which must be the loop's thread, and
 * opens /dev/null where descriptors 0-2 are closed. A program that forks does so before. */
FIN_EXPORT fin_server *fin_server_new(const fin_server_options *options);

typedef struct fin_listen {
  const char *host;           /* address, or a name's first; NULL: every one, IPv6 and IPv4 */
  uint16_t port;              /* 0: any free one, see fin_server_port */
  const fin_handler *handler; /* stays the caller's, valid until all is closed */
  void *context;              /* for fin_conn_context */
  fin_conn_options conn;
  int backlog;              /* as listen(2) (4096, cut to somaxconn by the system) */
  unsigned accept_budget;   /* connections accepted per turn (16) */
  unsigned connections_max; /* of this listener; more wait in the backlog (RLIMIT_NOFILE - 64) */
} fin_listen;

/* Listens. May be called again for further addresses and handlers, also while running.
 *   -EINVAL         no handler or no on_data, or an option out of range
 *   -EADDRNOTAVAIL  the host is not an address of this machine, or cannot be resolved
 *   -EADDRINUSE, -EACCES, -EMFILE, -ENOMEM  as socket(2), bind(2) and listen(2) have it
 *   -ECANCELED      the server drains */
FIN_EXPORT int fin_server_listen(fin_server *server, const fin_listen *listen);

/* The port of the listener added last; 0 if there is none. */
FIN_EXPORT uint16_t fin_server_port(const fin_server *server);

/* ---- connections that we open ---- */

typedef struct fin_dial {
  const char *host; /* an address or a name; copied */
  uint16_t port;
  const fin_handler *handler; /* stays the caller's, valid until the connection has ended */
  void *context;              /* for fin_conn_context */
  fin_conn_options conn;
} fin_dial;

/* Makes a connection to somebody else: returned at once, in state OPENING, where it takes output
 * and each of the verbs. The name is resolved and its addresses are tried one after the other, all
 * within open_ms. on_open follows, or on_close alone with NOT_OPENED (error: the errno of the last
 * attempt, EADDRNOTAVAIL for a name that cannot be resolved) or OPEN_TIMEOUT. It belongs to the
 * server's connections, in all else. NULL with errno set: EINVAL (no host or port, no on_data, an
 * option out of range), ENOMEM, ECANCELED (the server has been drained or aborted). */
FIN_EXPORT fin_conn *fin_server_dial(fin_server *server, const fin_dial *dial);

/* Runs the server's own loop until it is drained. 0, or -EINVAL if the loop is the embedder's. */
FIN_EXPORT int fin_server_run(fin_server *server);

/* Finishes: accepts what already waits in the backlog (up to connections_max), closes the
 * listeners, calls on_drain for every connection, aborts what is left after drain_ms, then calls
 * on_drained. Idempotent. */
FIN_EXPORT void fin_server_drain(fin_server *server);

/* Drains without patience: accepts no more and aborts every connection, with DRAIN_TIMEOUT. */
FIN_EXPORT void fin_server_abort(fin_server *server);

/* Aborts what is left and frees the server. On its own loop it returns when every connection has
 * had its on_close. On an embedder's loop that has work left it returns at once, and the rest
 * happens in the loop's next turns, which the embedder must run before uv_loop_close. Not from a
 * callback, save on_drained. NULL is allowed. */
FIN_EXPORT void fin_server_free(fin_server *server);

typedef struct fin_server_stats {
  uint64_t accepted;                 /* connections so far, by listeners */
  uint64_t dialled;                  /* and by fin_server_dial */
  uint64_t shed;                     /* closed at once for want of a descriptor or memory */
  uint64_t accept_pauses;            /* times that accepting stopped for want of one */
  uint64_t closed[FIN_REASON_COUNT]; /* connections ended, by reason */
  uint32_t connections;              /* now */
  uint32_t in_state[FIN_STATES_MAX]; /* now, by state */
} fin_server_stats;
FIN_EXPORT void fin_server_stats_read(const fin_server *server, fin_server_stats *stats);

/* ---- the rest ---- */

/* "address already in use": static text for an errno value of either sign. */
FIN_EXPORT const char *fin_strerror(int error);

/* "0.1.0", of the library in use. */
FIN_EXPORT const char *fin_version(void);

/* Replaces malloc, realloc and free, for the library's own memory (libuv has uv_replace_allocator);
 * NULL restores one. Before anything else; not while a server exists. */
FIN_EXPORT void fin_set_allocator(void *(*alloc)(size_t), void *(*resize)(void *, size_t),
                                  void (*release)(void *));

#ifdef __cplusplus
}
#endif
#endif
