/* SPDX-License-Identifier: MIT
 *
 * `finale bench`: load on a server, and what it still holds afterwards.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

volatile sig_atomic_t bench_stopped, bench_hurried;

static void on_stop(int number) {
  (void)number;
  bench_hurried = bench_stopped;
  bench_stopped = 1;
}

/* Whatever ends us, a reader of our output that has gone included, must find nothing left behind.
 */
void bench_catch_signals(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  const struct sigaction stop = {.sa_handler = on_stop}; /* no SA_RESTART: waits end early */
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &stop, NULL);
}

/* ---- the report ---- */

struct outputs {
  struct bench_file histogram, html;
};

static int open_outputs(struct outputs *outputs, const struct bench *bench) {
  *outputs = (struct outputs){.histogram = {.option = "--histogram", .path = bench->histogram_path},
                              .html = {.option = "--html", .path = bench->html_path}};
  int status = bench_file_open(&outputs->histogram);
  if (status == 0) status = bench_file_open(&outputs->html);
  if (status == 0 && bench_file_is(&outputs->histogram, &outputs->html))
    return cli_fail("--html %s: --histogram writes this file; use another one", bench->html_path);
  return status;
}

static void drop_outputs(struct outputs *outputs) {
  bench_file_drop(&outputs->histogram);
  bench_file_drop(&outputs->html);
}

static int write_outputs(struct outputs *outputs, const struct bench *bench,
                         const struct report *report) {
  int status = 0;
  if (!bench->json) {
    report_print(report, stdout);
  } else if (!report_print_json(report, stdout)) {
    cli_fail("--json: it could not be written in full; is there room?");
    status = 1;
  }
  if (outputs->histogram.out) {
    histogram_write(&report->load->latency, bench_file_begin(&outputs->histogram));
    status |= bench_file_end(&outputs->histogram, true);
  }
  if (outputs->html.out) {
    bool written = report_print_html(report, bench_file_begin(&outputs->html));
    status |= bench_file_end(&outputs->html, written);
  }
  return status;
}

/* What was answered; where nothing is asked while it is measured (idle, tcp://, silent visitors),
 * what was connected. */
static bool has_worked(const struct load_result *load) {
  return load->counts.requests > 0 ||
         (load->connections > 0 && load_errors_sum(&load->counts.errors) == 0);
}

static int judge(const struct report *report) {
  char said[LOAD_WHY_MAX];
  int status = 0;
  for (size_t i = 0; i < report->gate_count; i++) {
    if (report_gate_check(&report->gates[i], report, said)) continue;
    fprintf(stderr, "finale: gate failed: %s\n", said);
    status = 1;
  }
  if (has_worked(report->load)) return status;
  cli_fail("%s: nothing was answered; the errors in the report say why", report->target);
  return 1;
}

/* ---- the run ---- */

static int run_load(const struct bench *bench, struct watch *watch, struct report *report,
                    struct load_result *result) {
  char why[LOAD_WHY_MAX];
  struct bench_progress progress = {.bench = bench, .watch = watch};
  struct load_observer shown = bench_progress_observer(&progress);
  struct load_observer watched = watch_observer(watch, &shown);
  bool ok = load_run(&bench->load, &watched, result, why);
  if (ok) report->watch = watch_settle(watch, bench->settle_ms, &bench_hurried);
  bench_progress_clear(&progress);
  return ok ? 0 : cli_fail("%s", why);
}

static int measure(const struct bench *bench, struct outputs *outputs, const char *command) {
  char why[LOAD_WHY_MAX];
  if (!load_target_probe(&bench->load, why)) return cli_fail("%s", why);
  struct watch *watch = watch_new(&bench->load.target);
  if (!watch) {
    cli_fail("the server cannot be watched: %s", cli_why_no_census(errno));
    return 1;
  }
  static struct load_result result; /* half a megabyte */
  struct report report = {.target = bench->target,
                          .command = command,
                          .options = &bench->load,
                          .load = &result,
                          .gates = bench->gates,
                          .gate_count = bench->gate_count};
  int status = run_load(bench, watch, &report, &result);
  if (status == 0) {
    status = write_outputs(outputs, bench, &report);
    fflush(stdout); /* before what the gates say */
    status |= judge(&report);
  }
  load_result_release(&result);
  watch_free(watch);
  return status;
}

static int aim(struct bench *bench, struct process *server) {
  char why[LOAD_WHY_MAX];
  if (!bench->target) return bench_server_begin(server, bench);
  return load_target_parse(bench->target, &bench->load.target, why) ? 0 : cli_fail("%s", why);
}

/* As it would have to be typed. NULL: no memory. */
static char *command_line(int argc, char **argv) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  fputs("finale", out);
  for (int i = 0; i < argc; i++) {
    bool plain = *argv[i] && !argv[i][strcspn(argv[i], " \t\n\"'\\$&|;<>()*?[]#~`!{}")];
    if (plain) {
      fprintf(out, " %s", argv[i]);
      continue;
    }
    fputs(" '", out);
    for (const char *c = argv[i]; *c; c++) {
      if (*c == '\'') fputs("'\\'", out); /* ends the quotes; what follows begins them again */
      fputc(*c, out);
    }
    fputc('\'', out);
  }
  return fclose(out) == 0 ? text : NULL;
}

int cli_bench(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "merge") == 0) return cli_bench_merge(argc - 1, argv + 1);
  if (argc > 1 && strcmp(argv[1], "compare") == 0) return cli_bench_compare(argc - 1, argv + 1);

  struct bench bench;
  int status = bench_options_read(&bench, argc, argv);
  if (status >= 0) return status;
  bench_catch_signals();
  struct outputs outputs;
  struct process server = {.output = -1};
  char *command = command_line(argc, argv);
  status = open_outputs(&outputs, &bench);
  if (status == 0) status = aim(&bench, &server);
  if (status == 0) status = measure(&bench, &outputs, command ? command : "finale bench");
  int ended = bench_server_end(&server);
  drop_outputs(&outputs);
  free(command);
  return status != 0 ? status : ended;
}
