/* SPDX-License-Identifier: MIT
 *
 * The load generator: clients on epoll, in threads of their own, that send requests, check every
 * reply, and measure. What a load is (options), what came of it (result), and how to run it.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/histogram.h"

enum { LOAD_WHY_MAX = 512 }; /* of what a function says went wrong */

/* ---- where to ---- */

/* X(name, text): what the target speaks.
 *   HTTP   http://HOST:PORT/PATH   GET; a reply is checked for status, length and framing
 *   ECHO   echo://HOST:PORT        every byte comes back; each is compared
 *   LINE   line://HOST:PORT        a line is answered with a line
 *   TCP    tcp://HOST:PORT         nothing is said: workloads connect and idle */
#define LOAD_PROTOCOLS(X) \
  X(HTTP, "http") \
  X(ECHO, "echo") \
  X(LINE, "line") \
  X(TCP, "tcp")

enum load_protocol {
#define LOAD_PROTOCOL_ENUM(name, text) LOAD_##name,
  LOAD_PROTOCOLS(LOAD_PROTOCOL_ENUM)
#undef LOAD_PROTOCOL_ENUM
      LOAD_PROTOCOL_COUNT
};

const char *load_protocol_name(enum load_protocol protocol); /* "http" */

struct load_target {
  enum load_protocol protocol;
  char host[256]; /* without brackets */
  char path[2048];
  uint16_t port;
  struct sockaddr_storage address; /* the first of the host's that can be reached */
  socklen_t address_len;
};

/* Reads and resolves it. False: `why` says what is wrong and what would be right. */
bool load_target_parse(const char *text, struct load_target *target, char why[LOAD_WHY_MAX]);

/* Connects, asks once, and judges the reply, so that a load is not begun against a wall. False with
 * `why`: nobody listens, closes at once, speaks something else, ... */
struct load_options;
bool load_target_probe(const struct load_options *options, char why[LOAD_WHY_MAX]);

/* ---- what to do ---- */

/* X(name, text, what it does) */
#define LOAD_WORKLOADS(X) \
  X(KEEPALIVE, "keepalive", "a request at a time on each connection") \
  X(PIPELINE, "pipeline", "--depth requests at a time on each connection") \
  X(CHURN, "churn", "a connection for every request") \
  X(ECHO, "echo", "--size bytes there and back, on each connection (echo://)") \
  X(STREAM, "stream", "bytes without a pause: echo:// both ways, http:// one reply after another") \
  X(IDLE, "idle", "every connection asks once and falls silent: what does it cost to keep it?") \
  X(CONNECT, "connect", "connections made and closed, with nothing said") \
  X(RAMP, "ramp", "finds the highest rate that keeps --bound")

enum load_workload {
#define LOAD_WORKLOAD_ENUM(name, text, help) LOAD_##name##_WORKLOAD,
  LOAD_WORKLOADS(LOAD_WORKLOAD_ENUM)
#undef LOAD_WORKLOAD_ENUM
      LOAD_WORKLOAD_COUNT
};

const char *load_workload_name(enum load_workload workload);

/* X(name, text, what a client does, what a correct server must do). A visit is one connection from
 * connect() to close(). */
#define LOAD_MANNERS(X) \
  X(POLITE, "polite", "asks ten times, reads every reply, closes", "answer each, then close") \
  X(HALF_CLOSE, "half-close", "sends FIN behind its request, then reads the reply to its end", \
    "answer in full, then close") \
  X(RESET, "reset", "sends a request and then RST", "forget the connection at once") \
  X(ABANDON, "abandon", "reads the first bytes of a reply and closes with the rest unread", \
    "forget the connection at once") \
  X(SLOW_READ, "slow-read", "reads its reply a little at a time into a small buffer, for 1 s", \
    "wait for it, and answer in full") \
  X(SLOW_WRITE, "slow-write", "sends its request a byte at a time, for 1 s", \
    "wait for all of it, and answer in full") \
  X(EARLY_FIN, "early-fin", "sends half a request and FIN, then waits for the end", \
    "close: there is nothing to answer") \
  X(SILENT, "silent", "says nothing for 2 s and leaves", "close when it has left, or before")

enum load_manner {
#define LOAD_MANNER_ENUM(name, text, does, must) LOAD_##name,
  LOAD_MANNERS(LOAD_MANNER_ENUM)
#undef LOAD_MANNER_ENUM
      LOAD_MANNER_COUNT
};

const char *load_manner_name(enum load_manner manner);

struct load_options {
  struct load_target target;
  enum load_workload workload;
  unsigned mix[LOAD_MANNER_COUNT]; /* visits in percent, 100 in all; all 0: the workload */
  unsigned connections;            /* at a time, in all threads */
  unsigned threads;
  unsigned depth;       /* of a pipeline */
  size_t size;          /* of a message (echo, line), of a write (stream) */
  bool server_closes;   /* churn: the server first (Connection: close; echo: we only send FIN) */
  double rate;          /* requests a second in all; 0: as soon as the reply is there */
  uint64_t requests;    /* end after so many; 0: after duration_ms */
  uint32_t duration_ms; /* without warm-up */
  uint32_t warmup_ms;   /* not measured */
  uint32_t timeout_ms;  /* for a reply, and for a connection to be made */
  uint32_t bound_ns;    /* ramp: what the 99th percentile must not exceed */
  unsigned sources;     /* addresses of 127.0.0.0/8 to connect from, if the target is in it */
  int first_cpu;        /* threads run on this one and those after it; -1: anywhere */
  bool any_length;      /* replies may differ in length */
  bool vary; /* http: a request differs from the one before, in its target; never in length */
  const volatile sig_atomic_t *stopped; /* NULL, or set by a signal: everything ends soon */
};

bool load_is_mixed(const struct load_options *options);

/* ---- what came of it ---- */

/* X(name, text): why a request has no good reply. Each is counted once. */
#define LOAD_ERRORS(X) \
  X(connect, "no connection") \
  X(lost, "no reply: the connection ended first") \
  X(truncated, "reply cut off: the connection ended within it") \
  X(late, "no whole reply or owed close within --timeout") \
  X(malformed, "not what the protocol allows") \
  X(status, "status other than 2xx") \
  X(length, "other length than the first reply") \
  X(content, "other bytes than were sent")

struct load_errors {
#define LOAD_ERROR_MEMBER(name, text) uint64_t name;
  LOAD_ERRORS(LOAD_ERROR_MEMBER)
#undef LOAD_ERROR_MEMBER
};

uint64_t load_errors_sum(const struct load_errors *errors);

struct load_counts {
  uint64_t requests; /* answered as they should be; connect: handshakes */
  uint64_t bytes_in, bytes_out;
  uint64_t connections; /* made */
  uint64_t resets;      /* connections that the server reset */
  struct load_errors errors;
};

struct load_second {
  double seconds; /* how long it was: the last one may be shorter */
  struct load_counts counts;
  uint64_t p50_ns, p90_ns, p99_ns, p999_ns, max_ns;
};

struct load_visits { /* of one manner; replies that it is owed */
  uint64_t visits, whole, truncated, lost;
};

/* With a rate latency is from when a request was due. Each that was due while it was measured is in
 * it, or among the errors, even if its answer comes after the end: it is not in counts.requests
 * then, which are of the measured time. */
struct load_result {
  double seconds;            /* measured */
  struct load_counts counts; /* errors and resets: also of what was under way at the end */
  struct histogram latency;  /* of good replies; with a rate, see below */
  struct histogram connect;  /* time from connect() to the handshake's end */
  struct load_second *series;
  size_t series_count;
  struct load_visits visits[LOAD_MANNER_COUNT];
  uint64_t cpu_ns;      /* of the generator's threads, while it measured */
  uint64_t connections; /* made in all, warm-up included */
  int connect_error;    /* errno of the first that could not be made; 0: none */
  double ramp_rate;     /* ramp: the highest that kept the bound; 0: none did */
};

/* ---- running it ---- */

enum load_moment {
  LOAD_WARM,     /* idle: the first connections have had their answer; others: the load begins */
  LOAD_MEASURE,  /* measuring begins; idle: every connection is there */
  LOAD_TICK,     /* ten times a second, from the beginning */
  LOAD_MEASURED, /* measuring is over, the connections are still there */
  LOAD_OVER,     /* every connection of ours is closed */
};

/* What idle calls the first connections; if there are no more, it begins warm. */
enum { LOAD_IDLE_WARM = 200 };

struct load_progress {
  enum load_moment moment;
  double seconds; /* since the load began, warm-up included */
  bool warming;
  struct load_counts counts; /* since measuring began */
  uint64_t connections;      /* made since the load began */
  double rate;               /* requests a second, over the last second */
  uint64_t p99_ns;           /* of the last whole second */
};

/* Is called in the thread that runs the load, which may take its time: the clients have theirs. */
struct load_observer {
  void *context;
  void (*observe)(void *context, const struct load_progress *progress);
};

/* Returns when the load is over and all client sockets are closed. `result` is the caller's to
 * release, whatever is returned. False with `why`: it could not be begun (descriptors, memory). */
bool load_run(const struct load_options *options, const struct load_observer *observer,
              struct load_result *result, char why[LOAD_WHY_MAX]);
void load_result_release(struct load_result *result);

#endif
