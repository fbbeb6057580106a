/* SPDX-License-Identifier: MIT
 *
 * How the timeline is set: lines of three columns, cut and wrapped to the width of the terminal.
 */
#ifndef LAB_TIMELINE_LINE_H
#define LAB_TIMELINE_LINE_H

#include "lab/timeline.h"

/* X(name, how a terminal is told) */
#define TONES(X) \
  X(PLAIN, "") \
  X(QUIET, "2") \
  X(BOLD, "1") \
  X(GREEN, "32") \
  X(CYAN, "36") \
  X(YELLOW, "33") \
  X(ORANGE, "1;33") \
  X(RED, "1;31") \
  X(MAGENTA, "35") \
  X(BLUE, "34")

enum tone {
#define TONE_ENUM(name, sequence) TONE_##name,
  TONES(TONE_ENUM)
#undef TONE_ENUM
};

enum column { COLUMN_CLIENT, COLUMN_WIRE, COLUMN_SERVER, COLUMNS };

enum { CELL_MAX = 200 };

struct cell {
  char text[CELL_MAX], rest[CELL_MAX]; /* the rest is quiet, and follows */
  enum tone tone;
  /* In the wire's column the text is drawn upon an arrow. */
  enum lab_side from;
  bool leaves;
  enum lab_fate fate;
};

struct line {
  uint64_t at_ns;
  unsigned connection; /* 0: of none */
  struct cell cells[COLUMNS];
};

struct sheet { /* what lines are written on */
  FILE *out;
  bool colour, unicode, told_apart;
  unsigned widths[COLUMNS];
  uint64_t began_ns;
};

void sheet_init(struct sheet *sheet, const struct lab_timeline_options *options);

/* Returns how many lines of the terminal it took. */
unsigned sheet_line(const struct sheet *sheet, const struct line *line);
void sheet_head(const struct sheet *sheet, const struct lab_timeline_options *options);
/* A line across all columns. */
void sheet_point(const struct sheet *sheet, uint64_t at_ns, const char *text, enum tone tone);
/* Nothing happened for a while. */
void sheet_pause(const struct sheet *sheet);
/* Printable, and no wider than `width` columns: other bytes become '?'. */
void sheet_clean(const struct sheet *sheet, const char *text, unsigned width, char *clean,
                 size_t size);
void sheet_tone(const struct sheet *sheet, enum tone tone);
unsigned sheet_width(const char *text); /* in columns */

#endif
