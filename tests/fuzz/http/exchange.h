/* SPDX-License-Identifier: MIT
 *
 * One connection of a fuzzed client: what it asked, what the routes did about it, and the bytes
 * that came back, by which all this is judged.
 */
#ifndef FUZZ_HTTP_EXCHANGE_H
#define FUZZ_HTTP_EXCHANGE_H

#include <finale/http.h>

#include "core/stage.h"

enum { ASKED_MAX = 32 }; /* the server takes no more requests */

/* A request that a route was told of. */
struct asked {
  fin_http_request *request; /* NULL: it is over */
  char does;                 /* see routes.c */
  bool head;
  bool given; /* the whole reply */
  bool upgraded;
  unsigned closed; /* calls of on_close */
  unsigned pieces;
  uint64_t len, sum; /* of the reply's body */
};

struct exchange {
  struct stage stage;
  struct socket *socket;
  const char *does; /* a letter for each request, again and again */
  size_t does_len;
  struct asked asked[ASKED_MAX];
  unsigned count;
  uint64_t echoed; /* by the other protocol, behind an upgrade */
  char *output;
  size_t output_len, output_room;
};

/* Ends the process if the condition does not hold; the rest says in printf's way what was seen. */
#define EXPECT(condition, ...) \
  do { \
    if (!(condition)) unexpected(#condition, __VA_ARGS__); \
  } while (0)
__attribute__((noreturn, format(printf, 2, 3))) void unexpected(const char *what,
                                                                const char *detail, ...);

/* A sum over bytes, in pieces of any size; 0 at first. */
uint64_t sum_add(uint64_t sum, const char *data, size_t len);

/* ---- routes.c ---- */

extern const fin_http_route exchange_routes[];

/* What the routes do outside of every callback. */
void exchange_act(struct exchange *exchange);

/* ---- replies.c ---- */

/* After the connection's end: the output is replies in order, nothing half passes for a whole. No
 * client that sent `lines` lines gets more than that many. Returns what
 * tells these replies from others. */
uint64_t exchange_judge(const struct exchange *exchange, size_t lines);

#endif
