/* SPDX-License-Identifier: MIT
 *
 * EMFILE: clients that cannot be served are answered all the same, it is counted, the loop does not
 * spin, and service goes on when there are descriptors again.
 */
#include <sys/resource.h>

#include "more.h"

enum { BEFORE = 1, ROOM = 5, CLIENTS = 30, LATE = 10, PLUGS_MAX = 64 };

static size_t echo(fin_conn *conn, const char *data, size_t len) {
  cr_assert_eq(fin_conn_write(conn, data, len), 0);
  return len;
}

static const fin_handler handler = {.on_data = echo};

struct shortage {
  struct net net;
  int clients[CLIENTS + LATE]; /* sockets made while there was room */
  int plugs[PLUGS_MAX];
  int plug_count;
  struct rlimit before;
};

/* Leaves `room` descriptors, all of them above those in use. */
static void limit_descriptors(struct shortage *shortage, int room) {
  int last = 0;
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) last = fd;
  shortage->plug_count = 0;
  for (int fd = 0; fd < last; fd++)
    if (fcntl(fd, F_GETFD) < 0) {
      cr_assert(shortage->plug_count < PLUGS_MAX && dup2(0, fd) == fd);
      shortage->plugs[shortage->plug_count++] = fd;
    }
  cr_assert_eq(getrlimit(RLIMIT_NOFILE, &shortage->before), 0);
  struct rlimit limit = shortage->before;
  limit.rlim_cur = (rlim_t)(last + 1 + room);
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void begin(struct shortage *shortage) {
  net_begin(&shortage->net, &(fin_listen){.handler = &handler});
  net_close(&shortage->net, net_connect(&shortage->net)); /* libuv's first opens one that stays */
  net_until(&shortage->net, shortage->net.closed == BEFORE);
  for (int i = 0; i < CLIENTS + LATE; i++) {
    shortage->clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(shortage->clients[i] >= 0);
  }
  limit_descriptors(shortage, ROOM);
}

static void call(struct shortage *shortage, int from, int to) {
  for (int i = from; i < to; i++) {
    int client = shortage->clients[i];
    cr_assert_eq(dial_with(client, shortage->net.port), client, "%s", strerror(errno));
  }
}

/* How many have been told that nobody serves them: FIN or RST. */
static int answered(const struct shortage *shortage, int from, int to) {
  int count = 0;
  char byte;
  for (int i = from; i < to; i++) {
    ssize_t received = recv(shortage->clients[i], &byte, 1, MSG_PEEK);
    count += received == 0 || (received < 0 && errno != EAGAIN);
  }
  return count;
}

static void end(struct shortage *shortage) {
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &shortage->before), 0);
  for (int i = 0; i < shortage->plug_count; i++) close(shortage->plugs[i]);
  net_end(&shortage->net);
}

Test(descriptors_run_out, clients_are_answered_and_the_loop_sleeps) {
  struct shortage shortage;
  struct net *net = &shortage.net;
  begin(&shortage);
  call(&shortage, 0, CLIENTS);
  net_until(net, answered(&shortage, 0, CLIENTS) == CLIENTS - ROOM);
  cr_assert_eq(net->opened, BEFORE + ROOM);
  cr_assert_eq(stats_of(net).shed, CLIENTS - ROOM);
  cr_assert_eq(stats_of(net).accepted, BEFORE + ROOM);
  cr_assert_eq(stats_of(net).accept_pauses, 1);

  /* More come while accepting rests: they are answered when it goes on, which is soon enough. */
  unsigned used = cpu_ms();
  call(&shortage, CLIENTS, CLIENTS + LATE);
  turn_for(net, 1500);
  used = cpu_ms() - used;
  cr_assert_eq(answered(&shortage, CLIENTS, CLIENTS + LATE), LATE);
  cr_assert_eq(stats_of(net).shed, CLIENTS + LATE - ROOM);
  cr_assert(stats_of(net).accept_pauses >= 2);
  cr_assert(used < 300, "%u ms of processor time in 1500 ms", used);

  for (int i = 0; i < CLIENTS + LATE; i++) net_close(net, shortage.clients[i]);
  end(&shortage);
}

Test(descriptors_run_out, those_who_are_served_notice_nothing) {
  struct shortage shortage;
  struct net *net = &shortage.net;
  begin(&shortage);
  call(&shortage, 0, CLIENTS);
  net_until(net, answered(&shortage, 0, CLIENTS) == CLIENTS - ROOM);
  for (int i = 0; i < ROOM; i++) {
    net_send(net, shortage.clients[i], "hello", 5);
    net_expect(net, shortage.clients[i], "hello", 5);
  }
  for (int i = 0; i < CLIENTS + LATE; i++) net_close(net, shortage.clients[i]);
  end(&shortage);
}

Test(descriptors_run_out, service_goes_on) {
  struct shortage shortage;
  struct net *net = &shortage.net;
  begin(&shortage);
  call(&shortage, 0, CLIENTS);
  net_until(net, answered(&shortage, 0, CLIENTS) == CLIENTS - ROOM);

  /* The limit holds still: what a connection has left is what the next one gets. */
  for (int i = 0; i < ROOM; i++) {
    shutdown(shortage.clients[i], SHUT_RDWR);
    net_until(net, net->closed == BEFORE + (unsigned)i + 1);
    uint64_t begun = net_now_ms();
    call(&shortage, CLIENTS + i, CLIENTS + i + 1);
    net_until(net, net->opened == BEFORE + ROOM + (unsigned)i + 1);
    cr_assert(net_now_ms() - begun < 2000);
    net_send(net, shortage.clients[CLIENTS + i], "hello", 5);
    net_expect(net, shortage.clients[CLIENTS + i], "hello", 5);
  }
  cr_assert_eq(stats_of(net).shed, CLIENTS - ROOM, "nobody was turned away since");
  for (int i = 0; i < CLIENTS + LATE; i++) net_close(net, shortage.clients[i]);
  end(&shortage);
}

/* The drain accepts what waits, and has no descriptor for it. */
Test(descriptors_run_out, drain) {
  struct shortage shortage;
  struct net *net = &shortage.net;
  begin(&shortage);
  call(&shortage, 0, CLIENTS);
  fin_server_drain(net->server);
  net_until(net, answered(&shortage, 0, CLIENTS) == CLIENTS);
  cr_assert_eq(net->opened, BEFORE + ROOM);
  cr_assert_eq(stats_of(net).shed, CLIENTS - ROOM);
  for (int i = 0; i < CLIENTS + LATE; i++) net_close(net, shortage.clients[i]);
  net_until(net, net->drained);
  end(&shortage);
}

/* The limit is lowered below what is in use, so that not even the descriptor in reserve helps. Who
 * calls meanwhile has to wait; the loop sleeps all the same, and afterwards all is as before. */
Test(descriptors_run_out, even_for_answering) {
  struct shortage shortage;
  struct net *net = &shortage.net;
  begin(&shortage);
  struct rlimit room, none;
  cr_assert_eq(getrlimit(RLIMIT_NOFILE, &room), 0);
  none = room;
  none.rlim_cur = 3;
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  call(&shortage, 0, 1);
  unsigned used = cpu_ms();
  turn_for(net, 1000);
  used = cpu_ms() - used;
  cr_assert(used < 200, "%u ms of processor time in 1000 ms", used);
  cr_assert_eq(answered(&shortage, 0, 1), 0);
  cr_assert_eq(net->opened, BEFORE);

  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &room), 0);
  net_until(net, net->opened == BEFORE + 1);
  call(&shortage, 1, CLIENTS);
  net_until(net, answered(&shortage, 0, CLIENTS) == CLIENTS - ROOM);
  cr_assert_eq(net->opened, BEFORE + ROOM);
  for (int i = 0; i < CLIENTS + LATE; i++) net_close(net, shortage.clients[i]);
  end(&shortage);
}

/* Nothing at all is free: neither a server nor a listener can be made, and both say so. */
Test(descriptors_run_out, at_the_beginning) {
  struct shortage shortage;
  struct net *net = &shortage.net;
  net_begin(net, &(fin_listen){.handler = &handler});
  limit_descriptors(&shortage, 0);
  fin_listen listen = {.host = "127.0.0.1", .handler = &handler};
  uint16_t port = fin_server_port(net->server);
  cr_assert_eq(fin_server_listen(net->server, &listen), -EMFILE);
  cr_assert_eq(fin_server_port(net->server), port);
  errno = 0;
  cr_assert_null(fin_server_new(NULL));
  cr_assert_eq(errno, EMFILE, "errno is %d", errno);
  errno = 0;
  cr_assert_null(fin_server_new(&(fin_server_options){.loop = &net->loop}));
  cr_assert_eq(errno, EMFILE, "errno is %d", errno);
  end(&shortage);
}
