/* SPDX-License-Identifier: MIT
 *
 * The parts of `finale demo`: a server in a process of its own, the load that it is put under, and
 * the report on both servers.
 */
#ifndef FINALE_CLI_DEMO_H
#define FINALE_CLI_DEMO_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* Set by SIGINT and SIGTERM: everything here returns soon. */
extern volatile sig_atomic_t demo_stopped;

uint64_t demo_now_ms(void); /* of a clock that only goes forward */

/* ---- progress, on stderr: one line rewritten on a terminal, else one line per phase ---- */

void demo_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
void demo_phase(const char *format, ...) __attribute__((format(printf, 1, 2)));
void demo_progress_clear(void);

/* ---- a server in a child process, which dies with us ---- */

struct demo_server {
  pid_t pid;
  int output; /* its stdout */
  uint16_t port;
  unsigned descriptors; /* open before the load */
};

#define DEMO_NO_SERVER \
  { .pid = -1, .output = -1 }

/* Runs this program again with `argv` (argv[0] included, NULL at the end) and waits until it says
 * that it listens. `quiet`: without its stderr. 0 or a negative errno. */
int demo_server_start(struct demo_server *server, char *const *argv, bool quiet);

unsigned demo_server_descriptors(const struct demo_server *server);
uint64_t demo_server_cpu_us(const struct demo_server *server);

/* SIGTERM; what the server says until it exits goes into `said`. Its exit status, or -1 if it had
 * to be killed. */
int demo_server_drain(struct demo_server *server, char *said, size_t size);

/* Kills it if it still runs. */
void demo_server_kill(struct demo_server *server);

/* ---- the load ---- */

struct demo_load {
  uint16_t port;                   /* of the server, on 127.0.0.1: for demo_load_run to read */
  unsigned connections;            /* made */
  uint64_t whole, truncated, lost; /* replies, to clients that stayed for them */
  double per_second;               /* whole replies, while requests were made */
};

/* How one kind of client behaves. Times count from its connect(), or from when it has read read_max
 * bytes; what is 0 does not happen. */
struct demo_manner {
  const char *name;
  unsigned share; /* of all, in percent */

  /* What it sends: `first` so many times, and from behind_ms `behind`. */
  const char *first, *behind;
  unsigned first_times, behind_times;
  uint32_t behind_ms;
  uint32_t write_step, write_every_ms; /* so many bytes, so often; 0: at once */
  bool repeats;                        /* asks again after each reply, until the load ends */
  bool ends;                           /* FIN behind its requests */

  /* What it reads: from read_from_ms and up to read_max bytes (0: all). */
  uint32_t read_from_ms, read_step, read_every_ms;
  size_t read_max;
  bool stays; /* until it has every reply: these are owed, and counted */

  /* How it leaves, if it does not stay: FIN, then close; or RST. Else when the load ends. */
  uint32_t end_ms, close_ms, reset_ms;
};

extern const struct demo_manner demo_manners[];
extern const size_t demo_manner_count;

/* Puts so many servers at once under the rude mix, with so many connections each, and counts for
 * each. All client sockets are closed when it returns. 0, or a negative errno: -EINTR if stopped.
 */
int demo_load_run(struct demo_load *loads, unsigned servers, unsigned connections);

/* ---- what is left, and the report ---- */

/* X(key, label, whether more than none is bad), in the order of the report. */
#define DEMO_TRAFFIC(X) \
  X(connections, "connections", false) \
  X(requests_per_second, "requests per second, on one core", false) \
  X(replies_whole, "replies whole", false) \
  X(replies_truncated, "replies truncated", true) \
  X(replies_lost, "replies lost", true)

#define DEMO_LEFTOVER(X) \
  X(close_wait, "CLOSE_WAIT", true) \
  X(close_wait_unread, "  of these, FIN never read", true) \
  X(fin_wait, "FIN_WAIT1, FIN_WAIT2", true) \
  X(last_ack, "LAST_ACK", true) \
  X(established, "ESTABLISHED without a peer", true) \
  X(other, "other states", true) \
  X(descriptors, "descriptors leaked", true) \
  X(invisible, "  of these, in no list of sockets", true)

#define DEMO_KERNEL(X) \
  X(orphans, "orphans", false) \
  X(time_wait, "TIME_WAIT", false)

#define DEMO_CPU(X) X(cpu_us, "CPU in the second after the load", false)

struct demo_figures {
#define DEMO_MEMBER(key, label, bad) uint64_t key;
  DEMO_TRAFFIC(DEMO_MEMBER)
  DEMO_LEFTOVER(DEMO_MEMBER) DEMO_KERNEL(DEMO_MEMBER) DEMO_CPU(DEMO_MEMBER)
#undef DEMO_MEMBER
};

struct demo_report {
  unsigned connections, settle_ms;
  struct demo_figures finale, naive;
  const char *endings; /* what the finale server said of its connections */
  int drain_status;    /* its exit status after SIGTERM */
};

/* Counts what is left at a server whose clients are gone. 0 or a negative errno. */
int demo_count_leftover(const struct demo_server *server, struct demo_figures *figures);

/* Whether the finale side owes nothing: no socket, no descriptor, no reply. */
bool demo_report_holds(const struct demo_report *report);

void demo_report_print(const struct demo_report *report, FILE *out);
void demo_report_print_json(const struct demo_report *report, FILE *out);

#endif
