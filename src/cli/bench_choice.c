/* SPDX-License-Identifier: MIT
 *
 * Options of `finale bench` whose values are words: --workload, --mix, --closer, --protocol,
 * --expect, and --cpu.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "cli.h"

typedef const char *name_of(unsigned number);

static const char *workload(unsigned i) { return load_workload_name((enum load_workload)i); }
static const char *manner(unsigned i) { return load_manner_name((enum load_manner)i); }
static const char *protocol(unsigned i) { return load_protocol_name((enum load_protocol)i); }

/* "echo, line or tcp" */
static const char *every(name_of *name, unsigned count) {
  static char text[256];
  size_t len = 0;
  for (unsigned i = 0; i < count && len < sizeof text; i++) {
    const char *before = i == 0 ? "" : i + 1 < count ? ", " : " or ";
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", before, name(i));
  }
  return text;
}

/* `count`: none of them. */
static unsigned find(name_of *name, unsigned count, const char *text, size_t len) {
  unsigned i = 0;
  while (i < count && (strlen(name(i)) != len || memcmp(name(i), text, len) != 0)) i++;
  return i;
}

/* ---- values ---- */

static int take_workload(struct bench *bench, const char *text) {
  unsigned i = find(workload, LOAD_WORKLOAD_COUNT, text, strlen(text));
  if (i == LOAD_WORKLOAD_COUNT)
    return cli_fail("--workload %s: unknown; use %s", text, every(workload, LOAD_WORKLOAD_COUNT));
  bench->load.workload = (enum load_workload)i;
  return 0;
}

static int take_protocol(struct bench *bench, const char *text) {
  unsigned i = find(protocol, LOAD_PROTOCOL_COUNT, text, strlen(text));
  if (i == LOAD_PROTOCOL_COUNT)
    return cli_fail("--protocol %s: unknown; use %s", text, every(protocol, LOAD_PROTOCOL_COUNT));
  bench->protocol = (enum load_protocol)i;
  return 0;
}

static int take_closer(struct bench *bench, const char *text) {
  bench->server_closes = strcmp(text, "server") == 0;
  bench->client_closes = strcmp(text, "client") == 0;
  if (bench->server_closes || bench->client_closes) return 0;
  return cli_fail("--closer %s: unknown; use client or server", text);
}

static int take_gate(struct bench *bench, const char *text) {
  char why[LOAD_WHY_MAX];
  if (bench->gate_count == BENCH_GATES_MAX)
    return cli_fail("--expect %s: the %dth; use %d at most", text, BENCH_GATES_MAX + 1,
                    BENCH_GATES_MAX);
  if (report_gate_parse(text, &bench->gates[bench->gate_count++], why)) return 0;
  return cli_fail("%s", why);
}

static int take_cpu(struct bench *bench, const char *text) {
  unsigned cpu;
  int status = cli_parse_count("--cpu", text, 0, CPU_SETSIZE - 1, &cpu);
  if (status != 0) return status;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && !CPU_ISSET(cpu, &set))
    return cli_fail("--cpu %u: not one of the %d processors here; see taskset -p $$", cpu,
                    CPU_COUNT(&set));
  bench->load.first_cpu = (int)cpu;
  return 0;
}

/* ---- --mix ---- */

/* One `name=percent` of `len` characters. */
static int take_share(unsigned *mix, const char *text, size_t len) {
  size_t name_len = strcspn(text, "=");
  unsigned i = find(manner, LOAD_MANNER_COUNT, text, name_len < len ? name_len : len);
  if (i == LOAD_MANNER_COUNT)
    return cli_fail("--mix: unknown manner '%.*s'; use %s", (int)(name_len < len ? name_len : len),
                    text, every(manner, LOAD_MANNER_COUNT));
  unsigned percent = 0;
  size_t at = name_len + 1;
  for (; at < len && text[at] >= '0' && text[at] <= '9' && percent <= 100; at++)
    percent = percent * 10 + (unsigned)(text[at] - '0');
  if (at != len || percent == 0 || percent > 100)
    return cli_fail("--mix: '%.*s' is not a share; write %s and a whole percentage, as %s=5",
                    (int)len, text, manner(i), manner(i));
  if (mix[i] > 0) return cli_fail("--mix: %s is there twice; leave one of them out", manner(i));
  mix[i] = percent;
  return 0;
}

static int take_mix(struct bench *bench, const char *text) {
  unsigned sum = 0, *mix = bench->load.mix;
  memset(mix, 0, sizeof bench->load.mix);
  for (const char *part = text;; part++) {
    size_t len = strcspn(part, ",");
    int status = take_share(mix, part, len);
    if (status != 0) return status;
    part += len;
    if (*part == '\0') break;
  }
  for (size_t i = 0; i < LOAD_MANNER_COUNT; i++) sum += mix[i];
  if (sum != 100)
    return cli_fail(
        "--mix %s: the shares make %u, not 100; %s", text, sum,
        sum < 100 ? "give the rest to one, as polite" : "take what is too much from one");
  bench->mixed = true;
  return 0;
}

/* ---- which ---- */

int bench_choice_take(struct bench *bench, struct cli_args *args) {
  static const struct {
    const char *name;
    int (*take)(struct bench *bench, const char *text);
  } choices[] = {{"--workload", take_workload}, {"--mix", take_mix},     {"--closer", take_closer},
                 {"--protocol", take_protocol}, {"--expect", take_gate}, {"--cpu", take_cpu}};
  for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
    if (!cli_args_is(args, choices[i].name)) continue;
    const char *value = cli_args_value(args);
    return value ? choices[i].take(bench, value) : 2;
  }
  return -1;
}
