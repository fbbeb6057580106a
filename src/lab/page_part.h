/* SPDX-License-Identifier: MIT
 *
 * The parts of the page.
 */
#ifndef LAB_PAGE_PART_H
#define LAB_PAGE_PART_H

#include "lab/life.h"
#include "lab/page.h"

struct page {
  const struct lab_page *it;
  FILE *out;
  struct lab_lives lives;
};

extern const char *const page_style[]; /* its lines, and NULL */

/* Text as it may stand between tags and in attributes, whatever is in it. */
void page_text(FILE *out, const char *text);
/* "close-wait": the class that gives a state its colour; "gone" for none. */
const char *page_class(fin_tcp_state state);
double page_seconds(const struct page *page, uint64_t at_ns);

bool page_sequence(const struct page *page); /* one for each connection; false: no memory */
void page_states(const struct page *page);   /* where both ends have been */
void page_bars(const struct page *page);     /* every socket over time */
void page_descriptors(const struct page *page);

#endif
