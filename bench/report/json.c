/* SPDX-License-Identifier: MIT
 *
 * The report for programs: one object, in nanoseconds, bytes, seconds and percent. What is not
 * known is not there.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "report/words.h"

/* Jansson hands a failure on: what is set to NULL fails, and `put` remembers it. */
struct json {
  json_t *object;
  bool whole;
};

static struct json begin(void) {
  json_t *object = json_object();
  return (struct json){object, object != NULL};
}

static void put(struct json *json, const char *key, json_t *value) {
  if (json_object_set_new(json->object, key, value) != 0) json->whole = false;
}

static json_t *end(struct json json) {
  if (json.whole) return json.object;
  json_decref(json.object);
  return NULL;
}

static void append(json_t **array, json_t *value) {
  if (json_array_append_new(*array, value) == 0) return;
  json_decref(*array);
  *array = NULL;
}

/* ---- values ---- */

static json_t *text_json(const char *text) {
  char *clean = report_clean(text);
  json_t *value = clean ? json_string(clean) : NULL;
  free(clean);
  return value;
}

static json_t *count_json(uint64_t count) { return json_integer((json_int_t)count); }

/* Whole numbers without a point, as far as a double counts. */
static json_t *number_json(double value) {
  if (value == floor(value) && fabs(value) < 9007199254740992.0)
    return json_integer((json_int_t)value);
  return json_real(value);
}

/* ---- what was run ---- */

static json_t *mix_json(const struct load_options *options) {
  struct json json = begin();
  for (enum load_manner i = 0; i < LOAD_MANNER_COUNT; i++)
    if (options->mix[i] > 0) put(&json, load_manner_name(i), count_json(options->mix[i]));
  return end(json);
}

static json_t *options_json(const struct load_options *options) {
  struct json json = begin();
  put(&json, "protocol", json_string(load_protocol_name(options->target.protocol)));
  put(&json, "workload", json_string(load_workload_name(options->workload)));
  put(&json, "mix", mix_json(options));
  put(&json, "connections", count_json(options->connections));
  put(&json, "threads", count_json(options->threads));
  put(&json, "depth", count_json(options->depth));
  put(&json, "size", count_json(options->size));
  put(&json, "closer", json_string(options->server_closes ? "server" : "client"));
  put(&json, "rate", number_json(options->rate));
  put(&json, "requests", count_json(options->requests));
  put(&json, "duration_ms", count_json(options->duration_ms));
  put(&json, "warmup_ms", count_json(options->warmup_ms));
  put(&json, "timeout_ms", count_json(options->timeout_ms));
  put(&json, "bound_ns", count_json(options->bound_ns));
  put(&json, "sources", count_json(options->sources));
  put(&json, "first_cpu", json_integer(options->first_cpu));
  put(&json, "any_length", json_boolean(options->any_length));
  return end(json);
}

/* ---- what came of it ---- */

static json_t *metrics_json(const struct report *report) {
  struct json json = begin();
  for (size_t i = 0; i < report_metric_count; i++) {
    double value;
    if (words_value(report, report_metrics[i].key, &value))
      put(&json, report_metrics[i].key, number_json(value));
  }
  return end(json);
}

static json_t *errors_json(const struct load_errors *errors) {
  struct json json = begin();
  for (size_t i = 0; i < WORDS_ERROR_COUNT; i++) {
    struct words_error error = words_error(errors, i);
    put(&json, error.name, count_json(error.count));
  }
  return end(json);
}

static json_t *second_json(const struct load_second *second, double from) {
  struct json json = begin();
  put(&json, "second", number_json(from));
  put(&json, "seconds", number_json(second->seconds));
  put(&json, "requests", count_json(second->counts.requests));
  put(&json, "bytes_in", count_json(second->counts.bytes_in));
  put(&json, "bytes_out", count_json(second->counts.bytes_out));
  put(&json, "connections", count_json(second->counts.connections));
  put(&json, "errors", count_json(load_errors_sum(&second->counts.errors)));
  put(&json, "p50_ns", count_json(second->p50_ns));
  put(&json, "p90_ns", count_json(second->p90_ns));
  put(&json, "p99_ns", count_json(second->p99_ns));
  put(&json, "p999_ns", count_json(second->p999_ns));
  put(&json, "max_ns", count_json(second->max_ns));
  return end(json);
}

static json_t *series_json(const struct load_result *load) {
  json_t *series = json_array();
  double from = 0;
  for (size_t i = 0; i < load->series_count; i++) {
    append(&series, second_json(&load->series[i], from));
    from += load->series[i].seconds;
  }
  return series;
}

static json_t *latency_json(const struct histogram *histogram) {
  static const struct {
    const char *key;
    double percent;
  } percentiles[] = {{"p50", 50},    {"p75", 75},      {"p90", 90},       {"p99", 99},
                     {"p999", 99.9}, {"p9999", 99.99}, {"p99999", 99.999}};
  struct json json = begin();
  put(&json, "count", count_json(histogram->count));
  if (histogram->count == 0) return end(json);
  put(&json, "min_ns", count_json(histogram->min_ns));
  put(&json, "mean_ns", number_json(histogram_mean_ns(histogram)));
  put(&json, "deviation_ns", number_json(histogram_deviation_ns(histogram)));
  for (size_t i = 0; i < sizeof percentiles / sizeof *percentiles; i++) {
    char key[32];
    snprintf(key, sizeof key, "%s_ns", percentiles[i].key);
    put(&json, key, count_json(histogram_percentile_ns(histogram, percentiles[i].percent)));
  }
  put(&json, "max_ns", count_json(histogram->max_ns));
  return end(json);
}

static json_t *visits_json(const struct load_result *load) {
  struct json json = begin();
  for (enum load_manner i = 0; i < LOAD_MANNER_COUNT; i++) {
    const struct load_visits *visits = &load->visits[i];
    struct json manner = begin();
    if (visits->visits == 0) {
      json_decref(manner.object);
      continue;
    }
    put(&manner, "visits", count_json(visits->visits));
    put(&manner, "whole", count_json(visits->whole));
    put(&manner, "truncated", count_json(visits->truncated));
    put(&manner, "lost", count_json(visits->lost));
    put(&json, load_manner_name(i), end(manner));
  }
  return end(json);
}

/* ---- what the server held ---- */

/* {"CLOSE-WAIT": {"owned": 3}}: only what is there. */
static json_t *sockets_json(const struct watch_sample *sample) {
  struct json json = begin();
  for (fin_tcp_state state = FIN_TCP_ESTABLISHED; state < FIN_TCP_STATE_COUNT; state++) {
    struct json holders = begin();
    for (fin_holder holder = FIN_HOLDER_OWNED; holder < FIN_HOLDER_COUNT; holder++)
      if (sample->sockets[state][holder] > 0)
        put(&holders, fin_holder_name(holder), count_json(sample->sockets[state][holder]));
    if (json_object_size(holders.object) > 0) {
      put(&json, fin_tcp_state_name(state), end(holders));
    } else {
      json_decref(holders.object);
    }
  }
  return end(json);
}

static json_t *clients_json(const struct watch_sample *sample) {
  struct json json = begin();
  for (fin_tcp_state state = FIN_TCP_ESTABLISHED; state < FIN_TCP_STATE_COUNT; state++)
    if (sample->clients[state] > 0)
      put(&json, fin_tcp_state_name(state), count_json(sample->clients[state]));
  return end(json);
}

static json_t *sample_json(const struct report *report, const struct watch_sample *sample) {
  const struct watch_result *watch = words_watch(report);
  struct json json = begin();
  put(&json, "seconds", number_json(sample->seconds));
  put(&json, "connections", count_json(sample->connections));
  put(&json, "clients", clients_json(sample));
  if (watch->local) put(&json, "sockets", sockets_json(sample));
  if (watch->local && watch->processes > 0) {
    put(&json, "descriptors", count_json(sample->descriptors));
    put(&json, "rss_bytes", count_json(sample->rss_bytes));
    put(&json, "anonymous_bytes", count_json(sample->anonymous_bytes));
    put(&json, "cpu_ns", count_json(sample->cpu_ns));
  }
  return end(json);
}

static json_t *leftovers_json(const struct report *report) {
  const struct watch_result *watch = words_watch(report);
  struct json json = begin();
  put(&json, "local", json_boolean(watch->local));
  put(&json, "processes", count_json(watch->processes));
  put(&json, "settled", json_boolean(watch->settled));
  put(&json, "before", sample_json(report, &watch->before));
  put(&json, "measure", sample_json(report, &watch->measure));
  put(&json, "measured", sample_json(report, &watch->measured));
  put(&json, "after", sample_json(report, &watch->after));
  return end(json);
}

static json_t *samples_json(const struct report *report) {
  const struct watch_result *watch = words_watch(report);
  json_t *samples = json_array();
  for (size_t i = 0; i < watch->series_count; i++)
    append(&samples, sample_json(report, &watch->series[i]));
  return samples;
}

/* ---- gates ---- */

static json_t *gates_json(const struct report *report) {
  json_t *gates = json_array();
  char said[LOAD_WHY_MAX];
  for (size_t i = 0; i < report->gate_count; i++) {
    const struct report_gate *gate = &report->gates[i];
    struct json json = begin();
    put(&json, "expect", text_json(gate->text));
    put(&json, "holds", json_boolean(report_gate_check(gate, report, said)));
    put(&json, "said", text_json(said));
    append(&gates, end(json));
  }
  return gates;
}

/* ---- all ---- */

bool report_print_json(const struct report *report, FILE *out) {
  struct json json = begin();
  put(&json, "target", text_json(report->target));
  put(&json, "command", text_json(report->command));
  put(&json, "options", options_json(report->options));
  put(&json, "metrics", metrics_json(report));
  put(&json, "errors", errors_json(&report->load->counts.errors));
  put(&json, "latency", latency_json(&report->load->latency));
  put(&json, "connect", latency_json(&report->load->connect));
  put(&json, "series", series_json(report->load));
  put(&json, "visits", visits_json(report->load));
  put(&json, "leftovers", leftovers_json(report));
  put(&json, "samples", samples_json(report));
  put(&json, "gates", gates_json(report));
  json_t *whole = end(json);
  bool printed = whole && json_dumpf(whole, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0 &&
                 fputc('\n', out) != EOF && fflush(out) == 0;
  json_decref(whole);
  return printed;
}
