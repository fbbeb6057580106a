/* SPDX-License-Identifier: MIT
 *
 * See expect_line.h.
 */
#include "lab/expect_line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool lab_line_refuse(const struct lab_line *line, const char *format, ...) {
  va_list arguments;
  int len = snprintf(line->error, LAB_ERROR_MAX, "%s:%u: ", line->name, line->number);
  if (len < 0 || len >= LAB_ERROR_MAX) return false;
  va_start(arguments, format);
  vsnprintf(line->error + len, (size_t)(LAB_ERROR_MAX - len), format, arguments);
  va_end(arguments);
  return false;
}

/* ---- words ---- */

static size_t word_len(const struct lab_line *line) { return strcspn(line->at, " \t"); }

static void skip(struct lab_line *line, size_t len) {
  line->at += len;
  line->at += strspn(line->at, " \t");
}

bool lab_line_is(const struct lab_line *line, const char *word) {
  const size_t len = strlen(word);
  return word_len(line) == len && strncmp(line->at, word, len) == 0;
}

bool lab_line_take(struct lab_line *line, const char *word) {
  if (!lab_line_is(line, word)) return false;
  skip(line, word_len(line));
  return true;
}

bool lab_line_over(const struct lab_line *line) { return *line->at == '\0'; }

bool lab_line_end(const struct lab_line *line) {
  return lab_line_over(line) ||
         lab_line_refuse(line, "\"%s\": what does \"%s\" mean here?", line->source, line->at);
}

bool lab_line_word(struct lab_line *line, const char *what, const char **word) {
  const size_t len = word_len(line);
  char *copy;
  if (len == 0) return lab_line_refuse(line, "\"%s\": %s is missing", line->source, what);
  copy = lab_line_alloc(line, len + 1);
  if (copy == NULL) return false;
  memcpy(copy, line->at, len);
  *word = copy;
  skip(line, len);
  return true;
}

bool lab_line_rest(struct lab_line *line, const char *what, const char **rest) {
  if (lab_line_over(line))
    return lab_line_refuse(line, "\"%s\": %s is missing", line->source, what);
  *rest = line->at;
  line->at += strlen(line->at);
  return true;
}

static bool wanted(const struct lab_line *line, const char *what) {
  return lab_line_refuse(line, "\"%s\": %s is wanted, not \"%.*s\"", line->source, what,
                         (int)word_len(line), line->at);
}

bool lab_line_count(struct lab_line *line, const char *what, int64_t max, int64_t *number) {
  char *end;
  if (strspn(line->at, "0123456789") != word_len(line) || word_len(line) == 0)
    return wanted(line, what);
  errno = 0;
  *number = strtoll(line->at, &end, 10);
  if (errno != 0 || *number > max)
    return lab_line_refuse(line, "\"%s\": %s is at most %lld", line->source, what, (long long)max);
  skip(line, word_len(line));
  return true;
}

/* "3" exactly, "+3" at least, ">3", "<3". */
bool lab_line_number(struct lab_line *line, const char *what, struct lab_number *number) {
  static const char signs[] = "+><";
  static const enum lab_compare compares[] = {LAB_AT_LEAST, LAB_MORE, LAB_LESS};
  const char *sign = *line->at != '\0' ? strchr(signs, *line->at) : NULL;
  number->compare = LAB_EXACTLY;
  if (sign != NULL) {
    number->compare = compares[sign - signs];
    line->at++;
  }
  return lab_line_count(line, what, INT64_MAX / 2, &number->value);
}

bool lab_line_ms(struct lab_line *line, uint32_t *ms) {
  char text[16];
  const size_t len = word_len(line);
  snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : sizeof text - 1), line->at);
  if (len >= sizeof text || !lab_ms_parse(text, ms)) return wanted(line, "a time like 500ms or 2s");
  skip(line, len);
  return true;
}

bool lab_line_side(struct lab_line *line, enum lab_side *side) {
  if (lab_line_take(line, "client"))
    *side = LAB_CLIENT;
  else if (lab_line_take(line, "server"))
    *side = LAB_SERVER;
  else
    return wanted(line, "client or server");
  return true;
}

int lab_line_choose(struct lab_line *line, const char *const *names, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (names[i] != NULL && lab_line_take(line, names[i])) return (int)i;
  return -1;
}

/* ---- strings ---- */

static int hex_digit(char c) {
  const char *const digits = "0123456789abcdef";
  const char *const found = c != '\0' ? strchr(digits, c) : NULL;
  return found != NULL ? (int)(found - digits) : -1;
}

/* What stands behind a backslash; -1: nothing that is known. Moves over it. */
static int escaped(const char **at) {
  static const char from[] = "nrt0\\\"", to[] = "\n\r\t\0\\\"";
  const char c = *(*at)++;
  const char *const found = c != '\0' ? strchr(from, c) : NULL;
  if (found != NULL) return to[found - from];
  if (c != 'x' || hex_digit((*at)[0]) < 0 || hex_digit((*at)[1]) < 0) return -1;
  *at += 2;
  return hex_digit((*at)[-2]) * 16 + hex_digit((*at)[-1]);
}

bool lab_line_string(struct lab_line *line, const char **bytes, size_t *len) {
  const char *at = line->at;
  char *out;
  if (*at++ != '"') return wanted(line, "a text in \"\"");
  out = lab_line_alloc(line, strlen(at) + 1);
  if (out == NULL) return false;
  *bytes = out;
  while (*at != '"') {
    int c = (unsigned char)*at++;
    if (c == '\0') return lab_line_refuse(line, "\"%s\": the text has no end", line->source);
    if (c == '\\') c = escaped(&at);
    if (c < 0)
      return lab_line_refuse(line, "a \\ is followed by n, r, t, 0, \\, \" or xHH (small letters)");
    *out++ = (char)c;
  }
  *len = (size_t)(out - *bytes);
  line->at = at + 1;
  if (word_len(line) > 0) return lab_line_refuse(line, "a blank is wanted behind a text");
  skip(line, 0);
  return true;
}

/* ---- memory ---- */

struct lab_memory {
  struct lab_memory *before;
  max_align_t bytes[];
};

void *lab_line_alloc(const struct lab_line *line, size_t size) {
  struct lab_memory *memory = calloc(1, sizeof *memory + size);
  if (memory == NULL) {
    lab_line_refuse(line, "no memory");
    return NULL;
  }
  memory->before = *line->memory;
  *line->memory = memory;
  return memory->bytes;
}

/* Room doubles whenever the count is a power of two; what was too small stays until the end. */
void *lab_line_append(const struct lab_line *line, void **items, size_t *count, size_t size) {
  if ((*count & (*count - 1)) == 0) {
    void *const grown = lab_line_alloc(line, (*count > 0 ? 2 * *count : 1) * size);
    if (grown == NULL) return NULL;
    if (*count > 0) memcpy(grown, *items, *count * size);
    *items = grown;
  }
  return (char *)*items + (*count)++ * size;
}

void lab_expect_release(struct lab_expect *expect) {
  for (struct lab_memory *memory = expect->memory, *before; memory != NULL; memory = before) {
    before = memory->before;
    free(memory);
  }
  *expect = (struct lab_expect){0};
}
