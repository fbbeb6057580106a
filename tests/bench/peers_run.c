/* SPDX-License-Identifier: MIT
 *
 * Every peer that is installed: it starts, answers what all of them answer, ends, and leaves
 * neither process, file nor socket. And whoever answers something else is refused.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compare/compare.h"
#include "support/leftover.h"

static struct compare_place here(void) {
  struct compare_place place;
  const char *built = getenv("FINALE_BINARY_DIR");
  cr_assert(built);
  snprintf(place.finale, sizeof place.finale, "%s/finale", built);
  snprintf(place.peers, sizeof place.peers, "%s/bench/peers", built);
  return place;
}

static void read_peer(const char *name, struct compare_peer *peer) {
  char path[4200], why[LOAD_WHY_MAX];
  snprintf(path, sizeof path, "%s/bench/peers/%s.peer", getenv("FINALE_SOURCE_DIR"), name);
  cr_assert(compare_peer_read(path, peer, why), "%s", why);
}

static void run_peer(const char *name, enum load_protocol protocol) {
  struct compare_place place = here();
  struct compare_peer peer;
  struct compare_server server;
  char why[LOAD_WHY_MAX];
  read_peer(name, &peer);
  if (!compare_peer_is_there(&peer, &place, protocol, why)) {
    compare_peer_release(&peer);
    cr_skip_test("%s", why);
  }
  struct leftover_baseline baseline = leftover_begin();
  const struct compare_begin begin = {.protocol = protocol, .cpu = -1};
  cr_assert(compare_peer_begin(&peer, &place, &begin, &server, why), "%s", why);
  char directory[sizeof server.directory];
  strcpy(directory, server.directory);
  pid_t pid = server.process.pid;
  cr_expect_eq(access(directory, F_OK), 0);
  for (int i = 0; i < 3; i++)
    cr_expect(compare_peer_check(protocol, server.process.port, why), "%s: %s", name, why);
  compare_peer_end(&server);
  cr_expect_neq(access(directory, F_OK), 0, "%s is left", directory);
  cr_expect_neq(kill(pid, 0), 0, "process %d is left", (int)pid);
  compare_peer_release(&peer);
  leftover_end(&baseline);
}

#define PEER(name, protocol) \
  Test(peers_run, name##_##protocol) { run_peer(#name, LOAD_##protocol); }
PEER(finale, HTTP)
PEER(finale, ECHO)
PEER(raw_epoll, HTTP)
PEER(raw_epoll, ECHO)
PEER(raw_libuv, HTTP)
PEER(raw_libuv, ECHO)
PEER(naive, HTTP)
PEER(naive, ECHO)
PEER(libevent, HTTP)
PEER(libevent, ECHO)
PEER(node, HTTP)
PEER(node, ECHO)
PEER(nginx, HTTP)
PEER(haproxy, HTTP)
PEER(h2o, HTTP)
PEER(lighttpd, HTTP)

/* ---- who cuts off replies ---- */

/* Of two hundred that are owed to clients that have sent FIN behind as much as those of mix-echo.
 */
static uint64_t cut_off(const char *name) {
  struct compare_place place = here();
  struct compare_peer peer;
  struct compare_server server;
  struct load_result *result = calloc(1, sizeof *result);
  char target[64], why[LOAD_WHY_MAX];
  struct leftover_baseline baseline = leftover_begin();
  const struct compare_begin begin = {.protocol = LOAD_ECHO, .cpu = -1};
  read_peer(name, &peer);
  cr_assert(compare_peer_begin(&peer, &place, &begin, &server, why), "%s", why);
  struct load_options options = {.connections = 16,
                                 .threads = 1,
                                 .size = compare_workload_find("mix-echo")->size,
                                 .mix[LOAD_HALF_CLOSE] = 100,
                                 .requests = 200,
                                 .timeout_ms = 30 * 1000,
                                 .first_cpu = -1};
  snprintf(target, sizeof target, "echo://127.0.0.1:%u", server.process.port);
  cr_assert(load_target_parse(target, &options.target, why), "%s", why);
  cr_assert(load_run(&options, NULL, result, why), "%s", why);
  const struct load_visits *visits = &result->visits[LOAD_HALF_CLOSE];
  uint64_t count = visits->truncated + visits->lost;
  cr_expect_eq(load_errors_sum(&result->counts.errors), count);
  cr_expect_geq(visits->visits, 200);
  load_result_release(result);
  free(result);
  compare_peer_end(&server);
  compare_peer_release(&peer);
  leftover_end(&baseline);
  return count;
}

Test(peers_run, a_naive_server_cuts_off_replies) {
  cr_expect_gt(cut_off("naive"), 0);
  cr_expect_eq(cut_off("finale"), 0);
}

/* ---- what is not there ---- */

static void check_absent(struct compare_peer peer, enum load_protocol protocol, const char *first,
                         const char *second) {
  struct leftover_baseline baseline = leftover_begin();
  struct compare_place place = here();
  struct compare_server server;
  char why[LOAD_WHY_MAX] = "";
  const struct compare_begin begin = {.protocol = protocol, .cpu = -1};
  cr_expect_not(compare_peer_is_there(&peer, &place, protocol, why));
  cr_expect_not(compare_peer_begin(&peer, &place, &begin, &server, why));
  cr_expect(strstr(why, first) && strstr(why, second), "'%s' has not '%s' and '%s'", why, first,
            second);
  leftover_end(&baseline);
}

Test(peers_run, who_is_not_there_is_told_with_the_remedy) {
  static char name[] = "absent";
  struct compare_peer peer = {
      .name = name, .packages = "", .commands[LOAD_HTTP] = "no-such-server"};
  check_absent(peer, LOAD_ECHO, "no server of echo", "");
  check_absent(peer, LOAD_HTTP, "no-such-server is not installed", "");
  peer.packages = "such-server";
  check_absent(peer, LOAD_HTTP, "is not installed", ": apt-get install such-server");
  peer.commands[LOAD_HTTP] = "{peers}/no_such_peer http";
  check_absent(peer, LOAD_HTTP, "bench/peers/no_such_peer is not built",
               "apt-get install such-server, then cmake -DFINALE_BENCH=ON");
}

Test(peers_run, one_that_fails_says_why_and_leaves_nothing) {
  static char name[] = "failing";
  struct leftover_baseline baseline = leftover_begin();
  struct compare_place place = here();
  struct compare_server server;
  struct compare_peer peer = {
      .name = name,
      .packages = "",
      .commands[LOAD_HTTP] = "sh {dir}/deep/er/script",
      .prints_port = true,
      .files[0] = {"deep/er/script", "echo the reply would be {body} {x}; exit 4\n"},
      .file_count = 1,
  };
  char why[LOAD_WHY_MAX] = "";
  const struct compare_begin begin = {.protocol = LOAD_HTTP, .cpu = -1};
  cr_expect_not(compare_peer_begin(&peer, &place, &begin, &server, why));
  cr_expect(strstr(why, "status 4; it said: the reply would be Hello from finale {x}"), "%s", why);
  cr_expect_str_empty(server.directory);
  leftover_end(&baseline);
}

/* ---- who answers something else ---- */

struct answerer {
  int listener;
  const char *reply; /* to whatever comes; NULL: closes */
  unsigned times;    /* then it closes */
};

static void *answer(void *context) {
  struct answerer *answerer = context;
  char buffer[4096];
  int fd = accept(answerer->listener, NULL, NULL);
  for (unsigned i = 0; i < answerer->times && recv(fd, buffer, sizeof buffer, 0) > 0; i++)
    send(fd, answerer->reply, strlen(answerer->reply), MSG_NOSIGNAL);
  close(fd);
  return NULL;
}

static bool check_answer(enum load_protocol protocol, const char *reply, unsigned times,
                         char why[LOAD_WHY_MAX]) {
  struct answerer answerer = {
      .listener = socket(AF_INET, SOCK_STREAM, 0), .reply = reply, .times = times};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  pthread_t thread;
  cr_assert_eq(bind(answerer.listener, (struct sockaddr *)&address, len), 0);
  cr_assert_eq(listen(answerer.listener, 1), 0);
  cr_assert_eq(getsockname(answerer.listener, (struct sockaddr *)&address, &len), 0);
  cr_assert_eq(pthread_create(&thread, NULL, answer, &answerer), 0);
  bool good = compare_peer_check(protocol, ntohs(address.sin_port), why);
  pthread_join(thread, NULL);
  close(answerer.listener);
  return good;
}

#define HEAD "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length:  18\r\n\r\n"
#define BODY "Hello from finale\n"

Test(peers_run, the_right_answer_is_right) {
  struct leftover_baseline baseline = leftover_begin();
  char why[LOAD_WHY_MAX] = "";
  cr_expect(check_answer(LOAD_HTTP, HEAD BODY, 2, why), "%s", why);
  cr_expect(check_answer(LOAD_ECHO, "every byte comes back\n", 2, why), "%s", why);
  leftover_end(&baseline);
}

Test(peers_run, another_answer_is_refused) {
  static const struct {
    enum load_protocol protocol;
    const char *reply, *why;
    unsigned times;
  } cases[] = {
      {LOAD_HTTP, HEAD "Hello from others\n", "'Hello from others", 2},
      {LOAD_HTTP, HEAD BODY BODY, "more came than its reply", 2},
      {LOAD_HTTP, "HTTP/1.1 404 No\r\nContent-Length: 18\r\n\r\n" BODY, "'HTTP/1.1 404 No", 2},
      {LOAD_HTTP, "HTTP/1.1 200 OK\r\n\r\n" BODY, "no Content-Length", 2},
      {LOAD_HTTP, HEAD BODY, "closed the connection before", 1},
      {LOAD_HTTP, HEAD "Hello", "closed the connection before", 1},
      {LOAD_HTTP, NULL, "closed the connection before", 0},
      {LOAD_HTTP, "every byte comes back\n", "closed the connection before", 1},
      {LOAD_ECHO, "every BYTE comes back\n", "other bytes than it is sent: 'every BYTE", 2},
      {LOAD_ECHO, "every", "does not return what it is sent", 1},
  };
  struct leftover_baseline baseline = leftover_begin();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char why[LOAD_WHY_MAX] = "";
    cr_expect_not(check_answer(cases[i].protocol, cases[i].reply, cases[i].times, why),
                  "case %zu is taken for right", i);
    cr_expect(strstr(why, cases[i].why), "case %zu: '%s' has not '%s'", i, why, cases[i].why);
  }
  leftover_end(&baseline);
}
