/* SPDX-License-Identifier: MIT
 *
 * The files `hints` and `quiz`: a key at the margin begins a piece, what is indented goes on with
 * it, KEY.zh behind it is the same in Chinese.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "lab.h"

enum { FILE_MAX = 256 * 1024 };

struct reader {
  struct labs_pieces *pieces;
  const char *path;
  unsigned line;
  char *end; /* of the text that the last line went on with; NULL: none has begun */
};

static int refuse(const struct reader *reader, const char *what) {
  return cli_fail("%s:%u: %s", reader->path, reader->line, what);
}

static int add_piece(struct reader *reader, const char *key, const char *text) {
  struct labs_pieces *pieces = reader->pieces;
  struct labs_piece *grown = realloc(pieces->items, (pieces->count + 1) * sizeof *grown);
  if (!grown) return refuse(reader, "no memory");
  pieces->items = grown;
  grown[pieces->count++] = (struct labs_piece){key, text, text, reader->line};
  return 0;
}

static bool is_key(const char *word) {
  static const char *const keys[] = {"hint", "question", "right", "wrong", "why"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (strcmp(word, keys[i]) == 0) return true;
  return false;
}

/* "key: text" or "key.zh: text". */
static int begin_piece(struct reader *reader, char *line) {
  static const char in_chinese[] = ".zh";
  char *colon = strchr(line, ':');
  if (!colon || strcspn(line, " \t") < (size_t)(colon - line))
    return refuse(reader,
                  "a line at the margin begins with a key and a colon, as in \"hint: ...\"");
  char *text = colon + 1 + strspn(colon + 1, " \t");
  *colon = '\0';
  reader->end = text + strlen(text);
  char *suffix = colon - (sizeof in_chinese - 1);
  const bool chinese = suffix > line && strcmp(suffix, in_chinese) == 0;
  if (chinese) *suffix = '\0';
  if (!is_key(line))
    return cli_fail("%s:%u: \"%s:\" begins nothing: hint:, question:, right:, wrong:, why:",
                    reader->path, reader->line, line);
  if (!chinese) return add_piece(reader, line, text);

  struct labs_piece *last =
      reader->pieces->count > 0 ? &reader->pieces->items[reader->pieces->count - 1] : NULL;
  if (!last || strcmp(last->key, line) != 0)
    return refuse(reader, "a .zh stands behind the same piece in English");
  last->text_zh = text;
  return 0;
}

/* Moves a line to where the text ends, which is before it: the text grows in its place. */
static int go_on(struct reader *reader, const char *line, size_t indent) {
  if (!reader->end) return refuse(reader, "an indented line belongs to nothing");
  const size_t len = strlen(line + indent);
  *reader->end++ = '\n';
  memmove(reader->end, line + indent, len + 1);
  reader->end += len;
  return 0;
}

static int read_lines(struct reader *reader, char *text) {
  int status = 0;
  for (char *next; text && status == 0; text = next) {
    next = strchr(text, '\n');
    if (next) *next++ = '\0';
    reader->line++;
    size_t len = strlen(text), indent = strspn(text, " \t");
    while (len > indent && strchr(" \t\r", text[len - 1])) text[--len] = '\0';
    if (!text[indent] || text[0] == '#') continue;
    status = indent > 0 ? go_on(reader, text, indent) : begin_piece(reader, text);
  }
  return status;
}

int labs_pieces_read(struct labs_pieces *pieces, const char *path) {
  struct reader reader = {.pieces = pieces, .path = path};
  *pieces = (struct labs_pieces){.memory = malloc(FILE_MAX + 1)};
  FILE *file = pieces->memory ? fopen(path, "re") : NULL;
  if (!file) {
    labs_pieces_release(pieces);
    return cli_fail("%s: %s", path, strerror(errno));
  }
  const size_t len = fread(pieces->memory, 1, FILE_MAX, file);
  const bool read = !ferror(file) && feof(file);
  fclose(file);
  pieces->memory[len] = '\0';
  const int status = read ? read_lines(&reader, pieces->memory)
                          : cli_fail("%s: it cannot be read, or is too long", path);
  if (status != 0) labs_pieces_release(pieces);
  return status;
}

void labs_pieces_release(struct labs_pieces *pieces) {
  free(pieces->items);
  free(pieces->memory);
  *pieces = (struct labs_pieces){.count = 0};
}

/* ---- a quiz ---- */

static int wrong(const char *path, const struct labs_piece *piece, const char *what) {
  return cli_fail("%s:%u: %s", path, piece->line, what);
}

/* Some number that is the same everywhere: FNV-1a. */
static uint32_t number_of(const char *text) {
  uint32_t number = 2166136261U;
  for (; *text; text++) number = (number ^ (unsigned char)*text) * 16777619U;
  return number;
}

/* An order that says nothing of which is right, and is the same for everybody. */
static void shuffle(struct labs_question *question) {
  const struct labs_piece *right = question->choices[question->right];
  for (size_t i = 1; i < question->choice_count; i++)
    for (size_t n = i; n > 0; n--) {
      const struct labs_piece **a = &question->choices[n - 1], **b = &question->choices[n];
      if (number_of((*a)->text) <= number_of((*b)->text)) break;
      const struct labs_piece *other = *a;
      *a = *b;
      *b = other;
    }
  for (size_t i = 0; i < question->choice_count; i++)
    if (question->choices[i] == right) question->right = i;
}

static int add_choice(struct labs_question *question, const struct labs_piece *piece,
                      const char *path) {
  if (question->choice_count == LABS_CHOICES_MAX)
    return wrong(path, piece, "too many answers to choose from; six are enough");
  if (strcmp(piece->key, "right") == 0) {
    if (question->right != SIZE_MAX) return wrong(path, piece, "a second right answer");
    question->right = question->choice_count;
  }
  question->choices[question->choice_count++] = piece;
  return 0;
}

static int take_piece(struct labs_question *question, const struct labs_piece *piece,
                      const char *path) {
  if (strcmp(piece->key, "right") == 0 || strcmp(piece->key, "wrong") == 0)
    return add_choice(question, piece, path);
  if (strcmp(piece->key, "why") != 0)
    return wrong(path, piece, "not question:, right:, wrong: or why:");
  question->why = piece;
  return 0;
}

int labs_question_next(const struct labs_pieces *pieces, const char *path, size_t *at,
                       struct labs_question *question) {
  if (*at == pieces->count) return 0;
  const struct labs_piece *first = &pieces->items[(*at)++];
  *question = (struct labs_question){.question = first, .right = SIZE_MAX};
  if (strcmp(first->key, "question") != 0) return wrong(path, first, "not a question:");
  for (; *at < pieces->count && strcmp(pieces->items[*at].key, "question") != 0; ++*at) {
    const int status = take_piece(question, &pieces->items[*at], path);
    if (status != 0) return status;
  }
  if (question->right == SIZE_MAX || question->choice_count < 2 || !question->why)
    return wrong(path, first, "a question has one right:, at least one wrong:, and a why:");
  shuffle(question);
  return 1;
}
