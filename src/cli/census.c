/* SPDX-License-Identifier: MIT
 *
 * `finale census`: the kernel's TCP sockets by state, holder and owner, for any process.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "census_print.h"
#include "cli.h"
#include "options.h"

enum { PORTS_MAX = 32 };

struct request {
  uint16_t ports[PORTS_MAX];
  size_t port_count;
  unsigned pid;
  unsigned states; /* a bit for each; 0: all */
  bool rows, json;
};

static int help(void) {
  puts(
      "Usage: finale census [OPTION...]\n"
      "\n"
      "Counts the TCP sockets of this network namespace, IPv4 and IPv6, by state and by who\n"
      "can still end them:\n"
      "\n"
      "  owned      a process: it must close the descriptor\n"
      "  queued     nobody yet: not accepted so far\n"
      "  orphan     the kernel alone: closed, and still saying goodbye\n"
      "  time-wait  the kernel alone: closed well, gone within a minute\n"
      "\n"
      "Then what is neither owned ESTAB nor LISTEN, by service and holder. UNREAD: so many\n"
      "hold unread input or an unread FIN; a CLOSE-WAIT without it has read the FIN and was\n"
      "not closed. QUIET: since a peer was last heard, the longest. `name[pid] +1`: one more\n"
      "descriptor holds it. Then TCP descriptors that no list of sockets shows, and what\n"
      "could not be seen.\n"
      "\n"
      "  --port PORT    only sockets with this local or remote port; may be repeated\n"
      "  --pid PID      only sockets held by this process\n"
      "  --state NAME   only this state (CLOSE-WAIT, fin_wait2, ...); may be repeated\n"
      "  --listening    only listeners, one by one: RECV-Q connections wait to be accepted,\n"
      "                 SEND-Q may\n"
      "  --rows         every socket, one by one\n"
      "  --json         all of it, for programs\n"
      "\n"
      "Exit status: 0 when counted, 1 if that was not possible, 2 for wrong input.");
  return 0;
}

/* "CLOSE-WAIT", "close_wait" and "CloseWait" are the same name. */
static bool same_name(const char *a, const char *b) {
  for (;; a++, b++) {
    while (*a == '-' || *a == '_') a++;
    while (*b == '-' || *b == '_') b++;
    if (toupper((unsigned char)*a) != toupper((unsigned char)*b)) return false;
    if (*a == '\0') return true;
  }
}

static int parse_state(const char *text, unsigned *states) {
  static const struct {
    fin_tcp_state state;
    const char *names[2];
  } known[] = {
#define KNOWN(name, number, text) {FIN_TCP_##name, {#name, text}},
      FIN_TCP_STATES(KNOWN)
#undef KNOWN
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (known[i].state == FIN_TCP_CLOSE) continue; /* is in no table: an invisible one */
    if (!same_name(text, known[i].names[0]) && !same_name(text, known[i].names[1])) continue;
    *states |= 1U << known[i].state;
    return 0;
  }
  return cli_fail(
      "--state %s: no such state; use ESTAB, SYN-SENT, SYN-RECV, FIN-WAIT-1, FIN-WAIT-2, "
      "TIME-WAIT, CLOSE-WAIT, LAST-ACK, LISTEN or CLOSING",
      text);
}

static int add_port(struct request *request, const char *text) {
  unsigned port = 0;
  int status = cli_parse_count("--port", text, 1, UINT16_MAX, &port);
  if (status != 0) return status;
  if (request->port_count == PORTS_MAX)
    return cli_fail("--port %s: one too many; give at most %d", text, PORTS_MAX);
  request->ports[request->port_count++] = (uint16_t)port;
  return 0;
}

/* Options that take a value: 0 or 2. -1: not one of them. */
static int read_valued(struct cli_args *args, struct request *request) {
  bool port = cli_args_is(args, "--port"), pid = cli_args_is(args, "--pid");
  if (!port && !pid && !cli_args_is(args, "--state")) return -1;
  const char *value = cli_args_value(args);
  if (!value) return 2;
  if (port) return add_port(request, value);
  if (pid) return cli_parse_count("--pid", value, 1, INT_MAX, &request->pid);
  return parse_state(value, &request->states);
}

/* -1: go on and count. */
static int read_options(struct request *request, int argc, char **argv) {
  struct cli_args args = CLI_ARGS("finale census", argc, argv);
  while (cli_args_next(&args)) {
    int status = read_valued(&args, request);
    if (status == 0) continue;
    if (status > 0) return status;
    if (cli_args_is(&args, "--help")) return help();
    if (cli_args_is(&args, "--rows")) {
      request->rows = true;
    } else if (cli_args_is(&args, "--json")) {
      request->json = true;
    } else if (cli_args_is(&args, "--listening")) {
      request->states |= 1U << FIN_TCP_LISTEN;
      request->rows = true;
    } else {
      return cli_args_unknown(&args);
    }
    if ((status = cli_args_no_value(&args)) != 0) return status;
  }
  return -1;
}

const char *cli_why_no_census(int error) {
  if (error == ENOTSUP) return "built without libmnl; configure with -DFINALE_CENSUS=ON";
  if (error == ENOENT)
    return "no tcp_diag in the kernel, which `modprobe tcp_diag` loads; or no /proc";
  return fin_strerror(error);
}

static int cannot_count(const struct request *request) {
  if (request->pid != 0 && errno == ESRCH)
    return cli_fail("--pid %u: no such process; `ps -e` lists them", request->pid);
  if (request->pid != 0 && errno == EACCES) {
    cli_fail("--pid %u: its descriptors may not be read; run this as its user, or as root",
             request->pid);
    return 1;
  }
  cli_fail("census: %s", cli_why_no_census(errno));
  return 1;
}

static int by_state_and_ports(const void *a, const void *b) {
  const fin_census_row *left = a, *right = b;
  if (left->state != right->state) return left->state < right->state ? -1 : 1;
  if (left->holder != right->holder) return left->holder < right->holder ? -1 : 1;
  if (left->local_port != right->local_port) return left->local_port < right->local_port ? -1 : 1;
  return (left->remote_port > right->remote_port) - (left->remote_port < right->remote_port);
}

size_t census_view_count(const struct census_view *view, fin_tcp_state state, fin_holder holder) {
  const fin_census same = {.rows = view->rows, .row_count = view->row_count};
  return fin_census_count(&same, state, holder);
}

size_t census_view_unseen(const struct census_view *view) {
  size_t count = 0;
  for (size_t i = 0; i < view->row_count; i++)
    count += view->rows[i].holder == FIN_HOLDER_OWNED && view->rows[i].owner_count == 0;
  return count;
}

static bool choose_rows(struct census_view *view, unsigned states) {
  const fin_census *census = view->census;
  view->rows = malloc((census->row_count + 1) * sizeof *view->rows);
  if (!view->rows) return false;
  for (size_t i = 0; i < census->row_count; i++) {
    if (states == 0 || (states >> census->rows[i].state & 1) != 0)
      view->rows[view->row_count++] = census->rows[i];
  }
  qsort(view->rows, view->row_count, sizeof *view->rows, by_state_and_ports);
  return true;
}

static bool print(const struct request *request, const struct census_view *view) {
  if (request->json) return census_print_json(view);
  if (request->rows) {
    census_print_rows(view);
  } else {
    census_print_summary(view);
  }
  census_print_unseen(view);
  return true;
}

int cli_census(int argc, char **argv) {
  struct request request = {.pid = 0};
  int status = read_options(&request, argc, argv);
  if (status >= 0) return status;
  fin_census *census = fin_census_take(&(fin_census_query){.ports = request.ports,
                                                           .port_count = request.port_count,
                                                           .pid = (pid_t)request.pid,
                                                           .owners = true,
                                                           .heard = true});
  if (!census) return cannot_count(&request);
  struct census_view view = {.census = census, .some_states = request.states != 0};
  status = choose_rows(&view, request.states) && print(&request, &view) ? 0 : 1;
  if (status != 0) cli_fail("census: no memory");
  free(view.rows);
  fin_census_free(census);
  return status;
}
