/* SPDX-License-Identifier: MIT
 *
 * A scripted server for the load generator: for each connection a thread runs a function of the
 * test, straight and blocking. What must hold there is checked there, and told when the peer ends.
 *
 *   static void serve(struct peer *peer, int fd) {
 *     while (peer_ask(fd)) peer_say(fd, REPLY);
 *   }
 *   struct peer *peer = peer_begin(serve, NULL);
 *   struct load_options options = peer_options(peer, "http");
 *   struct load_result *result = peer_load(&options);
 *   cr_expect_eq(result->counts.requests, 20);
 *   peer_load_free(result);
 *   peer_end(peer);                          fails the test if something did not hold
 */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

#include <criterion/criterion.h>

#include "load/load.h"
#include "support/leftover.h"

#define PEER_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

enum { PEER_PATIENCE_MS = 10 * 1000 };

struct peer {
  uint16_t port;
  void *context;           /* the test's */
  _Atomic unsigned visits; /* connections accepted */
  struct leftover_baseline baseline;
  struct peer_parts *parts;
};

/* `serve` runs for each connection, which is closed when it returns. */
struct peer *peer_begin(void (*serve)(struct peer *peer, int fd), void *context);

/* Waits for all of them, and asserts that nothing is left. */
void peer_end(struct peer *peer);

/* ---- the load ---- */

/* Twenty requests, without warm-up, of one connection in one thread. */
struct load_options peer_options(const struct peer *peer, const char *scheme);

/* load_run, which must be able to begin. */
struct load_result *peer_load(const struct load_options *options);
void peer_load_free(struct load_result *result);

/* ---- in `serve` ---- */

#define PEER_EXPECT(peer, condition, ...) \
  do { \
    if (!(condition)) peer_blame(peer, __FILE__, __LINE__, #condition ": " __VA_ARGS__); \
  } while (0)
void peer_blame(struct peer *peer, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Reads a request, which ends in an empty line (HTTP) or a line. False: the connection has ended
 * instead. */
bool peer_ask(int fd);

bool peer_say(int fd, const char *text); /* false: nobody hears it any more */
void peer_reset(int fd);                 /* the connection will end by RST */

enum peer_end { PEER_FIN, PEER_RST, PEER_DATA, PEER_NOTHING };
enum peer_end peer_next(int fd); /* what comes next, within PEER_PATIENCE_MS; data is left there */

uint64_t peer_now_ms(void);

#endif
