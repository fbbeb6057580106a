/* SPDX-License-Identifier: MIT
 *
 * A handler that does not consume all it is offered: the rest comes again, in front of what arrives
 * next and after a pause, and no byte is lost, doubled or out of order, wherever the input is cut.
 */
#include "support/net.h"

enum { FRAME = 4, STREAM = 3 * FRAME };

struct scene {
  struct net net;
  size_t frame;    /* consumed in whole frames only */
  size_t most;     /* frames per call; 0: all there are */
  size_t consumed; /* in all */
  size_t offered;  /* the end of what was offered so far, from the beginning */
  unsigned calls;
  bool pauses; /* after each call that consumed something */
};

static void close_scene(struct scene *scene, int peer) {
  unsigned closed = scene->net.closed;
  net_close(&scene->net, peer);
  net_until(&scene->net, scene->net.closed > closed);
}

static size_t take_frames(fin_conn *conn, const char *data, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  size_t frames = len / scene->frame;
  if (scene->most > 0 && frames > scene->most) frames = scene->most;
  cr_assert(memcmp(data, net_pattern(scene->consumed + len) + scene->consumed, len) == 0);
  scene->calls++;
  scene->offered = scene->consumed + len;
  scene->consumed += frames * scene->frame;
  if (scene->pauses && frames > 0) fin_conn_pause(conn);
  return frames * scene->frame;
}

static const fin_handler handler = {.on_data = take_frames};

static void begin(struct scene *scene, const fin_handler *by) {
  net_begin(&scene->net, &(fin_listen){.handler = by, .context = scene});
}

/* Sends stream[from..to) and waits until it was offered. */
static void send_part(struct scene *scene, int peer, size_t from, size_t to) {
  if (from == to) return;
  net_send(&scene->net, peer, net_pattern(to) + from, to - from);
  net_until(&scene->net, scene->offered == to);
}

Test(partial_consumption, every_two_cuts) {
  struct scene scene = {.frame = FRAME};
  begin(&scene, &handler);
  for (size_t first = 0; first <= STREAM; first++)
    for (size_t second = first; second <= STREAM; second++) {
      int peer = net_connect(&scene.net);
      scene.consumed = scene.offered = 0;
      send_part(&scene, peer, 0, first);
      cr_assert_eq(scene.consumed, first / FRAME * FRAME);
      send_part(&scene, peer, first, second);
      cr_assert_eq(scene.consumed, second / FRAME * FRAME);
      send_part(&scene, peer, second, STREAM);
      cr_assert_eq(scene.consumed, STREAM);
      close_scene(&scene, peer);
    }
  net_end(&scene.net);
}

Test(partial_consumption, byte_by_byte) {
  enum { BYTES = 3000 };
  static const size_t frames[] = {1, 2, 95, 96, 97, 1000, BYTES};
  struct scene scene = {0};
  begin(&scene, &handler);
  for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
    int peer = net_connect(&scene.net);
    scene.frame = frames[i];
    scene.consumed = scene.offered = 0;
    for (size_t byte = 0; byte < BYTES; byte++) {
      send_part(&scene, peer, byte, byte + 1);
      cr_assert_eq(scene.consumed, (byte + 1) / frames[i] * frames[i]);
    }
    close_scene(&scene, peer);
  }
  net_end(&scene.net);
}

/* The handler is always behind by what came first. */
Test(partial_consumption, one_byte_per_call) {
  enum { AHEAD = 500, BYTES = 1500 };
  struct scene scene = {.frame = 1, .most = 1};
  begin(&scene, &handler);
  int peer = net_connect(&scene.net);
  send_part(&scene, peer, 0, AHEAD);
  for (size_t byte = AHEAD; byte < BYTES; byte++) {
    send_part(&scene, peer, byte, byte + 1);
    cr_assert_eq(scene.consumed, byte - AHEAD + 2);
  }
  close_scene(&scene, peer);
  net_end(&scene.net);
}

/* Each rest is offered again after a pause, though nothing more arrives. */
static void resume_until_consumed(struct scene *scene, size_t len) {
  for (size_t frames = 1; frames <= len / scene->frame; frames++) {
    net_until(&scene->net, scene->consumed == frames * scene->frame);
    unsigned calls = scene->calls;
    for (int turn = 0; turn < 3; turn++) net_turn(&scene->net, 1);
    cr_assert_eq(scene->calls, calls, "a paused connection is not offered anything");
    fin_conn_resume(scene->net.conn);
  }
}

Test(partial_consumption, resumed_from_outside) {
  struct scene scene = {.frame = FRAME, .most = 1, .pauses = true};
  begin(&scene, &handler);
  int peer = net_connect(&scene.net);
  net_send(&scene.net, peer, net_pattern(STREAM + 1), STREAM + 1);
  resume_until_consumed(&scene, STREAM);
  net_until(&scene.net, scene.calls == STREAM / FRAME + 1); /* the byte too many is offered too */
  close_scene(&scene, peer);
  net_end(&scene.net);
}

/* What is left when the peer's FIN is read still comes before on_end. */
Test(partial_consumption, resumed_with_the_peers_fin_behind) {
  struct scene scene = {.frame = FRAME, .most = 1, .pauses = true};
  begin(&scene, &handler);
  int peer = net_connect(&scene.net);
  net_send(&scene.net, peer, net_pattern(STREAM), STREAM);
  net_fin(peer);
  resume_until_consumed(&scene, STREAM);
  close_scene(&scene, peer);
  cr_assert_eq(scene.consumed, STREAM);
  cr_assert_eq(scene.net.report.reason, FIN_REASON_PEER_ENDED);
  net_end(&scene.net);
}

/* ---- pauses that the handler ends by itself ---- */

static size_t take_frame_then_rest(fin_conn *conn, const char *data, size_t len) {
  fin_conn_set_timer(conn, 1);
  return take_frames(conn, data, len);
}

static void resume_on_timer(fin_conn *conn) { fin_conn_resume(conn); }

static const fin_handler timed = {.on_data = take_frame_then_rest, .on_timer = resume_on_timer};

Test(partial_consumption, resumed_on_timer) {
  struct scene scene = {.frame = FRAME, .most = 1, .pauses = true};
  begin(&scene, &timed);
  int peer = net_connect(&scene.net);
  net_send(&scene.net, peer, net_pattern(STREAM), STREAM);
  net_until(&scene.net, scene.consumed == STREAM);
  close_scene(&scene, peer);
  net_end(&scene.net);
}

Test(partial_consumption, resumed_on_timer_with_the_peers_fin_behind) {
  struct scene scene = {.frame = FRAME, .most = 1, .pauses = true};
  begin(&scene, &timed);
  int peer = net_connect(&scene.net);
  net_send(&scene.net, peer, net_pattern(STREAM), STREAM);
  net_fin(peer);
  net_until(&scene.net, scene.net.closed == 1);
  cr_assert_eq(scene.consumed, STREAM, "%zu bytes of %d", scene.consumed, STREAM);
  net_close(&scene.net, peer);
  net_end(&scene.net);
}

/* One message per call, for whose work it pauses, and which is done at once. */
static size_t take_frame_and_go_on(fin_conn *conn, const char *data, size_t len) {
  size_t consumed = take_frames(conn, data, len);
  fin_conn_pause(conn);
  fin_conn_resume(conn);
  return consumed;
}

static const fin_handler at_once = {.on_data = take_frame_and_go_on};

Test(partial_consumption, resumed_within_on_data) {
  struct scene scene = {.frame = FRAME, .most = 1};
  begin(&scene, &at_once);
  int peer = net_connect(&scene.net);
  net_send(&scene.net, peer, net_pattern(STREAM + 1), STREAM + 1);
  net_until(&scene.net, scene.consumed == STREAM);
  unsigned calls = scene.calls;
  for (int turn = 0; turn < 5; turn++) net_turn(&scene.net, 1);
  cr_assert(scene.calls <= calls + 1, "an incomplete frame is not offered over and over");
  close_scene(&scene, peer);
  net_end(&scene.net);
}

Test(partial_consumption, resumed_within_on_data_with_the_peers_fin_behind) {
  struct scene scene = {.frame = FRAME, .most = 1};
  begin(&scene, &at_once);
  int peer = net_connect(&scene.net);
  cr_assert_eq(net_send_some(peer, net_pattern(STREAM), STREAM), STREAM);
  net_fin(peer);
  net_until(&scene.net, scene.net.closed == 1);
  cr_assert_eq(scene.consumed, STREAM, "%zu bytes of %d", scene.consumed, STREAM);
  net_close(&scene.net, peer);
  net_end(&scene.net);
}
