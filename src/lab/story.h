/* SPDX-License-Identifier: MIT
 *
 * What happened in a lab, as events on one time axis: segments on the wire, states of sockets at
 * both ends, and the calls that the server made. Events come from three processes through pipes,
 * each in one write; their times are all CLOCK_MONOTONIC.
 */
#ifndef LAB_STORY_H
#define LAB_STORY_H

#include <finale/observe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lab_side { LAB_CLIENT, LAB_SERVER };

/* X(name, text): how we know. */
#define LAB_SOURCES(X) \
  X(KERNEL, "kernel")     /* the kernel said so when it happened */ \
  X(SAMPLED, "sampled")   /* seen by looking again and again */ \
  X(INFERRED, "inferred") /* must have been between two samples (RFC 9293, 3.3.2): the state only \
                           */

enum lab_source {
#define LAB_SOURCE_ENUM(name, text) LAB_##name,
  LAB_SOURCES(LAB_SOURCE_ENUM)
#undef LAB_SOURCE_ENUM
};

/* X(name, text): what became of a segment on the wire. */
#define LAB_FATES(X) \
  X(PASSED, "") \
  X(DROPPED, "dropped") \
  X(HELD, "held") \
  X(DUPLICATED, "duplicated")

enum lab_fate {
#define LAB_FATE_ENUM(name, text) LAB_##name,
  LAB_FATES(LAB_FATE_ENUM)
#undef LAB_FATE_ENUM
};

struct lab_segment { /* seen when it enters the wire and, unless dropped, when it leaves */
  uint64_t number;   /* counts from 1; the same at both ends of the wire */
  enum lab_side from;
  enum lab_fate fate;
  bool leaves;   /* false: it enters */
  uint8_t flags; /* of the TCP header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16 */
  uint16_t client_port, server_port, window;
  uint32_t seq, ack, len; /* relative to the connection's first, as Wireshark shows them */
};

struct lab_state {
  enum lab_side side;
  enum lab_source source;
  uint16_t client_port, server_port; /* which connection */
  uint64_t cookie;                   /* 0 for TIME_WAIT */
  fin_tcp_state from, to;            /* 0: there is none (before it began, after it is gone) */
  fin_holder holder;
  uint32_t recv_queue, send_queue;
  fin_tcp_timer timer;
  uint32_t timer_ms;
  char owner[16]; /* the process, "" if none */
  int fd;
};

struct lab_call {     /* of the server under test */
  char name[12];      /* accept, read, eof, write, shutdown, close, connect, fork, ... */
  int pid, fd, error; /* errno, 0: none */
  int64_t result;
  uint32_t times;                    /* more than 1: so many alike, one after the other */
  uint64_t cookie;                   /* of the socket */
  uint16_t client_port, server_port; /* 0: not known */
};

struct lab_count {                 /* of the server under test */
  uint32_t descriptors, invisible; /* see fin_census.invisible */
  uint32_t backlog;                /* Recv-Q of the listener */
};

struct lab_said {     /* by a player: a step of its script, and what came of it */
  enum lab_side side; /* the server's: a connection that the lab serves itself */
  unsigned player;    /* of that side, counted from 1 */
  unsigned line;      /* of the step in the file `expect` */
  uint16_t client_port;
  bool failed; /* then it is the player's last */
  bool last;
  char text[120]; /* "connect: ECONNREFUSED", "read to end: EOF behind 6 bytes" */
};

/* X(name, text): points that a run comes to. */
#define LAB_MARKS(X) \
  X(READY, "listening")         /* the clients come now */ \
  X(PLAYED, "clients are done") /* with all their steps; `run:` begins to count */ \
  X(ENDED, "program has ended") /* by itself: status */ \
  X(LOOKED, "last look")        /* nothing is seen of this side behind it */ \
  X(FAILED, "run failed")       /* text: why */

enum lab_mark {
#define LAB_MARK_ENUM(name, text) LAB_##name,
  LAB_MARKS(LAB_MARK_ENUM)
#undef LAB_MARK_ENUM
};

struct lab_point {
  enum lab_mark mark;
  enum lab_side side;
  int status; /* of exit(3); -N: killed by signal N */
  char text[160];
};

enum lab_kind { LAB_SEGMENT, LAB_STATE, LAB_CALL, LAB_COUNT, LAB_SAID, LAB_POINT };

struct lab_event {
  uint64_t at_ns;
  enum lab_kind kind;
  union {
    struct lab_segment segment;
    struct lab_state state;
    struct lab_call call;
    struct lab_count count;
    struct lab_said said;
    struct lab_point point;
  };
};

struct lab_counter { /* of /proc/net/netstat and snmp, one that grew */
  enum lab_side side;
  char name[32]; /* TCPAbortOnClose, RetransSegs, ... */
  int64_t grew;  /* while the run lasted */
};

/* All of it, in order of time. */
struct lab_story {
  struct lab_event *events;
  size_t count, room;
  uint64_t began_ns, ended_ns; /* between them it was looked at */
  bool stopped;                /* by the user, before its time was over */
  bool wire; /* false: it ran over loopback, where only states that stay are to be trusted */
  char why_no_wire[160];
  uint16_t server_port;
  uint64_t lost_frames; /* of the wire, against its will */

  struct lab_counter *counters; /* none over loopback: there they are everybody's */
  size_t counter_count;

  /* Of the program under test. */
  char *output; /* what it printed, stderr included; ends with a 0; NULL: nothing */
  size_t output_len;
  bool exited; /* by itself, before the end */
  int status;  /* as lab_point.status */
};

bool lab_story_add(struct lab_story *story, const struct lab_event *event); /* false: no memory */
void lab_story_release(struct lab_story *story);

/* ---- transitions ---- */

/* Whether TCP allows it (RFC 9293, figure 5; 0 is CLOSED), in one step. */
bool lab_transition_legal(fin_tcp_state from, fin_tcp_state to);

/* The states between two samples, if one way is the shortest: returns how many, -1: there is none.
 */
int lab_transition_path(fin_tcp_state from, fin_tcp_state to, fin_tcp_state between[4]);

#endif
