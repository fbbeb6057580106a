/* SPDX-License-Identifier: MIT
 *
 * Reading a file `expect` line by line and word by word. Whatever is wrong is said by
 * lab_line_refuse, which is false, so that a parser is a chain of what must hold.
 */
#ifndef LAB_EXPECT_LINE_H
#define LAB_EXPECT_LINE_H

#include "lab/expect.h"

struct lab_memory; /* of one lab, released at once */

struct lab_line {
  const char *name;   /* of the file */
  const char *source; /* the line, without indentation and what follows it */
  const char *at;     /* what of it has not been taken yet */
  unsigned number, indent;
  struct lab_memory **memory;
  char *error;
};

__attribute__((format(printf, 2, 3))) bool lab_line_refuse(const struct lab_line *line,
                                                           const char *format, ...);

/* ---- what the line goes on with; a word ends at a blank ---- */

bool lab_line_is(const struct lab_line *line, const char *word);
bool lab_line_take(struct lab_line *line, const char *word); /* if it is this one */
bool lab_line_over(const struct lab_line *line);
bool lab_line_end(const struct lab_line *line); /* refuses anything more */

/* These refuse what is not there. */
bool lab_line_word(struct lab_line *line, const char *what, const char **word);
bool lab_line_count(struct lab_line *line, const char *what, int64_t max, int64_t *number);
bool lab_line_number(struct lab_line *line, const char *what, struct lab_number *number);
bool lab_line_ms(struct lab_line *line, uint32_t *ms);
bool lab_line_string(struct lab_line *line, const char **bytes, size_t *len); /* "...\n" */
bool lab_line_side(struct lab_line *line, enum lab_side *side);
bool lab_line_rest(struct lab_line *line, const char *what, const char **rest);

/* The index of the word at hand in a table of names, taken; -1: in none. */
int lab_line_choose(struct lab_line *line, const char *const *names, size_t count);

/* ---- memory ---- */

void *lab_line_alloc(const struct lab_line *line, size_t size); /* NULL: refused */
/* A place behind the `count` items of an array that grows only by this. NULL: refused. */
void *lab_line_append(const struct lab_line *line, void **items, size_t *count, size_t size);

/* ---- lines of blocks ---- */

bool lab_step_parse(struct lab_line *line, struct lab_step *step);
bool lab_claim_parse(struct lab_line *line, struct lab_claim *claim);

#endif
