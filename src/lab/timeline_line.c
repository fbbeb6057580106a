/* SPDX-License-Identifier: MIT
 *
 * See timeline_line.h.
 */
#include "lab/timeline_line.h"

#include <string.h>

#include "lab/glyph.h"

enum {
  PREFIX = 10, /* "  0.352 1 " */
  BORDERS = 6, /* " | " twice */
  SMALL = 20,
  LARGE = 24 /* of the 80 columns; the program's side has the large one */
};

void sheet_init(struct sheet *sheet, const struct lab_timeline_options *options) {
  unsigned columns = options->columns;
  if (columns < LAB_COLUMNS_MIN) columns = LAB_COLUMNS_MIN;
  if (columns > LAB_COLUMNS_MAX) columns = LAB_COLUMNS_MAX;
  const unsigned more = columns - LAB_COLUMNS_MIN, third = more * 3 / 10;
  const enum column program = options->under_test == LAB_CLIENT ? COLUMN_CLIENT : COLUMN_SERVER;
  *sheet = (struct sheet){
      .out = options->out,
      .colour = options->colour,
      .unicode = options->unicode,
      .told_apart = options->connections > 1,
      .began_ns = options->began_ns,
      .widths = {SMALL + third, SMALL + third, SMALL + third},
  };
  sheet->widths[program] = LARGE + (more - 2 * third);
}

/* ---- text ---- */

unsigned sheet_width(const char *text) {
  unsigned width = 0, one = 1;
  while (*text != '\0') {
    const size_t len = lab_glyph(text, &one);
    width += len == 0 ? 1 : one;
    text += len == 0 ? 1 : len;
  }
  return width;
}

void sheet_clean(const struct sheet *sheet, const char *text, unsigned width, char *clean,
                 size_t size) {
  size_t at = 0;
  unsigned used = 0;
  while (*text != '\0') {
    unsigned one = 1;
    size_t len = lab_glyph(text, &one);
    const bool good = len > 0 && (len == 1 || sheet->unicode);
    if (!good) one = 1;
    if (used + one > width || at + (good ? len : 1) >= size) break;
    if (good)
      memcpy(clean + at, text, len);
    else
      clean[at] = '?';
    at += good ? len : 1;
    used += one;
    text += len > 0 ? len : 1;
  }
  clean[at] = '\0';
}

void sheet_tone(const struct sheet *sheet, enum tone tone) {
  static const char *const sequences[] = {
#define SEQUENCE(name, sequence) sequence,
      TONES(SEQUENCE)
#undef SEQUENCE
  };
  if (sheet->colour)
    fprintf(sheet->out, "\033[0%s%sm", tone == TONE_PLAIN ? "" : ";", sequences[tone]);
}

/* ---- a row of the terminal, with blanks only where something follows ---- */

struct row {
  const struct sheet *sheet;
  unsigned blanks;
};

static void put(struct row *row, enum tone tone, const char *text) {
  if (*text == '\0') return;
  fprintf(row->sheet->out, "%*s", (int)row->blanks, "");
  row->blanks = 0;
  if (tone != TONE_PLAIN) sheet_tone(row->sheet, tone);
  fputs(text, row->sheet->out);
  if (tone != TONE_PLAIN) sheet_tone(row->sheet, TONE_PLAIN);
}

/* ---- wrapping ---- */

enum { PIECES_MAX = 12 };

struct piece { /* one row of a cell */
  char text[CELL_MAX], rest[CELL_MAX];
};

/* Takes words as long as they fit; a word that never fits is cut. */
static const char *take_words(const char *text, unsigned *left, char *taken, bool fresh) {
  size_t len = 0;
  taken[0] = '\0';
  while (*text != '\0') {
    const size_t blank = strspn(text, " "), word = strcspn(text + blank, " ");
    char next[CELL_MAX];
    snprintf(next, sizeof next, "%.*s", (int)(blank + word), text);
    if (len == 0 && fresh && blank > 0) {
      memmove(next, next + blank, strlen(next + blank) + 1);
    }
    unsigned width = sheet_width(next);
    if (width > *left) {
      if (!fresh || len > 0) break;
      while (width > *left) { /* by whole characters */
        size_t end = strlen(next);
        while (end > 0 && ((unsigned char)next[end - 1] & 0xc0) == 0x80) end--;
        next[end > 0 ? end - 1 : 0] = '\0';
        width = sheet_width(next);
      }
      memcpy(taken, next, strlen(next) + 1);
      *left -= width;
      return text + blank + strlen(next);
    }
    memcpy(taken + len, next, strlen(next) + 1);
    len += strlen(next);
    *left -= width;
    text += blank + word;
  }
  return text;
}

static unsigned wrap(const struct cell *cell, unsigned width, struct piece pieces[PIECES_MAX]) {
  const char *text = cell->text, *rest = cell->rest;
  unsigned count = 0;
  while ((*text != '\0' || *rest != '\0') && count < PIECES_MAX) {
    struct piece *piece = &pieces[count];
    unsigned left = count == 0 ? width : width - 3;
    *piece = (struct piece){{0}, {0}};
    text = take_words(text, &left, piece->text, true);
    if (*text == '\0') rest = take_words(rest, &left, piece->rest, piece->text[0] == '\0');
    count++;
  }
  return count;
}

/* ---- arrows ---- */

static void add(char *text, size_t size, const char *more) {
  const size_t len = strlen(text);
  snprintf(text + len, size - len, "%s", more);
}

static void add_dots(const struct sheet *sheet, char *text, size_t size, unsigned width,
                     bool before) {
  const char *const dot = sheet->unicode ? "·" : ".";
  for (unsigned i = 0; i < width; i++) add(text, size, (i % 2 == 0) == before ? dot : " ");
}

/* "FIN 1448 B" where there is no room for "bytes". */
static void shorten(const char *whole, char *text, unsigned room) {
  const char *unit = strstr(whole, " byte");
  if (unit != NULL) snprintf(text, room + 1, "%.*s B", (int)(unit - whole), whole);
}

/* What is left of the wire before it, or behind it, is dotted: there the segment is not. */
static void put_arrow(struct row *row, const struct cell *cell, unsigned width) {
  const struct sheet *sheet = row->sheet;
  const bool right = cell->from == LAB_CLIENT, lost = cell->fate == LAB_DROPPED;
  const bool held = cell->fate == LAB_HELD && !cell->leaves;
  const bool twice = cell->fate == LAB_DUPLICATED && !cell->leaves;
  const char *shaft = sheet->unicode ? (twice ? "══" : "──") : (twice ? "==" : "--");
  const char *head = right ? (sheet->unicode ? "▶" : ">") : (sheet->unicode ? "◀" : "<");
  const char *note = lost ? "lost" : held ? "held" : twice ? "twice" : "";
  char text[CELL_MAX], arrow[CELL_MAX] = "";
  const unsigned room = width - 4 - (unsigned)(*note != '\0' ? strlen(note) + 1 : 0);
  if (lost) head = sheet->unicode ? "✗" : "X";
  if (held) head = sheet->unicode ? "‖" : "H";
  sheet_clean(sheet, cell->text, room, text, sizeof text);
  if (strlen(text) < strlen(cell->text)) shorten(cell->text, text, room);
  snprintf(arrow, sizeof arrow, right ? "%s %s%s%s%s" : "%s%s%s%s %s", right ? text : note,
           right ? shaft : (*note ? " " : ""), head, right ? (*note ? " " : "") : shaft,
           right ? note : text);
  const unsigned used = sheet_width(arrow), left = width > used ? width - used : 0;
  const bool at_left = right != cell->leaves;
  char dots[CELL_MAX * 2] = "";
  add_dots(sheet, dots, sizeof dots, left, !at_left);
  if (!at_left) put(row, TONE_QUIET, dots);
  put(row, cell->tone, arrow);
  if (at_left) put(row, TONE_QUIET, dots);
}

/* ---- lines ---- */

static void put_prefix(struct row *row, const struct line *line) {
  static const enum tone tones[] = {TONE_CYAN, TONE_MAGENTA, TONE_BLUE, TONE_GREEN, TONE_YELLOW};
  const uint64_t began = row->sheet->began_ns;
  char text[32];
  snprintf(text, sizeof text, "%7.3f ",
           line->at_ns > began ? (double)(line->at_ns - began) / 1e9 : 0);
  put(row, TONE_QUIET, text);
  if (line->connection == 0 || !row->sheet->told_apart) {
    put(row, TONE_PLAIN, "  ");
    return;
  }
  snprintf(text, sizeof text, "%-2u", line->connection % 100);
  put(row, tones[(line->connection - 1) % (sizeof tones / sizeof *tones)], text);
}

static void put_piece(struct row *row, const struct cell *cell, const struct piece *piece,
                      bool first, unsigned width) {
  unsigned used = 0;
  if (!first) {
    row->blanks += 3;
    used = 3;
  }
  put(row, cell->tone, piece->text);
  put(row, TONE_QUIET, piece->rest);
  used += sheet_width(piece->text) + sheet_width(piece->rest);
  row->blanks += width > used ? width - used : 0;
}

unsigned sheet_line(const struct sheet *sheet, const struct line *line) {
  struct piece pieces[COLUMNS][PIECES_MAX];
  unsigned counts[COLUMNS] = {0}, rows = 1;
  for (unsigned c = 0; c < COLUMNS; c++) {
    if (c != COLUMN_WIRE) counts[c] = wrap(&line->cells[c], sheet->widths[c], pieces[c]);
    if (counts[c] > rows) rows = counts[c];
  }
  for (unsigned i = 0; i < rows; i++) {
    struct row row = {.sheet = sheet};
    if (i == 0)
      put_prefix(&row, line);
    else
      row.blanks += PREFIX;
    for (unsigned c = 0; c < COLUMNS; c++) {
      if (c > 0) {
        row.blanks++;
        put(&row, TONE_QUIET, sheet->unicode ? "│" : "|");
        row.blanks = 1;
      }
      if (c == COLUMN_WIRE && i == 0 && line->cells[c].text[0] != '\0')
        put_arrow(&row, &line->cells[c], sheet->widths[c]);
      else if (i < counts[c])
        put_piece(&row, &line->cells[c], &pieces[c][i], i == 0, sheet->widths[c]);
      else
        row.blanks += sheet->widths[c];
    }
    fputc('\n', sheet->out);
  }
  return rows;
}

void sheet_head(const struct sheet *sheet, const struct lab_timeline_options *options) {
  struct row row = {.sheet = sheet};
  const char *names[COLUMNS] = {"client", "wire", "server"};
  char program[CELL_MAX] = "", under_test[CELL_MAX + 16];
  const enum column at = options->under_test == LAB_CLIENT ? COLUMN_CLIENT : COLUMN_SERVER;
  if (options->program != NULL)
    sheet_clean(sheet, options->program, sheet->widths[at] - 10, program, sizeof program);
  snprintf(under_test, sizeof under_test, "%s%s%s%s", names[at], program[0] ? " (" : "", program,
           program[0] ? ")" : "");
  names[at] = under_test;
  put(&row, TONE_QUIET, "   time   ");
  for (unsigned c = 0; c < COLUMNS; c++) {
    if (c > 0) row.blanks += 3;
    put(&row, TONE_BOLD, names[c]);
    row.blanks += sheet->widths[c] - sheet_width(names[c]);
  }
  fputc('\n', sheet->out);
}

void sheet_pause(const struct sheet *sheet) {
  struct row row = {.sheet = sheet, .blanks = 5};
  put(&row, TONE_QUIET, sheet->unicode ? "⋮" : ":");
  fputc('\n', sheet->out);
}

void sheet_point(const struct sheet *sheet, uint64_t at_ns, const char *text, enum tone tone) {
  struct row row = {.sheet = sheet};
  const unsigned room = sheet->widths[0] + sheet->widths[1] + sheet->widths[2] + BORDERS - 4;
  struct piece pieces[PIECES_MAX];
  struct cell cell = {.rest = ""};
  sheet_clean(sheet, text, CELL_MAX, cell.text, sizeof cell.text);
  const unsigned rows = wrap(&cell, room, pieces);
  put_prefix(&row, &(struct line){.at_ns = at_ns});
  put(&row, TONE_QUIET, sheet->unicode ? "── " : "-- ");
  for (unsigned i = 0; i < rows; i++) {
    if (i > 0) row.blanks = PREFIX + 3;
    put(&row, tone, pieces[i].text);
    fputc('\n', sheet->out);
  }
}
