/* SPDX-License-Identifier: MIT
 *
 * What no list of sockets shows, and what a census must admit that it could not see.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <finale/finale.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"
#include "support/leftover.h"

TestSuite(unseen, .init = skip_without_census);

static bool invisible(const fin_census *census, int fd) {
  for (size_t i = 0; i < census->invisible_count; i++) {
    if (census->invisible[i].pid == getpid() && census->invisible[i].fd == fd) return true;
  }
  return false;
}

/* Ended both ways and never closed: the descriptors remain, and no row. */
static void end_both_ways(const struct wire *wire) {
  cr_assert_eq(shutdown(wire->client, SHUT_WR), 0);
  wire_read_end(wire->server);
  cr_assert_eq(shutdown(wire->server, SHUT_WR), 0);
  wire_read_end(wire->client);
  await_gone(wire->port, wire->client_port);
  await_client(wire, FIN_TCP_TIME_WAIT, FIN_HOLDER_TIME_WAIT);
}

TEST_BOTH(unseen, ended_but_not_closed) {
  struct wire wire = wire_open(family);
  fin_census *census;
  end_both_ways(&wire);
  census = take(&(fin_census_query){.pid = getpid()});
  cr_assert_eq(census->invisible_count, 2);
  cr_assert(invisible(census, wire.client));
  cr_assert(invisible(census, wire.server));
  cr_assert_eq(census->row_count, 1, "the listener");
  fin_census_free(census);
  wire_close(&wire);
}

Test(unseen, reset_while_nobody_watches) {
  const struct linger now = {.l_onoff = 1};
  struct wire wire = wire_open(AF_INET);
  fin_census *census;
  cr_assert_eq(setsockopt(wire.client, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  wire_close_fd(&wire.client);
  await_gone(wire.port, wire.client_port);
  census = take(&(fin_census_query){.owners = true});
  cr_assert(invisible(census, wire.server), "also without a pid");
  cr_assert(!invisible(census, wire.listener));
  fin_census_free(census);
  wire_close(&wire);
}

Test(unseen, other_kinds_of_sockets_are_not_invisible_ones) {
  int pair[2], fresh;
  const int datagram = socket(AF_INET, SOCK_DGRAM, 0);
  fin_census *census;
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  census = take(&(fin_census_query){.pid = getpid()});
  cr_assert_eq(census->invisible_count, 0);
  cr_assert_eq(census->row_count, 0);
  fin_census_free(census);
  fresh = socket(AF_INET6, SOCK_STREAM, 0);
  if (fresh < 0) fresh = socket(AF_INET, SOCK_STREAM, 0);
  census = take(&(fin_census_query){.pid = getpid()});
  cr_assert(invisible(census, fresh), "not connected yet");
  fin_census_free(census);
  close(fresh);
  close(datagram);
  close(pair[0]);
  close(pair[1]);
}

/* Runs `body` in a child, returns its exit status. 0: all was as expected. Criterion belongs to the
 * parent: no assertion in `body`. */
static int in_child(int (*body)(const struct wire *wire), const struct wire *wire) {
  int status;
  const pid_t child = fork();
  cr_assert_geq(child, 0);
  if (child == 0) _exit(body(wire));
  cr_assert_eq(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

/* Whether the row belongs to the wire: others may have one of its ports in TIME_WAIT. */
static bool of_wire(const fin_census_row *row, const struct wire *wire) {
  if (row->local_port == wire->client_port) return row->remote_port == wire->port;
  return row->local_port == wire->port &&
         (row->remote_port == wire->client_port || row->state == FIN_TCP_LISTEN);
}

static int as_nobody(const struct wire *wire) {
  fin_census *census;
  size_t seen = 0;
  int result = 0;
  close(wire->listener);
  close(wire->client);
  close(wire->server);
  if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0) return 1;
  census =
      fin_census_take(&(fin_census_query){.ports = &wire->port, .port_count = 1, .owners = true});
  if (census == NULL) return 2;
  for (size_t i = 0; i < census->row_count; i++) {
    const fin_census_row *row = &census->rows[i];
    if (!of_wire(row, wire)) continue;
    seen++;
    if (row->holder != FIN_HOLDER_OWNED || row->inode == 0) result = 3;
    if (row->owner_count != 0) result = 4;
  }
  if (seen != 3) result = 5;
  if (census->unseen_rows < 3) result = 6;
  if (census->unseen_processes == 0) result = 7;
  fin_census_free(census);
  if (fin_census_take(&(fin_census_query){.pid = getppid()}) != NULL) return 8;
  if (errno != EACCES) result = 9;
  return result;
}

Test(unseen, an_unprivileged_user_sees_rows_and_learns_what_is_missing) {
  struct wire wire;
  if (geteuid() != 0) cr_skip_test("needs root, to become somebody else");
  wire = wire_open(AF_INET);
  cr_assert_eq(in_child(as_nobody, &wire), 0);
  wire_close(&wire);
}

static int own_sockets_as_nobody(const struct wire *wire) {
  fin_census *census;
  int result = 0;
  if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0) return 1;
  census = fin_census_take(&(fin_census_query){.pid = getpid()});
  if (census == NULL) return 2;
  if (!invisible(census, wire->server) || !invisible(census, wire->client)) result = 3;
  if (fin_census_count(census, FIN_TCP_LISTEN, FIN_HOLDER_OWNED) != 1) result = 4;
  fin_census_free(census);
  return result;
}

Test(unseen, an_unprivileged_user_sees_all_of_its_own) {
  struct wire wire;
  if (geteuid() != 0) cr_skip_test("needs root, to become somebody else");
  wire = wire_open(AF_INET);
  end_both_ways(&wire);
  cr_assert_eq(in_child(own_sockets_as_nobody, &wire), 0);
  wire_close(&wire);
}

Test(unseen, no_such_process) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  cr_assert_eq(waitpid(child, NULL, 0), child);
  cr_assert_null(fin_census_take(&(fin_census_query){.pid = child}));
  cr_assert_eq(errno, ESRCH);
}

Test(unseen, sockets_of_another_network_namespace) {
  int ready[2];
  char word = 0;
  fin_census *census;
  pid_t child;
  cr_assert_eq(pipe(ready), 0);
  child = fork();
  if (child == 0) {
    int fd = -1;
    if (unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) {
      fd = socket(AF_INET, SOCK_STREAM, 0);
      word = fd >= 0 && listen(fd, 1) == 0 ? 'y' : 'n';
    }
    if (write(ready[1], &word, 1) == 1) pause();
    _exit(0);
  }
  cr_assert_eq(read(ready[0], &word, 1), 1);
  census = fin_census_take(&(fin_census_query){.pid = child});
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  close(ready[0]);
  close(ready[1]);
  if (word == 0) {
    fin_census_free(census);
    cr_skip_test("no network namespaces for this user");
  }
  cr_assert(census != NULL);
  cr_assert_eq(census->elsewhere, 1);
  cr_assert_eq(census->invisible_count, 0);
  cr_assert_eq(census->row_count, 0);
  fin_census_free(census);
}

/* ---- memory: each allocation fails once ---- */

static int until_failure;

static void *failing_alloc(size_t size) { return until_failure-- == 0 ? NULL : malloc(size); }
static void *failing_resize(void *memory, size_t size) {
  return until_failure-- == 0 ? NULL : realloc(memory, size);
}

Test(unseen, each_allocation_fails_once) {
  struct wire wire = wire_open(AF_INET);
  const int fresh = socket(AF_INET, SOCK_STREAM, 0); /* an invisible one has an array of its own */
  const size_t descriptors = leftover_descriptors();
  fin_census *census = NULL;
  int failures = 0;
  fin_set_allocator(failing_alloc, failing_resize, free);
  for (; census == NULL && failures < 1000; failures++) {
    until_failure = failures;
    census = fin_census_take(&(fin_census_query){.owners = true});
    if (census == NULL) cr_assert_eq(errno, ENOMEM);
  }
  cr_assert(census != NULL);
  cr_assert(invisible(census, fresh));
  cr_assert_gt(failures, 4);
  fin_census_free(census);
  cr_assert_eq(leftover_descriptors(), descriptors);
  close(fresh);
  wire_close(&wire);
}
