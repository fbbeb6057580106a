/* SPDX-License-Identifier: MIT
 *
 * Conditions and ranges (RFC 9110, 13 and 14): which of a file's bytes a request wants, if any.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "proto/http_date.h"
#include "proto/http_files_parts.h"

void fin_http_version_of(struct fin_http_version *version, const struct stat *file, int64_t now) {
  int64_t modified = file->st_mtim.tv_sec;
  uint64_t modified_ns = (uint64_t)modified * 1000000000 + (uint64_t)file->st_mtim.tv_nsec;
  version->size = (uint64_t)file->st_size;
  version->modified = modified < now ? modified : now; /* RFC 9110, 8.8.2.1 */
  version->now = now;
  snprintf(version->etag, sizeof version->etag, "\"%" PRIx64 "-%" PRIx64 "\"", modified_ns,
           version->size);
}

/* ---- gathering ---- */

static const char *const names[FIN_ASK_FIELDS] = {
    [FIN_ASK_IF_MATCH] = "If-Match",
    [FIN_ASK_IF_NONE_MATCH] = "If-None-Match",
    [FIN_ASK_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
    [FIN_ASK_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [FIN_ASK_IF_RANGE] = "If-Range",
    [FIN_ASK_RANGE] = "Range",
};

static bool is_text(fin_http_text text, const char *expected) {
  return text.len == strlen(expected) && memcmp(text.data, expected, text.len) == 0;
}

/* Whether a list of tags has ours. A tag may have a comma in it, hence the quotes are followed;
 * what is no tag ends the list. Ours is strong, so that only the other's 'W/' makes a difference
 * between the comparisons (8.8.3.2). */
static bool has_tag(fin_http_text list, const char *tag, bool weakly) {
  const char *at = list.data, *end = list.data + list.len;
  for (;;) {
    while (at < end && (*at == ',' || *at == ' ' || *at == '\t')) at++;
    bool weak = end - at > 2 && at[0] == 'W' && at[1] == '/';
    if (weak) at += 2;
    if (at == end || *at != '"') return false;
    const char *close = memchr(at + 1, '"', (size_t)(end - at - 1));
    if (!close) return false;
    fin_http_text one = {.data = at, .len = (size_t)(close + 1 - at)};
    if ((weakly || !weak) && is_text(one, tag)) return true;
    at = close + 1;
  }
}

void fin_http_ask_add(struct fin_http_ask *ask, const struct fin_http_version *version,
                      fin_http_text name, fin_http_text value) {
  for (unsigned i = 0; i < FIN_ASK_FIELDS; i++) {
    if (strlen(names[i]) != name.len || strncasecmp(name.data, names[i], name.len) != 0) continue;
    ask->lines[i]++;
    ask->value[i] = value;
    /* These two are lists, which may come in several lines. */
    if (i == FIN_ASK_IF_MATCH || i == FIN_ASK_IF_NONE_MATCH)
      ask->matched[i] |=
          is_text(value, "*") || has_tag(value, version->etag, i == FIN_ASK_IF_NONE_MATCH);
    return;
  }
}

/* ---- answering ---- */

/* What is no date, or several of them, does not count (13.1.3). */
static bool date_of(const struct fin_http_ask *ask, enum fin_http_ask_field field,
                    const struct fin_http_version *version, int64_t *date) {
  return ask->lines[field] == 1 && fin_http_date_parse(ask->value[field], version->now, date);
}

/* A date is a strong validator only when its second is over: the file may change again in it
 * (8.8.2.2). */
static bool still_the_same(const struct fin_http_ask *ask, const struct fin_http_version *version) {
  int64_t date;
  if (ask->lines[FIN_ASK_IF_RANGE] == 0) return true;
  if (date_of(ask, FIN_ASK_IF_RANGE, version, &date))
    return date == version->modified && version->modified < version->now;
  return ask->lines[FIN_ASK_IF_RANGE] == 1 && is_text(ask->value[FIN_ASK_IF_RANGE], version->etag);
}

unsigned fin_http_ask_status(const struct fin_http_ask *ask, const struct fin_http_version *version,
                             bool get, struct fin_http_part *part) {
  int64_t date;
  *part = (struct fin_http_part){.first = 0, .len = version->size};

  if (ask->lines[FIN_ASK_IF_MATCH] > 0) {
    if (!ask->matched[FIN_ASK_IF_MATCH]) return 412;
  } else if (date_of(ask, FIN_ASK_IF_UNMODIFIED_SINCE, version, &date)) {
    if (version->modified > date) return 412;
  }

  if (ask->lines[FIN_ASK_IF_NONE_MATCH] > 0) {
    if (ask->matched[FIN_ASK_IF_NONE_MATCH]) return 304;
  } else if (date_of(ask, FIN_ASK_IF_MODIFIED_SINCE, version, &date)) {
    if (version->modified <= date) return 304;
  }

  if (!get || ask->lines[FIN_ASK_RANGE] != 1 || !still_the_same(ask, version)) return 200;
  return fin_http_files_range(ask->value[FIN_ASK_RANGE], version->size, part);
}
