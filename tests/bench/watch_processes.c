/* SPDX-License-Identifier: MIT
 *
 * Whose processes the watch counts, and for how long it watches.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "watched.h"

/* A worker that is forked under load holds descriptors and uses CPU like the rest. */
Test(watch_processes, a_worker_forked_later) {
  struct watched watched;
  const struct watch_result *result;
  watched_begin(&watched, &(struct fault){.work_elsewhere = true});
  watched_load(&watched, 10);
  watched_settle(&watched);
  result = watched.result;
  cr_expect_eq(result->processes, 2);
  cr_expect_geq(watch_left_descriptors(result), FAULT_HOLD);
  cr_expect_geq(result->after.cpu_ns - result->before.cpu_ns, FAULT_BURN_MS * 1000000ull);
  watched_end(&watched);
}

/* What has ended has still used what it used. */
Test(watch_processes, a_process_that_ends) {
  struct watched watched;
  const struct watch_result *result;
  struct timespec pause = {.tv_nsec = 10000000};
  bool burned = false;
  int fd;
  watched_begin(&watched, &(struct fault){.end = true});
  fd = watched_connect(&watched);
  close(fd);
  for (int i = 0; i < 500 && !burned; i++) {
    siginfo_t info = {0};
    watched_tell(&watched, LOAD_TICK);
    waitid(P_PID, (id_t)watched.server, &info, WEXITED | WNOWAIT | WNOHANG);
    burned = info.si_pid != 0;
    nanosleep(&pause, NULL);
  }
  cr_assert(burned);
  watched_tell(&watched, LOAD_MEASURED);
  cr_assert_eq(waitpid(watched.server, NULL, 0), watched.server);
  watched.server = 0;
  watched_tell(&watched, LOAD_OVER);
  watched_settle(&watched);
  result = watched.result;
  cr_expect_geq(result->measured.cpu_ns, FAULT_BURN_MS * 1000000ull);
  cr_expect_eq(result->after.cpu_ns, result->measured.cpu_ns);
  cr_expect_eq(result->after.descriptors, 0);
  watched_end(&watched);
}

/* We serve ourselves: our sockets are seen, but what we use is not a server's. */
Test(watch_processes, never_our_own) {
  struct watched watched = {.baseline = leftover_begin()};
  const int listener = watched_listen("127.0.0.1", &watched.target);
  int client, server;
  double value;
  watched_watch(&watched);
  client = watched_dial(&watched.target);
  server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  watched.connections = 1;
  watched_load(&watched, 0);
  watched_settle(&watched);
  cr_expect(watched.result->local);
  cr_expect_eq(watched.result->processes, 0);
  cr_expect(watched_gate(&watched, "leftover.established==1"));
  cr_expect(watched_gate(&watched, "leftover.per_1000==1k"));
  cr_expect_not(watched_knows(&watched, "server.rss", &value));
  cr_expect_not(watched_knows(&watched, "server.idle_cpu", &value));
  cr_expect_not(watched_knows(&watched, "leftover.descriptors", &value));
  close(client);
  close(server);
  close(listener);
  watched_end(&watched);
}

/* Who has started us and holds the socket for a server, as a service manager does, is none. */
Test(watch_processes, a_socket_kept_open_for_the_server) {
  struct watched watched = {.baseline = leftover_begin()};
  const int listener = watched_listen("127.0.0.1", &watched.target);
  int status = -1;
  pid_t we;
  watched_serve(&watched, listener, &(struct fault){0});
  we = fork();
  cr_assert_geq(we, 0);
  if (we == 0) {
    close(listener);
    watched.watch = watch_new(&watched.target);
    if (watched.watch == NULL) _exit(0); /* no census here: another test says so */
    watched.observer = watch_observer(watched.watch, NULL);
    watched_load(&watched, 1);
    watched_settle(&watched);
    _exit((int)watched.result->processes);
  }
  cr_assert_eq(waitpid(we, &status, 0), we);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) cr_skip_test("no census");
  cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %d", status);
  close(listener);
  watched_end(&watched);
}

/* Workers that each have a listening socket of their own. */
Test(watch_processes, several_that_listen) {
  struct watched watched = {.baseline = leftover_begin()};
  struct sockaddr_in *address = (struct sockaddr_in *)&watched.target.address;
  pid_t first;
  int listeners[2];
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  watched.target.address_len = sizeof *address;
  for (size_t i = 0; i < 2; i++) {
    listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(setsockopt(listeners[i], SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)), 0);
    cr_assert_eq(bind(listeners[i], (struct sockaddr *)address, sizeof *address), 0);
    cr_assert_eq(listen(listeners[i], 16), 0);
    getsockname(listeners[i], (struct sockaddr *)address, &(socklen_t){sizeof *address});
  }
  watched_serve(&watched, listeners[0], &(struct fault){0});
  first = watched.server;
  close(listeners[0]);
  watched_serve(&watched, listeners[1], &(struct fault){0});
  close(listeners[1]);
  watched_watch(&watched);
  watched_load(&watched, 0);
  watched_settle(&watched);
  cr_expect_eq(watched.result->processes, 2);
  kill(first, SIGKILL);
  waitpid(first, NULL, 0);
  watched_end(&watched);
}

Test(watch_processes, a_server_that_closes_late_is_waited_for) {
  struct watched watched;
  watched_begin(&watched, &(struct fault){.close_late_ms = 1500});
  watched_load(&watched, 1);
  watched_settle(&watched);
  cr_expect(watched.result->settled);
  cr_expect(watched_gate(&watched, "leftover.owned==0"));
  cr_expect_gt(watched.result->settle_seconds, 0);
  watched_end(&watched);
}

Test(watch_processes, a_deadline_and_a_stop) {
  const volatile sig_atomic_t stopped = 1;
  struct watched watched;
  double value;
  watched_begin(&watched, &(struct fault){.keep_every = 1});
  watched_load(&watched, 3);
  watched_settle(&watched);
  watched.result = watch_settle(watched.watch, 0, NULL);
  cr_expect(watched_gate(&watched, "leftover.close_wait==3"));
  cr_expect_not(watched_knows(&watched, "server.idle_cpu", &value));
  watched.result = watch_settle(watched.watch, WATCHED_SETTLE_MS, &stopped);
  cr_expect_not(watched.result->settled);
  cr_expect_not(watched_knows(&watched, "settle", &value));
  watched_end(&watched);
}

/* What could not be counted is not nothing. */
Test(watch_processes, no_descriptor_to_count_with) {
  struct watched watched;
  struct rlimit before, none;
  watched_begin(&watched, &(struct fault){0});
  watched_load(&watched, 1);
  getrlimit(RLIMIT_NOFILE, &before);
  none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
  watched_settle(&watched);
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
  cr_expect_eq(watched.result->error, EMFILE);
  cr_expect_not(watched.result->local);
  cr_expect_not(watched_gate(&watched, "leftover.owned==0"));
  watched_end(&watched);
}

/* Another address of this host is not the target's. */
Test(watch_processes, nobody_listens) {
  struct watched watched = {.baseline = leftover_begin()};
  struct sockaddr_in *address = (struct sockaddr_in *)&watched.target.address;
  const int elsewhere = watched_listen("127.0.0.1", &watched.target);
  double value;
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  watched_watch(&watched);
  watched_settle(&watched);
  cr_expect_not(watched.result->local);
  cr_expect_not(watched_knows(&watched, "leftover.owned", &value));
  close(elsewhere);
  watched_end(&watched);
}

/* 192.0.2.1 is nobody's (RFC 5737). */
Test(watch_processes, a_remote_target_is_not_known) {
  struct watched watched = {.baseline = leftover_begin(), .load.counts.requests = 1};
  struct sockaddr_in *address = (struct sockaddr_in *)&watched.target.address;
  const int here = watched_listen("0.0.0.0", &watched.target); /* that port is in use here */
  double value;
  address->sin_addr.s_addr = htonl(0xc0000201);
  watched_watch(&watched);
  watched_load(&watched, 0);
  watched_settle(&watched);
  cr_expect_not(watched.result->local);
  cr_expect_eq(watched.result->processes, 0);
  cr_expect_eq(watched.result->idle_cpu, -1);
  cr_expect_not(watched_knows(&watched, "leftover.close_wait", &value));
  cr_expect_not(watched_knows(&watched, "server.cpu", &value));
  cr_expect_not(watched_knows(&watched, "settle", &value));
  cr_expect_not(watched_gate(&watched, "leftover.close_wait==0"));
  cr_expect_not(watched_gate(&watched, "server.idle_cpu<5%"));
  cr_expect(watched_gate(&watched, "requests==1"));
  close(here);
  watched_end(&watched);
}
