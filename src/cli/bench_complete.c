/* SPDX-License-Identifier: MIT
 *
 * What of the options of `finale bench` goes together, and what is chosen where they say nothing.
 */
#include <sched.h>
#include <stddef.h>

#include "bench.h"
#include "cli.h"

enum {
  SPARE_DESCRIPTORS = 64,
  PORTS = 20000,             /* of an address: Linux gives clients 28,232 */
  CONNECTIONS_PER_S = 40000, /* about the most that a core can make */
  TIME_WAIT_MS = 60 * 1000,
  SOURCES_MAX = 250
};

/* ---- what goes together ---- */

#define ONLY(name) (1u << LOAD_##name##_WORKLOAD)
#define MIX (1u << LOAD_WORKLOAD_COUNT)
#define REQUESTS (ONLY(KEEPALIVE) | ONLY(PIPELINE) | ONLY(CHURN) | ONLY(ECHO) | ONLY(CONNECT))

/* An option that would do nothing is an error: whoever gave it expects something of it. */
static int check_meaning(const struct bench *bench) {
  const struct load_options *load = &bench->load;
  const struct {
    const char *name;
    bool given;
    unsigned loads; /* that it means something to */
    const char *remedy;
  } options[] = {
      {"--depth", load->depth > 0, ONLY(PIPELINE), "--workload pipeline"},
      {"--bound", load->bound_ns > 0, ONLY(RAMP), "--workload ramp"},
      {"--closer", bench->client_closes || bench->server_closes, ONLY(CHURN), "--workload churn"},
      {"--rate", load->rate > 0, REQUESTS, "another workload, as keepalive"},
      {"--vary", load->vary, ~ONLY(CONNECT), "another workload, as keepalive"},
      {"--requests", load->requests > 0, REQUESTS | ONLY(STREAM) | MIX, "--duration"},
  };
  unsigned asked = bench->mixed ? MIX : 1u << load->workload;
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    if (options[i].given && !(options[i].loads & asked))
      return cli_fail("%s means nothing to %s%s; leave it out, or use %s", options[i].name,
                      bench->mixed ? "--mix" : "--workload ",
                      bench->mixed ? "" : load_workload_name(load->workload), options[i].remedy);
  return 0;
}

static int check_together(const struct bench *bench) {
  const struct load_options *load = &bench->load;
  if (bench->mixed && load->workload != LOAD_WORKLOAD_COUNT)
    return cli_fail("--mix and --workload: the manners are a load of their own; leave one out");
  if (load->requests > 0 && load->duration_ms > 0)
    return cli_fail("--requests and --duration: two ends; leave one out");
  if (load->threads > load->connections)
    return cli_fail("--threads %u: more than the %u connections; use at most as many",
                    load->threads, load->connections);
  return 0;
}

static int check_protocol(const struct bench *bench) {
#ifndef FINALE_HAVE_HTTP
  if (bench->protocol == LOAD_HTTP)
    return cli_fail(
        "--protocol http: this finale was built without it; use line, or build it with "
        "-DFINALE_HTTP=ON");
#endif
  if (!bench->target || bench->protocol == LOAD_PROTOCOL_COUNT) return 0;
  return cli_fail("--protocol: %s says it already; leave it out", bench->target);
}

static int check_descriptors(const struct load_options *load) {
  unsigned long allowed = cli_raise_descriptor_limit();
  unsigned long needed = load->connections + 2ul * load->threads + SPARE_DESCRIPTORS;
  if (needed <= allowed) return 0;
  return cli_fail("--conns %u: only %lu descriptors are allowed; raise ulimit -Hn to %lu",
                  load->connections, allowed, needed);
}

/* ---- what is chosen ---- */

static enum load_protocol protocol_for(enum load_workload workload) {
  switch (workload) {
    case LOAD_ECHO_WORKLOAD:
    case LOAD_STREAM_WORKLOAD:
      return LOAD_ECHO;
    case LOAD_CONNECT_WORKLOAD:
      return LOAD_TCP;
    default:
#ifdef FINALE_HAVE_HTTP
      return LOAD_HTTP;
#else
      return LOAD_LINE;
#endif
  }
}

static uint64_t made_in(uint32_t ms) { return (uint64_t)ms * CONNECTIONS_PER_S / 1000; }

/* So many addresses that their ports last while closed connections are in TIME_WAIT. */
static unsigned sources_for(const struct bench *bench) {
  const struct load_options *load = &bench->load;
  bool many = bench->mixed || load->workload == LOAD_CHURN_WORKLOAD ||
              load->workload == LOAD_CONNECT_WORKLOAD;
  uint64_t made = made_in(load->warmup_ms);
  made += load->requests > 0 ? load->requests : made_in(load->duration_ms);
  if (made > made_in(TIME_WAIT_MS)) made = made_in(TIME_WAIT_MS);
  uint64_t sources = 1 + (load->connections + (many ? made : 0)) / PORTS;
  return sources < SOURCES_MAX ? (unsigned)sources : SOURCES_MAX;
}

/* The last of the processors that we may use, or as many of them as there are threads: our own
 * server has the first one. -1: they are too few. */
static int processor_for(unsigned threads) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) < 0 || (unsigned)CPU_COUNT(&set) <= threads) return -1;
  for (int cpu = CPU_SETSIZE - 1; cpu > 0; cpu--)
    if (CPU_ISSET((size_t)cpu, &set) && --threads == 0) return cpu;
  return -1;
}

int bench_options_complete(struct bench *bench) {
  struct load_options *load = &bench->load;
  if (check_together(bench) != 0 || check_protocol(bench) != 0) return 2;
  if (load->workload == LOAD_WORKLOAD_COUNT) load->workload = LOAD_KEEPALIVE_WORKLOAD;
  if (check_meaning(bench) != 0 || check_descriptors(load) != 0) return 2;

  load->server_closes = bench->server_closes;
  if (load->duration_ms == 0) load->duration_ms = load->requests > 0 ? 0 : 10 * 1000;
  if (load->depth == 0) load->depth = 16;
  if (load->size == 0) load->size = load->workload == LOAD_STREAM_WORKLOAD ? 64 * 1024 : 64;
  if (load->bound_ns == 0) load->bound_ns = 5 * 1000 * 1000;
  if (load->sources == 0) load->sources = sources_for(bench);
  if (bench->target) return 0;
  if (bench->protocol == LOAD_PROTOCOL_COUNT) bench->protocol = protocol_for(load->workload);
  if (load->first_cpu < 0) load->first_cpu = processor_for(load->threads);
  return 0;
}
