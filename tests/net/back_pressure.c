/* SPDX-License-Identifier: MIT
 *
 * A fast sender, an echo that knows nothing of back-pressure, and a peer that reads slowly or not
 * at all: memory stays bounded, nothing is lost, doubled or out of order, and on_writable tells of
 * every relief.
 */
#include "base/counted.h"
#include "more.h"

enum {
  STREAM = 12 * 1000 * 1000,
  BUFFER = 32 * 1024,
  HIGH = 64 * 1024,          /* the default */
  HELD_MAX = 2 * 1000 * 1000 /* a buffer for reading, the rest of what it took, and the output */
};

struct scene {
  struct net net;
  size_t echoed;
  unsigned writable;
  size_t frame; /* consumed in whole frames; 0: as it comes */
};

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  struct scene *scene = fin_conn_context(conn);
  size_t done = 0, frame = scene->frame ? scene->frame : len;
  while (len - done >= frame && fin_conn_reading(conn)) {
    cr_assert_eq(fin_conn_write(conn, data + done, frame), 0);
    done += frame;
  }
  scene->echoed += done;
  return done;
}

static void on_writable(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  cr_assert(fin_conn_output_len(conn) <= HIGH / 2, "%zu", fin_conn_output_len(conn));
  cr_assert(fin_conn_reading(conn));
  scene->writable++;
}

static const fin_handler handler = {.on_data = echo, .on_writable = on_writable};

/* Sends and receives the stream, at most `bite` bytes a turn. */
static void exchange(struct scene *scene, int peer, size_t bite) {
  struct net *net = &scene->net;
  size_t sent = 0, received = 0, held_max = 0;
  char *reply = malloc(bite);
  cr_assert(reply != NULL);
  while (received < STREAM) {
    if (sent < STREAM) sent += net_send_some(peer, net_pattern(STREAM) + sent, STREAM - sent);
    size_t count = net_receive_some(peer, reply, bite);
    cr_assert(memcmp(reply, net_pattern(STREAM) + received, count) == 0);
    received += count;
    if (counted.bytes > held_max) held_max = counted.bytes;
    net_turn(net, count ? 0 : 1);
  }
  free(reply);
  cr_assert(held_max < HELD_MAX, "%zu bytes of memory", held_max);
  cr_assert_eq(scene->echoed, STREAM);
}

static int begin(struct scene *scene) {
  counted_begin();
  net_begin(&scene->net, &(fin_listen){.handler = &handler, .context = scene});
  int peer = net_connect_small(&scene->net, BUFFER, BUFFER);
  int small = BUFFER; /* the server's own, lest the kernel takes it all */
  setsockopt(net_fd(scene->net.conn), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  return peer;
}

static void end(struct scene *scene, int peer) {
  net_close(&scene->net, peer);
  net_until(&scene->net, scene->net.closed == 1);
  net_end(&scene->net);
}

Test(back_pressure, slow_reader) {
  struct scene scene = {.echoed = 0};
  int peer = begin(&scene);
  exchange(&scene, peer, 20 * 1000);
  cr_assert(scene.writable > 5, "on_writable: %u", scene.writable);
  end(&scene, peer);
}

/* A frame at a time: the rest of what was read waits in the connection, and is offered again. */
Test(back_pressure, slow_reader_of_frames) {
  struct scene scene = {.frame = 100};
  int peer = begin(&scene);
  exchange(&scene, peer, 20 * 1000);
  cr_assert(scene.writable > 5, "on_writable: %u", scene.writable);
  end(&scene, peer);
}

Test(back_pressure, fast_reader) {
  struct scene scene = {.echoed = 0};
  int peer = begin(&scene);
  exchange(&scene, peer, STREAM);
  end(&scene, peer);
}

/* Nobody reads: after a while nothing moves any more, and nothing works at it. */
Test(back_pressure, no_reader) {
  struct scene scene = {.frame = 100};
  struct net *net = &scene.net;
  int peer = begin(&scene);
  size_t sent = 0;
  for (int still = 0; still < 20;) {
    size_t count = net_send_some(peer, net_pattern(STREAM) + sent, STREAM - sent);
    sent += count;
    still = count ? 0 : still + 1;
    net_turn(net, 2);
  }
  cr_assert(sent < STREAM);
  size_t echoed = scene.echoed, output = fin_conn_output_len(net->conn);
  cr_assert(output > HIGH / 2 && output <= HIGH + 100, "%zu", output);
  cr_assert(!fin_conn_reading(net->conn));
  cr_assert(counted.bytes < HELD_MAX, "%zu bytes of memory", counted.bytes);

  unsigned used = cpu_ms();
  turn_for(net, 300);
  used = cpu_ms() - used;
  cr_assert_eq(scene.echoed, echoed);
  cr_assert(used < 60, "%u ms of processor time in 300 ms", used);

  net_fin(peer); /* behind input that is not read */
  sent -= sent % scene.frame;
  net_expect(net, peer, net_pattern(sent), sent);
  end(&scene, peer);
  cr_assert_eq(scene.echoed, sent);
  cr_assert_eq(net->report.reason, FIN_REASON_PEER_ENDED);
}

/* ---- on_writable ---- */

static void write_more(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  if (scene->writable++ < 1000) cr_assert_eq(fin_conn_write(conn, net_pattern(10), 10), 0);
}

static const fin_handler writer = {.on_data = echo, .on_writable = write_more};

/* Output that passes output_high again within on_writable: it is told again, but not recursively,
 * and others have their turn. */
Test(back_pressure, writing_within_on_writable) {
  struct scene scene = {.echoed = 0};
  struct net *net = &scene.net;
  net_begin(net, &(fin_listen){.handler = &writer, .context = &scene, .conn = {.output_high = 5}});
  int other = net_connect(net), peer = net_connect(net);
  cr_assert_eq(fin_conn_write(net->conn, net_pattern(10), 10), 0);
  cr_assert_eq(net_send_some(other, "x", 1), 1);
  net_turn(net, 0);
  net_turn(net, 0);
  net_expect(net, other, "x", 1);
  cr_assert(scene.writable < 100, "%u", scene.writable);
  for (int i = 0; i <= 1000; i++) net_expect(net, peer, net_pattern(10), 10);
  net_until(net, scene.writable == 1001);
  net_close(net, other);
  net_close(net, peer);
  net_until(net, net->closed == 2);
  net_end(net);
}

Test(back_pressure, output_up_to_output_high_is_not_told) {
  struct scene scene = {.echoed = 0};
  struct net *net = &scene.net;
  net_begin(net, &(fin_listen){.handler = &handler, .context = &scene});
  int peer = net_connect(net);
  for (int i = 0; i < HIGH / 1024; i++) {
    cr_assert_eq(fin_conn_write(net->conn, net_pattern(1024), 1024), 0);
    cr_assert(fin_conn_reading(net->conn));
    if (fin_conn_output_len(net->conn) >= 10 * 1024) net_turn(net, 0);
  }
  cr_assert_eq(scene.writable, 0);
  int ending;
  net_receive_all(net, peer, NULL, HIGH, &ending);
  end(&scene, peer);
  cr_assert_eq(scene.writable, 0);
}
