/* SPDX-License-Identifier: MIT
 *
 * Comparisons for a program: every round of every peer, what follows from them, and the gates.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare/compare.h"

/* null: not known */
static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

/* What a server has said, or a file says of it, may be anything; Jansson takes nothing but UTF-8.
 */
static json_t *text(const char *said) {
  char *clean = report_clean(said);
  json_t *value = clean ? json_string(clean) : NULL;
  free(clean);
  return value;
}

static json_t *summary_object(struct compare_summary summary) {
  return json_pack("{s:o, s:o, s:o}", "value", number(summary.value), "min", number(summary.min),
                   "max", number(summary.max));
}

static json_t *metric_object(const struct compare_table *table, const struct compare_row *row,
                             enum compare_metric metric) {
  json_t *rounds = json_array();
  for (unsigned round = 0; round < table->rounds; round++)
    json_array_append_new(rounds, number(row->values[metric][round]));
  json_t *object = summary_object(compare_summarize(table, row, metric));
  json_object_set_new(object, "rounds", rounds);
  for (size_t i = 0; i < table->row_count; i++) {
    const struct compare_row *other = &table->rows[i];
    bool asked =
        strcmp(other->peer->name, "raw_epoll") == 0 || strcmp(other->peer->name, "nginx") == 0;
    struct compare_summary ratio = compare_ratio(table, row, other, metric);
    if (!asked || *other->why || isnan(ratio.value)) continue;
    char key[64];
    snprintf(key, sizeof key, "to_%.50s", other->peer->name);
    json_object_set_new(object, key, summary_object(ratio));
  }
  return object;
}

static json_t *row_object(const struct compare_table *table, const struct compare_row *row) {
  json_t *object =
      json_pack("{s:o, s:o}", "name", text(row->peer->name), "about", text(row->peer->about));
  if (*row->why) {
    json_object_set_new(object, "left_out", text(row->why));
    return object;
  }
  for (unsigned i = 0; i < COMPARE_METRIC_COUNT; i++) {
    enum compare_metric metric = (enum compare_metric)i;
    if (!isnan(compare_summarize(table, row, metric).value))
      json_object_set_new(object, compare_metric_key(metric), metric_object(table, row, metric));
  }
  return object;
}

static json_t *table_object(const struct compare_table *table) {
  const struct compare_options *options = &table->options;
  json_t *peers = json_array();
  for (size_t i = 0; i < table->row_count; i++)
    json_array_append_new(peers, row_object(table, &table->rows[i]));
  return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:f, s:o, s:o}", "workload",
                   options->workload->name, "unit", options->workload->unit, "connections",
                   (json_int_t)options->connections, "depth", (json_int_t)options->depth, "size",
                   (json_int_t)options->size, "rounds", (json_int_t)table->rounds, "vary",
                   options->vary, "seconds_of_a_round", options->duration_ms / 1e3, "note",
                   text(table->note), "peers", peers);
}

static json_t *gate_array(const struct compare_table *tables, size_t table_count,
                          const struct compare_gate *gate) {
  json_t *array = json_array();
  char said[LOAD_WHY_MAX];
  for (size_t i = 0; i < table_count; i++) {
    enum compare_verdict verdict = compare_gate_check(gate, &tables[i], said);
    if (verdict == COMPARE_OTHER) continue;
    json_array_append_new(array, json_pack("{s:o, s:s, s:b, s:o}", "expect", text(gate->text),
                                           "workload", tables[i].options.workload->name, "holds",
                                           verdict == COMPARE_HOLDS, "said", text(said)));
  }
  return array;
}

bool compare_print_json(const struct compare_table *tables, size_t table_count,
                        const struct compare_gate *gates, size_t gate_count, FILE *out) {
  json_t *comparisons = json_array(), *verdicts = json_array();
  for (size_t i = 0; i < table_count; i++)
    json_array_append_new(comparisons, table_object(&tables[i]));
  for (size_t i = 0; i < gate_count; i++) {
    json_t *array = gate_array(tables, table_count, &gates[i]);
    json_array_extend(verdicts, array);
    json_decref(array);
  }
  json_t *all = json_pack("{s:o, s:o}", "comparisons", comparisons, "gates", verdicts);
  bool written = all && json_dumpf(all, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
  json_decref(all);
  return written;
}
