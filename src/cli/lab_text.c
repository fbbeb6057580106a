/* SPDX-License-Identifier: MIT
 *
 * Texts in lines of 80 columns, English and Chinese.
 */
#include <string.h>

#include "lab.h"
#include "lab/glyph.h"

enum { COLUMNS = 80 };

/* Some of it is what a program under test has printed: the terminal is not its own. */
static void put_clean(FILE *out, const char *text, size_t len) {
  for (const char *end = text + len; text < end;) {
    unsigned width;
    const size_t one = lab_glyph(text, &width);
    const bool good = (one > 0 && one <= (size_t)(end - text)) || *text == '\t';
    if (good)
      fwrite(text, 1, one > 0 ? one : 1, out);
    else
      fputc('?', out);
    text += good && one > 0 ? one : 1;
  }
}

/* A word of English, or one Chinese character, which may be parted from the next one. */
struct word {
  const char *text;
  size_t len, width; /* bytes and columns */
  bool spaced;       /* a blank belongs in front of it */
};

static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

static size_t character_len(const char *text) {
  const unsigned char first = (unsigned char)*text;
  const size_t len = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return strnlen(text, len);
}

/* From the radicals on, nearly all of what has three bytes or more is as wide as it is high. */
static bool is_wide(const char *text) { return (unsigned char)*text >= 0xE3; }

/* Chinese punctuation does not begin a line: it sticks to what is before it. */
static bool sticks(const char *text) {
  static const char *const marks[] = {"，", "。", "、", "；", "：", "？", "！", "）", "”", "》"};
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (strncmp(text, marks[i], strlen(marks[i])) == 0) return true;
  return false;
}

static bool take_word(const char **at, struct word *word) {
  const char *begin = *at;
  *at += strspn(*at, " \n\t");
  *word = (struct word){.text = *at, .spaced = *at > begin};
  while (**at && !is_blank(**at)) {
    const bool wide = is_wide(*at);
    if (word->len > 0 && wide && !sticks(*at)) break;
    const size_t len = character_len(*at);
    word->len += len;
    word->width += wide ? 2 : 1;
    *at += len;
    if (wide && !sticks(*at)) break;
  }
  return word->len > 0;
}

/* Where a line of the file ends between two Chinese characters, nothing is missing. */
static bool needs_blank(const struct word *word, const char *before) {
  if (!word->spaced || !before) return false;
  const bool newline = word->text > before && memchr(before, '\n', (size_t)(word->text - before));
  return !newline || (!is_wide(word->text) && (unsigned char)before[-1] < 0x80);
}

void labs_print_text(FILE *out, const char *first, const char *indent, const char *text) {
  const char *at = text, *before = NULL; /* where the last word ended */
  size_t column = strlen(first);
  struct word word;
  fputs(first, out);
  while (take_word(&at, &word)) {
    const size_t blank = needs_blank(&word, before);
    if (before && column + blank + word.width > COLUMNS) {
      fprintf(out, "\n%s", indent);
      column = strlen(indent);
    } else if (blank) {
      fputc(' ', out);
      column++;
    }
    put_clean(out, word.text, word.len);
    column += word.width;
    before = at;
  }
  fputc('\n', out);
}

void labs_print_lines(FILE *out, const char *first, const char *indent, const char *text) {
  for (; *text; first = indent) {
    const size_t len = strcspn(text, "\n");
    fputs(first, out);
    put_clean(out, text, len);
    fputc('\n', out);
    text += len + (text[len] != '\0');
  }
}
