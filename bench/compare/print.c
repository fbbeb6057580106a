/* SPDX-License-Identifier: MIT
 *
 * A comparison as a table: for people, in 100 columns, or in Markdown. Columns without a figure are
 * left out.
 */
#include <math.h>
#include <string.h>

#include "compare/compare.h"

enum { COLUMNS_MAX = 10, CELL_MAX = 48 };

enum style { NAME, FIGURE, FIGURE_AND_RANGE, WHOLE, RATIO };

struct column {
  char title[CELL_MAX];
  enum style style;
  enum compare_metric metric;
  double scale;                    /* what is shown, times this, is the metric */
  const struct compare_row *other; /* of a ratio */
};

struct grid {
  const struct compare_table *table;
  struct column columns[COLUMNS_MAX];
  size_t count;
  const struct compare_row *rows[COMPARE_PEERS_MAX]; /* in the running, the cheapest first */
  size_t row_count;
};

/* ---- cells ---- */

/* Three digits that count: 1234, 123, 12.3, 1.23, 0.123. */
static int decimals_of(double value) {
  return value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3;
}

/* "12.3 (11.9-13.1)"; empty: not known. */
static const char *write_cell(const struct grid *grid, const struct column *column,
                              const struct compare_row *row, char cell[CELL_MAX]) {
  cell[0] = '\0';
  if (column->style == NAME) {
    snprintf(cell, CELL_MAX, "%.30s", row->peer->name);
    return cell;
  }
  struct compare_summary summary =
      column->style == RATIO ? compare_ratio(grid->table, row, column->other, column->metric)
                             : compare_summarize(grid->table, row, column->metric);
  if (isnan(summary.value)) return cell;
  double value = summary.value / column->scale;
  int decimals = column->style == WHOLE ? 0 : column->style == RATIO ? 2 : decimals_of(value);
  int len = snprintf(cell, CELL_MAX, "%.*f", decimals, value);
  if (column->style == FIGURE_AND_RANGE && grid->table->rounds > 1)
    snprintf(cell + len, (size_t)(CELL_MAX - len), " (%.*f-%.*f)", decimals,
             summary.min / column->scale, decimals, summary.max / column->scale);
  return cell;
}

/* ---- columns ---- */

static bool has_figures(const struct grid *grid, const struct column *column) {
  char cell[CELL_MAX];
  bool some = false;
  for (size_t i = 0; i < grid->row_count && !some; i++)
    some = *write_cell(grid, column, grid->rows[i], cell) != '\0';
  return some;
}

static void add(struct grid *grid, struct column column, const char *title, const char *unit) {
  snprintf(column.title, CELL_MAX, title, unit);
  if (column.scale == 0) column.scale = 1;
  if (has_figures(grid, &column)) grid->columns[grid->count++] = column;
}

static void add_row(struct grid *grid, const struct compare_row *row, enum compare_metric cost) {
  double value = compare_summarize(grid->table, row, cost).value;
  size_t at = grid->row_count++;
  for (; at > 0 && compare_summarize(grid->table, grid->rows[at - 1], cost).value > value; at--)
    grid->rows[at] = grid->rows[at - 1];
  grid->rows[at] = row;
}

static struct grid grid_of(const struct compare_table *table) {
  struct grid grid = {.table = table};
  const struct compare_workload *workload = table->options.workload;
  const char *unit = workload->unit;
  bool idle = compare_measures(workload, COMPARE_MEMORY), streams = strcmp(unit, "MB") == 0;
  enum compare_metric cost = idle ? COMPARE_MEMORY : COMPARE_CPU;
  const struct compare_row *raw = compare_row_find(table, "raw_epoll");
  const struct compare_row *nginx = compare_row_find(table, "nginx");
  for (size_t i = 0; i < table->row_count && grid.row_count < COMPARE_PEERS_MAX; i++)
    if (!*table->rows[i].why) add_row(&grid, &table->rows[i], cost);
#define ADD(title, ...) add(&grid, (struct column){__VA_ARGS__}, title, unit)
  ADD("server", .style = NAME);
  ADD(streams ? "%s/s" : "k %ss/s", .style = FIGURE_AND_RANGE, .metric = COMPARE_RATE,
      .scale = streams ? 1 : 1e3);
  ADD(idle ? "bytes/%s" : "CPU us/%s", .style = FIGURE_AND_RANGE, .metric = cost,
      .scale = idle ? 1 : 1e3);
  if (raw && !idle && !workload->mixed) ADD("to raw", .style = RATIO, .metric = cost, .other = raw);
  if (nginx && !workload->mixed) ADD("to nginx", .style = RATIO, .metric = cost, .other = nginx);
  ADD("p99 ms", .style = FIGURE_AND_RANGE, .metric = COMPARE_P99, .scale = 1e6);
  ADD("instr", .style = WHOLE, .metric = COMPARE_INSTRUCTIONS);
  ADD("CLOSE_WAIT", .style = WHOLE, .metric = COMPARE_CLOSE_WAIT);
  ADD("left", .style = WHOLE, .metric = COMPARE_LEFT);
  ADD("lost", .style = WHOLE, .metric = COMPARE_LOST);
  ADD("err", .style = WHOLE, .metric = COMPARE_ERRORS);
#undef ADD
  return grid;
}

/* ---- lines ---- */

static void print_heading(const struct compare_table *table, const char *mark, FILE *out) {
  const struct compare_options *options = &table->options;
  const struct compare_workload *workload = options->workload;
  fprintf(out, "%s%s%s: %u connections", mark, workload->name, mark, options->connections);
  if (workload->load == LOAD_PIPELINE_WORKLOAD)
    fprintf(out, ", %u requests at a time on each", options->depth);
  if (workload->protocol == LOAD_ECHO) fprintf(out, ", %zu bytes at a time", options->size);
  if (workload->server_closes) fprintf(out, ", closed by the server");
  if (options->vary) fprintf(out, ", each request another");
  if (table->rounds > 1)
    fprintf(out, "; median (and range) of %u interleaved rounds", table->rounds);
  else
    fprintf(out, "; one round");
  if (!compare_measures(workload, COMPARE_MEMORY))
    fprintf(out, " of %g s", options->duration_ms / 1e3);
  fprintf(out, "\n\n");
}

/* Who is left out, and why: those with the same reason together. */
static void print_rest(const struct compare_table *table, const char *mark, FILE *out) {
  const struct compare_row *rows = table->rows;
  const char *gap = "\n";
  for (size_t i = 0; i < table->row_count; i++) {
    bool said = !*rows[i].why;
    for (size_t k = 0; k < i && !said; k++) said = strcmp(rows[k].why, rows[i].why) == 0;
    if (said) continue;
    fprintf(out, "%swithout %s", gap, rows[i].peer->name);
    for (size_t k = i + 1; k < table->row_count; k++)
      if (strcmp(rows[k].why, rows[i].why) == 0) fprintf(out, ", %s", rows[k].peer->name);
    fprintf(out, ": %s\n", rows[i].why);
    gap = mark;
  }
  if (*table->note) fprintf(out, "%s%s\n", gap, table->note);
}

void compare_print(const struct compare_table *table, FILE *out) {
  struct grid grid = grid_of(table);
  char cell[CELL_MAX];
  int widths[COLUMNS_MAX];
  for (size_t k = 0; k < grid.count; k++) {
    widths[k] = (int)strlen(grid.columns[k].title);
    for (size_t i = 0; i < grid.row_count; i++) {
      int width = (int)strlen(write_cell(&grid, &grid.columns[k], grid.rows[i], cell));
      if (width > widths[k]) widths[k] = width;
    }
  }
  print_heading(table, "", out);
  for (size_t k = 0; k < grid.count; k++)
    fprintf(out, "%s%*s", k ? "  " : "", k ? widths[k] : -widths[k], grid.columns[k].title);
  fputc('\n', out);
  for (size_t i = 0; i < grid.row_count; i++) {
    for (size_t k = 0; k < grid.count; k++) {
      write_cell(&grid, &grid.columns[k], grid.rows[i], cell);
      fprintf(out, "%s%*s", k ? "  " : "", k ? widths[k] : -widths[k], *cell ? cell : "-");
    }
    fputc('\n', out);
  }
  print_rest(table, "", out);
}

void compare_print_markdown(const struct compare_table *table, FILE *out) {
  struct grid grid = grid_of(table);
  char cell[CELL_MAX];
  print_heading(table, "**", out);
  for (size_t k = 0; k < grid.count; k++) fprintf(out, "| %s ", grid.columns[k].title);
  fprintf(out, "|\n");
  for (size_t k = 0; k < grid.count; k++) fputs(k ? "|---:" : "|---", out);
  fprintf(out, "|\n");
  for (size_t i = 0; i < grid.row_count; i++) {
    for (size_t k = 0; k < grid.count; k++) {
      write_cell(&grid, &grid.columns[k], grid.rows[i], cell);
      fprintf(out, "| %s ", *cell ? cell : "-");
    }
    fprintf(out, "|\n");
  }
  print_rest(table, "\n", out);
}
