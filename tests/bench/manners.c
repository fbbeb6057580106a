/* SPDX-License-Identifier: MIT
 *
 * Each manner of a mix as its server sees it: which bytes, FIN or RST, and when. The servers speak
 * lines, and tell what they did not expect.
 */
#include "load/manners.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "peer.h"

enum { SHORT_MS = 200, SLOW_MS = 900, BIG = 200 * 1000 };

static struct load_visits visit(void (*serve)(struct peer *, int), enum load_manner manner,
                                uint32_t duration_ms) {
  _Atomic unsigned cut_short = 0; /* for serve_polite */
  struct peer *peer = peer_begin(serve, &cut_short);
  struct load_options options = peer_options(peer, "line");
  options.mix[manner] = 100;
  options.requests = 0;
  options.duration_ms = duration_ms;
  options.any_length = true;
  struct load_result *result = peer_load(&options);
  struct load_visits visits = result->visits[manner];
  cr_expect_gt(visits.visits, 0);
  /* One may have come when the load was over. */
  cr_expect(visits.visits == result->connections || visits.visits + 1 == result->connections);
  cr_expect_eq(visits.truncated + visits.lost, load_errors_sum(&result->counts.errors));
  peer_load_free(result);
  peer_end(peer);
  return visits;
}

static void expect_whole(struct load_visits visits, uint64_t each) {
  cr_expect_eq(visits.whole, visits.visits * each, "%llu of %llu", (unsigned long long)visits.whole,
               (unsigned long long)visits.visits);
  cr_expect_eq(visits.truncated + visits.lost, 0);
}

static bool say_big_line(int fd) {
  char letters[1001] = "";
  memset(letters, 'x', sizeof letters - 1);
  for (int i = 0; i < BIG / 1000; i++)
    if (!peer_say(fd, letters)) return false;
  return peer_say(fd, "\n");
}

/* Whether the client waits: it has sent nothing since. */
static bool is_quiet(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* ---- polite ---- */

static void serve_polite(struct peer *peer, int fd) {
  _Atomic unsigned *cut_short = peer->context;
  int asked = 0;
  for (; peer_ask(fd); asked++) {
    PEER_EXPECT(peer, is_quiet(fd), "two requests at once");
    peer_say(fd, "yes\n");
  }
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "it did not end by FIN");
  if (asked == 10) return;
  PEER_EXPECT(peer, asked < 10 && ++*cut_short == 1, "%d requests", asked); /* the load was over */
}

Test(manners, polite) {
  struct load_visits visits = visit(serve_polite, LOAD_POLITE, SHORT_MS);
  cr_expect_gt(visits.whole, (visits.visits - 1) * 10);
  cr_expect_leq(visits.whole, visits.visits * 10);
  cr_expect_eq(visits.truncated + visits.lost, 0);
}

/* ---- half-close ---- */

static void serve_half_close(struct peer *peer, int fd) {
  if (!peer_ask(fd)) return; /* the load was over: then it is not counted */
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "no FIN behind the request");
  say_big_line(fd);
}

Test(manners, half_close) { expect_whole(visit(serve_half_close, LOAD_HALF_CLOSE, SHORT_MS), 1); }

static void close_half_closed(struct peer *peer, int fd) { (void)peer, peer_ask(fd); }

Test(manners, half_close_is_owed_a_reply) {
  struct load_visits visits = visit(close_half_closed, LOAD_HALF_CLOSE, SHORT_MS);
  cr_expect_eq(visits.lost, visits.visits);
  cr_expect_eq(visits.whole + visits.truncated, 0);
}

static void cut_off_half_closed(struct peer *peer, int fd) {
  (void)peer;
  if (peer_ask(fd)) peer_say(fd, "ye");
}

Test(manners, half_close_is_owed_all_of_it) {
  struct load_visits visits = visit(cut_off_half_closed, LOAD_HALF_CLOSE, SHORT_MS);
  cr_expect_eq(visits.truncated, visits.visits);
  cr_expect_eq(visits.whole + visits.lost, 0);
}

/* ---- those who are owed the end ---- */

/* It answers what there is to answer, and does not close before the load is over. */
static void keep_open(struct peer *peer, int fd) {
  const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
  _Atomic bool *over = peer->context;
  if (peer_ask(fd)) peer_say(fd, "yes\n");
  while (!*over) nanosleep(&pause, NULL);
}

static void expect_late(enum load_manner manner) {
  _Atomic bool over = false;
  struct peer *peer = peer_begin(keep_open, &over);
  struct load_options options = peer_options(peer, "line");
  options.mix[manner] = 100;
  options.requests = 0;
  options.duration_ms = SHORT_MS;
  options.timeout_ms = SHORT_MS;
  struct load_result *result = peer_load(&options);
  over = true;
  uint64_t late = result->counts.errors.late, visits = result->visits[manner].visits;
  cr_expect(late > 0 && late == visits, "%llu of %llu", (unsigned long long)late,
            (unsigned long long)visits);
  cr_expect_eq(load_errors_sum(&result->counts.errors), late);
  peer_load_free(result);
  peer_end(peer);
}

Test(manners, half_close_is_owed_an_end) { expect_late(LOAD_HALF_CLOSE); }
Test(manners, early_fin_is_owed_an_end) { expect_late(LOAD_EARLY_FIN); }

/* ---- those who are owed nothing ---- */

static void expect_nothing(struct load_visits visits) {
  cr_expect_eq(visits.whole + visits.truncated + visits.lost, 0);
}

static void serve_reset(struct peer *peer, int fd) {
  PEER_EXPECT(peer, peer_ask(fd), "no request");
  PEER_EXPECT(peer, peer_next(fd) == PEER_RST, "no RST behind the request");
}

Test(manners, reset) { expect_nothing(visit(serve_reset, LOAD_RESET, SHORT_MS)); }

static void serve_abandon(struct peer *peer, int fd) {
  PEER_EXPECT(peer, peer_ask(fd), "no request");
  PEER_EXPECT(peer, is_quiet(fd), "it did not wait for a reply");
  PEER_EXPECT(peer, !say_big_line(fd) || peer_next(fd) == PEER_RST, "it has read all");
}

Test(manners, abandon) { expect_nothing(visit(serve_abandon, LOAD_ABANDON, SHORT_MS)); }

/* What the client acknowledges after its FIN it has not closed to: else it would say RST. */
static bool is_still_there(int fd) {
  int unsent = 1;
  uint64_t begun_ms = peer_now_ms();
  peer_say(fd, "x");
  while (ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0 &&
         peer_now_ms() - begun_ms < PEER_PATIENCE_MS) {
  }
  return unsent == 0 && peer_next(fd) == PEER_FIN;
}

static void serve_early_fin(struct peer *peer, int fd) {
  char half[64];
  ssize_t n = recv(fd, half, 32, MSG_WAITALL);
  PEER_EXPECT(peer, n == 32 && !memchr(half, '\n', 32), "%zd bytes", n);
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "no FIN behind the half");
  PEER_EXPECT(peer, is_still_there(fd), "it did not wait for the end");
}

Test(manners, early_fin) { expect_nothing(visit(serve_early_fin, LOAD_EARLY_FIN, SHORT_MS)); }

static void serve_silent(struct peer *peer, int fd) {
  uint64_t begun_ms = peer_now_ms();
  bool first = peer->visits == 1; /* the load ends within the second */
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "it did not leave without a word");
  uint64_t stayed_ms = peer_now_ms() - begun_ms;
  PEER_EXPECT(peer, !first || stayed_ms >= 1900, "after %u ms", (unsigned)stayed_ms);
}

Test(manners, silent) { expect_nothing(visit(serve_silent, LOAD_SILENT, 2500)); }

/* ---- slow ones ---- */

static void serve_slow_read(struct peer *peer, int fd) {
  int small = 4096;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  PEER_EXPECT(peer, peer_ask(fd), "no request");
  uint64_t begun_ms = peer_now_ms();
  say_big_line(fd);
  uint64_t took_ms = peer_now_ms() - begun_ms;
  PEER_EXPECT(peer, took_ms >= SLOW_MS, "it has read all in %u ms", (unsigned)took_ms);
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "it did not close");
}

Test(manners, slow_read) { expect_whole(visit(serve_slow_read, LOAD_SLOW_READ, SHORT_MS), 1); }

static void serve_slow_write(struct peer *peer, int fd) {
  char text[64];
  size_t len = 0;
  unsigned pieces = 0;
  uint64_t begun_ms = peer_now_ms();
  for (ssize_t n; len < sizeof text && (n = recv(fd, text + len, sizeof text - len, 0)) > 0;) {
    len += (size_t)n;
    pieces++;
  }
  uint64_t took_ms = peer_now_ms() - begun_ms;
  PEER_EXPECT(peer, len == sizeof text && text[63] == '\n', "%zu bytes", len);
  /* Each is sent alone; some may lie together by the time they are read. */
  PEER_EXPECT(peer, pieces >= 32, "in %u pieces", pieces);
  PEER_EXPECT(peer, took_ms >= SLOW_MS, "in %u ms", (unsigned)took_ms);
  peer_say(fd, "yes\n");
  PEER_EXPECT(peer, peer_next(fd) == PEER_FIN, "it did not close");
}

Test(manners, slow_write) { expect_whole(visit(serve_slow_write, LOAD_SLOW_WRITE, SHORT_MS), 1); }

/* ---- shares ---- */

/* Every hundred visits hold each manner as often as the mix says, and nobody waits for long. */
Test(manners, shares_are_exact_and_well_mixed) {
  static const unsigned mix[LOAD_MANNER_COUNT] = {70, 10, 5, 5, 4, 3, 2, 1};
  struct dealer dealer = {.credit = {0}};
  for (int hundred = 0; hundred < 3; hundred++) {
    unsigned dealt[LOAD_MANNER_COUNT] = {0};
    for (unsigned i = 1; i <= 100; i++) {
      dealt[load_deal(&dealer, mix)]++;
      for (int m = 0; m < LOAD_MANNER_COUNT; m++) {
        int off = (int)(dealt[m] * 100) - (int)(mix[m] * i);
        cr_assert(off > -200 && off < 200, "manner %d after %u visits: %u", m, i, dealt[m]);
      }
    }
    for (int m = 0; m < LOAD_MANNER_COUNT; m++) cr_expect_eq(dealt[m], mix[m]);
  }
}

/* Polite visits and rude ones in one load; only what the polite ones saw is latency. */
static void serve_lines(struct peer *peer, int fd) {
  (void)peer;
  while (peer_ask(fd)) peer_say(fd, "yes\n");
}

Test(manners, latency_is_of_polite_visits) {
  struct peer *peer = peer_begin(serve_lines, NULL);
  struct load_options options = peer_options(peer, "line");
  options.mix[LOAD_POLITE] = options.mix[LOAD_HALF_CLOSE] = 50;
  options.requests = 0;
  options.duration_ms = SHORT_MS;
  options.connections = 4;
  options.threads = 2;
  struct load_result *result = peer_load(&options);
  const struct load_visits *polite = &result->visits[LOAD_POLITE];
  const struct load_visits *half = &result->visits[LOAD_HALF_CLOSE];
  cr_expect_gt(half->whole, 0);
  cr_expect_eq(half->whole, half->visits);
  cr_expect_gt(result->latency.count, 0);
  cr_expect_leq(result->latency.count, polite->whole);
  cr_expect_leq(result->counts.requests, polite->whole + half->whole);
  cr_expect_gt(result->counts.requests, result->latency.count);
  peer_load_free(result);
  peer_end(peer);
}
