/* SPDX-License-Identifier: MIT
 *
 * Names with several addresses, or none, or none yet: on a host whose names the test has made.
 */
#include <poll.h>

#include "dialling.h"
#include "own_host.h"

static const fin_listen listens = {.handler = &echo_handler};

enum { OPEN_MS = 800, SLACK_MS = 2 /* of two clocks */ };

static const char names[] =
    "127.0.0.1 localhost\n"
    "127.0.0.2 two\n127.0.0.3 two\n"
    "127.0.0.2 three\n127.0.0.3 three\n127.0.0.4 three\n"
    "127.0.0.1 mixed\n::1 mixed\n"
    "127.0.0.2 twice\n127.0.0.2 twice\n127.0.0.3 twice\n127.0.0.2 twice\n127.0.0.2 twice\n";

static uint64_t waited_since(uint64_t begun) { return net_now_ms() - begun + SLACK_MS; }

/* ---- several addresses ---- */

/* The addresses that the caller is to try, in its order. */
struct scene {
  struct net net;
  struct caller caller;
  char first[FIN_ADDRESS_MAX], second[FIN_ADDRESS_MAX];
};

static void begin(struct scene *scene, const char *name) {
  own_host_begin(names);
  own_host_address(name, 0, scene->first);
  own_host_address(name, 1, scene->second);
}

static void opens(struct scene *scene) {
  cr_assert_eq(fin_conn_write(scene->caller.conn, "hello", 5), 0);
  net_until(&scene->net, caller_heard(&scene->caller, "hello"));
  fin_conn_close(scene->caller.conn, FIN_REASON_CLOSED);
  net_until(&scene->net, scene->caller.closed == 1);
  caller_reason(&scene->caller, CLOSED, 0);
}

static void opens_where_it_listens(const char *name, bool second) {
  struct scene scene = {.first = ""};
  begin(&scene, name);
  const char *host = second ? scene.second : scene.first;
  net_begin(&scene.net, &(fin_listen){.host = host, .handler = &echo_handler});
  caller_dial(&scene.caller, &scene.net, name, scene.net.port, 0);
  opens(&scene);
  net_end(&scene.net);
}

Test(dial_names, the_first_of_two) { opens_where_it_listens("two", false); }
Test(dial_names, the_first_refuses) { opens_where_it_listens("two", true); }
Test(dial_names, either_family) { opens_where_it_listens("mixed", false); }
Test(dial_names, the_other_family_refuses) { opens_where_it_listens("mixed", true); }

Test(dial_names, the_first_is_silent) {
  struct scene scene = {.first = ""};
  begin(&scene, "two");
  net_begin(&scene.net, &(fin_listen){.host = scene.second, .handler = &echo_handler});
  struct silence silence = silence_at(scene.first, scene.net.port);
  uint64_t begun = net_now_ms();
  caller_dial(&scene.caller, &scene.net, "two", scene.net.port, OPEN_MS);
  opens(&scene);
  cr_assert(waited_since(begun) >= OPEN_MS / 2, "it had its share of the time");
  silence_end(&silence);
  net_end(&scene.net);
}

/* The process is busy for longer than the share of an address that has long answered. */
Test(dial_names, the_first_has_answered_unnoticed) {
  enum { BUSY_MS = OPEN_MS / 2 + 50 };
  struct scene scene = {.first = ""};
  begin(&scene, "two");
  net_begin(&scene.net, &listens);
  int first = listening_socket(scene.first, 0, 8);
  int second = listening_socket(scene.second, port_of(first), 8);
  caller_dial(&scene.caller, &scene.net, "two", port_of(first), OPEN_MS);
  struct pollfd calls = {.fd = first, .events = POLLIN};
  net_until(&scene.net, poll(&calls, 1, 0) == 1);
  usleep(BUSY_MS * 1000);
  net_until(&scene.net, scene.caller.opened == 1);
  cr_assert_eq(accept(second, NULL, NULL), -1, "nobody called the second");
  fin_conn_abort(scene.caller.conn);
  close(first);
  close(second);
  net_end(&scene.net);
}

/* Its address comes four times, and once is enough. */
Test(dial_names, the_first_is_there_twice) {
  struct scene scene = {.first = ""};
  begin(&scene, "twice");
  cr_assert_str_eq(scene.first, scene.second);
  net_begin(&scene.net, &(fin_listen){.host = "127.0.0.3", .handler = &echo_handler});
  struct silence silence = silence_at("127.0.0.2", scene.net.port);
  uint64_t begun = net_now_ms();
  caller_dial(&scene.caller, &scene.net, "twice", scene.net.port, 2 * OPEN_MS);
  opens(&scene);
  cr_assert(waited_since(begun) >= OPEN_MS, "half of the time is the share of one of two");
  silence_end(&silence);
  net_end(&scene.net);
}

Test(dial_names, all_are_silent) {
  struct scene scene = {.first = ""};
  own_host_begin(names);
  net_begin(&scene.net, &(fin_listen){.host = "127.0.0.1", .handler = &echo_handler});
  struct silence silence[] = {silence_at("127.0.0.2", scene.net.port),
                              silence_at("127.0.0.3", scene.net.port),
                              silence_at("127.0.0.4", scene.net.port)};
  uint64_t begun = net_now_ms();
  caller_dial(&scene.caller, &scene.net, "three", scene.net.port, OPEN_MS);
  net_until(&scene.net, scene.caller.closed == 1);
  cr_assert(waited_since(begun) >= OPEN_MS);
  caller_reason(&scene.caller, OPEN_TIMEOUT, 0);
  for (int i = 0; i < 3; i++) silence_end(&silence[i]);
  net_end(&scene.net);
}

Test(dial_names, the_last_one_counts) {
  struct scene scene = {.first = ""};
  begin(&scene, "two");
  net_begin(&scene.net, &listens);
  struct silence silence = silence_at(scene.first, 0);
  uint64_t begun = net_now_ms();
  caller_dial(&scene.caller, &scene.net, "two", silence_port(&silence), OPEN_MS);
  net_until(&scene.net, scene.caller.closed == 1);
  caller_reason(&scene.caller, NOT_OPENED, ECONNREFUSED);
  cr_assert(waited_since(begun) >= OPEN_MS / 2);
  silence_end(&silence);
  net_end(&scene.net);
}

/* ---- no address ---- */

Test(dial_names, unknown) {
  struct scene scene = {.first = ""};
  own_host_begin(names);
  net_begin(&scene.net, &listens);
  caller_dial(&scene.caller, &scene.net, "nobody.example", 80, 0);
  net_until(&scene.net, scene.caller.closed == 1);
  caller_reason(&scene.caller, NOT_OPENED, EADDRNOTAVAIL);
  net_end(&scene.net);
}

static bool is_asked(int name_server) {
  char byte;
  return recv(name_server, &byte, 1, MSG_PEEK) == 1;
}

/* One thread or more are about it now, and cannot be called back. */
static int dial_unanswered(struct scene *scene, uint32_t open_ms) {
  own_host_begin(names);
  net_begin(&scene->net, &listens);
  int name_server = own_host_name_server();
  caller_dial(&scene->caller, &scene->net, "nobody.example", 80, open_ms);
  net_until(&scene->net, is_asked(name_server));
  return name_server;
}

static void end_unanswered(struct scene *scene, int name_server) {
  own_host_answer(name_server);
  close(name_server);
  net_end(&scene->net);
}

Test(dial_names, unknown_to_the_name_server) {
  struct scene scene = {.first = ""};
  int name_server = dial_unanswered(&scene, 0);
  net_until(&scene.net, (own_host_answer(name_server), scene.caller.closed == 1));
  caller_reason(&scene.caller, NOT_OPENED, EADDRNOTAVAIL);
  end_unanswered(&scene, name_server);
}

Test(dial_names, unanswered) {
  struct scene scene = {.first = ""};
  uint64_t begun = net_now_ms();
  int name_server = dial_unanswered(&scene, OPEN_MS);
  net_until(&scene.net, scene.caller.closed == 1);
  cr_assert(waited_since(begun) >= OPEN_MS);
  caller_reason(&scene.caller, OPEN_TIMEOUT, 0);
  end_unanswered(&scene, name_server);
}

Test(dial_names, aborted) {
  struct scene scene = {.first = ""};
  int name_server = dial_unanswered(&scene, 0);
  fin_conn_abort(scene.caller.conn);
  net_until(&scene.net, scene.caller.closed == 1);
  caller_reason(&scene.caller, ABORTED, 0);
  end_unanswered(&scene, name_server);
}

/* Of the memory of a server and its loop, which the thread's answer needs. */
Test(dial_names, drained_is_who_is_not_waited_for) {
  struct scene scene = {.first = ""};
  int name_server = dial_unanswered(&scene, 0);
  fin_server_abort(scene.net.server);
  net_until(&scene.net, scene.caller.closed == 1);
  turn_for(&scene.net, 50);
  cr_assert(!scene.net.drained);
  end_unanswered(&scene, name_server);
}

/* Names are resolved by a few threads. Addresses do not queue up behind them, and who gives up
 * leaves the queue. */
Test(dial_names, many_unanswered) {
  enum { NAMES = 30 };
  struct scene scene = {.first = ""};
  struct caller others[NAMES] = {{.opened = 0}}, caller = {.opened = 0};
  int name_server = dial_unanswered(&scene, 0);
  for (int i = 0; i < NAMES; i++) caller_dial(&others[i], &scene.net, "nobody.example", 80, 0);
  caller_dial(&caller, &scene.net, "127.0.0.1", scene.net.port, 0);
  net_until(&scene.net, caller.opened == 1);
  fin_conn_abort(caller.conn);
  for (int i = 0; i < NAMES; i++) fin_conn_abort(others[i].conn);
  fin_conn_abort(scene.caller.conn);
  net_until(&scene.net, stats_of(&scene.net).connections == 0);
  fin_server_drain(scene.net.server);
  unsigned questions = 0;
  net_until(&scene.net, (questions += own_host_answer(name_server), scene.net.drained));
  cr_assert(questions < NAMES, "%u questions were asked in vain", questions);
  end_unanswered(&scene, name_server);
}

/* ---- ourselves ---- */

enum { ONLY_PORT = 40000 };

static void choose_ports(int first, int last) {
  FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
  if (!file) cr_skip_test("the range of ports cannot be set: %s", strerror(errno));
  fprintf(file, "%d %d\n", first, last);
  cr_assert_eq(fclose(file), 0, "%s", strerror(errno));
}

/* From the port that is called, as there is no other: what the system makes of it. */
static bool meets_itself(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert(fd >= 0);
  bool met = dial_with(fd, ONLY_PORT) == fd;
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  close(fd);
  return met;
}

Test(dial_names, nobody_but_ourselves) {
  struct scene scene = {.first = ""};
  own_host_begin(names);
  net_begin(&scene.net, &listens);
  choose_ports(ONLY_PORT, ONLY_PORT);
  cr_assert(meets_itself(), "nobody listens, and yet it is a connection");
  for (int i = 0; i < 3; i++) {
    struct caller caller = {.opened = 0};
    caller_dial(&caller, &scene.net, "127.0.0.1", ONLY_PORT, 0);
    net_until(&scene.net, caller.closed == 1);
    caller_reason(&caller, NOT_OPENED, ECONNREFUSED);
    cr_assert_eq(caller.opened, 0);
  }
  close(bound_socket("127.0.0.1", ONLY_PORT)); /* it is free: nothing of them lingers */
  net_end(&scene.net);
}
