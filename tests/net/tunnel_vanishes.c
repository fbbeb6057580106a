/* SPDX-License-Identifier: MIT
 *
 * One end of a tunnel is gone without a word. Neither leg outlives the deadlines, and the end that
 * is still there learns that it was cut off.
 */
#include <sched.h>

#include "tunnel_ends.h"
#include "two_hosts.h"

static void go(int ns) { cr_assert_eq(setns(ns, CLONE_NEWNET), 0, "setns: %s", strerror(errno)); }

static struct sockaddr_in at(const char *host, uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  cr_assert_eq(inet_pton(AF_INET, host, &address.sin_addr), 1);
  return address;
}

static int listen_on(const char *host, uint16_t *port) {
  struct sockaddr_in address = at(host, 0);
  socklen_t len = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  cr_assert_geq(listener, 0);
  cr_assert_eq(bind(listener, (struct sockaddr *)&address, len), 0, "bind: %s", strerror(errno));
  cr_assert_eq(listen(listener, 16), 0);
  cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
  *port = ntohs(address.sin_port);
  return listener;
}

static int connect_to(const char *host, uint16_t port) {
  struct sockaddr_in address = at(host, port);
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_geq(peer, 0);
  cr_assert_eq(connect(peer, (struct sockaddr *)&address, sizeof address), 0, "connect: %s",
               strerror(errno));
  cr_assert_eq(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
  return peer;
}

struct scene {
  struct two_hosts hosts;
  struct ends ends;
  int far, near; /* the ends at the other host, and at the server's */
};

/* Either the client is at the other host, or the target is. */
static void begin(struct scene *scene, bool far_target, const fin_conn_options *limits) {
  struct ends *ends = &scene->ends;
  struct two_hosts *hosts = &scene->hosts;
  const char *target = far_target ? TWO_HOSTS_CLIENT : TWO_HOSTS_SERVER;
  uint16_t port;
  two_hosts_begin(hosts);
  cr_assert_eq(system("ip link set lo up"), 0); /* for the end that is at the server's host */
  net_begin(&ends->net, &(fin_listen){.handler = ends_unused, .host = TWO_HOSTS_SERVER});
  if (far_target) go(hosts->client);
  ends->listener = listen_on(target, &port);
  go(hosts->server);
  ends->tunnel =
      fin_tunnel_new(&(fin_tunnel_options){.host = target, .port = port, .conn = *limits});
  cr_assert_not_null(ends->tunnel);
  fin_listen listen = {
      .host = TWO_HOSTS_SERVER, .handler = fin_tunnel_handler(ends->tunnel), .conn = *limits};
  cr_assert_eq(fin_server_listen(ends->net.server, &listen), 0);
  if (!far_target) go(hosts->client);
  ends->client = connect_to(TWO_HOSTS_SERVER, fin_server_port(ends->net.server));
  go(hosts->server);
  ends->target = ends_accept(ends);
  scene->far = far_target ? ends->target : ends->client;
  scene->near = far_target ? ends->client : ends->target;
}

static void end(struct scene *scene, fin_reason reason) {
  struct ends *ends = &scene->ends;
  net_until(&ends->net, ends_legs(ends) == 0);
  cr_assert_eq(stats_of(&ends->net).closed[reason], 1);
  cr_assert_eq(ends_ending(ends, scene->near), ECONNRESET);
  net_close(&ends->net, scene->near);
  net_close(&ends->net, scene->far);
  ends_end(ends);
  two_hosts_end(&scene->hosts);
}

/* ---- idle: the kernel's probes find out ---- */

static void vanish_idle(bool far_target) {
  struct scene scene;
  begin(&scene, far_target, &(fin_conn_options){.stall_ms = 500, .dead_peer_after_ms = 2000});
  two_hosts_cut(&scene.hosts);
  end(&scene, FIN_REASON_PEER_VANISHED);
}

Test(tunnel_vanishes, the_client_when_idle) { vanish_idle(false); }
Test(tunnel_vanishes, the_target_when_idle) { vanish_idle(true); }

/* ---- with bytes for it: stall_ms does ---- */

static void vanish_busy(bool far_target) {
  struct scene scene;
  begin(&scene, far_target, &(fin_conn_options){.stall_ms = 500});
  two_hosts_cut(&scene.hosts);
  net_send(&scene.ends.net, scene.near, "hello", 5);
  end(&scene, FIN_REASON_SLOW_READER);
}

Test(tunnel_vanishes, the_client_with_bytes_for_it) { vanish_busy(false); }
Test(tunnel_vanishes, the_target_with_bytes_for_it) { vanish_busy(true); }

/* ---- half-closed: half_ms does ---- */

static void vanish_half_closed(bool far_target) {
  struct scene scene;
  struct net *net = &scene.ends.net;
  begin(&scene, far_target, &(fin_conn_options){.half_ms = 500, .linger_ms = 500});
  net_fin(scene.far);
  cr_assert_eq(ends_ending(&scene.ends, scene.near), 0);
  two_hosts_cut(&scene.hosts);
  net_until(net, ends_legs(&scene.ends) == 0);
  net_close(net, scene.near);
  net_close(net, scene.far);
  ends_end(&scene.ends);
  two_hosts_end(&scene.hosts);
}

Test(tunnel_vanishes, the_client_half_closed) { vanish_half_closed(false); }
Test(tunnel_vanishes, the_target_half_closed) { vanish_half_closed(true); }

/* The near end has said FIN; the far one never answers it. */
static void vanish_before_the_reply(bool far_target) {
  struct scene scene;
  struct net *net = &scene.ends.net;
  begin(&scene, far_target, &(fin_conn_options){.half_ms = 500, .linger_ms = 500});
  two_hosts_cut(&scene.hosts);
  net_fin(scene.near);
  net_until(net, ends_legs(&scene.ends) == 0);
  net_close(net, scene.near);
  net_close(net, scene.far);
  ends_end(&scene.ends);
  two_hosts_end(&scene.hosts);
}

Test(tunnel_vanishes, the_client_before_its_reply) { vanish_before_the_reply(false); }
Test(tunnel_vanishes, the_target_before_its_reply) { vanish_before_the_reply(true); }
