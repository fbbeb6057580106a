/* SPDX-License-Identifier: MIT
 *
 * A server to compare with, as a small text file says how to start it:
 *
 *   # a remark
 *   about = what it is, in a line
 *   packages = what apt-get installs it from; may be missing
 *   http = its command as a server of HTTP/1.1; what is between blanks is an argument
 *   echo = its command as a server that returns every byte; one of the two may be missing
 *   listening = printed (as `listening on HOST:PORT`), or port ({port}: the default)
 *   workloads = those that it takes part in, as mix mix-echo; missing: all
 *
 *   [file NAME]
 *   text of a file, up to the next such line
 *
 * In commands and files {port} {dir} (of the files) {peers} (of our own peer programs) {finale} and
 * {body} have their values put in. Over HTTP a peer answers GET / with status 200 and {body} and a
 * newline, keeps connections alive, logs nothing, and is one process with one thread at work.
 */
#ifndef BENCH_COMPARE_PEER_H
#define BENCH_COMPARE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load/load.h"
#include "server/process.h"

#define COMPARE_BODY "Hello from finale"

enum { COMPARE_FILES_MAX = 8, COMPARE_PATH_MAX = 4096 };

struct compare_peer {
  char *name; /* "nginx", of nginx.peer */
  const char *about, *packages;
  const char *commands[LOAD_PROTOCOL_COUNT]; /* NULL: does not speak it */
  bool prints_port;
  uint32_t workloads; /* a bit for each of compare_workloads that it takes part in; 0: all */
  struct compare_file {
    const char *name, *text;
  } files[COMPARE_FILES_MAX];
  size_t file_count;
  char *text; /* what all these lie in */
};

/* False: `why` says FILE:LINE, what is wrong and what would be right. */
bool compare_peer_read(const char *path, struct compare_peer *peer, char why[LOAD_WHY_MAX]);
void compare_peer_release(struct compare_peer *peer);

struct compare_workload;
bool compare_peer_takes_part(const struct compare_peer *peer,
                             const struct compare_workload *workload);

/* ---- running it ---- */

struct compare_place {
  char finale[COMPARE_PATH_MAX]; /* the command */
  char peers[COMPARE_PATH_MAX];  /* the directory of our own peer programs */
};

struct compare_server {
  struct process process;
  char directory[COMPARE_PATH_MAX]; /* with its files; empty: none */
};

struct compare_begin {
  enum load_protocol protocol;
  int cpu;              /* to run on; -1: any */
  bool counted;         /* run by valgrind, which counts its instructions */
  uint32_t deadline_ms; /* as in process_start */
};

/* Why it cannot run here, with the remedy: does not speak the protocol, not installed, not built.
 * True: nothing is known against it. */
bool compare_peer_is_there(const struct compare_peer *peer, const struct compare_place *place,
                           enum load_protocol protocol, char why[LOAD_WHY_MAX]);

/* False with `why`; there is nothing to end then. */
bool compare_peer_begin(const struct compare_peer *peer, const struct compare_place *place,
                        const struct compare_begin *begin, struct compare_server *server,
                        char why[LOAD_WHY_MAX]);

/* Ends it and removes its files. */
void compare_peer_end(struct compare_server *server);

/* The same for one whose instructions are counted; returns how many, 0 if that is not known. */
uint64_t compare_peer_end_counted(struct compare_server *server);

/* Asks twice on one connection; false with `why` if an answer is not what all peers give. */
bool compare_peer_check(enum load_protocol protocol, uint16_t port, char why[LOAD_WHY_MAX]);

#endif
