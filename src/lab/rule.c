/* SPDX-License-Identifier: MIT
 *
 * See rule.h.
 */
#include "lab/rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8, WORD_MAX = 16, NTH_MAX = 1000000, MS_MAX = 3600 * 1000 };

struct words {
  char word[WORDS_MAX][WORD_MAX];
  size_t count, at;
};

static const struct {
  const char *text;
  enum lab_fate fate;
} verbs[] = {{"drop", LAB_DROPPED}, {"hold", LAB_HELD}, {"duplicate", LAB_DUPLICATED}};

static const char *const picks[] = {
#define PICK_TEXT(name, text) [LAB_PICK_##name] = text,
    LAB_PICKS(PICK_TEXT)
#undef PICK_TEXT
};

__attribute__((format(printf, 3, 4))) static bool refuse(char *why, const char *text,
                                                         const char *format, ...) {
  char because[LAB_WHY_MAX / 2];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(because, sizeof because, format, arguments);
  va_end(arguments);
  snprintf(why, LAB_WHY_MAX, "\"%.60s\": %s", text, because);
  return false;
}

/* False: too many words, or one too long for any that is known. */
static bool split(const char *text, struct words *words) {
  *words = (struct words){0};
  for (text += strspn(text, " \t"); *text != '\0'; text += strspn(text, " \t")) {
    const size_t len = strcspn(text, " \t");
    if (words->count == WORDS_MAX || len >= WORD_MAX) return false;
    memcpy(words->word[words->count++], text, len);
    text += len;
  }
  return true;
}

static const char *peek(const struct words *words) {
  return words->at < words->count ? words->word[words->at] : "";
}

static bool take(struct words *words, const char *word) {
  if (strcmp(peek(words), word) != 0) return false;
  words->at++;
  return true;
}

static bool take_verb(struct words *words, struct lab_rule *rule) {
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    if (!take(words, verbs[i].text)) continue;
    rule->fate = verbs[i].fate;
    return true;
  }
  return false;
}

/* "1st", "2nd", "3rd", "11th": what ends them is not looked at closely. */
static bool take_ordinal(struct words *words, struct lab_rule *rule) {
  char *end;
  const unsigned long nth = strtoul(peek(words), &end, 10);
  rule->nth = 1;
  if (take(words, "every")) {
    rule->nth = 0;
    return true;
  }
  if (strspn(peek(words), "0123456789") == 0) return true; /* there is none: the first */
  if (strcmp(end, "st") != 0 && strcmp(end, "nd") != 0 && strcmp(end, "rd") != 0 &&
      strcmp(end, "th") != 0)
    return false;
  if (nth == 0 || nth > NTH_MAX) return false;
  rule->nth = (uint32_t)nth;
  words->at++;
  return true;
}

static bool take_pick(struct words *words, struct lab_rule *rule) {
  for (size_t i = 0; i < sizeof picks / sizeof *picks; i++) {
    if (!take(words, picks[i])) continue;
    rule->pick = (enum lab_pick)i;
    return true;
  }
  return false;
}

static bool take_side(struct words *words, struct lab_rule *rule) {
  if (!take(words, "from")) return false;
  rule->from = strcmp(peek(words), "server") == 0 ? LAB_SERVER : LAB_CLIENT;
  return take(words, "client") || take(words, "server");
}

bool lab_rule_parse(const char *text, struct lab_rule *rule, char why[LAB_WHY_MAX]) {
  struct words words;
  *rule = (struct lab_rule){0};
  if (!split(text, &words)) return refuse(why, text, "not \"drop fin from server\" or the like");
  if (!take_verb(&words, rule))
    return refuse(why, text, "begins with drop, hold or duplicate, not \"%s\"", peek(&words));
  if (!take_ordinal(&words, rule))
    return refuse(why, text, "\"%s\" is not 1st, 2nd, 3rd, ... or every", peek(&words));
  if (!take_pick(&words, rule))
    return refuse(why, text, "\"%s\" is not syn, syn+ack, fin, data, ack, ack-of-fin, rst, segment",
                  peek(&words));
  if (!take_side(&words, rule))
    return refuse(why, text, "goes on with \"from client\" or \"from server\"");
  if (take(&words, "for")) {
    if (rule->fate != LAB_HELD) return refuse(why, text, "only what is held is so for a time");
    if (!lab_ms_parse(peek(&words), &rule->hold_ms) || rule->hold_ms == 0)
      return refuse(why, text, "\"%s\" is not a time like 500ms or 2s", peek(&words));
    words.at++;
  }
  if (words.at < words.count) return refuse(why, text, "too much: \"%s\"", peek(&words));
  return true;
}

bool lab_ms_parse(const char *text, uint32_t *ms) {
  char *end;
  unsigned long value;
  if (strspn(text, "0123456789") == 0) return false;
  value = strtoul(text, &end, 10);
  if (value > MS_MAX) return false;
  if (strcmp(end, "s") == 0)
    value *= 1000;
  else if (strcmp(end, "ms") != 0)
    return false;
  *ms = (uint32_t)value;
  return *ms <= MS_MAX;
}
