/* SPDX-License-Identifier: MIT
 *
 * Handlers that break the contract, and peers that send more than a handler may leave: the
 * connection ends and says why, and the server goes on.
 */
#include "more.h"

enum { INPUT_MAX = 1000 };

struct scene {
  struct net net;
  size_t (*do_on_data)(fin_conn *conn, size_t len);
  size_t offered; /* at most, in one call */
};

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  cr_assert_eq(memcmp(data, net_pattern(len), len), 0);
  if (len > scene->offered) scene->offered = len;
  return scene->do_on_data(conn, len);
}

static const fin_handler handler = {.on_data = on_data};

static int begin(struct scene *scene) {
  net_begin(&scene->net, &(fin_listen){.handler = &handler,
                                       .context = scene,
                                       .conn = {.input_max = INPUT_MAX, .linger_grace_ms = 5000}});
  return net_connect(&scene->net);
}

static void expect_end(struct scene *scene, int peer, fin_reason reason, int expected) {
  int ending;
  cr_assert_eq(net_receive_all(&scene->net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, expected, "%d", ending);
  net_close(&scene->net, peer);
  net_until(&scene->net, scene->net.closed == 1);
  cr_assert_eq(scene->net.report.reason, reason, "%s", fin_reason_name(scene->net.report.reason));
  cr_assert_eq(stats_of(&scene->net).closed[reason], 1);
}

/* ---- a handler that consumes more than it is offered ---- */

static size_t one_too_many(fin_conn *conn, size_t len) {
  (void)conn;
  return len + 1;
}

static size_t far_too_many(fin_conn *conn, size_t len) {
  (void)conn;
  (void)len;
  return SIZE_MAX;
}

static size_t one_too_many_and_close(fin_conn *conn, size_t len) {
  fin_conn_close(conn, FIN_REASON_CLOSED);
  return len + 1;
}

static size_t one_too_many_later(fin_conn *conn, size_t len) {
  (void)conn;
  return len < 10 ? 0 : len + 1;
}

static void consumes(size_t (*too_much)(fin_conn *conn, size_t len)) {
  struct scene scene = {.do_on_data = too_much};
  int peer = begin(&scene);
  net_send(&scene.net, peer, net_pattern(10), 5);
  if (too_much == one_too_many_later) net_send(&scene.net, peer, net_pattern(10) + 5, 5);
  expect_end(&scene, peer, FIN_REASON_BUG, ECONNRESET);
  net_close(&scene.net, net_connect(&scene.net));
  net_until(&scene.net, scene.net.closed == 2);
  net_end(&scene.net);
}

Test(contract_broken, consumes_one_byte_too_many) { consumes(one_too_many); }
Test(contract_broken, consumes_far_too_many) { consumes(far_too_many); }
Test(contract_broken, consumes_too_many_and_closes) { consumes(one_too_many_and_close); }
Test(contract_broken, consumes_too_many_of_what_was_kept) { consumes(one_too_many_later); }

/* After abort nobody looks. */
static size_t one_too_many_and_abort(fin_conn *conn, size_t len) {
  fin_conn_abort(conn);
  return len + 1;
}

Test(contract_broken, consumes_too_many_and_aborts) {
  struct scene scene = {.do_on_data = one_too_many_and_abort};
  int peer = begin(&scene);
  net_send(&scene.net, peer, net_pattern(5), 5);
  expect_end(&scene, peer, FIN_REASON_ABORTED, ECONNRESET);
  net_end(&scene.net);
}

/* ---- a peer whose message is too long ---- */

static size_t nothing(fin_conn *conn, size_t len) {
  (void)conn;
  (void)len;
  return 0;
}

Test(contract_broken, message_up_to_input_max) {
  struct scene scene = {.do_on_data = nothing};
  int peer = begin(&scene);
  for (size_t i = 0; i < INPUT_MAX - 1; i += 111)
    net_send(&scene.net, peer, net_pattern(INPUT_MAX) + i, 111);
  net_until(&scene.net, scene.offered == INPUT_MAX - 1);
  turn_for(&scene.net, 20);
  cr_assert_eq(scene.net.closed, 0);
  cr_assert(fin_conn_reading(scene.net.conn));
  net_send(&scene.net, peer, net_pattern(INPUT_MAX) + INPUT_MAX - 1, 1);
  expect_end(&scene, peer, FIN_REASON_TOO_LONG, 0);
  net_end(&scene.net);
}

Test(contract_broken, message_too_long_at_once) {
  struct scene scene = {.do_on_data = nothing};
  int peer = begin(&scene);
  net_send(&scene.net, peer, net_pattern(INPUT_MAX * 10), INPUT_MAX * 10);
  expect_end(&scene, peer, FIN_REASON_TOO_LONG, 0);
  net_end(&scene.net);
}

static size_t nothing_and_pause(fin_conn *conn, size_t len) {
  (void)len;
  fin_conn_pause(conn);
  return 0;
}

/* It is the handler that makes the peer wait. */
Test(contract_broken, not_while_paused) {
  struct scene scene = {.do_on_data = nothing_and_pause};
  int peer = begin(&scene);
  net_send(&scene.net, peer, net_pattern(INPUT_MAX * 10), INPUT_MAX * 10);
  net_until(&scene.net, scene.offered > 0);
  turn_for(&scene.net, 20);
  cr_assert_eq(scene.net.closed, 0);
  scene.do_on_data = nothing;
  fin_conn_resume(scene.net.conn);
  expect_end(&scene, peer, FIN_REASON_TOO_LONG, 0);
  net_end(&scene.net);
}
