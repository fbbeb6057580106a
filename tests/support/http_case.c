/* SPDX-License-Identifier: MIT
 *
 * See http_case.h. The text of a document is cut up in place; only what is sent, and bodies, which
 * escapes make another text, have memory of their own.
 */
#include "support/http_case.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEAT_MAX = 64 * 1024 * 1024 };

struct reading {
  struct http_cases *cases;
  struct http_case *now; /* the case under way */
  const char *wrong;
  unsigned line;
};

static bool wrong(struct reading *reading, const char *what) {
  if (!reading->wrong) reading->wrong = what;
  return false;
}

/* ---- bytes ---- */

static bool append(struct reading *reading, struct http_bytes *bytes, const char *data,
                   size_t len) {
  size_t room = 16; /* a power of two, so that what is repeated grows it seldom */
  while (room < bytes->len + len + 1) room *= 2;
  bool fits = bytes->data && bytes->len + 1 > room / 2;
  char *grown = fits ? bytes->data : realloc(bytes->data, room);
  if (!grown) return wrong(reading, "no memory");
  memcpy(grown + bytes->len, data, len);
  bytes->data = grown;
  bytes->len += len;
  bytes->data[bytes->len] = '\0';
  return true;
}

static int hex_digit(char c) {
  const char *digits = "0123456789abcdef",
             *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
  return at ? (int)(at - digits) : -1;
}

/* The byte that the escape behind a backslash stands for; moves *text behind it. -1: none. */
static int escaped(const char **text) {
  static const char names[] = "rnt\\{", values[] = "\r\n\t\\{";
  const char *p = *text, *at = *p ? strchr(names, *p) : NULL;
  if (at) {
    *text = p + 1;
    return (unsigned char)values[at - names];
  }
  if (p[0] != 'x' || hex_digit(p[1]) < 0 || hex_digit(p[2]) < 0) return -1;
  *text = p + 3;
  return hex_digit(p[1]) * 16 + hex_digit(p[2]);
}

/* Appends the bytes that `text` stands for, up to its end or, within braces, up to '*'. */
static bool append_text(struct reading *reading, struct http_bytes *bytes, const char **text,
                        bool in_braces);

static bool append_repeated(struct reading *reading, struct http_bytes *bytes, const char **text) {
  struct http_bytes piece = {0};
  char *end = NULL;
  unsigned long times = 0;
  bool good = append_text(reading, &piece, text, true) && **text == '*';
  if (good) times = strtoul(*text + 1, &end, 10);
  good = good && *end == '}' && times > 0 && piece.len > 0 && times <= REPEAT_MAX / piece.len;
  for (unsigned long i = 0; good && i < times; i++)
    good = append(reading, bytes, piece.data, piece.len);
  free(piece.data);
  if (!good) return wrong(reading, "'{' begins {text*times}; \\{ stands for itself");
  *text = end + 1;
  return true;
}

static bool append_text(struct reading *reading, struct http_bytes *bytes, const char **text,
                        bool in_braces) {
  while (**text && !(in_braces && **text == '*')) {
    char c = *(*text)++;
    if (c == '{') {
      if (in_braces) return wrong(reading, "braces in braces");
      if (!append_repeated(reading, bytes, text)) return false;
      continue;
    }
    int byte = c == '\\' ? escaped(text) : (unsigned char)c;
    if (byte < 0) return wrong(reading, "unknown escape");
    c = (char)byte;
    if (!append(reading, bytes, &c, 1)) return false;
  }
  return true;
}

static bool append_all(struct reading *reading, struct http_bytes *bytes, const char *text) {
  return append_text(reading, bytes, &text, false);
}

/* ---- lines ---- */

/* What follows `word` at the beginning of a line: "" if the line ends there. NULL: another word. */
static char *after(char *line, const char *word) {
  size_t len = strlen(word);
  if (strncmp(line, word, len) != 0) return NULL;
  if (line[len] == '\0') return line + len;
  return line[len] == ' ' ? line + len + 1 : NULL;
}

static bool begin_case(struct reading *reading, char *title) {
  struct http_cases *cases = reading->cases;
  struct http_case *grown = realloc(cases->cases, (cases->count + 1) * sizeof *grown);
  if (!grown) return wrong(reading, "no memory");
  cases->cases = grown;
  reading->now = &grown[cases->count++];
  *reading->now = (struct http_case){.path = cases->path, .line = reading->line, .title = title};
  reading->now->steps = calloc(HTTP_CASE_STEPS_MAX, sizeof *reading->now->steps);
  if (!reading->now->steps) return wrong(reading, "no memory");
  return *title ? true : wrong(reading, "a case needs a title");
}

/* The step to send in: a new one behind a reply or a FIN. */
static struct http_step *step_to_send(struct reading *reading) {
  struct http_case *now = reading->now;
  struct http_step *step = now->step_count > 0 ? &now->steps[now->step_count - 1] : NULL;
  if (step && step->reply_count == 0 && !step->fin) return step;
  if (now->step_count == HTTP_CASE_STEPS_MAX) {
    wrong(reading, "too many steps");
    return NULL;
  }
  return &now->steps[now->step_count++];
}

static bool read_sent(struct reading *reading, char *line) {
  struct http_step *step = step_to_send(reading);
  char *rest;
  if (!step) return false;
  if (strcmp(line, ">FIN") == 0) return step->fin = true;
  if ((rest = after(line, ">|"))) return append_all(reading, &step->send, rest);
  if ((rest = after(line, ">")))
    return append_all(reading, &step->send, rest) && append(reading, &step->send, "\r\n", 2);
  return wrong(reading, "unknown kind of line");
}

static bool read_status(struct reading *reading, struct http_step *step, const char *text,
                        bool maybe) {
  if (step->reply_count == HTTP_CASE_REPLIES_MAX) return wrong(reading, "too many replies");
  struct http_expected *reply = &step->replies[step->reply_count++];
  reply->status = (unsigned)atoi(text);
  reply->line = reading->line;
  reply->maybe = maybe;
  return reply->status >= 100 && reply->status <= 999 ? true : wrong(reading, "no status");
}

static bool read_field(struct reading *reading, struct http_expected *reply, char *name,
                       const char *value) {
  if (reply->field_count == HTTP_CASE_FIELDS_MAX) return wrong(reading, "too many fields");
  reply->fields[reply->field_count++] = (struct http_expected_field){name, value};
  return true;
}

static bool read_reply(struct reading *reading, char *text) {
  struct http_case *now = reading->now;
  char *rest, *colon;
  if (now->step_count == 0) return wrong(reading, "a reply to nothing");
  struct http_step *step = &now->steps[now->step_count - 1];
  if (isdigit((unsigned char)*text)) return read_status(reading, step, text, false);
  if ((rest = after(text, "maybe"))) return read_status(reading, step, rest, true);
  if (step->reply_count == 0) return wrong(reading, "a reply begins with its status");
  struct http_expected *reply = &step->replies[step->reply_count - 1];
  if ((rest = after(text, "no"))) return read_field(reading, reply, rest, NULL);
  if (strcmp(text, "bodiless") == 0) return reply->bodiless = true;
  if ((rest = after(text, "body"))) {
    reply->has_body = true;
    return append_all(reading, &reply->body, rest);
  }
  if (!(colon = strchr(text, ':')) || colon[1] != ' ') return wrong(reading, "no field");
  *colon = '\0';
  return read_field(reading, reply, text, colon + 2);
}

static bool read_option(struct reading *reading, char *text) {
  struct http_case *now = reading->now;
  char *value = strchr(text, ' ');
  if (!value) return wrong(reading, "an option needs a value");
  if (now->option_count == HTTP_CASE_OPTIONS_MAX) return wrong(reading, "too many options");
  *value++ = '\0';
  now->options[now->option_count++] = (struct http_case_option){text, value};
  return true;
}

static bool read_outcome(struct reading *reading, const char *text) {
  struct http_case *now = reading->now;
  if (now->outcome_count == HTTP_CASE_OUTCOMES_MAX) return wrong(reading, "too many outcomes");
  now->outcomes[now->outcome_count++] = text;
  return true;
}

static bool read_end(struct reading *reading, const char *text) {
  reading->now->has_end = true;
  reading->now->closed = strcmp(text, "closed") == 0;
  if (reading->now->closed || strcmp(text, "open") == 0) return true;
  return wrong(reading, "then open, or then closed");
}

/* What the RFC demands may go on in further lines. */
static bool read_rfc(struct reading *reading, const char *text) {
  struct http_bytes *rfc = &reading->now->rfc;
  return (rfc->len == 0 || append(reading, rfc, " ", 1)) &&
         append(reading, rfc, text, strlen(text));
}

static bool read_line(struct reading *reading, char *line) {
  char *rest;
  if (*line == '\0' || *line == '#') return true;
  if ((rest = after(line, "=="))) return begin_case(reading, rest);
  if (!reading->now) return wrong(reading, "no case has begun");
  if (*line == '>') return read_sent(reading, line);
  if ((rest = after(line, "<"))) return read_reply(reading, rest);
  if ((rest = after(line, "="))) return read_outcome(reading, rest);
  if ((rest = after(line, "set"))) return read_option(reading, rest);
  if ((rest = after(line, "then"))) return read_end(reading, rest);
  if ((rest = after(line, "rfc"))) return read_rfc(reading, rest);
  return wrong(reading, "unknown kind of line");
}

/* ---- documents ---- */

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  char *text = NULL;
  long size;
  if (!file) return NULL;
  if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
    text = malloc((size_t)size + 1);
    if (text) text[fread(text, 1, (size_t)size, file)] = '\0';
  }
  fclose(file);
  return text;
}

bool http_cases_read(struct http_cases *cases, const char *path, char *fault, size_t size) {
  struct reading reading = {.cases = cases};
  memset(cases, 0, sizeof *cases);
  cases->path = strdup(path);
  cases->text = read_file(path);
  if (!cases->path || !cases->text) wrong(&reading, "cannot be read");
  char *next = cases->text;
  while (!reading.wrong && *next) {
    char *line = next;
    next += strcspn(next, "\n");
    if (*next) *next++ = '\0';
    reading.line++;
    read_line(&reading, line);
  }
  if (!reading.wrong && cases->count == 0) wrong(&reading, "has no case");
  if (reading.wrong) snprintf(fault, size, "%s:%u: %s", path, reading.line, reading.wrong);
  return !reading.wrong;
}

void http_cases_free(struct http_cases *cases) {
  for (size_t i = 0; i < cases->count; i++) {
    struct http_case *one = &cases->cases[i];
    for (size_t k = 0; k < one->step_count; k++) {
      free(one->steps[k].send.data);
      for (size_t r = 0; r < one->steps[k].reply_count; r++)
        free(one->steps[k].replies[r].body.data);
    }
    free(one->steps);
    free(one->rfc.data);
  }
  free(cases->cases);
  free(cases->text);
  free(cases->path);
}

static int is_document(const struct dirent *entry) {
  size_t len = strlen(entry->d_name);
  return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

char **http_documents(const char *directory) {
  struct dirent **entries = NULL;
  int count = scandir(directory, &entries, is_document, alphasort);
  char **documents = count > 0 ? calloc((size_t)count + 1, sizeof *documents) : NULL;
  for (int i = 0; i < count; i++) {
    size_t room = strlen(directory) + strlen(entries[i]->d_name) + 2;
    char *path = documents ? malloc(room) : NULL;
    if (path) snprintf(path, room, "%s/%s", directory, entries[i]->d_name);
    if (documents) documents[i] = path;
    free(entries[i]);
  }
  free(entries);
  return documents;
}

void http_documents_free(char **documents) {
  for (char **document = documents; document && *document; document++) free(*document);
  free(documents);
}
