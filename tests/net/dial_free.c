/* SPDX-License-Identifier: MIT
 *
 * fin_server_free while a connection is being made, on its own loop and on an embedder's: it has
 * its on_close, and nothing is left in the loop, in memory or among the descriptors. A name that is
 * being resolved is waited for, since another thread is at it.
 */
#include "base/counted.h"
#include "dialling.h"
#include "own_host.h"

struct scene {
  struct leftover_baseline baseline;
  struct net net; /* of which only the server, and the embedder's loop, are used */
  struct caller caller;
};

static void begin(struct scene *scene, bool own_loop) {
  struct net *net = &scene->net;
  uv_loop_t first; /* opens descriptors that stay */
  cr_assert_eq(uv_loop_init(&first), 0);
  cr_assert_eq(uv_loop_close(&first), 0);
  scene->baseline = leftover_begin();
  counted_begin();
  cr_assert_eq(uv_loop_init(&net->loop), 0);
  cr_assert_eq(uv_timer_init(&net->loop, &net->wake), 0);
  net->server = fin_server_new(&(fin_server_options){.loop = own_loop ? NULL : &net->loop});
  cr_assert(net->server != NULL);
}

/* The loop has nothing left to do. */
static void end(struct scene *scene) {
  uv_close((uv_handle_t *)&scene->net.wake, NULL);
  cr_assert_eq(uv_run(&scene->net.loop, UV_RUN_DEFAULT), 0);
  cr_assert_eq(uv_loop_close(&scene->net.loop), 0);
  cr_assert_eq(scene->caller.closed, 1);
  cr_assert_eq(scene->caller.report.reason, FIN_REASON_DRAIN_TIMEOUT);
  cr_assert_eq(counted.live, 0, "%zu allocations leaked", counted.live);
  leftover_end(&scene->baseline);
}

/* ---- connecting ---- */

static void frees_while_connecting(bool own_loop, int turns) {
  struct scene scene = {.caller.opened = 0};
  struct silence silence = silence_at("127.0.0.1", 0);
  begin(&scene, own_loop);
  caller_dial(&scene.caller, &scene.net, "127.0.0.1", silence_port(&silence), 0);
  for (int i = 0; i < turns; i++) net_turn(&scene.net, 1);
  fin_server_free(scene.net.server);
  cr_assert_eq(scene.caller.closed, own_loop);
  end(&scene);
  silence_end(&silence);
}

Test(dial_free, just_dialled) { frees_while_connecting(true, 0); }
Test(dial_free_embedded, just_dialled) { frees_while_connecting(false, 0); }
Test(dial_free_embedded, connecting) { frees_while_connecting(false, 5); }

Test(dial_free_embedded, at_any_turn) {
  int listener = listening_socket("127.0.0.1", 0, 16);
  for (int turns = 0; turns < 12; turns++) {
    struct scene scene = {.caller.opened = 0};
    begin(&scene, false);
    caller_dial(&scene.caller, &scene.net, turns % 2 ? "127.0.0.1" : "localhost", port_of(listener),
                0);
    for (int i = 0; i < turns; i++) net_turn(&scene.net, 1);
    cr_assert(turns < 11 || scene.caller.opened == 1, "the last ones come when it is open");
    fin_server_free(scene.net.server);
    end(&scene);
  }
  close(listener);
}

/* ---- resolving ---- */

static bool is_asked(int name_server) {
  char byte;
  return recv(name_server, &byte, 1, MSG_PEEK) == 1;
}

Test(dial_free_embedded, resolving) {
  struct scene scene = {.caller.opened = 0};
  own_host_begin("127.0.0.1 localhost\n");
  int name_server = own_host_name_server();
  begin(&scene, false);
  caller_dial(&scene.caller, &scene.net, "nobody.example", 80, 0);
  net_until(&scene.net, is_asked(name_server));
  fin_server_free(scene.net.server);
  net_until(&scene.net, scene.caller.closed == 1);
  net_turn(&scene.net, 0);
  cr_assert(counted.live > 0 && uv_loop_alive(&scene.net.loop));
  net_until(&scene.net, (own_host_answer(name_server), counted.live == 0));
  end(&scene);
  close(name_server);
}

/* The name server is another process, for our only thread waits; it answers when it has been asked
 * and nothing more was to be had of waiting. */
Test(dial_free, resolving) {
  struct scene scene = {.caller.opened = 0};
  own_host_begin("127.0.0.1 localhost\n");
  int name_server = own_host_name_server();
  struct child child = child_new();
  while (child.pid == 0) {
    usleep(50 * 1000);
    own_host_answer(name_server);
  }
  begin(&scene, true);
  caller_dial(&scene.caller, &scene.net, "nobody.example", 80, 0);
  fin_server_free(scene.net.server);
  end(&scene);
  kill(child.pid, SIGKILL);
  cr_assert_eq(child_end(&child), -SIGKILL);
  close(name_server);
}
