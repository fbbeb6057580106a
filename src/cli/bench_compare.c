/* SPDX-License-Identifier: MIT
 *
 * `finale bench compare`: finale beside other servers, under the same load, in turns.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "cli.h"
#include "compare/compare.h"

enum { WORKLOADS_MAX = 16, ROUNDS = 5, DURATION_MS = 2000, DEPTH = 16 };

struct request {
  struct compare_options options;
  struct compare_place place;
  struct compare_peer peers[COMPARE_PEERS_MAX];
  size_t peer_count;
  const struct compare_workload *workloads[WORKLOADS_MAX];
  size_t workload_count;
  struct compare_gate gates[BENCH_GATES_MAX];
  size_t gate_count;
  bool json, markdown;
};

static const struct cli_flag flags[] = {
    {"--rounds", CLI_COUNT, offsetof(struct request, options.rounds), "of each server (5)"},
    {"--duration", CLI_TIME, offsetof(struct request, options.duration_ms),
     "of the load in a round (2s)"},
    {"--conns", CLI_COUNT, offsetof(struct request, options.connections),
     "at a time (64; stream 16; idle 8000)"},
    {"--depth", CLI_COUNT, offsetof(struct request, options.depth),
     "requests at a time, of pipeline (16)"},
    {"--size", CLI_BYTES, offsetof(struct request, options.size),
     "of a message (64; stream 64k, mix-echo 256k)"},
    {"--instructions", CLI_SWITCH, offsetof(struct request, options.instructions),
     "count these too, with valgrind: takes minutes"},
    {"--vary", CLI_SWITCH, offsetof(struct request, options.vary),
     "http: each request has another query than the\n"
     "                            one before, at equal length"},
    {"--json", CLI_SWITCH, offsetof(struct request, json), "for a program"},
    {"--markdown", CLI_SWITCH, offsetof(struct request, markdown), "the tables, for a README"},
    {0}};

static int help(void) {
  puts(
      "Usage: finale bench compare [WORKLOAD...] [OPTION...]\n"
      "\n"
      "Starts finale and other servers, each on the first processor, checks that they\n"
      "give the same answers, and puts them under the same load in turns. Prints medians:\n"
      "work done, CPU time for a unit of work (the figure that noise disturbs least), how\n"
      "that compares with raw epoll and with nginx, latency, and what is left over.\n"
      "\n"
      "WORKLOAD: one or more of these (keepalive), or all\n");
  for (size_t i = 0; i < compare_workload_count; i++)
    printf("  %-12s %s%s\n", compare_workloads[i].name,
           compare_workloads[i].protocol == LOAD_HTTP ? "http" : "echo",
           compare_workloads[i].mixed           ? ", with rude clients among the polite"
           : compare_workloads[i].server_closes ? ", the server closes first"
                                                : "");
  puts(
      "\n  --peers FILE...           who takes part (all that are beside this program, in\n"
      "                            bench/peers; see bench/README.md for such files)\n"
      "  --workload WORKLOAD       the same as WORKLOAD alone");
  cli_flags_help(flags, stdout);
  puts(
      "  --expect GATE             [WORKLOAD:]METRIC[/PEER] and a bound, as\n"
      "                            'cpu/nginx<=0.85': finale's figure, or its ratio to that\n"
      "                            peer's; may be repeated. Metrics:");
#define METRIC_HELP(name, key, unit, text) printf("  %26s%-13s %s\n", "", key, text);
  COMPARE_METRICS(METRIC_HELP)
#undef METRIC_HELP
  puts(
      "\nExit status: 0 if all gates hold, 1 if one does not or nothing can be measured, 2\n"
      "for wrong input, 130 if it was interrupted: whole rounds until then are printed.");
  return 0;
}

/* ---- arguments ---- */

static int add_peer(struct request *request, const char *path) {
  char why[LOAD_WHY_MAX];
  if (request->peer_count == COMPARE_PEERS_MAX)
    return cli_fail("%s: more than %d peers; leave some out", path, COMPARE_PEERS_MAX);
  struct compare_peer *peer = &request->peers[request->peer_count];
  if (!compare_peer_read(path, peer, why)) return cli_fail("%s", why);
  for (size_t i = 0; i < request->peer_count; i++) {
    if (strcmp(request->peers[i].name, peer->name) != 0) continue;
    compare_peer_release(peer);
    return cli_fail("%s: there is another peer of this name; rename one of the files", path);
  }
  request->peer_count++;
  return 0;
}

static bool is_built_in(const struct compare_workload *workload) {
#ifdef FINALE_HAVE_HTTP
  return workload != NULL;
#else
  return workload->protocol != LOAD_HTTP;
#endif
}

static int add_workload(struct request *request, const char *name) {
  const struct compare_workload *workload = compare_workload_find(name);
  bool all = strcmp(name, "all") == 0;
  if (!workload && !all)
    return cli_fail("unknown workload '%s'; see finale bench compare --help", name);
  if (workload && !is_built_in(workload))
    return cli_fail("%s: this finale was built without HTTP; build it with -DFINALE_HTTP=ON", name);
  for (size_t i = 0; i < compare_workload_count; i++) {
    const struct compare_workload *one = &compare_workloads[i];
    bool there = (!all && one != workload) || !is_built_in(one);
    for (size_t k = 0; k < request->workload_count; k++) there |= request->workloads[k] == one;
    if (!there) request->workloads[request->workload_count++] = one;
  }
  return 0;
}

static int add_gate(struct request *request, const char *text) {
  char why[LOAD_WHY_MAX];
  if (request->gate_count == BENCH_GATES_MAX)
    return cli_fail("--expect %s: more than %d gates; leave some out", text, BENCH_GATES_MAX);
  if (!compare_gate_parse(text, &request->gates[request->gate_count], why))
    return cli_fail("%s", why);
  request->gate_count++;
  return 0;
}

static bool is_peer_file(const char *text) {
  size_t len = strlen(text);
  return len > 5 && strcmp(text + len - 5, ".peer") == 0;
}

static int read_argument(struct request *request, struct cli_args *args) {
  int (*take)(struct request *, const char *) = NULL;
  if (cli_args_is(args, "--peers")) take = add_peer;
  if (cli_args_is(args, "--workload")) take = add_workload;
  if (cli_args_is(args, "--expect")) take = add_gate;
  if (take) {
    const char *value = cli_args_value(args);
    return value ? take(request, value) : 2;
  }
  if (cli_args_is_operand(args))
    return is_peer_file(args->text) ? add_peer(request, args->text)
                                    : add_workload(request, args->text);
  int status = cli_flag_take(args, flags, request);
  return status < 0 ? cli_args_unknown(args) : status;
}

static int find_place(struct compare_place *place) {
  ssize_t len = readlink("/proc/self/exe", place->finale, sizeof place->finale - 16);
  if (len <= 0) return cli_fail("/proc is not there; this program cannot tell where it is");
  place->finale[len] = '\0';
  int directory = (int)(strrchr(place->finale, '/') - place->finale);
  snprintf(place->peers, sizeof place->peers, "%.*s/bench/peers", directory, place->finale);
  return 0;
}

static int add_default_peers(struct request *request) {
  char pattern[COMPARE_PATH_MAX + 16];
  glob_t found;
  snprintf(pattern, sizeof pattern, "%s/*.peer", request->place.peers);
  int status = glob(pattern, 0, NULL, &found) == 0
                   ? 0
                   : cli_fail("%s: no peers; name some: --peers FILE...", request->place.peers);
  for (size_t i = 0; status == 0 && i < found.gl_pathc; i++)
    status = add_peer(request, found.gl_pathv[i]);
  globfree(&found);
  return status;
}

static int complete(struct request *request) {
  int status = 0;
  if (request->options.rounds > COMPARE_ROUNDS_MAX)
    return cli_fail("--rounds %u: use 1 to %d", request->options.rounds, COMPARE_ROUNDS_MAX);
  if (request->json && request->markdown)
    return cli_fail("--json and --markdown: the output has one form; leave one of them out");
  if (request->workload_count == 0) status = add_workload(request, "keepalive");
  for (size_t i = 0; request->options.vary && i < request->workload_count; i++)
    if (request->workloads[i]->protocol != LOAD_HTTP)
      return cli_fail("--vary: %s has no requests of http to vary; name those that have",
                      request->workloads[i]->name);
  if (status == 0) status = find_place(&request->place);
  if (status == 0 && request->peer_count == 0) status = add_default_peers(request);
  if (status != 0) return status;
  unsigned most = request->options.connections;
  for (size_t i = 0; i < request->workload_count; i++)
    if (request->options.connections == 0 && request->workloads[i]->connections > most)
      most = request->workloads[i]->connections;
  unsigned long descriptors = cli_raise_descriptor_limit(), needed = most + 64UL;
  if (needed > descriptors)
    return cli_fail(
        "--conns %u: only %lu descriptors are allowed; raise ulimit -Hn to %lu, or use "
        "fewer",
        most, descriptors, needed);
  return 0;
}

/* -1: go on. */
static int read_arguments(struct request *request, int argc, char **argv) {
  struct cli_args args = CLI_ARGS("finale bench compare", argc, argv);
  while (cli_args_next(&args)) {
    if (cli_args_is(&args, "--help")) return help();
    int status = read_argument(request, &args);
    if (status != 0) return status;
  }
  int status = complete(request);
  return status == 0 ? -1 : status;
}

/* ---- the comparison ---- */

/* Each gate in every workload that it is for; one that is for none of them has failed. */
static int judge(const struct request *request, const struct compare_table *tables,
                 size_t table_count) {
  char said[LOAD_WHY_MAX];
  int status = 0;
  for (size_t i = 0; i < request->gate_count; i++) {
    bool asked = false;
    for (size_t k = 0; k < table_count; k++) {
      enum compare_verdict verdict = compare_gate_check(&request->gates[i], &tables[k], said);
      asked |= verdict != COMPARE_OTHER;
      if (verdict != COMPARE_FAILS) continue;
      fprintf(stderr, "finale: gate failed: %s\n", said);
      status = 1;
    }
    if (asked) continue;
    fprintf(stderr, "finale: gate failed: wanted %s: no workload that was run measures that\n",
            request->gates[i].text);
    status = 1;
  }
  return status;
}

static int run(struct request *request) {
  struct compare_table tables[WORKLOADS_MAX];
  char why[LOAD_WHY_MAX];
  size_t count = 0;
  int status = 0;
  for (size_t i = 0; i < request->workload_count && !bench_stopped; i++) {
    request->options.workload = request->workloads[i];
    if (!compare_run(&request->options, request->peers, request->peer_count, &tables[count], why)) {
      compare_table_release(&tables[count]);
      cli_fail("%s", why);
      status = 1;
      continue;
    }
    if (!request->json && count > 0) putchar('\n');
    if (request->markdown) compare_print_markdown(&tables[count], stdout);
    if (!request->markdown && !request->json) compare_print(&tables[count], stdout);
    fflush(stdout); /* before the progress of the next */
    count++;
  }
  if (request->markdown && count > 1) {
    putchar('\n');
    compare_print_overview(tables, count, stdout);
  }
  if (request->json &&
      !compare_print_json(tables, count, request->gates, request->gate_count, stdout)) {
    cli_fail("--json: it cannot be written");
    status = 1;
  }
  fflush(stdout);
  status |= judge(request, tables, count);
  for (size_t i = 0; i < count; i++) compare_table_release(&tables[i]);
  return bench_stopped ? 130 : status;
}

int cli_bench_compare(int argc, char **argv) {
  static struct request request;
  request.options = (struct compare_options){
      .rounds = ROUNDS,
      .duration_ms = DURATION_MS,
      .depth = DEPTH,
      .progress = stderr,
      .stopped = &bench_stopped,
  };
  request.options.place = &request.place;
  int status = read_arguments(&request, argc, argv);
  if (status < 0) {
    bench_catch_signals();
    status = run(&request);
  }
  for (size_t i = 0; i < request.peer_count; i++) compare_peer_release(&request.peers[i]);
  return status;
}
