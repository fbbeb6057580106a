/* SPDX-License-Identifier: MIT
 *
 * The metrics: every figure of a report that has a name, in one table, and how figures are written.
 */
#include <math.h>
#include <string.h>

#include "report/report.h"

/* ---- what the figures are made of ---- */

static bool has_latency(const struct report *r) { return r->load->latency.count > 0; }

static double latency(const struct report *r, double percent) {
  return (double)histogram_percentile_ns(&r->load->latency, percent);
}

static double per_second(const struct report *r, uint64_t count) {
  return (double)count / r->load->seconds;
}

static double threads(const struct report *r) {
  return r->options->threads > 1 ? r->options->threads : 1;
}

static bool was_measured(const struct report *r) { return r->load->seconds > 0; }
static bool sees_sockets(const struct report *r) { return r->watch != NULL && r->watch->local; }

static bool sees_processes(const struct report *r) {
  return sees_sockets(r) && r->watch->processes > 0;
}

/* CPU time of the server, while measured. */
static double server_cpu_ns(const struct report *r) {
  const struct watch_sample *from = &r->watch->measure, *to = &r->watch->measured;
  return to->cpu_ns > from->cpu_ns ? (double)(to->cpu_ns - from->cpu_ns) : 0;
}

static double server_seconds(const struct report *r) {
  return r->watch->measured.seconds - r->watch->measure.seconds;
}

static bool has_idle_connections(const struct report *r) {
  return sees_processes(r) && r->options->workload == LOAD_IDLE_WORKLOAD &&
         r->options->connections > LOAD_IDLE_WARM;
}

static double memory_per_connection(const struct report *r) {
  const struct watch_sample *from = &r->watch->warm, *to = &r->watch->measure;
  return ((double)to->anonymous_bytes - (double)from->anonymous_bytes) /
         (double)(r->options->connections - LOAD_IDLE_WARM);
}

/* Replies are counted by manner, or, where there is no mix, by request. */
static double replies(const struct report *r, size_t offset, uint64_t requests) {
  uint64_t visits = 0, sum = 0;
  for (size_t i = 0; i < LOAD_MANNER_COUNT; i++) {
    uint64_t count;
    memcpy(&count, (const char *)&r->load->visits[i] + offset, sizeof count);
    visits += r->load->visits[i].visits;
    sum += count;
  }
  return (double)(visits > 0 ? sum : requests);
}

static double left_in(const struct report *r, fin_tcp_state state) {
  return watch_left_in(r->watch, state);
}

static double left_held(const struct report *r, fin_holder holder) {
  return watch_left_held(r->watch, holder);
}

/* ---- the table ---- */

/* X(name, key, unit, help, whether it is known, value) */
/* clang-format off */
#define LOAD_METRICS(X) \
  X(rate, "rate", PER_SECOND, "good replies a second", \
    was_measured(r), per_second(r, r->load->counts.requests)) \
  X(requests, "requests", COUNT, "good replies", \
    true, (double)r->load->counts.requests) \
  X(connections, "connections", COUNT, "connections made, warm-up included", \
    true, (double)r->load->connections) \
  X(p50, "p50", TIME, "latency: half of the good replies came within it", \
    has_latency(r), latency(r, 50)) \
  X(p90, "p90", TIME, "90 % of them", has_latency(r), latency(r, 90)) \
  X(p99, "p99", TIME, "99 % of them", has_latency(r), latency(r, 99)) \
  X(p999, "p999", TIME, "99.9 % of them", has_latency(r), latency(r, 99.9)) \
  X(max, "max", TIME, "all of them", has_latency(r), (double)r->load->latency.max_ns) \
  X(mean, "mean", TIME, "mean latency", has_latency(r), histogram_mean_ns(&r->load->latency)) \
  X(connect_p50, "connect.p50", TIME, "half of the connections were made within it", \
    r->load->connect.count > 0, (double)histogram_percentile_ns(&r->load->connect, 50)) \
  X(connect_p99, "connect.p99", TIME, "99 % of them", \
    r->load->connect.count > 0, (double)histogram_percentile_ns(&r->load->connect, 99)) \
  X(bytes_in, "bytes.in", BYTES, "received a second", \
    was_measured(r), per_second(r, r->load->counts.bytes_in)) \
  X(bytes_out, "bytes.out", BYTES, "sent a second", \
    was_measured(r), per_second(r, r->load->counts.bytes_out)) \
  X(ramp_rate, "ramp.rate", PER_SECOND, "ramp: the highest rate that kept the bound", \
    r->options->workload == LOAD_RAMP_WORKLOAD, r->load->ramp_rate) \
  X(errors, "errors", COUNT, "requests without a good reply", \
    true, (double)load_errors_sum(&r->load->counts.errors))

#define ERROR_METRIC(X, name, text) \
  X(errors_##name, "errors." #name, COUNT, text, true, (double)r->load->counts.errors.name)

#define REPLY_METRICS(X) \
  X(resets, "resets", COUNT, "connections that the server reset", \
    true, (double)r->load->counts.resets) \
  X(replies_whole, "replies.whole", COUNT, "of those owed to visitors, rude ones too", \
    true, replies(r, offsetof(struct load_visits, whole), r->load->counts.requests)) \
  X(replies_truncated, "replies.truncated", COUNT, "cut off", \
    true, replies(r, offsetof(struct load_visits, truncated), r->load->counts.errors.truncated)) \
  X(replies_lost, "replies.lost", COUNT, "never begun", \
    true, replies(r, offsetof(struct load_visits, lost), r->load->counts.errors.lost))

#define LEFT_METRIC(X, name, state) \
  X(leftover_##name, "leftover." #name, COUNT, "sockets the server still holds in this state", \
    sees_sockets(r), left_in(r, FIN_TCP_##state))

#define LEFTOVER_METRICS(X) \
  X(leftover_owned, "leftover.owned", COUNT, "sockets that the server still holds", \
    sees_sockets(r), watch_left_owned(r->watch)) \
  LEFT_METRIC(X, established, ESTABLISHED) \
  LEFT_METRIC(X, close_wait, CLOSE_WAIT) \
  LEFT_METRIC(X, fin_wait1, FIN_WAIT1) \
  LEFT_METRIC(X, fin_wait2, FIN_WAIT2) \
  LEFT_METRIC(X, last_ack, LAST_ACK) \
  LEFT_METRIC(X, closing, CLOSING) \
  LEFT_METRIC(X, syn_recv, SYN_RECV) \
  LEFT_METRIC(X, close, CLOSE) \
  X(leftover_queued, "leftover.queued", COUNT, "connections that nobody has accepted", \
    sees_sockets(r), left_held(r, FIN_HOLDER_QUEUED)) \
  X(leftover_orphan, "leftover.orphan", COUNT, "closed, the kernel still says farewell", \
    sees_sockets(r), left_held(r, FIN_HOLDER_ORPHAN)) \
  X(leftover_time_wait, "leftover.time_wait", COUNT, "closed, only the wait of TIME_WAIT is left", \
    sees_sockets(r), left_held(r, FIN_HOLDER_TIME_WAIT)) \
  X(leftover_descriptors, "leftover.descriptors", COUNT, "descriptors that were not open before", \
    sees_processes(r), watch_left_descriptors(r->watch)) \
  X(leftover_per_1000, "leftover.per_1000", COUNT, \
    "the slope of a leak: sockets or descriptors left that the warm-up had not left yet, " \
    "for 1,000 connections that ended since", \
    sees_sockets(r), watch_left_per_1000(r->watch))

#define SERVER_METRICS(X) \
  X(server_cpu, "server.cpu", PERCENT, "of one processor, while measured", \
    sees_processes(r) && server_seconds(r) > 0, server_cpu_ns(r) / server_seconds(r) / 1e7) \
  X(server_cpu_per_request, "server.cpu_per_request", TIME, "of the server, for a good reply", \
    sees_processes(r) && r->load->counts.requests > 0, \
    server_cpu_ns(r) / (double)r->load->counts.requests) \
  X(server_idle_cpu, "server.idle_cpu", PERCENT, "of one processor, after the load", \
    sees_processes(r) && r->watch->idle_cpu >= 0, r->watch->idle_cpu * 100) \
  X(server_rss, "server.rss", BYTES, "resident memory when measuring ended", \
    sees_processes(r), (double)r->watch->measured.rss_bytes) \
  X(server_memory_per_connection, "server.memory_per_connection", BYTES, \
    "idle: anonymous memory for each connection", \
    has_idle_connections(r), memory_per_connection(r)) \
  X(server_descriptors, "server.descriptors", COUNT, "open when measuring ended", \
    sees_processes(r), r->watch->measured.descriptors) \
  X(settle, "settle", TIME, "from the end of the load until nothing changed any more", \
    sees_sockets(r) && r->watch->settled, r->watch->settle_seconds * 1e9) \
  X(generator_cpu, "generator.cpu", PERCENT, "of ours, of a processor for each thread", \
    was_measured(r), (double)r->load->cpu_ns / r->load->seconds / threads(r) / 1e7) \
  X(generator_cpu_per_request, "generator.cpu_per_request", TIME, "of ours, for a good reply", \
    r->load->counts.requests > 0, (double)r->load->cpu_ns / (double)r->load->counts.requests)
/* clang-format on */

#define METRICS(X, ERROR) \
  LOAD_METRICS(X) LOAD_ERRORS(ERROR) REPLY_METRICS(X) LEFTOVER_METRICS(X) SERVER_METRICS(X)

#define GET(name, key, unit, help, known, figure) \
  static bool get_##name(const struct report *r, double *value) { \
    if (!(known)) return false; \
    *value = (figure); \
    return true; \
  }
#define GET_ERROR(name, text) ERROR_METRIC(GET, name, text)
METRICS(GET, GET_ERROR)

#define ENTRY(name, key, unit, help, known, figure) {key, REPORT_##unit, help, get_##name},
#define ENTRY_ERROR(name, text) ERROR_METRIC(ENTRY, name, text)
const struct report_metric report_metrics[] = {METRICS(ENTRY, ENTRY_ERROR)};
const size_t report_metric_count = sizeof report_metrics / sizeof *report_metrics;

const struct report_metric *report_metric_find(const char *key, size_t len) {
  for (size_t i = 0; i < report_metric_count; i++) {
    const struct report_metric *metric = &report_metrics[i];
    if (strlen(metric->key) == len && memcmp(metric->key, key, len) == 0) return metric;
  }
  return NULL;
}

/* ---- writing them ---- */

/* Three digits: 1.25, 12.5, 125; 0 without any behind the point. */
static int decimals(double value) {
  if (value == 0 || value >= 99.95) return 0;
  return value < 9.995 ? 2 : 1;
}

/* The largest unit of which there is one, in three digits. */
static void scale(double value, const char *const *units, const double *sizes, size_t count,
                  char text[32], const char *sign) {
  size_t i = 0;
  while (i + 1 < count && value >= sizes[i + 1] * 0.9995) i++;
  value /= sizes[i];
  /* The smallest are whole. */
  snprintf(text, 32, "%s%.*f %s", sign, i == 0 && value >= 1 ? 0 : decimals(value), value,
           units[i]);
}

/* "1,234,567", with decimals only where they matter. */
static void group(double value, const char *sign, const char *behind, char text[32]) {
  char digits[32];
  const int places = value == floor(value) ? 0 : decimals(value);
  size_t len, point, to;
  if (value >= 1e15) {
    snprintf(text, 32, "%s%.3g%s", sign, value, behind);
    return;
  }
  len = (size_t)snprintf(digits, sizeof digits, "%.*f", places, value);
  point = places > 0 ? len - (size_t)places - 1 : len;
  to = (size_t)snprintf(text, 32, "%s", sign);
  for (size_t i = 0; i < len; i++) {
    if (i > 0 && i < point && (point - i) % 3 == 0) text[to++] = ',';
    text[to++] = digits[i];
  }
  snprintf(text + to, 32 - to, "%s", behind);
}

char *report_format(enum report_unit unit, double value, char text[32]) {
  static const char *const times[] = {"ns", "us", "ms", "s"};
  static const char *const bytes[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  static const double time_sizes[] = {1, 1e3, 1e6, 1e9};
  static const double byte_sizes[] = {1, 0x1p10, 0x1p20, 0x1p30, 0x1p40};
  const char *sign = value < 0 ? "-" : "";
  value = fabs(value);
  switch (unit) {
    case REPORT_COUNT:
      group(value, sign, "", text);
      break;
    case REPORT_PER_SECOND:
      group(value, sign, "/s", text);
      break;
    case REPORT_TIME:
      scale(value, times, time_sizes, 4, text, sign);
      break;
    case REPORT_BYTES:
      scale(value, bytes, byte_sizes, 5, text, sign);
      break;
    case REPORT_PERCENT:
      group(value, sign, "%", text);
      break;
    case REPORT_RATIO:
      snprintf(text, 32, "%s%.3f", sign, value);
      break;
  }
  return text;
}
