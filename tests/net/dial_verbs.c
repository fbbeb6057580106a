/* SPDX-License-Identifier: MIT
 *
 * What is said to a connection before it is open: output waits for the opening, and each verb is
 * kept as if it had been said after it, save abort, which does not wait.
 */
#include "dialling.h"

static const fin_listen listens = {.handler = &echo_handler};

enum { MUCH = 3 * 1000 * 1000, SHORT_MS = 300 };

struct scene {
  struct net net;
  struct caller caller;
  int listener; /* whom it calls */
};

static void begin(struct scene *scene) {
  net_begin(&scene->net, &listens);
  scene->listener = listening_socket("127.0.0.1", 0, 8);
  caller_dial(&scene->caller, &scene->net, "127.0.0.1", port_of(scene->listener), 0);
}

static void end(struct scene *scene) {
  close(scene->listener);
  net_end(&scene->net);
}

/* All of `words` and then our FIN; then it says bye. */
static void peer_hears_all(struct scene *scene, const char *words, size_t len) {
  struct net *net = &scene->net;
  int peer = accepted(net, scene->listener), ending = -1;
  char *heard = malloc(len + 1);
  cr_assert(heard != NULL);
  cr_assert_eq(net_receive_all(net, peer, heard, len + 1, &ending), len);
  cr_assert_eq(ending, 0, "%s", strerror(ending));
  cr_assert_eq(memcmp(heard, words, len), 0);
  free(heard);
  net_send(net, peer, "bye", 3);
  net_close(net, peer);
  net_until(net, scene->caller.closed == 1);
}

/* ---- while it opens ---- */

Test(dial_opening, takes_output) {
  struct net net;
  struct caller caller = {.opened = 0};
  net_begin(&net, &listens);
  caller_dial(&caller, &net, "127.0.0.1", net.port, 0);
  cr_assert_eq(fin_conn_write(caller.conn, "hello ", 6), 0);
  cr_assert_eq(fin_conn_write(caller.conn, "there", 5), 0);
  cr_assert_eq(fin_conn_output_len(caller.conn), 11);
  net_until(&net, caller_heard(&caller, "hello there"));
  fin_conn_close(caller.conn, FIN_REASON_CLOSED);
  net_end(&net);
}

Test(dial_opening, ends) {
  struct scene scene = {.caller.stays = true};
  begin(&scene);
  cr_assert_eq(fin_conn_write(scene.caller.conn, net_pattern(MUCH), MUCH), 0);
  fin_conn_end(scene.caller.conn);
  cr_assert_eq(fin_conn_write(scene.caller.conn, "more", 4), -EPIPE);
  peer_hears_all(&scene, net_pattern(MUCH), MUCH);
  cr_assert_eq(scene.caller.opened, 1);
  cr_assert(caller_heard(&scene.caller, "bye"));
  caller_reason(&scene.caller, ENDED, 0);
  cr_assert_eq(scene.caller.report.bytes_acked, MUCH);
  end(&scene);
}

Test(dial_opening, closes) {
  struct scene scene = {.caller.opened = 0};
  begin(&scene);
  cr_assert_eq(fin_conn_write(scene.caller.conn, net_pattern(MUCH), MUCH), 0);
  fin_conn_close(scene.caller.conn, FIN_REASON_CLOSED);
  peer_hears_all(&scene, net_pattern(MUCH), MUCH);
  cr_assert_eq(scene.caller.opened, 0, "no callback but on_close follows");
  cr_assert(caller_heard(&scene.caller, ""));
  caller_reason(&scene.caller, CLOSED, 0);
  cr_assert_eq(scene.caller.report.bytes_acked, MUCH);
  end(&scene);
}

Test(dial_opening, drains) {
  struct scene scene = {.caller.opened = 0};
  begin(&scene);
  cr_assert_eq(fin_conn_write(scene.caller.conn, "hello", 5), 0);
  fin_server_drain(scene.net.server);
  peer_hears_all(&scene, "hello", 5);
  caller_reason(&scene.caller, DRAINED, 0);
  end(&scene);
}

/* ---- where nobody answers ---- */

static void begin_in_silence(struct scene *scene, struct silence *silence, uint32_t drain_ms) {
  *silence = silence_at("127.0.0.1", 0);
  net_begin_with(&scene->net, &(fin_server_options){.drain_ms = drain_ms}, &listens);
  net_close(&scene->net, net_connect(&scene->net)); /* libuv's first opens one that stays */
  net_until(&scene->net, scene->net.closed == 1);
}

static void end_in_silence(struct scene *scene, struct silence *silence) {
  net_end(&scene->net);
  silence_end(silence);
}

/* Until there is a socket that nobody answers. */
static size_t dial_silence(struct scene *scene, const struct silence *silence, uint32_t open_ms) {
  size_t descriptors = leftover_descriptors();
  caller_dial(&scene->caller, &scene->net, "127.0.0.1", silence_port(silence), open_ms);
  net_until(&scene->net, leftover_descriptors() == descriptors + 1);
  return descriptors;
}

static void is_over_in_time(void (*verb)(fin_conn *conn)) {
  struct scene scene = {.caller.opened = 0};
  struct silence silence;
  begin_in_silence(&scene, &silence, 0);
  uint64_t begun = net_now_ms();
  (void)dial_silence(&scene, &silence, SHORT_MS);
  cr_assert_eq(fin_conn_write(scene.caller.conn, "hello", 5), 0);
  if (verb) verb(scene.caller.conn);
  net_until(&scene.net, scene.caller.closed == 1);
  uint64_t took_ms = net_now_ms() - begun;
  cr_assert(took_ms + 2 >= SHORT_MS, "%u ms", (unsigned)took_ms);
  caller_reason(&scene.caller, OPEN_TIMEOUT, 0);
  cr_assert_eq(scene.caller.opened, 0);
  cr_assert_eq(scene.caller.report.bytes_acked, 0);
  end_in_silence(&scene, &silence);
}

static void closes(fin_conn *conn) { fin_conn_close(conn, FIN_REASON_CLOSED); }

Test(dial_silence, is_over_after_open_ms) { is_over_in_time(NULL); }
Test(dial_silence, ended) { is_over_in_time(fin_conn_end); }
Test(dial_silence, closed) { is_over_in_time(closes); }

/* Nothing was written, so that there is nothing to open it for. */
static void is_given_up(void (*verb)(fin_conn *conn), fin_reason reason) {
  struct scene scene = {.caller.opened = 0};
  struct silence silence;
  begin_in_silence(&scene, &silence, 0);
  size_t descriptors = dial_silence(&scene, &silence, 0);
  verb(scene.caller.conn);
  cr_assert_eq(leftover_descriptors(), descriptors, "at once");
  cr_assert_eq(scene.caller.closed, 0, "not from within the verb");
  net_until(&scene.net, scene.caller.closed == 1);
  cr_assert_eq(scene.caller.report.reason, reason);
  end_in_silence(&scene, &silence);
}

Test(dial_silence, aborted) { is_given_up(fin_conn_abort, FIN_REASON_ABORTED); }
Test(dial_silence, closed_and_nothing_to_say) { is_given_up(closes, FIN_REASON_CLOSED); }

static void is_drained(const char *words, uint32_t drain_ms, fin_reason reason) {
  struct scene scene = {.caller.opened = 0};
  struct silence silence;
  begin_in_silence(&scene, &silence, drain_ms);
  (void)dial_silence(&scene, &silence, 0);
  cr_assert_eq(fin_conn_write(scene.caller.conn, words, strlen(words)), 0);
  fin_server_drain(scene.net.server);
  net_until(&scene.net, scene.net.drained);
  cr_assert_eq(scene.caller.closed, 1);
  cr_assert_eq(scene.caller.report.reason, reason);
  end_in_silence(&scene, &silence);
}

Test(dial_silence, drained) { is_drained("hello", SHORT_MS, FIN_REASON_DRAIN_TIMEOUT); }
Test(dial_silence, drained_and_nothing_to_say) { is_drained("", 0, FIN_REASON_DRAINED); }

/* At each turn between the dialling and the echo. */
Test(dial_opening, aborted_at_any_turn) {
  unsigned closed_open = 0;
  for (int turns = 0; turns < 12; turns++) {
    struct net net;
    struct caller caller = {.opened = 0};
    net_begin(&net, &listens);
    caller_dial(&caller, &net, turns % 2 ? "127.0.0.1" : "localhost", net.port, 0);
    for (int turn = 0; turn < turns; turn++) net_turn(&net, 1);
    fin_conn_abort(caller.conn);
    net_until(&net, caller.closed == 1);
    caller_reason(&caller, ABORTED, 0);
    closed_open += caller.opened;
    net_end(&net);
  }
  cr_assert(closed_open > 0, "the last ones come when it is open");
}

/* ---- in on_open ---- */

static void end_it(fin_conn *conn) {
  cr_assert_eq(fin_conn_write(conn, "hello", 5), 0);
  fin_conn_end(conn);
}

static void close_it(fin_conn *conn) {
  cr_assert_eq(fin_conn_write(conn, "hello", 5), 0);
  fin_conn_close(conn, FIN_REASON_CLOSED);
}

Test(dial_on_open, ends) {
  struct scene scene = {.caller.greet = end_it, .caller.stays = true};
  begin(&scene);
  peer_hears_all(&scene, "hello", 5);
  cr_assert(caller_heard(&scene.caller, "bye"));
  caller_reason(&scene.caller, ENDED, 0);
  end(&scene);
}

Test(dial_on_open, closes) {
  struct scene scene = {.caller.greet = close_it};
  begin(&scene);
  peer_hears_all(&scene, "hello", 5);
  caller_reason(&scene.caller, CLOSED, 0);
  end(&scene);
}

Test(dial_on_open, aborts) {
  struct scene scene = {.caller.greet = fin_conn_abort};
  int ending = -1;
  begin(&scene);
  int peer = accepted(&scene.net, scene.listener);
  cr_assert_eq(net_receive_all(&scene.net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, ECONNRESET);
  net_close(&scene.net, peer);
  net_until(&scene.net, scene.caller.closed == 1);
  cr_assert_eq(scene.caller.opened, 1);
  caller_reason(&scene.caller, ABORTED, 0);
  end(&scene);
}
