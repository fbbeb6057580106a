/* SPDX-License-Identifier: MIT
 *
 * See runner.h. First the namespaces, then the sides, last the loop: no thread may be there before,
 * and the sides are to know nothing of the wire.
 */
#include "lab/runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "lab/clock.h"
#include "lab/wire.h"

enum { END_MS = 4000, TICK_MS = 2 };

struct hub {
  const struct lab_runner *runner;
  struct lab_spaces spaces;
  struct lab_wire *wire; /* NULL: loopback */
  pid_t sides[2];
  int channels[2]; /* lab_agent.runner, our end */
  uv_loop_t loop;
  uv_poll_t orders, requests[2];
};

/* ---- telling ---- */

static void tell(void *context, const struct lab_event *event) {
  const struct hub *hub = context;
  while (send(hub->runner->events, event, sizeof *event, MSG_NOSIGNAL) < 0 && errno == EINTR)
    continue;
}

static bool fail(struct hub *hub, const char *text) {
  struct lab_event event = {.at_ns = lab_now(), .kind = LAB_POINT};
  event.point = (struct lab_point){.mark = LAB_FAILED};
  snprintf(event.point.text, sizeof event.point.text, "%s", text);
  tell(hub, &event);
  return false;
}

/* ---- namespaces ---- */

static bool set_sysctls(struct hub *hub) {
  const struct lab_expect *expect = hub->runner->options->expect;
  char why[LAB_WHY_MAX];
  for (size_t i = 0; i < expect->sysctl_count; i++) {
    const struct lab_sysctl *sysctl = &expect->sysctls[i];
    for (enum lab_side side = LAB_CLIENT; side <= LAB_SERVER; side++)
      if (sysctl->of[side] &&
          !lab_spaces_sysctl(&hub->spaces, side, sysctl->name, sysctl->value, why))
        return fail(hub, why);
  }
  return true;
}

static bool enter_spaces(struct hub *hub) {
  const struct lab_run_options *options = hub->runner->options;
  struct lab_board *board = hub->runner->board;
  if (options->loopback)
    snprintf(board->why_no_wire, sizeof board->why_no_wire, "loopback was asked for");
  else
    board->wire = lab_spaces_enter(&hub->spaces, board->why_no_wire);
  if (board->wire) return set_sysctls(hub);
  if (!options->expect->needs_wire) return true;
  return fail(hub, board->why_no_wire);
}

/* ---- the sides ---- */

static bool begin_side(struct hub *hub, enum lab_side side, const int door[2]) {
  const struct lab_runner *runner = hub->runner;
  int channel[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0)
    return fail(hub, strerror(errno));
  hub->channels[side] = channel[0];
  hub->sides[side] = lab_fork_side(runner->board->wire ? &hub->spaces : NULL, side);
  if (hub->sides[side] == 0) {
    close(channel[0]);
    close(runner->orders);
    lab_agent_run(&(struct lab_agent){
        .side = side,
        .options = runner->options,
        .calls = runner->calls,
        .board = runner->board,
        .events = runner->events,
        .told = runner->told,
        .over = runner->over,
        .runner = channel[1],
        .door = {door[0], door[1]},
    });
  }
  const int error = errno;
  close(channel[1]);
  return hub->sides[side] > 0 || fail(hub, strerror(error));
}

static bool begin_sides(struct hub *hub) {
  int door[2];
  if (pipe2(door, O_CLOEXEC) != 0) return fail(hub, strerror(errno));
  const bool begun = begin_side(hub, LAB_SERVER, door) && begin_side(hub, LAB_CLIENT, door);
  close(door[0]);
  close(door[1]);
  return begun;
}

static void let_go(struct hub *hub) {
  for (enum lab_side side = LAB_CLIENT; side <= LAB_SERVER; side++)
    if (write(hub->channels[side], "", 1) != 1) fail(hub, "a side is gone");
}

static bool reap(pid_t side, bool wait) {
  pid_t reaped;
  do {
    reaped = waitpid(side, NULL, wait ? 0 : WNOHANG);
  } while (reaped < 0 && errno == EINTR);
  return reaped != 0;
}

static void end_sides(struct hub *hub) {
  const uint64_t deadline = lab_now() + END_MS * LAB_MS;
  for (enum lab_side side = LAB_CLIENT; side <= LAB_SERVER; side++)
    if (hub->sides[side] > 0) kill(hub->sides[side], SIGTERM);
  for (enum lab_side side = LAB_CLIENT; side <= LAB_SERVER; side++) {
    if (hub->sides[side] <= 0) continue;
    while (!reap(hub->sides[side], false) && lab_now() < deadline) poll(NULL, 0, TICK_MS);
    if (lab_now() < deadline) continue;
    kill(hub->sides[side], SIGKILL);
    reap(hub->sides[side], true);
  }
}

/* ---- the wire ---- */

static bool begin_wire(struct hub *hub) {
  const struct lab_run_options *options = hub->runner->options;
  const struct lab_expect *expect = options->expect;
  struct lab_rule rules[LAB_RULES_MAX];
  char why[LAB_WHY_MAX];
  size_t count = 0;
  for (size_t i = 0; i < options->rule_count && count < LAB_RULES_MAX; i++)
    rules[count++] = options->rules[i];
  for (size_t i = 0; i < expect->rule_count && count < LAB_RULES_MAX; i++)
    rules[count++] = expect->rules[i];
  hub->wire = lab_wire_new(
      &(struct lab_wire_options){
          .loop = &hub->loop,
          .spaces = &hub->spaces,
          .delay_ms =
              options->delay_ms == LAB_DELAY_AS_EXPECTED ? expect->delay_ms : options->delay_ms,
          .rules = rules,
          .rule_count = count,
          .step = options->step,
          .on_segment = tell,
          .context = hub,
      },
      why);
  return hub->wire != NULL || fail(hub, why);
}

static void on_order(uv_poll_t *poll, int status, int events) {
  struct hub *hub = poll->data;
  struct lab_order order;
  (void)events;
  const ssize_t len = recv(hub->runner->orders, &order, sizeof order, MSG_DONTWAIT);
  if (len < 0 && status == 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (len != sizeof order) {
    uv_stop(&hub->loop);
    return;
  }
  if (hub->wire == NULL) return;
  if (order.wish == LAB_WISH_STEP)
    lab_wire_step(hub->wire, order.number != 0);
  else if (order.wish == LAB_WISH_RELEASE)
    lab_wire_release(hub->wire, order.number);
  else
    lab_wire_discard(hub->wire, order.number);
}

static void on_request(uv_poll_t *poll, int status, int events) {
  struct hub *hub = poll->data;
  const int channel = hub->channels[poll - hub->requests];
  uint16_t client_port;
  (void)events;
  const ssize_t len = recv(channel, &client_port, sizeof client_port, MSG_DONTWAIT);
  if (len < 0 && status == 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (len != sizeof client_port || hub->wire == NULL) {
    uv_poll_stop(poll); /* that side has ended */
    return;
  }
  lab_wire_vanish(hub->wire, client_port);
  if (write(channel, "", 1) != 1) uv_poll_stop(poll);
}

static bool watch(struct hub *hub, uv_poll_t *poll, int fd, uv_poll_cb callback) {
  poll->data = hub;
  return uv_poll_init(&hub->loop, poll, fd) == 0 && uv_poll_start(poll, UV_READABLE, callback) == 0;
}

/* Returns when the other end of `orders` has been closed. */
static bool run_loop(struct hub *hub) {
  if (uv_loop_init(&hub->loop) != 0) return fail(hub, "no event loop: too few descriptors?");
  if (!watch(hub, &hub->orders, hub->runner->orders, on_order) ||
      !watch(hub, &hub->requests[LAB_CLIENT], hub->channels[LAB_CLIENT], on_request) ||
      !watch(hub, &hub->requests[LAB_SERVER], hub->channels[LAB_SERVER], on_request))
    return fail(hub, "no event loop: too few descriptors?");
  if (hub->runner->board->wire && !begin_wire(hub)) return false;
  let_go(hub);
  uv_run(&hub->loop, UV_RUN_DEFAULT);
  if (hub->wire != NULL) hub->runner->board->lost_frames = lab_wire_lost(hub->wire);
  return true;
}

/* What could not be begun has been told; then too, the caller says when it is over. */
static void await_end(const struct lab_runner *runner) {
  struct lab_order order;
  ssize_t len;
  do {
    len = recv(runner->orders, &order, sizeof order, 0);
  } while (len > 0 || (len < 0 && errno == EINTR));
}

_Noreturn void lab_runner_run(const struct lab_runner *runner) {
  static struct hub hub;
  hub = (struct hub){.runner = runner, .channels = {-1, -1}};
  setpgid(0, 0); /* a terminal's Ctrl-C is for our parent */
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_NAME, "lab-wire");
  if (!enter_spaces(&hub) || !begin_sides(&hub) || !run_loop(&hub)) await_end(runner);
  end_sides(&hub);
  _exit(0);
}
