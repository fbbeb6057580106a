/* SPDX-License-Identifier: MIT
 *
 * Each allocation of the library fails once, in a scenario that makes every kind of them: whoever
 * asked is told, clients get an answer, nothing is leaked, and the server serves the next one.
 */
#include <errno.h>

#include "base/counted.h"
#include "more.h"

enum { GREETING = 10, TAKEN = 3000, LARGE = 9 * 1000 * 1000, ALL = GREETING + TAKEN + LARGE };

struct scene {
  struct net net; /* of which only the loop is used: net_begin wants a server that works */
  struct leftover_baseline baseline;
  char taken[TAKEN];
  unsigned opened, closed;
  unsigned told;     /* -ENOMEM from a function */
  unsigned broken;   /* connections with FIN_REASON_NO_MEMORY */
  unsigned released; /* and given */
  unsigned given;
  size_t calls; /* allocations, until the first client was served */
};

static void release_and_spoil_errno(void *memory) {
  counted_release(memory);
  errno = EILSEQ;
}

/* ---- the server: answers the peer's second piece of input with much ---- */

static void release(void *arg, const void *data) {
  struct scene *scene = arg;
  cr_assert(data == scene->taken);
  scene->released++;
}

static bool written(struct scene *scene, fin_conn *conn, int error) {
  if (error == 0) return true;
  cr_assert(error == -ENOMEM || (error == -EPIPE && fin_conn_life(conn) > 0), "%d", error);
  scene->told += error == -ENOMEM;
  fin_conn_close(conn, FIN_REASON_NO_MEMORY);
  return false;
}

static void answer(struct scene *scene, fin_conn *conn) {
  if (!written(scene, conn, fin_conn_write(conn, net_pattern(ALL), GREETING))) return;
  scene->given++;
  int error = fin_conn_write_take(conn, scene->taken, TAKEN, release, scene);
  if (!written(scene, conn, error)) return;
  error = fin_conn_write(conn, net_pattern(ALL) + GREETING + TAKEN, LARGE);
  if (!written(scene, conn, error)) return;
  fin_conn_end(conn);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  cr_assert(memcmp(data, "question", len) == 0);
  if (len < 8) return 0;
  answer(fin_conn_context(conn), conn);
  return len;
}

static void on_open(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  const char *state = fin_conn_state(conn);
  for (size_t i = 0; i < 100; i++) cr_assert(state[i] == 0, "handler state is zeroed");
  scene->opened++;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct scene *scene = fin_conn_context(conn);
  scene->closed++;
  scene->broken += report->reason == FIN_REASON_NO_MEMORY;
}

static const fin_handler handler = {
    .state_size = 100, .on_open = on_open, .on_data = on_data, .on_close = on_close};

/* ---- the peer ---- */

static bool answered(struct net *net) {
  int ending = -1;
  int peer = dial(net->port);
  net_turn(net, 0);
  bool sent = send(peer, "ques", 4, MSG_NOSIGNAL) == 4;
  for (int turn = 0; turn < 3; turn++) net_turn(net, 1);
  sent = sent && send(peer, "tion", 4, MSG_NOSIGNAL) == 4;
  char *reply = malloc(ALL + 1);
  cr_assert(reply != NULL);
  size_t received = net_receive_all(net, peer, reply, ALL + 1, &ending);
  bool right = sent && ending == 0 && received == ALL && memcmp(reply, net_pattern(ALL), ALL) == 0;
  free(reply);
  net_close(net, peer);
  return right;
}

/* ---- the scenario ---- */

static void serve(struct scene *scene) {
  struct net *net = &scene->net;
  fin_listen listen = {.host = "127.0.0.1", .handler = &handler, .context = scene};
  int error = fin_server_listen(net->server, &listen);
  cr_assert(error == 0 || error == -ENOMEM);
  if (error) {
    scene->told++;
    cr_assert_eq(fin_server_port(net->server), 0, "nothing listens");
    cr_assert_eq(fin_server_listen(net->server, &listen), 0, "it works when there is memory");
  }
  net->port = fin_server_port(net->server);
  bool first = answered(net);
  net_until(net, scene->opened == scene->closed);
  fin_server_stats stats = stats_of(net);
  cr_assert(first || scene->told || scene->broken || stats.shed, "whoever asked is told");
  scene->calls = counted.calls;
  cr_assert(answered(net), "the server serves the next one");
  net_until(net, scene->opened == scene->closed);
}

static void play(struct scene *scene) {
  struct net *net = &scene->net;
  errno = 0;
  net->server = fin_server_new(&(fin_server_options){.loop = &net->loop});
  if (!net->server) {
    cr_assert_eq(errno, ENOMEM, "errno is %d", errno);
    scene->told++;
    return;
  }
  serve(scene);
  fin_server_free(net->server);
}

/* Returns how many allocations were made until the first client was served. */
static size_t play_with_failure(size_t fail_at) {
  struct scene scene = {.taken = {0}};
  struct net *net = &scene.net;
  memcpy(scene.taken, net_pattern(ALL) + GREETING, TAKEN);
  scene.baseline = leftover_begin();
  cr_assert_eq(uv_loop_init(&net->loop), 0);
  cr_assert_eq(uv_timer_init(&net->loop, &net->wake), 0);
  counted_begin();
  fin_set_allocator(counted_alloc, counted_resize, release_and_spoil_errno);
  counted.fail_at = fail_at;
  play(&scene);
  uv_close((uv_handle_t *)&net->wake, NULL);
  uv_run(&net->loop, UV_RUN_DEFAULT);
  cr_assert_eq(uv_loop_close(&net->loop), 0);
  cr_assert_eq(scene.released, scene.given);
  cr_assert_eq(counted.live, 0, "%zu allocations leaked", counted.live);
  leftover_end(&scene.baseline);
  return scene.calls;
}

Test(allocation_fails, each_once) {
  uv_loop_t first; /* opens descriptors that stay */
  cr_assert_eq(uv_loop_init(&first), 0);
  cr_assert_eq(uv_loop_close(&first), 0);
  size_t count = play_with_failure(0);
  cr_assert(count > 10, "only %zu allocations were made", count);
  for (size_t fail_at = 1; fail_at <= count; fail_at++) {
    (void)play_with_failure(fail_at);
    cr_assert(counted.calls >= fail_at, "allocation %zu of %zu was not asked for", fail_at, count);
  }
}
