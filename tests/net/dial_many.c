/* SPDX-License-Identifier: MIT
 *
 * Many connections that we open, and more than there is room for: nothing of them is left.
 */
#include <sys/resource.h>

#include "base/counted.h"
#include "dialling.h"

static const fin_listen listens = {.handler = &echo_handler};

/* ---- a thousand ---- */

enum { CALLERS = 1000, TOGETHER = 200 };

static void say_hello(fin_conn *conn) { cr_assert_eq(fin_conn_write(conn, "hello", 5), 0); }

static unsigned opened(const struct caller *callers) {
  unsigned count = 0;
  for (int i = 0; i < TOGETHER; i++) count += callers[i].opened;
  return count;
}

static unsigned answered(const struct caller *callers) {
  unsigned count = 0;
  for (int i = 0; i < TOGETHER; i++) count += caller_heard(&callers[i], "hello");
  return count;
}

Test(dial_many, a_thousand) {
  struct net net;
  net_begin(&net, &listens);
  size_t descriptors = leftover_descriptors();
  for (unsigned done = 0; done < CALLERS; done += TOGETHER) {
    struct caller callers[TOGETHER] = {{.opened = 0}};
    for (int i = 0; i < TOGETHER; i++) {
      callers[i].greet = say_hello;
      caller_dial(&callers[i], &net, i % 20 ? "127.0.0.1" : "localhost", net.port, 0);
    }
    net_until(&net, opened(callers) == TOGETHER && answered(callers) == TOGETHER);
    for (int i = 0; i < TOGETHER; i++) fin_conn_close(callers[i].conn, FIN_REASON_CLOSED);
    net_until(&net, stats_of(&net).connections == 0);
    for (int i = 0; i < TOGETHER; i++) caller_reason(&callers[i], CLOSED, 0);
  }
  fin_server_stats stats = stats_of(&net);
  cr_assert_eq(stats.dialled, CALLERS);
  cr_assert_eq(stats.accepted, CALLERS);
  cr_assert(leftover_descriptors() <= descriptors + 1, "libuv's first opens one that stays");
  net_end(&net);
}

/* ---- no descriptor is left ---- */

/* Those that are open stay usable. */
static struct rlimit take_descriptors(void) {
  struct rlimit before, limit;
  int next = dup(0);
  cr_assert(next >= 0 && close(next) == 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
  limit = before;
  limit.rlim_cur = (rlim_t)next;
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  return before;
}

Test(dial_many, no_descriptor_is_left) {
  struct net net;
  struct caller callers[TOGETHER] = {{.opened = 0}}, last = {.greet = say_hello};
  net_begin(&net, &listens);
  struct rlimit before = take_descriptors();
  for (int i = 0; i < TOGETHER; i++) caller_dial(&callers[i], &net, "127.0.0.1", net.port, 0);
  net_until(&net, stats_of(&net).connections == 0);
  for (int i = 0; i < TOGETHER; i++) {
    cr_assert_eq(callers[i].closed, 1);
    caller_reason(&callers[i], NOT_OPENED, EMFILE);
  }
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
  caller_dial(&last, &net, "127.0.0.1", net.port, 0);
  net_until(&net, caller_heard(&last, "hello"));
  fin_conn_close(last.conn, FIN_REASON_CLOSED);
  net_end(&net);
}

/* With a file of names that cannot be opened no name is known. */
Test(dial_many, no_descriptor_is_left_to_resolve_with) {
  struct net net;
  struct caller caller = {.opened = 0};
  net_begin(&net, &listens);
  struct rlimit before = take_descriptors();
  caller_dial(&caller, &net, "localhost", net.port, 0);
  net_until(&net, caller.closed == 1);
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
  cr_assert_eq(caller.report.reason, FIN_REASON_NOT_OPENED);
  net_end(&net);
}

/* ---- no memory is left ---- */

static bool opens_without(struct net *net, size_t allocation) {
  struct caller caller = {.opened = 0};
  fin_dial dial = {
      .host = "127.0.0.1", .port = net->port, .handler = &caller_handler, .context = &caller};
  counted_fail_in(allocation);
  errno = 0;
  caller.conn = fin_server_dial(net->server, &dial);
  counted.fail_at = 0;
  if (!caller.conn) {
    cr_assert_eq(errno, ENOMEM);
    return false;
  }
  net_until(net, caller.opened + caller.closed == 1);
  if (caller.closed)
    caller_reason(&caller, NOT_OPENED, ENOMEM);
  else
    fin_conn_abort(caller.conn);
  net_until(net, caller.closed == 1);
  return caller.opened == 1;
}

Test(dial_many, an_allocation_fails) {
  struct net net;
  counted_begin();
  net_begin(&net, &listens);
  size_t failures = 0;
  while (!opens_without(&net, failures + 1)) failures++;
  cr_assert(failures >= 2, "only %zu allocations can fail", failures);
  net_until(&net, stats_of(&net).connections == 0);
  net_end(&net);
  cr_assert_eq(counted.live, 0, "%zu allocations leaked", counted.live);
}

/* libuv's, of which a name needs some. */
static bool uv_fails;

static void *uv_alloc(size_t size) { return uv_fails ? NULL : malloc(size); }
static void *uv_resize(void *memory, size_t size) {
  return uv_fails ? NULL : realloc(memory, size);
}
static void *uv_zeroed(size_t count, size_t size) { return uv_fails ? NULL : calloc(count, size); }

Test(dial_many, an_allocation_of_libuv_fails) {
  struct net net;
  struct caller caller = {.opened = 0};
  cr_assert_eq(uv_replace_allocator(uv_alloc, uv_resize, uv_zeroed, free), 0);
  net_begin(&net, &listens);
  uv_fails = true;
  caller_dial(&caller, &net, "localhost", net.port, 0);
  uv_fails = false;
  net_until(&net, caller.closed == 1);
  caller_reason(&caller, NOT_OPENED, ENOMEM);
  net_end(&net);
}
