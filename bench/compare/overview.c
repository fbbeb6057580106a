/* SPDX-License-Identifier: MIT
 *
 * Several comparisons at a glance, for a README: a row for each server, a column for each workload.
 */
#include <math.h>
#include <string.h>

#include "compare/compare.h"

/* The ratio of CPU time to raw epoll's; of who idles the memory, of who met a mix what is left. */
static void print_cell(const struct compare_table *table, const char *server, FILE *out) {
  const struct compare_workload *workload = table->options.workload;
  const struct compare_row *row = compare_row_find(table, server);
  struct compare_summary cell = {.value = NAN};
  const char *format = " %.2f |";
  if (row && workload->mixed) {
    cell = compare_summarize(table, row, COMPARE_LEFT);
    format = " %.0f left |";
  } else if (row && compare_measures(workload, COMPARE_MEMORY)) {
    cell = compare_summarize(table, row, COMPARE_MEMORY);
    format = " %.0f B |";
  } else if (row) {
    cell = compare_ratio(table, row, compare_row_find(table, "raw_epoll"), COMPARE_CPU);
  }
  if (isnan(cell.value))
    fputs(" - |", out);
  else
    fprintf(out, format, cell.value);
}

static bool takes_part(const struct compare_table *tables, size_t count, const char *server) {
  size_t k = 0;
  while (k < count && !compare_row_find(&tables[k], server)) k++;
  return k < count;
}

/* Whether a table before the one numbered `k` has named it. */
static bool is_said(const struct compare_table *tables, size_t k, const char *server) {
  while (k-- > 0)
    for (size_t i = 0; i < tables[k].row_count; i++)
      if (strcmp(tables[k].rows[i].peer->name, server) == 0) return true;
  return false;
}

static void print_row(const struct compare_table *tables, size_t count, const char *server,
                      FILE *out) {
  fprintf(out, "| %s |", server);
  for (size_t k = 0; k < count; k++) print_cell(&tables[k], server, out);
  fputc('\n', out);
}

void compare_print_overview(const struct compare_table *tables, size_t count, FILE *out) {
  fputs(
      "CPU time for a unit of work over raw epoll's; memory of an idle connection; sockets and "
      "descriptors left by rude clients\n\n| server |",
      out);
  for (size_t k = 0; k < count; k++) fprintf(out, " %s |", tables[k].options.workload->name);
  fputs("\n|---|", out);
  for (size_t k = 0; k < count; k++) fputs("---:|", out);
  fputc('\n', out);
  for (size_t k = 0; k < count; k++)
    for (size_t i = 0; i < tables[k].row_count; i++) {
      const char *server = tables[k].rows[i].peer->name;
      if (!is_said(tables, k, server) && takes_part(tables, count, server))
        print_row(tables, count, server, out);
    }
}
