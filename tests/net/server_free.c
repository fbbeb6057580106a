/* SPDX-License-Identifier: MIT
 *
 * fin_server_free at every stage of a server's life, on its own loop and on an embedder's: every
 * connection has its on_close, and nothing is left in the loop, in memory or among the descriptors.
 */
#include "base/counted.h"
#include "more.h"

struct scene {
  struct leftover_baseline baseline;
  uv_loop_t loop;
  fin_server *server;
  int peer;
  unsigned opened, closed, drained;
  fin_reason reason;
  bool frees; /* within on_drained */
};

static void on_open(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  scene->opened++;
}

/* "drain" drains, everything else comes back. */
static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  if (memcmp(data, "drain", len) == 0)
    fin_server_drain(fin_conn_server(conn));
  else
    cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct scene *scene = fin_conn_context(conn);
  scene->closed++;
  scene->reason = report->reason;
}

static const fin_handler handler = {.on_open = on_open, .on_data = on_data, .on_close = on_close};

static void on_drained(fin_server *server, void *context) {
  struct scene *scene = context;
  cr_assert(server == scene->server);
  scene->drained++;
  if (scene->frees) fin_server_free(server);
}

static void begin(struct scene *scene, bool own_loop) {
  uv_loop_t first; /* opens descriptors that stay */
  cr_assert_eq(uv_loop_init(&first), 0);
  cr_assert_eq(uv_loop_close(&first), 0);
  scene->baseline = leftover_begin();
  scene->peer = -1;
  counted_begin();
  cr_assert_eq(uv_loop_init(&scene->loop), 0);
  scene->server = fin_server_new(&(fin_server_options){
      .loop = own_loop ? NULL : &scene->loop, .on_drained = on_drained, .context = scene});
  cr_assert(scene->server != NULL);
}

static void listen_and_dial(struct scene *scene, const char *words) {
  fin_listen listen = {.host = "127.0.0.1", .handler = &handler, .context = scene};
  cr_assert_eq(fin_server_listen(scene->server, &listen), 0);
  scene->peer = dial(fin_server_port(scene->server));
  cr_assert_eq(net_send_some(scene->peer, words, strlen(words)), strlen(words));
}

/* How the server ended the peer: 0 for FIN, else the errno. */
static int ending_of(int peer) {
  char byte;
  ssize_t count = recv(peer, &byte, 1, 0);
  cr_assert(count <= 0);
  return count == 0 ? 0 : errno;
}

/* The loop has nothing left to do: uv_run returns 0. */
static void end(struct scene *scene) {
  cr_assert_eq(uv_run(&scene->loop, UV_RUN_DEFAULT), 0);
  cr_assert_eq(uv_loop_close(&scene->loop), 0);
  cr_assert_eq(scene->opened, scene->closed);
  if (scene->peer >= 0) close(scene->peer);
  cr_assert_eq(counted.live, 0, "%zu allocations leaked", counted.live);
  leftover_end(&scene->baseline);
}

static void turn_until_echo(struct scene *scene) {
  char reply[5];
  while (recv(scene->peer, reply, sizeof reply, 0) != 5) uv_run(&scene->loop, UV_RUN_ONCE);
}

Test(server_free, null) { fin_server_free(NULL); }

/* ---- its own loop ---- */

Test(server_free_own_loop, never_listened) {
  struct scene scene = {.opened = 0};
  begin(&scene, true);
  fin_server_free(scene.server);
  end(&scene);
}

Test(server_free_own_loop, never_ran) {
  struct scene scene = {.opened = 0};
  begin(&scene, true);
  listen_and_dial(&scene, "hello");
  fin_server_free(scene.server);
  cr_assert_eq(ending_of(scene.peer), ECONNRESET);
  end(&scene);
}

Test(server_free_own_loop, after_run) {
  struct scene scene = {.opened = 0};
  begin(&scene, true);
  listen_and_dial(&scene, "drain");
  cr_assert_eq(fin_server_run(scene.server), 0);
  cr_assert_eq(scene.drained, 1);
  cr_assert_eq(scene.reason, FIN_REASON_DRAINED);
  cr_assert_eq(fin_server_run(scene.server), 0, "there is nothing more to run");
  fin_server_free(scene.server);
  cr_assert_eq(scene.drained, 1);
  end(&scene);
}

Test(server_free_own_loop, within_on_drained) {
  struct scene scene = {.frees = true};
  begin(&scene, true);
  listen_and_dial(&scene, "drain");
  cr_assert_eq(fin_server_run(scene.server), 0);
  cr_assert_eq(scene.drained, 1);
  end(&scene);
}

Test(server_free_own_loop, drained_before_run) {
  struct scene scene = {.frees = true};
  begin(&scene, true);
  fin_server_drain(scene.server);
  cr_assert_eq(scene.drained, 0);
  cr_assert_eq(fin_server_run(scene.server), 0);
  cr_assert_eq(scene.drained, 1);
  end(&scene);
}

/* ---- an embedder's loop ---- */

Test(server_free_embedded, run_is_refused) {
  struct scene scene = {.opened = 0};
  begin(&scene, false);
  cr_assert_eq(fin_server_run(scene.server), -EINVAL);
  fin_server_free(scene.server);
  end(&scene);
}

Test(server_free_embedded, never_listened) {
  struct scene scene = {.opened = 0};
  begin(&scene, false);
  fin_server_free(scene.server);
  end(&scene);
}

Test(server_free_embedded, never_ran) {
  struct scene scene = {.opened = 0};
  begin(&scene, false);
  listen_and_dial(&scene, "hello");
  fin_server_free(scene.server);
  cr_assert_eq(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
  cr_assert_eq(scene.opened, 0, "who waited in the backlog is not let in any more");
  cr_assert_eq(ending_of(scene.peer), ECONNRESET);
  end(&scene);
}

Test(server_free_embedded, with_connections) {
  struct scene scene = {.opened = 0};
  begin(&scene, false);
  listen_and_dial(&scene, "hello");
  turn_until_echo(&scene);
  fin_server_free(scene.server);
  cr_assert_eq(scene.closed, 0, "not before fin_server_free returns");
  cr_assert_eq(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
  cr_assert_eq(scene.reason, FIN_REASON_DRAIN_TIMEOUT);
  cr_assert_eq(ending_of(scene.peer), ECONNRESET);
  end(&scene);
}

Test(server_free_embedded, while_it_drains) {
  struct scene scene = {.opened = 0};
  begin(&scene, false);
  listen_and_dial(&scene, "hello");
  turn_until_echo(&scene);
  fin_server_drain(scene.server);
  uv_run(&scene.loop, UV_RUN_NOWAIT);
  fin_server_free(scene.server);
  end(&scene);
}

Test(server_free_embedded, after_drain) {
  struct scene scene = {.opened = 0};
  begin(&scene, false);
  listen_and_dial(&scene, "drain");
  cr_assert_eq(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
  cr_assert_eq(scene.drained, 1);
  fin_server_free(scene.server);
  cr_assert_eq(uv_loop_alive(&scene.loop), 0, "freed at once");
  end(&scene);
}

Test(server_free_embedded, within_on_drained) {
  struct scene scene = {.frees = true};
  begin(&scene, false);
  listen_and_dial(&scene, "drain");
  cr_assert_eq(uv_run(&scene.loop, UV_RUN_DEFAULT), 0);
  cr_assert_eq(scene.drained, 1);
  end(&scene);
}

Test(server_free_embedded, between_any_two_turns_of_a_drain) {
  for (int turns = 0; turns < 20; turns++) {
    struct scene scene = {.opened = 0};
    begin(&scene, false);
    listen_and_dial(&scene, "drain");
    shutdown(scene.peer, SHUT_WR);
    for (int i = 0; i < turns; i++) uv_run(&scene.loop, UV_RUN_NOWAIT);
    cr_assert(turns < 19 || scene.drained == 1, "the last ones come after the drain");
    fin_server_free(scene.server);
    end(&scene);
  }
}
