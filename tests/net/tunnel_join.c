/* SPDX-License-Identifier: MIT
 *
 * fin_tunnel_join: two connections that a handler of one's own has had so far, in whatever state
 * they are.
 */
#include "base/counted.h"
#include "lifecycle/lifecycle.h"
#include "tunnel_ends.h"

enum { MUCH = 6 * 1000 * 1000 };

/* Connections that arrive, or are dialled, by the handler that they have first. */
struct scene {
  struct ends ends; /* of which the listener, and the ends */
  fin_conn *one, *other;
  unsigned opened, closed;
  int joined;       /* what fin_tunnel_join gave */
  size_t join_when; /* so many bytes have come to `one`, 0: not within on_data */
  fin_conn *accepted[2];
};

static void on_open(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  if (scene->opened < 2) scene->accepted[scene->opened] = conn;
  scene->opened++;
}

/* Consumes one byte of a piece, and keeps the rest. */
static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  (void)data;
  if (scene->join_when > 0 && len >= scene->join_when) {
    scene->joined = fin_tunnel_join(scene->one, scene->other, NULL);
    return 1;
  }
  return 0;
}

static void stay(fin_conn *conn) { (void)conn; }

static void on_close(fin_conn *conn, const fin_report *report) {
  struct scene *scene = fin_conn_context(conn);
  (void)report;
  scene->closed++;
}

static const fin_handler own = {
    .on_open = on_open, .on_data = on_data, .on_end = stay, .on_close = on_close};

static void begin(struct scene *scene) {
  struct ends *ends = &scene->ends;
  *scene = (struct scene){.joined = 1};
  ends_begin(ends, NULL);
  fin_listen listen = {.host = "127.0.0.1", .handler = &own, .context = scene};
  cr_assert_eq(fin_server_listen(ends->net.server, &listen), 0);
  ends->net.port = fin_server_port(ends->net.server);
}

static void accept_two(struct scene *scene) {
  struct ends *ends = &scene->ends;
  ends->client = ends_dial(ends);
  net_until(&ends->net, scene->opened == 1);
  ends->target = ends_dial(ends);
  net_until(&ends->net, scene->opened == 2);
  scene->one = scene->accepted[0];
  scene->other = scene->accepted[1];
}

static fin_conn *dial_target(struct scene *scene) {
  fin_dial to = {
      .host = "127.0.0.1", .port = scene->ends.to_port, .handler = &own, .context = scene};
  fin_conn *conn = fin_server_dial(scene->ends.net.server, &to);
  cr_assert_not_null(conn);
  return conn;
}

static void join(struct scene *scene) {
  cr_assert_eq(fin_tunnel_join(scene->one, scene->other, NULL), 0);
}

static void talk(struct scene *scene) {
  struct ends *ends = &scene->ends;
  net_send(&ends->net, ends->client, "question", 8);
  net_expect(&ends->net, ends->target, "question", 8);
  net_send(&ends->net, ends->target, "answer", 6);
  net_expect(&ends->net, ends->client, "answer", 6);
}

static void end(struct scene *scene) {
  struct ends *ends = &scene->ends;
  net_close(&ends->net, ends->client);
  net_close(&ends->net, ends->target);
  ends_end(ends);
}

/* ---- in any order of states ---- */

Test(tunnel_join, both_open) {
  struct scene scene;
  begin(&scene);
  accept_two(&scene);
  join(&scene);
  talk(&scene);
  cr_assert_eq(fin_conn_context(scene.one), NULL, "not the test's any more");
  end(&scene);
  cr_assert_eq(scene.closed, 0, "the handlers that they had hear no more of them");
}

Test(tunnel_join, the_other_still_opening) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  ends->client = ends_dial(ends);
  net_until(&ends->net, scene.opened == 1);
  scene.one = scene.accepted[0];
  scene.other = dial_target(&scene);
  join(&scene);
  ends->target = ends_accept(ends);
  talk(&scene);
  end(&scene);
  cr_assert_eq(scene.opened, 1);
}

Test(tunnel_join, the_first_still_opening) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  ends->client = ends_dial(ends);
  net_until(&ends->net, scene.opened == 1);
  scene.one = dial_target(&scene);
  scene.other = scene.accepted[0];
  join(&scene);
  ends->target = ends_accept(ends);
  talk(&scene);
  end(&scene);
}

Test(tunnel_join, both_still_opening) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  scene.one = dial_target(&scene);
  scene.other = dial_target(&scene);
  join(&scene);
  ends->client = ends_accept(ends);
  ends->target = ends_accept(ends);
  talk(&scene);
  end(&scene);
  cr_assert_eq(scene.opened, 0);
}

Test(tunnel_join, neither_can_be_opened) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  net_close(&ends->net, ends->listener);
  ends->listener = -1;
  scene.one = dial_target(&scene);
  scene.other = dial_target(&scene);
  join(&scene);
  ends_end(ends);
  cr_assert_eq(scene.closed, 0);
}

/* What was not consumed goes through the tunnel, both ways, before what comes later. */
Test(tunnel_join, with_input_kept) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  accept_two(&scene);
  net_send(&ends->net, ends->client, "early ", 6);
  net_send(&ends->net, ends->target, "bird ", 5);
  net_until(&ends->net, net_unread(net_fd(scene.one)) == 0);
  net_until(&ends->net, net_unread(net_fd(scene.other)) == 0);
  join(&scene);
  net_send(&ends->net, ends->client, "late", 4);
  net_expect(&ends->net, ends->target, "early late", 10);
  net_expect(&ends->net, ends->client, "bird ", 5);
  end(&scene);
}

/* Some of it was consumed, by the callback that joins. */
static void join_in_callback(size_t when) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  accept_two(&scene);
  scene.join_when = when;
  net_send(&ends->net, ends->client, "123", 3);
  net_send(&ends->net, ends->client, "456", 3);
  net_expect(&ends->net, ends->target, "23456", 5);
  cr_assert_eq(scene.joined, 0);
  end(&scene);
}

Test(tunnel_join, within_a_callback) { join_in_callback(3); }
Test(tunnel_join, within_a_callback_with_input_kept) { join_in_callback(6); }

/* It has sent its FIN already, and the bytes before it were kept. */
Test(tunnel_join, after_a_fin) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  char question[16];
  int ending;
  begin(&scene);
  accept_two(&scene);
  net_send(&ends->net, ends->client, "question", 8);
  net_fin(ends->client);
  net_until(&ends->net, net_tcp_state(ends->client) == TCP_FIN_WAIT2 &&
                            fin_conn_life(scene.one) == FIN_ST_PEER_DONE);
  join(&scene);
  cr_assert_eq(net_receive_all(&ends->net, ends->target, question, sizeof question, &ending), 8);
  cr_assert_eq(memcmp(question, "question", 8), 0);
  cr_assert_eq(ending, 0);
  net_send(&ends->net, ends->target, "answer", 6);
  net_expect(&ends->net, ends->client, "answer", 6);
  end(&scene);
}

/* Much of an earlier answer is still on its way out: the tunnel's bytes come behind it. */
Test(tunnel_join, with_output_waiting) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  accept_two(&scene);
  cr_assert_eq(fin_conn_write(scene.one, net_pattern(MUCH), MUCH), 0);
  join(&scene);
  for (int i = 0; i < 1000; i++) net_send(&ends->net, ends->target, "late", 4);
  turn_for(&ends->net, 50);
  net_expect(&ends->net, ends->client, net_pattern(MUCH), MUCH);
  for (int i = 0; i < 1000; i++) net_expect(&ends->net, ends->client, "late", 4);
  net_send(&ends->net, ends->client, "question", 8);
  net_expect(&ends->net, ends->target, "question", 8);
  end(&scene);
}

Test(tunnel_join, new_bounds) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  accept_two(&scene);
  cr_assert_eq(fin_tunnel_join(scene.one, scene.other, &(fin_conn_options){.idle_ms = 100}), 0);
  cr_assert_eq(ends_ending(ends, ends->client), 0);
  cr_assert_eq(ends_ending(ends, ends->target), 0);
  net_until(&ends->net, ends_legs(ends) == 0);
  cr_assert_eq(ends_reason(ends, IDLE), 2);
  end(&scene);
}

/* ---- refused: nothing has changed ---- */

static void refused_to_join(struct scene *scene, fin_conn *one, fin_conn *other, int error,
                            const fin_conn_options *options) {
  cr_assert_eq(fin_tunnel_join(one, other, options), error, "not %s", fin_strerror(error));
  cr_assert_eq(fin_conn_context(one), scene);
  cr_assert_eq(fin_conn_context(other), scene);
}

Test(tunnel_join, refused) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  begin(&scene);
  accept_two(&scene);
  refused_to_join(&scene, scene.one, scene.one, -EINVAL, NULL);
  refused_to_join(&scene, scene.one, scene.other, -EINVAL,
                  &(fin_conn_options){.half_ms = FIN_NEVER});
  fin_conn_end(scene.other);
  refused_to_join(&scene, scene.one, scene.other, -EPIPE, NULL);
  refused_to_join(&scene, scene.other, scene.one, -EPIPE, NULL);
  fin_conn_write(scene.one, "hello", 5);
  fin_conn_close(scene.one, FIN_REASON_CLOSED);
  net_expect(&ends->net, ends->client, "hello", 5);
  end(&scene);
  cr_assert_eq(scene.closed, 2, "told to the handlers that they have");
}

/* The first is as it was, or both have ended. */
static void join_without_memory(size_t fail_in) {
  struct scene scene;
  struct ends *ends = &scene.ends;
  counted_begin();
  begin(&scene);
  accept_two(&scene);
  counted_fail_in(fail_in);
  cr_assert_eq(fin_tunnel_join(scene.one, scene.other, NULL), -ENOMEM);
  if (fail_in == 1) {
    join(&scene);
    talk(&scene);
  } else {
    cr_assert_eq(ends_ending(ends, ends->client), ECONNRESET);
    cr_assert_eq(ends_ending(ends, ends->target), ECONNRESET);
  }
  end(&scene);
  cr_assert_eq(counted.live, 0);
}

Test(tunnel_join, no_memory_for_the_first) { join_without_memory(1); }
Test(tunnel_join, no_memory_for_the_second) { join_without_memory(2); }
