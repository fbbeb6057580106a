/* SPDX-License-Identifier: MIT
 *
 * Much goes through a tunnel, and little of it is in the tunnel at any time; what flows one way
 * waits for nothing on the other.
 */
#include "base/counted.h"
#include "tunnel_ends.h"

enum {
  OUTPUT_HIGH = 64 * 1024, /* the default */
  READ_MAX = 256 * 1024,   /* of one read */
  SLACK = 64 * 1024,       /* what blocks of memory have more than is asked of them */
  /* What waits, and as much again of the write under way that the kernel has taken already. */
  HELD_MAX = 2 * (OUTPUT_HIGH + READ_MAX) + SLACK,
};

/* ---- a stream whose every byte can be told from its neighbours ---- */

enum { PERIOD = 1000003 /* a prime */, PIECE = 1 << 18 };

/* At least PIECE bytes of it. */
static const char *stream_at(uint64_t offset) {
  static char twice[PERIOD + PIECE];
  if (!twice[0]) {
    memcpy(twice, net_pattern(PERIOD), PERIOD);
    memcpy(twice + PERIOD, twice, PIECE);
  }
  return twice + offset % PERIOD;
}

struct flow {
  int from, to;
  uint64_t len, sent, received;
};

/* Whether anything moved. */
static bool flow_send(struct flow *flow) {
  uint64_t left = flow->len - flow->sent;
  if (left == 0) return false;
  size_t count = net_send_some(flow->from, stream_at(flow->sent), left < PIECE ? left : PIECE);
  flow->sent += count;
  if (count > 0 && flow->sent == flow->len) net_fin(flow->from);
  return count > 0;
}

static bool flow_receive(struct flow *flow) {
  static char piece[PIECE];
  if (flow->received == flow->len) return false;
  size_t count = net_receive_some(flow->to, piece, sizeof piece);
  cr_assert_eq(memcmp(piece, stream_at(flow->received), count), 0,
               "other bytes than were sent, within %zu after the first %llu", count,
               (unsigned long long)flow->received);
  flow->received += count;
  return count > 0;
}

struct scene {
  struct ends ends;
  size_t rest; /* the memory of a tunnel through which nothing flows */
  size_t most; /* and more than that, at most */
};

static void begin_with(struct scene *scene, const fin_conn_options *conn) {
  struct ends *ends = &scene->ends;
  counted_begin();
  ends_begin(ends, conn);
  ends_open(ends);
  net_send(&ends->net, ends->client, "x", 1); /* so that the buffer for reading is there */
  net_expect(&ends->net, ends->target, "x", 1);
  scene->rest = counted.bytes;
  scene->most = 0;
}

static void begin(struct scene *scene) { begin_with(scene, NULL); }

static void turn(struct scene *scene, bool moved) {
  net_turn(&scene->ends.net, moved ? 0 : 1);
  size_t held = counted.bytes > scene->rest ? counted.bytes - scene->rest : 0;
  if (held > scene->most) scene->most = held;
}

static void finish(struct scene *scene, unsigned directions) {
  struct ends *ends = &scene->ends;
  cr_assert_eq(ends_ending(ends, ends->target), 0);
  cr_assert_eq(ends_ending(ends, ends->client), 0);
  cr_assert_lt(scene->most, (size_t)directions * HELD_MAX, "%zu bytes held", scene->most);
  net_close(&ends->net, ends->client);
  net_close(&ends->net, ends->target);
  ends_end(ends);
}

/* ---- much ---- */

/* AddressSanitizer makes it ten times as slow. */
#if defined(__SANITIZE_ADDRESS__)
#define SLOWED_DOWN true
#elif defined(__has_feature)
#define SLOWED_DOWN __has_feature(address_sanitizer)
#else
#define SLOWED_DOWN false
#endif

static const uint64_t much = SLOWED_DOWN ? UINT64_C(64) << 20 : UINT64_C(1) << 30;

static void send_through(struct scene *scene, struct flow *flow) {
  uint64_t moved_ms = net_now_ms();
  while (flow->received < flow->len) {
    bool moved = flow_send(flow);
    moved |= flow_receive(flow);
    if (moved) moved_ms = net_now_ms();
    cr_assert(net_now_ms() - moved_ms < NET_DEADLINE_MS);
    turn(scene, moved);
  }
}

Test(tunnel_flow, a_gigabyte_to_the_target) {
  struct scene scene;
  begin(&scene);
  send_through(&scene, &(struct flow){scene.ends.client, scene.ends.target, much, 0, 0});
  net_fin(scene.ends.target);
  finish(&scene, 1);
}

Test(tunnel_flow, a_gigabyte_to_the_client) {
  struct scene scene;
  begin(&scene);
  send_through(&scene, &(struct flow){scene.ends.target, scene.ends.client, much, 0, 0});
  net_fin(scene.ends.client);
  finish(&scene, 1);
}

/* ---- one is slow ---- */

enum { EACH = 8 * 1000 * 1000, UNREAD = 64 * 1000 * 1000 };

/* What is sent to one end is not read before that end has sent, and the other has read, all of
 * the opposite stream. */
static void one_way_is_stuck(struct scene *scene, int stuck, int other) {
  struct flow to_stuck = {other, stuck, UNREAD, 0, 0}, from_stuck = {stuck, other, EACH, 0, 0};
  for (unsigned still = 0; still < 20;) { /* until no more goes in */
    still = flow_send(&to_stuck) ? 0 : still + 1;
    turn(scene, still == 0);
  }
  cr_assert(to_stuck.sent < UNREAD);
  send_through(scene, &from_stuck);
  send_through(scene, &to_stuck);
}

Test(tunnel_flow, a_client_that_sends_before_it_reads) {
  struct scene scene;
  begin(&scene);
  one_way_is_stuck(&scene, scene.ends.client, scene.ends.target);
  finish(&scene, 2);
}

Test(tunnel_flow, a_target_that_sends_before_it_reads) {
  struct scene scene;
  begin(&scene);
  one_way_is_stuck(&scene, scene.ends.target, scene.ends.client);
  finish(&scene, 2);
}

/* Nothing works at what cannot move. */
Test(tunnel_flow, waiting_costs_nothing) {
  struct scene scene;
  begin(&scene);
  struct flow flow = {scene.ends.client, scene.ends.target, UNREAD, 0, 0};
  for (unsigned still = 0; still < 20;) {
    still = flow_send(&flow) ? 0 : still + 1;
    turn(&scene, still == 0);
  }
  unsigned used = cpu_ms();
  turn_for(&scene.ends.net, 300);
  used = cpu_ms() - used;
  cr_assert(used < 60, "%u ms of processor time in 300 ms", used);
  send_through(&scene, &flow);
  net_fin(scene.ends.target);
  finish(&scene, 1);
}

/* Both ways at once, neither end ever idle. */
Test(tunnel_flow, both_ways_at_once) {
  struct scene scene;
  begin(&scene);
  struct flow there = {scene.ends.client, scene.ends.target, much / 8, 0, 0};
  struct flow back = {scene.ends.target, scene.ends.client, much / 8, 0, 0};
  uint64_t moved_ms = net_now_ms();
  while (there.received < there.len || back.received < back.len) {
    bool moved = flow_send(&there);
    moved |= flow_send(&back);
    moved |= flow_receive(&there);
    moved |= flow_receive(&back);
    if (moved) moved_ms = net_now_ms();
    cr_assert(net_now_ms() - moved_ms < NET_DEADLINE_MS);
    turn(&scene, moved);
  }
  finish(&scene, 2);
}

/* An output_high that is smaller than any read. */
Test(tunnel_flow, small_bounds) {
  struct scene scene;
  begin_with(&scene, &(fin_conn_options){.output_high = 100, .output_low = 10});
  send_through(&scene, &(struct flow){scene.ends.client, scene.ends.target, EACH, 0, 0});
  net_fin(scene.ends.target);
  finish(&scene, 1);
}
