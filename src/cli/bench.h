/* SPDX-License-Identifier: MIT
 *
 * `finale bench`: what its parts know of each other.
 */
#ifndef FINALE_CLI_BENCH_H
#define FINALE_CLI_BENCH_H

#include <signal.h>
#include <stdio.h>

#include "load/load.h"
#include "options.h"
#include "report/report.h"
#include "server/process.h"
#include "server/watch.h"

enum { BENCH_GATES_MAX = 32 };

/* What was asked for. */
struct bench {
  const char *target;          /* NULL: a server of our own... */
  enum load_protocol protocol; /* ...which speaks this */
  struct load_options load;
  uint32_t settle_ms;
  bool server_closes, client_closes; /* --closer */
  bool mixed, json;
  const char *histogram_path, *html_path;
  struct report_gate gates[BENCH_GATES_MAX];
  size_t gate_count;
};

/* -1: go on with it; else the exit status. */
int bench_options_read(struct bench *bench, int argc, char **argv);
int bench_help(void);

/* The options by what they are about; each table fills a struct bench. */
extern const struct cli_flag bench_amount_flags[], bench_manner_flags[], bench_output_flags[];

/* `text` as the value of an option with a meaning of its own, such as --mix: 0 or 2; -1: there is
 * no such option. */
int bench_choice_take(struct bench *bench, struct cli_args *args);

/* Of bench_options_read: 0 or 2, after saying what does not go together, or not with this machine;
 * and what was left open is chosen. */
int bench_options_complete(struct bench *bench);

/* ---- the other commands: argv[0] is their name ---- */

int cli_bench_merge(int argc, char **argv);
int cli_bench_compare(int argc, char **argv);

/* ---- signals ---- */

/* Set by the first SIGINT or SIGTERM: the load ends, what it showed is reported. By the second one:
 * what is left over is not waited for either. */
extern volatile sig_atomic_t bench_stopped, bench_hurried;
void bench_catch_signals(void);

/* ---- a server of our own ---- */

/* Starts it and makes it the target: 0, or the exit status. */
int bench_server_begin(struct process *server, struct bench *bench);
/* 0, or the exit status if it did not end as it should. */
int bench_server_end(struct process *server);

/* ---- files ---- */

/* A file to be written when all is over, but opened before, so that a wrong path costs no run. What
 * is in it stays until then. */
struct bench_file {
  const char *option, *path; /* path NULL: not asked for */
  FILE *out;
  bool made;
};

int bench_file_open(struct bench_file *file);                                      /* 0 or 2 */
bool bench_file_is(const struct bench_file *file, const struct bench_file *other); /* the same */
FILE *bench_file_begin(struct bench_file *file);                                   /* empties it */
int bench_file_end(struct bench_file *file, bool written);                         /* 0 or 1 */
void bench_file_drop(struct bench_file *file); /* if it was never begun */

/* ---- progress, on stderr ---- */

struct bench_progress {
  const struct bench *bench;
  const struct watch *watch;
  bool terminal;
};

struct load_observer bench_progress_observer(struct bench_progress *progress);
void bench_progress_say(const struct bench_progress *progress, const char *phase);
void bench_progress_clear(const struct bench_progress *progress);

#endif
