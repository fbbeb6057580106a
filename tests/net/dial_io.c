/* SPDX-License-Identifier: MIT
 *
 * fin_io_dial by itself, without a driver that keeps time of its own: what it tells and when, and
 * what may be asked of a stream that is dialling.
 */
#include "dialling.h"
#include "io/io.h"
#include "own_host.h"

enum { WITHIN_MS = 200 };

struct scene {
  struct net net;    /* of which only the loop is used */
  struct fin_io *io; /* NULL once stopped */
  struct fin_stream *stream;
  unsigned connected, closed;
  int error; /* -1: none was told */
};

static struct scene *scene_of(struct fin_conn *conn) { return (struct scene *)(void *)conn; }

static void on_connected(struct fin_conn *conn) { scene_of(conn)->connected++; }
static void on_fd_closed(struct fin_conn *conn) { scene_of(conn)->closed++; }
static void on_time(void *owner) { (void)owner; }

static void on_error(struct fin_conn *conn, int error) {
  cr_assert_eq(scene_of(conn)->error, -1);
  scene_of(conn)->error = error;
}

static const struct fin_io_events events = {.on_connected = on_connected,
                                            .on_error = on_error,
                                            .on_fd_closed = on_fd_closed,
                                            .on_time = on_time,
                                            .on_turn_end = on_time};

static void dial_to(struct scene *scene, const char *host, uint16_t port) {
  *scene = (struct scene){.error = -1};
  cr_assert_eq(uv_loop_init(&scene->net.loop), 0);
  cr_assert_eq(uv_timer_init(&scene->net.loop, &scene->net.wake), 0);
  scene->io = fin_io_new(&scene->net.loop, &events, scene);
  scene->stream = malloc(fin_stream_size);
  cr_assert(scene->io && scene->stream);
  struct fin_dial_spec spec = {host, port, WITHIN_MS, 120 * 1000, 120 * 1000};
  struct fin_conn *conn = (struct fin_conn *)(void *)scene;
  cr_assert_eq(fin_io_dial(scene->io, scene->stream, conn, &spec), 0);
  cr_assert(scene->connected + scene->closed == 0 && scene->error == -1, "nothing calls back");
  cr_assert_eq(fin_io_fd(scene->stream), -1);
  cr_assert(!fin_io_writing(scene->stream));
  cr_assert_eq(fin_io_write_taken(scene->stream), 0);
  cr_assert_eq(fin_io_unacked(scene->stream, true), 0);
  cr_assert_eq(fin_io_hear(scene->stream, FIN_HEAR_NOTHING), 0);
}

static void on_stopped(void *arg) {
  struct scene *scene = arg;
  fin_io_free(scene->io);
  scene->io = NULL;
}

static void close_stream(struct scene *scene) {
  fin_io_close(scene->stream, false);
  cr_assert_eq(scene->closed, 0);
  net_until(&scene->net, scene->closed == 1);
  free(scene->stream); /* what is still under way does not need it */
  fin_io_stop(scene->io, on_stopped, scene);
}

static void end(struct scene *scene) {
  net_until(&scene->net, !scene->io);
  uv_close((uv_handle_t *)&scene->net.wake, NULL);
  cr_assert_eq(uv_run(&scene->net.loop, UV_RUN_DEFAULT), 0);
  cr_assert_eq(uv_loop_close(&scene->net.loop), 0);
}

static void fails(const char *host, uint16_t port, int error) {
  struct scene scene;
  struct leftover_baseline baseline = leftover_begin();
  dial_to(&scene, host, port);
  net_until(&scene.net, scene.error != -1);
  cr_assert_eq(scene.error, error, "%s", strerror(scene.error));
  turn_for(&scene.net, 20);
  close_stream(&scene);
  end(&scene);
  leftover_end(&baseline);
}

static void warm_up(void) { /* libuv's first loop opens descriptors that stay */
  uv_loop_t first;
  cr_assert_eq(uv_loop_init(&first), 0);
  cr_assert_eq(uv_loop_close(&first), 0);
}

Test(dial_io, refused) {
  warm_up();
  fails("127.0.0.1", port_of_nobody(), ECONNREFUSED);
}

Test(dial_io, fails_at_once) {
  warm_up();
  fails("255.255.255.255", 80, ENETUNREACH);
}

Test(dial_io, silence) {
  warm_up();
  struct silence silence = silence_at("127.0.0.1", 0);
  uint64_t begun = net_now_ms();
  fails("127.0.0.1", silence_port(&silence), ETIMEDOUT);
  cr_assert(net_now_ms() - begun + 2 >= WITHIN_MS);
  silence_end(&silence);
}

Test(dial_io, unanswered_name) {
  struct scene scene;
  own_host_begin("127.0.0.1 localhost\n");
  warm_up();
  struct leftover_baseline baseline = leftover_begin();
  int name_server = own_host_name_server();
  dial_to(&scene, "nobody.example", 80);
  net_until(&scene.net, scene.error != -1);
  cr_assert_eq(scene.error, ETIMEDOUT);
  close_stream(&scene);
  turn_for(&scene.net, 20);
  cr_assert(scene.io, "a thread still needs its loop");
  net_until(&scene.net, (own_host_answer(name_server), !scene.io));
  end(&scene);
  close(name_server);
  leftover_end(&baseline);
}

Test(dial_io, connected) {
  struct scene scene;
  warm_up();
  struct leftover_baseline baseline = leftover_begin();
  int listener = listening_socket("127.0.0.1", 0, 1);
  dial_to(&scene, "127.0.0.1", port_of(listener));
  net_until(&scene.net, scene.connected == 1);
  cr_assert_eq(net_tcp_state(fin_io_fd(scene.stream)), TCP_ESTABLISHED);
  turn_for(&scene.net, WITHIN_MS + 20);
  cr_assert_eq(scene.error, -1, "the time is for connecting");
  close_stream(&scene);
  end(&scene);
  close(listener);
  leftover_end(&baseline);
}
