/* SPDX-License-Identifier: MIT
 *
 * How `finale census` shows what it counted: as tables for people, as JSON for programs.
 */
#ifndef FINALE_CLI_CENSUS_PRINT_H
#define FINALE_CLI_CENSUS_PRINT_H

#include <finale/observe.h>

/* `rows` are those of the census that were asked for, in the order in which to show them. */
struct census_view {
  const fin_census *census;
  fin_census_row *rows;
  size_t row_count;
  bool some_states; /* only: what has no state is not asked for */
};

void census_print_summary(const struct census_view *view);
void census_print_rows(const struct census_view *view);
void census_print_unseen(const struct census_view *view);

/* False: no memory. */
bool census_print_json(const struct census_view *view);

/* How many rows of the view have this state (or any) and this holder. */
size_t census_view_count(const struct census_view *view, fin_tcp_state state, fin_holder holder);

/* How many of its owned rows have no owner found. */
size_t census_view_unseen(const struct census_view *view);

#endif
