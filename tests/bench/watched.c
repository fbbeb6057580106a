/* SPDX-License-Identifier: MIT
 *
 * See watched.h.
 */
#include "watched.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256 };

static uint64_t clock_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the server, in its process ---- */

static void burn(void) {
  const uint64_t until = clock_ms(CLOCK_PROCESS_CPUTIME_ID) + FAULT_BURN_MS;
  while (clock_ms(CLOCK_PROCESS_CPUTIME_ID) < until) continue;
}

static void hold(unsigned count) {
  for (unsigned i = 0; i < count; i++) open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The child ends with its parent, and at once if that has ended before it. */
static pid_t fork_bound(void) {
  const pid_t parent = getpid(), child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  return 0;
}

/* Does not listen: it is known by who has started it alone. */
static void work_elsewhere(int listener) {
  if (fork_bound() != 0) return;
  close(listener);
  hold(FAULT_HOLD);
  burn();
  for (;;) pause();
}

static void end_at_fin(int fd, int listener, const struct fault *fault, unsigned ended) {
  const struct timespec late = {.tv_sec = fault->close_late_ms / 1000,
                                .tv_nsec = (long)(fault->close_late_ms % 1000) * 1000000};
  if (fault->lose_every > 0 && ended % fault->lose_every == 0) hold(1);
  if (fault->work_elsewhere && ended == 1) work_elsewhere(listener);
  if (fault->end) {
    burn();
    _exit(0);
  }
  if (ended <= fault->keep_first) return;
  if (fault->keep_every > 0 && ended % fault->keep_every == 0) return;
  nanosleep(&late, NULL);
  close(fd);
}

/* Whether the connection is over for us. */
static bool serve_one(int fd, int listener, const struct fault *fault, unsigned *ended) {
  char byte;
  const ssize_t count = recv(fd, &byte, 1, 0);
  if (count > 0) {
    send(fd, &byte, 1, MSG_NOSIGNAL);
    if (fault->close_first) close(fd);
    return fault->close_first;
  }
  end_at_fin(fd, listener, fault, ++*ended);
  return true;
}

static _Noreturn void serve(int listener, const struct fault *fault) {
  struct pollfd polled[CONNECTIONS_MAX] = {{.fd = listener, .events = POLLIN}};
  nfds_t count = 1;
  unsigned ended = 0;
  while (fault->never_accept) pause();
  for (;;) {
    poll(polled, count, fault->spin && ended > 0 ? 0 : -1);
    for (nfds_t i = count - 1; i > 0; i--) {
      if (polled[i].revents == 0 || !serve_one(polled[i].fd, listener, fault, &ended)) continue;
      polled[i] = polled[--count];
    }
    if (polled[0].revents == 0 || count == CONNECTIONS_MAX) continue;
    polled[count] =
        (struct pollfd){.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), .events = POLLIN};
    count += polled[count].fd >= 0;
  }
}

int watched_listen(const char *address, struct load_target *target) {
  struct sockaddr_in *ipv4 = (struct sockaddr_in *)&target->address;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_geq(listener, 0);
  ipv4->sin_family = AF_INET;
  cr_assert_eq(inet_pton(AF_INET, address, &ipv4->sin_addr), 1);
  target->protocol = LOAD_ECHO;
  target->address_len = sizeof *ipv4;
  cr_assert_eq(bind(listener, (struct sockaddr *)ipv4, sizeof *ipv4), 0, "%s", strerror(errno));
  cr_assert_eq(listen(listener, 512), 0);
  cr_assert_eq(getsockname(listener, (struct sockaddr *)ipv4, &(socklen_t){sizeof *ipv4}), 0);
  target->port = ntohs(ipv4->sin_port);
  return listener;
}

void watched_serve(struct watched *watched, int listener, const struct fault *fault) {
  watched->server = fork_bound();
  cr_assert_geq(watched->server, 0);
  if (watched->server > 0) return;
  serve(listener, fault);
}

/* ---- the load ---- */

void watched_watch(struct watched *watched) {
  watched->watch = watch_new(&watched->target);
  if (watched->watch == NULL && errno == ENOTSUP) cr_skip_test("built without libmnl: no census");
  cr_assert_not_null(watched->watch, "%s", strerror(errno));
  watched->observer = watch_observer(watched->watch, NULL);
}

void watched_begin(struct watched *watched, const struct fault *fault) {
  int listener;
  *watched = (struct watched){.baseline = leftover_begin()};
  listener = watched_listen("127.0.0.1", &watched->target);
  watched_serve(watched, listener, fault);
  close(listener);
  watched_watch(watched);
}

void watched_tell(struct watched *watched, enum load_moment moment) {
  const struct load_progress progress = {.moment = moment, .connections = watched->connections};
  watched->observer.observe(watched->observer.context, &progress);
}

int watched_dial(const struct load_target *target) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(connect(fd, (const struct sockaddr *)&target->address, target->address_len), 0, "%s",
               strerror(errno));
  return fd;
}

bool watched_answers(int fd) {
  char byte = 'x';
  return send(fd, &byte, 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1;
}

int watched_connect(struct watched *watched) {
  const int fd = watched_dial(&watched->target);
  cr_assert(watched_answers(fd));
  watched->connections++;
  watched->load.counts.requests++;
  return fd;
}

void watched_warm(struct watched *watched, unsigned visits) {
  watched_tell(watched, LOAD_WARM);
  for (unsigned i = 0; i < visits; i++) close(watched_connect(watched));
}

void watched_load(struct watched *watched, unsigned visits) {
  if (watched->connections == 0) watched_tell(watched, LOAD_WARM);
  watched_tell(watched, LOAD_MEASURE);
  for (unsigned i = 0; i < visits; i++) {
    close(watched_connect(watched));
    if (visits >= 10 && i % (visits / 10) == 0) watched_tell(watched, LOAD_TICK);
  }
  watched_tell(watched, LOAD_MEASURED);
  watched_tell(watched, LOAD_OVER);
}

void watched_settle(struct watched *watched) {
  watched->result = watch_settle(watched->watch, WATCHED_SETTLE_MS, NULL);
  watched->load.connections = watched->connections;
  watched->report = (struct report){
      .options = &watched->options, .load = &watched->load, .watch = watched->result};
}

bool watched_gate(const struct watched *watched, const char *text) {
  char said[LOAD_WHY_MAX];
  struct report_gate gate;
  cr_assert(report_gate_parse(text, &gate, said), "%s", said);
  bool holds = report_gate_check(&gate, &watched->report, said);
  if (!holds) fprintf(stderr, "%s\n", said);
  return holds;
}

bool watched_knows(const struct watched *watched, const char *key, double *value) {
  const struct report_metric *metric = report_metric_find(key, strlen(key));
  cr_assert_not_null(metric, "no metric %s", key);
  return metric->get(&watched->report, value);
}

void watched_end(struct watched *watched) {
  watch_free(watched->watch);
  if (watched->server > 0) {
    kill(watched->server, SIGKILL);
    cr_assert_eq(waitpid(watched->server, NULL, 0), watched->server);
  }
  leftover_end(&watched->baseline);
}
