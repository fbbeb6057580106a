/* SPDX-License-Identifier: MIT
 *
 * A lab as its file `expect` tells it: who plays what, over which wire, and what must be seen of
 * it. The language is described in examples/labs/README.md.
 */
#ifndef LAB_EXPECT_H
#define LAB_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/rule.h"
#include "lab/spaces.h"
#include "lab/story.h"

enum {
  LAB_ERROR_MAX = 320,    /* room for "FILE:LINE: what is wrong; what would be right" */
  LAB_RUN_MS_MAX = 15000, /* of `run:` */
  LAB_STATES_MAX = 8,     /* of one claim `order` */
  LAB_DELAY_MS = 150,     /* of the wire, unless the lab says else */
  LAB_WATCH_MS = 2000,    /* `run:` unless the lab says else */
  LAB_READ_MS = 5000      /* `read` unless it says `within` */
};

/* ---- players: clients, and servers that the lab plays itself ---- */

/* X(name) */
#define LAB_STEPS(X) \
  X(CONNECT) \
  X(SET)        /* option, values */ \
  X(SEND)       /* bytes, len */ \
  X(SEND_COUNT) /* len bytes: abc...xyz again and again; done when the kernel has taken them */ \
  X(READ)       /* bytes, len: exactly these */ \
  X(READ_COUNT) /* len bytes, whatever they are */ \
  X(READ_END)   /* up to EOF */ \
  X(READ_RESET) \
  X(END) /* FIN */ \
  X(CLOSE) \
  X(RESET) \
  X(WAIT)   /* ms */ \
  X(VANISH) /* from now on the wire loses whatever is of this connection */ \
  X(ECHO)   /* has no word: what a server does that the file says nothing of, up to EOF; closes */

enum lab_step_kind {
#define LAB_STEP_ENUM(name) LAB_STEP_##name,
  LAB_STEPS(LAB_STEP_ENUM)
#undef LAB_STEP_ENUM
};

/* X(name, text, how many values): options of sockets. */
#define LAB_OPTIONS(X) \
  X(RCVBUF, "rcvbuf", 1) \
  X(SNDBUF, "sndbuf", 1) \
  X(KEEPALIVE, "keepalive", 3) /* seconds idle, seconds between probes, probes */ \
  X(LINGER, "linger", 1)       /* seconds: close resets with 0 */ \
  X(NODELAY, "nodelay", 0) \
  X(USER_TIMEOUT, "user-timeout", 1) /* a time */ \
  X(FIN_TIMEOUT, "fin-timeout", 1)   /* a time, whole seconds: TCP_LINGER2 */ \
  X(MSS, "mss", 1)

enum lab_option {
#define LAB_OPTION_ENUM(name, text, values) LAB_OPTION_##name,
  LAB_OPTIONS(LAB_OPTION_ENUM)
#undef LAB_OPTION_ENUM
};

struct lab_step {
  enum lab_step_kind kind;
  unsigned line;
  const char *text; /* the line, without indentation */
  const char *bytes;
  size_t len;
  uint32_t ms; /* to wait; of any other step: the most it may take */
  enum lab_option option;
  int values[3]; /* times in milliseconds */
};

struct lab_player {
  const struct lab_step *steps;
  size_t step_count;
  unsigned times; /* so many of it at once: `client x3:` */
  unsigned line;
};

struct lab_players {
  struct lab_player *items;
  size_t count;
};

/* ---- claims ---- */

/* X(name): which members of lab_claim tell more */
#define LAB_CLAIMS(X) \
  X(SEE)         /* side, states[0], ..., sockets; for_ms: at some time it lasted so long */ \
  X(STAY)        /* the same; at the end, and for_ms before it (0: at the end) */ \
  X(NEVER)       /* the same; for_ms: never so long; 0: never at all */ \
  X(GONE)        /* side: no row at the end, the listener and TIME-WAIT apart */ \
  X(ORDER)       /* side, states */ \
  X(DESCRIPTORS) /* number: more than before the clients came, at the end */ \
  X(INVISIBLE)   /* number, at the end */ \
  X(COUNTER)     /* side, text: its name, number: grew by */ \
  X(CLIENT)      /* ok: all steps of all clients were, or not */ \
  X(PRINTS)      /* text: in a line of the program's output */ \
  X(EXITS)       /* number: the program's status, ended within `run:` */ \
  X(CONNECTIONS) /* number: made by the program */

enum lab_claim_kind {
#define LAB_CLAIM_ENUM(name) LAB_CLAIM_##name,
  LAB_CLAIMS(LAB_CLAIM_ENUM)
#undef LAB_CLAIM_ENUM
};

enum lab_compare { LAB_ANY, LAB_EXACTLY, LAB_AT_LEAST, LAB_MORE, LAB_LESS };

struct lab_number { /* LAB_ANY: nothing is said of it */
  enum lab_compare compare;
  int64_t value;
};

bool lab_number_holds(struct lab_number number, int64_t value);

struct lab_claim {
  enum lab_claim_kind kind;
  unsigned line;
  const char *source; /* the line as it was written, without indentation */
  enum lab_side side;

  /* What a socket must be like. */
  fin_tcp_state states[LAB_STATES_MAX];
  size_t state_count;
  struct lab_number recv_queue, send_queue;
  fin_holder holder; /* FIN_HOLDER_ANY: nothing is said of it */
  bool unowned;      /* any holder but OWNED */
  bool timed;        /* `timer` is of the claim */
  fin_tcp_timer timer;
  uint32_t for_ms;
  unsigned sockets; /* at one time; 1 unless the claim says else */

  struct lab_number number;
  const char *text;
  bool ok;
};

/* ---- the lab ---- */

struct lab_group { /* broken:, fixed:, or one service: */
  unsigned line;   /* 0: the file has none */
  struct lab_claim *claims;
  size_t claim_count;
  struct lab_players clients, servers; /* of a service: instead of the lab's */
};

struct lab_sysctl {
  bool of[2]; /* by lab_side */
  const char *name, *value;
  unsigned line;
};

struct lab_expect {
  const char *title, *title_zh, *cause; /* never NULL once parsed */
  enum lab_side under_test;
  bool needs_wire;
  uint32_t run_ms, delay_ms;
  struct lab_rule rules[LAB_RULES_MAX];
  size_t rule_count;
  struct lab_sysctl *sysctls;
  size_t sysctl_count;
  struct lab_players clients, servers;
  struct lab_group broken, fixed, *services;
  size_t service_count;

  void *memory; /* that all of it lies in */
};

/* `name` is what errors call the file. False: `error` says file, line, and what would be right;
 * nothing is to be released. */
bool lab_expect_parse(const char *name, const char *text, size_t len, struct lab_expect *expect,
                      char error[LAB_ERROR_MAX]);
bool lab_expect_read(const char *path, struct lab_expect *expect, char error[LAB_ERROR_MAX]);
void lab_expect_release(struct lab_expect *expect);

#endif
