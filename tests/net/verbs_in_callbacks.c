/* SPDX-License-Identifier: MIT
 *
 * Every verb, said inside every callback: what follows is what the verb promises. Besides: on_open
 * is first, on_close is last and once, after close and abort nothing else follows, and no callback
 * runs inside another or inside a call from outside.
 */
#include <errno.h>

#include "support/net.h"

enum callback { ON_OPEN, ON_DATA, ON_END, ON_WRITABLE, ON_TIMER, ON_DRAIN, ON_CLOSE, CALLBACKS };
static const char *const names[] = {"on_open",  "on_data",  "on_end",  "on_writable",
                                    "on_timer", "on_drain", "on_close"};

enum effect { GOES_ON, PAUSES, ENDS, CLOSES, ABORTS };

struct verb {
  const char *name;
  void (*say)(fin_conn *conn);
  enum effect effect;
  size_t writes; /* bytes that the peer is to get */
};

struct scene {
  struct net net;
  enum callback where;
  const struct verb *verb;
  bool said;
  bool inside; /* a callback runs, or a function called from outside */
  unsigned calls[CALLBACKS];
};

/* ---- verbs ---- */

enum { LITTLE = 7, MUCH = 50 * 1000, WRITABLE = 100, HIGH = 64 };

static void write_bytes(fin_conn *conn, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  int expected = scene->where == ON_CLOSE ? -EPIPE : 0;
  cr_assert_eq(fin_conn_write(conn, net_pattern(len), len), expected);
}

static void close_it(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_BUG); }
static void write_little(fin_conn *conn) { write_bytes(conn, LITTLE); }
static void write_much(fin_conn *conn) { write_bytes(conn, MUCH); }

static void pause_and_resume(fin_conn *conn) {
  fin_conn_pause(conn);
  fin_conn_resume(conn);
}

static void write_and_end(fin_conn *conn) {
  write_bytes(conn, LITTLE);
  fin_conn_end(conn);
  fin_conn_end(conn);
}

static void write_and_close(fin_conn *conn) {
  write_bytes(conn, MUCH);
  fin_conn_close(conn, FIN_REASON_BUG);
  fin_conn_end(conn);
}

static void pause_and_close(fin_conn *conn) {
  fin_conn_pause(conn);
  fin_conn_close(conn, FIN_REASON_CLOSED);
  fin_conn_resume(conn);
}

static void end_and_close(fin_conn *conn) {
  fin_conn_end(conn);
  fin_conn_close(conn, FIN_REASON_PROTOCOL);
}

static void write_and_abort(fin_conn *conn) {
  write_bytes(conn, LITTLE);
  fin_conn_abort(conn);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

static void close_and_abort(fin_conn *conn) {
  fin_conn_close(conn, FIN_REASON_CLOSED);
  fin_conn_abort(conn);
  fin_conn_abort(conn);
}

static const struct verb verbs[] = {
    {"nothing", NULL, GOES_ON, 0},
    {"write", write_little, GOES_ON, LITTLE},
    {"write, much", write_much, GOES_ON, MUCH},
    {"resume", fin_conn_resume, GOES_ON, 0},
    {"pause, resume", pause_and_resume, GOES_ON, 0},
    {"pause", fin_conn_pause, PAUSES, 0},
    {"end", fin_conn_end, ENDS, 0},
    {"write, end, end", write_and_end, ENDS, LITTLE},
    {"close", close_it, CLOSES, 0},
    {"write, close, end", write_and_close, CLOSES, MUCH},
    {"pause, close, resume", pause_and_close, CLOSES, 0},
    {"end, close", end_and_close, CLOSES, 0},
    {"abort", fin_conn_abort, ABORTS, 0},
    {"write, abort, close", write_and_abort, ABORTS, 0},
    {"close, abort, abort", close_and_abort, ABORTS, 0},
};

/* ---- the handler ---- */

#define SCENE_ASSERT(scene, condition) \
  cr_assert(condition, "%s in %s", (scene)->verb->name, names[(scene)->where])

static void say(struct scene *scene, fin_conn *conn) {
  scene->said = true;
  if (scene->verb->say) scene->verb->say(conn);
  if (scene->verb->effect < ENDS) return;
  SCENE_ASSERT(scene, fin_conn_write(conn, "late", 4) == -EPIPE);
  bool reading = scene->verb->effect == ENDS && scene->where != ON_END && scene->where != ON_CLOSE;
  SCENE_ASSERT(scene, fin_conn_reading(conn) == reading);
}

static struct scene *called(fin_conn *conn, enum callback which) {
  struct scene *scene = fin_conn_context(conn);
  SCENE_ASSERT(scene, !scene->inside);
  SCENE_ASSERT(scene, scene->calls[ON_OPEN] == (which != ON_OPEN));
  SCENE_ASSERT(scene, scene->calls[ON_CLOSE] == 0);
  SCENE_ASSERT(scene, !scene->said || scene->verb->effect < CLOSES || which == ON_CLOSE);
  scene->inside = true;
  scene->calls[which]++;
  if (which == scene->where && !scene->said) say(scene, conn);
  scene->inside = false;
  return scene;
}

static void on_open(fin_conn *conn) { called(conn, ON_OPEN); }
static void on_writable(fin_conn *conn) { called(conn, ON_WRITABLE); }
static void on_timer(fin_conn *conn) { called(conn, ON_TIMER); }
static void on_drain(fin_conn *conn) { called(conn, ON_DRAIN); }

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  (void)data;
  called(conn, ON_DATA);
  return len;
}

static void on_end(fin_conn *conn) {
  struct scene *scene = called(conn, ON_END);
  if (scene->where != ON_END || scene->verb->effect < ENDS) close_it(conn);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  (void)report;
  called(conn, ON_CLOSE);
}

static const fin_handler handler = {
    .on_open = on_open,
    .on_data = on_data,
    .on_end = on_end,
    .on_writable = on_writable,
    .on_timer = on_timer,
    .on_drain = on_drain,
    .on_close = on_close,
};

/* ---- the peer ---- */

static void provoke(struct scene *scene, int peer) {
  struct net *net = &scene->net;
  scene->inside = true;
  switch (scene->where) {
    case ON_DATA:
      break;
    case ON_END:
      net_fin(peer);
      break;
    case ON_WRITABLE:
      cr_assert_eq(fin_conn_write(net->conn, net_pattern(WRITABLE), WRITABLE), 0);
      break;
    case ON_TIMER:
      fin_conn_set_timer(net->conn, 1);
      break;
    case ON_DRAIN:
      fin_server_drain(net->server);
      break;
    case ON_CLOSE:
      fin_conn_close(net->conn, FIN_REASON_CLOSED);
      net_fin(peer);
      break;
    case ON_OPEN:
    case CALLBACKS:
      break;
  }
  scene->inside = false;
  if (scene->where == ON_DATA) net_send(net, peer, "data", 4);
  net_until(net, scene->said);
}

/* Input still reaches the handler; if it is paused, once it is resumed. */
static void expect_input(struct scene *scene, int peer) {
  struct net *net = &scene->net;
  unsigned before = scene->calls[ON_DATA];
  net_send(net, peer, "more", 4);
  if (scene->verb->effect == PAUSES) {
    for (int turn = 0; turn < 5; turn++) net_turn(net, 1);
    SCENE_ASSERT(scene, scene->calls[ON_DATA] == before);
    scene->inside = true;
    fin_conn_resume(net->conn);
    scene->inside = false;
  }
  net_until(net, scene->calls[ON_DATA] > before);
}

static fin_reason reason_of(const struct scene *scene) {
  if (scene->where == ON_CLOSE) return FIN_REASON_CLOSED;
  if (scene->verb->effect == ABORTS) return FIN_REASON_ABORTED;
  if (scene->verb->say == end_and_close) return FIN_REASON_PROTOCOL;
  if (scene->where == ON_END || scene->verb->effect <= PAUSES) return FIN_REASON_PEER_ENDED;
  return scene->verb->effect == ENDS ? FIN_REASON_ENDED : FIN_REASON_CLOSED;
}

static void play(struct scene *scene, int peer) {
  struct net *net = &scene->net;
  enum effect effect = scene->verb->effect;
  bool over = scene->where == ON_END || scene->where == ON_CLOSE;
  size_t output = scene->where == ON_WRITABLE ? WRITABLE : 0;
  int ending = -1;
  provoke(scene, peer);
  if (effect <= PAUSES && !over) {
    expect_input(scene, peer);
    net_fin(peer);
  }
  size_t received = net_receive_all(net, peer, NULL, SIZE_MAX, &ending);
  SCENE_ASSERT(scene, ending == (effect == ABORTS && scene->where != ON_CLOSE ? ECONNRESET : 0));
  if (scene->where != ON_CLOSE) output += scene->verb->writes;
  SCENE_ASSERT(scene, received == output);
  if (effect == ENDS && !over) expect_input(scene, peer);
  if (effect == CLOSES && !over) net_send(net, peer, "ignored", 7);
  net_close(net, peer);
  net_until(net, net->closed == 1);
  SCENE_ASSERT(scene, net->report.reason == reason_of(scene));
}

static void every_verb_in(enum callback where) {
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    struct scene scene = {.where = where, .verb = &verbs[i]};
    net_begin(&scene.net, &(fin_listen){.handler = &handler,
                                        .context = &scene,
                                        .conn = {.output_high = HIGH, .linger_grace_ms = 5000}});
    int peer = net_connect(&scene.net);
    play(&scene, peer);
    net_end(&scene.net);
  }
}

Test(verbs_in_callbacks, on_open) { every_verb_in(ON_OPEN); }
Test(verbs_in_callbacks, on_data) { every_verb_in(ON_DATA); }
Test(verbs_in_callbacks, on_end) { every_verb_in(ON_END); }
Test(verbs_in_callbacks, on_writable) { every_verb_in(ON_WRITABLE); }
Test(verbs_in_callbacks, on_timer) { every_verb_in(ON_TIMER); }
Test(verbs_in_callbacks, on_drain) { every_verb_in(ON_DRAIN); }
Test(verbs_in_callbacks, on_close) { every_verb_in(ON_CLOSE); }
