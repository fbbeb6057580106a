/* SPDX-License-Identifier: MIT
 *
 * `finale demo`: a finale server and a naive one under the same rude load, at the same time so that
 * whatever else the machine does befalls both; then what they still hold when all clients are gone.
 */
#include "demo.h"

#include <errno.h>
#include <finale/finale.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "options.h"

/* The finale server's deadlines are short, so that the demo can be; SETTLE_MS is longer than the
 * longest way through them. Both servers get the same time. */
#define DEADLINES "--idle", "2s", "--half", "1s", "--stall", "2s", "--linger", "1s"
enum { SETTLE_MS = 4000, CONNECTIONS = 1400, CONNECTIONS_MIN = 1000, CONNECTIONS_MAX = 5000 };
enum { SPARE_DESCRIPTORS = 64 };

volatile sig_atomic_t demo_stopped;

uint64_t demo_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- progress ---- */

static void show(const char *format, va_list values) {
  char text[80];
  vsnprintf(text, sizeof text, format, values);
  fprintf(stderr, isatty(STDERR_FILENO) ? "\r\033[K%s" : "%s\n", text);
  fflush(stderr);
}

void demo_progress(const char *format, ...) {
  if (!isatty(STDERR_FILENO)) return;
  va_list values;
  va_start(values, format);
  show(format, values);
  va_end(values);
}

void demo_phase(const char *format, ...) {
  va_list values;
  va_start(values, format);
  show(format, values);
  va_end(values);
}

void demo_progress_clear(void) {
  if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
}

/* ---- the comparison ---- */

/* Waits until so many milliseconds of SETTLE_MS have passed since `begun_ms`. */
static void settle_until(uint64_t begun_ms, unsigned ms) {
  const struct timespec tick = {.tv_nsec = 50 * 1000 * 1000};
  for (uint64_t passed; !demo_stopped && (passed = demo_now_ms() - begun_ms) < ms;) {
    demo_progress("all clients have left; the servers get %.1f s more to notice",
                  (double)(SETTLE_MS - passed) / 1000);
    nanosleep(&tick, NULL);
  }
}

static int cannot(const char *what, int error) {
  if (error != -EINTR) cli_fail("%s: %s", what, fin_strerror(error));
  return error;
}

static int start_both(struct demo_server *finale, struct demo_server *naive) {
  char *finale_argv[] = {"finale", "serve", "line", "--listen", "127.0.0.1:0", DEADLINES, NULL};
  char *naive_argv[] = {"finale", "demo-naive", NULL};
  int error = demo_server_start(finale, finale_argv, false);
  if (error < 0) return cannot("the finale server did not start", error);
  error = demo_server_start(naive, naive_argv, true);
  return error < 0 ? cannot("the naive server did not start", error) : 0;
}

static struct demo_figures figures_of(const struct demo_load *load) {
  return (struct demo_figures){.connections = load->connections,
                               .requests_per_second = (uint64_t)load->per_second,
                               .replies_whole = load->whole,
                               .replies_truncated = load->truncated,
                               .replies_lost = load->lost};
}

/* What needs the census is said before the load, not after it. */
static int check_counting(const struct demo_server *finale) {
  struct demo_figures figures = {0};
  int error = demo_count_leftover(finale, &figures);
  if (error < 0 && error != -EINTR)
    cli_fail("sockets cannot be counted here: %s", cli_why_no_census(-error));
  return error < 0 ? error : 0;
}

/* Load, a second in which there is nothing to do, the rest of SETTLE_MS, the count. */
static int compare(struct demo_report *report, const struct demo_server *finale,
                   const struct demo_server *naive) {
  struct demo_load loads[] = {{.port = finale->port}, {.port = naive->port}};
  demo_phase("two servers, %u rude connections to each", report->connections);
  int error = demo_load_run(loads, 2, report->connections);
  if (error < 0) return cannot("the load", error);
  report->finale = figures_of(&loads[0]);
  report->naive = figures_of(&loads[1]);

  uint64_t finale_us = demo_server_cpu_us(finale), naive_us = demo_server_cpu_us(naive);
  demo_phase("all clients have left; the servers get %u s to notice", SETTLE_MS / 1000);
  uint64_t begun_ms = demo_now_ms();
  settle_until(begun_ms, 1000);
  report->finale.cpu_us = demo_server_cpu_us(finale) - finale_us;
  report->naive.cpu_us = demo_server_cpu_us(naive) - naive_us;
  settle_until(begun_ms, SETTLE_MS);
  if (demo_stopped) return -EINTR;
  error = demo_count_leftover(finale, &report->finale);
  if (error == 0) error = demo_count_leftover(naive, &report->naive);
  return error < 0 ? cannot("counting sockets", error) : 0;
}

/* ---- the command ---- */

static int help(void) {
  printf(
      "Usage: finale demo [OPTION...]\n"
      "\n"
      "Starts a finale server and a naive libuv server, written as tutorials do it, in\n"
      "processes of their own; puts both under the same rude load (polite clients, and\n"
      "clients that half-close, leave while the server does not read, reset, read\n"
      "slowly, write slowly, or are silent); and prints what each of them still holds\n"
      "%u s after the last client has left. Takes about 10 s. Needs no privileges.\n"
      "\n"
      "  --connections N    to each server, %u to %u (%u)\n"
      "  --json             the figures for a program\n"
      "\n"
      "Exit status: 0 if the finale side owes nothing: no socket, descriptor or reply.\n",
      SETTLE_MS / 1000, CONNECTIONS_MIN, CONNECTIONS_MAX, CONNECTIONS);
  return 0;
}

static void on_stop(int number) {
  (void)number;
  demo_stopped = 1;
}

/* -1: go on. */
static int read_options(int argc, char **argv, unsigned *connections, bool *json) {
  struct cli_args args = CLI_ARGS("finale demo", argc, argv);
  while (cli_args_next(&args)) {
    int status = 0;
    if (cli_args_is(&args, "--help")) return help();
    if (cli_args_is(&args, "--json")) {
      *json = true;
      status = cli_args_no_value(&args);
    } else if (cli_args_is(&args, "--connections")) {
      const char *value = cli_args_value(&args);
      if (!value) return 2;
      status =
          cli_parse_count("--connections", value, CONNECTIONS_MIN, CONNECTIONS_MAX, connections);
    } else {
      status = cli_args_unknown(&args);
    }
    if (status != 0) return status;
  }
  return -1;
}

int cli_demo(int argc, char **argv) {
  unsigned connections = CONNECTIONS;
  bool json = false;
  int status = read_options(argc, argv, &connections, &json);
  if (status >= 0) return status;
  unsigned long descriptors = cli_raise_descriptor_limit();
  unsigned needed = 2 * connections + SPARE_DESCRIPTORS; /* the clients of both are ours */
  if (needed > descriptors)
    return cli_fail("--connections %u: only %lu descriptors are allowed; raise ulimit -Hn to %u",
                    connections, descriptors, needed);

  struct sigaction stop = {.sa_handler = on_stop}; /* no SA_RESTART: waits end early */
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);
  char said[4096];
  struct demo_report report = {.connections = connections, .settle_ms = SETTLE_MS, .endings = said};
  struct demo_server finale = DEMO_NO_SERVER, naive = DEMO_NO_SERVER;
  int error = start_both(&finale, &naive);
  if (error == 0) error = check_counting(&finale);
  if (error == 0) error = compare(&report, &finale, &naive);
  if (error == 0) report.drain_status = demo_server_drain(&finale, said, sizeof said);
  demo_server_kill(&finale);
  demo_server_kill(&naive);
  demo_progress_clear();
  if (error == -EINTR) {
    fprintf(stderr, "finale: interrupted; both servers are stopped\n");
    return 130;
  }
  if (error < 0) return 1;
  if (json)
    demo_report_print_json(&report, stdout);
  else
    demo_report_print(&report, stdout);
  return demo_report_holds(&report) ? 0 : 1;
}
