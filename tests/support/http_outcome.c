/* SPDX-License-Identifier: MIT
 *
 * See http_outcome.h.
 */
#include "support/http_outcome.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/http_reply.h"

static const char *const end_names[] = {"", "canary", "closed", "waits"};

/* ---- as documents have it ---- */

static bool parse_end(struct http_outcome *outcome, const char *word, size_t len) {
  for (unsigned i = 1; i < sizeof end_names / sizeof *end_names; i++) {
    if (strlen(end_names[i]) != len || memcmp(end_names[i], word, len) != 0) continue;
    outcome->end = (enum http_outcome_end)i;
    return true;
  }
  return false;
}

static bool parse_status(struct http_outcome *outcome, const char *word, size_t len) {
  struct http_outcome_reply *reply = &outcome->replies[outcome->reply_count];
  if (outcome->reply_count == HTTP_OUTCOME_REPLIES_MAX || len != 3) return false;
  outcome->reply_count++;
  if (memcmp(word, "any", 3) == 0) {
    reply->status = 200;
    reply->span = 400;
    return true;
  }
  if (!isdigit((unsigned char)word[0])) return false;
  bool class = memcmp(word + 1, "xx", 2) == 0;
  reply->status = class ? (unsigned)(word[0] - '0') * 100 : (unsigned)atoi(word);
  reply->span = class ? 100 : 1;
  return reply->status >= 200;
}

static bool parse_body(struct http_outcome *outcome, const char *body, size_t len) {
  if (outcome->reply_count == 0 || len > HTTP_OUTCOME_BODY_MAX) return false;
  struct http_outcome_reply *reply = &outcome->replies[outcome->reply_count - 1];
  reply->has_body = true;
  memcpy(reply->body, body, len);
  reply->body[len] = '\0';
  return true;
}

bool http_outcome_parse(struct http_outcome *outcome, const char *text) {
  memset(outcome, 0, sizeof *outcome);
  while (*text) {
    size_t len = strcspn(text, " ");
    if (outcome->end != HTTP_OUTCOME_EITHER) return false;
    if (*text == '"') {
      len = strcspn(text + 1, "\"");
      if (text[1 + len] != '"' || !parse_body(outcome, text + 1, len)) return false;
      len += 2;
    } else if (!parse_end(outcome, text, len) && !parse_status(outcome, text, len)) {
      return false;
    }
    text += len;
    text += strspn(text, " ");
  }
  return outcome->reply_count > 0 || outcome->end != HTTP_OUTCOME_EITHER;
}

/* ---- as it was seen ---- */

static bool is_canary(const struct http_reply *reply, const char *body) {
  return reply->status == 200 && strlen(body) == reply->body_len &&
         memcmp(reply->body, body, reply->body_len) == 0;
}

static void note(struct http_outcome *seen, const struct http_reply *reply) {
  size_t len = reply->body_len < HTTP_OUTCOME_BODY_MAX ? reply->body_len : HTTP_OUTCOME_BODY_MAX;
  if (seen->reply_count == HTTP_OUTCOME_REPLIES_MAX) return;
  struct http_outcome_reply *kept = &seen->replies[seen->reply_count++];
  *kept = (struct http_outcome_reply){.status = reply->status, .span = 1, .has_body = true};
  if (len > 0) memcpy(kept->body, reply->body, len);
}

bool http_outcome_read(struct http_outcome *seen, const char *data, size_t len,
                       const char *canary_body, bool first_bodiless, bool ended) {
  long used = 1;
  memset(seen, 0, sizeof *seen);
  seen->end = ended ? HTTP_OUTCOME_CLOSED : HTTP_OUTCOME_WAITS;
  while (used > 0 && seen->end != HTTP_OUTCOME_CANARY) {
    struct http_reply reply;
    used = http_reply_read(&reply, data, len, first_bodiless && seen->reply_count == 0, ended);
    if (used > 0) {
      data += used;
      len -= (size_t)used;
      if (is_canary(&reply, canary_body))
        seen->end = HTTP_OUTCOME_CANARY;
      else if (reply.status >= 200)
        note(seen, &reply);
    }
    http_reply_free(&reply);
  }
  seen->foreign = used < 0;
  seen->half = used == HTTP_REPLY_MORE && len > 0;
  return ended || seen->foreign || seen->end == HTTP_OUTCOME_CANARY;
}

/* ---- both ---- */

static bool reply_accepted(const struct http_outcome_reply *seen,
                           const struct http_outcome_reply *accepted) {
  if (seen->status < accepted->status || seen->status >= accepted->status + accepted->span)
    return false;
  return !accepted->has_body || strcmp(seen->body, accepted->body) == 0;
}

static bool accepted_by(const struct http_outcome *seen, const struct http_outcome *accepted) {
  bool either = accepted->end == HTTP_OUTCOME_EITHER && seen->end != HTTP_OUTCOME_WAITS;
  if (seen->foreign || seen->reply_count != accepted->reply_count) return false;
  if (seen->end != accepted->end && !either) return false;
  for (size_t i = 0; i < seen->reply_count; i++)
    if (!reply_accepted(&seen->replies[i], &accepted->replies[i])) return false;
  return true;
}

bool http_outcome_accepted(const struct http_outcome *seen, const struct http_case *of) {
  for (size_t i = 0; i < of->outcome_count; i++) {
    struct http_outcome accepted;
    if (http_outcome_parse(&accepted, of->outcomes[i]) && accepted_by(seen, &accepted)) return true;
  }
  return false;
}

static void print(char *text, size_t size, const char *word) {
  size_t len = strlen(text);
  snprintf(text + len, size - len, "%s%s", len > 0 ? " " : "", word);
}

static void print_body(char *text, size_t size, const char *body) {
  char word[HTTP_OUTCOME_BODY_MAX + 3];
  snprintf(word, sizeof word, "\"%s\"", body);
  for (char *c = word; *c; c++)
    if (*c < ' ' || *c > '~') *c = '.';
  print(text, size, word);
}

void http_outcome_print(const struct http_outcome *outcome, bool bodies, char *text, size_t size) {
  char word[16];
  *text = '\0';
  for (size_t i = 0; i < outcome->reply_count; i++) {
    const struct http_outcome_reply *reply = &outcome->replies[i];
    snprintf(word, sizeof word, "%u", reply->status);
    print(text, size, word);
    if (bodies && reply->has_body && reply->status < 300) print_body(text, size, reply->body);
  }
  if (outcome->half) print(text, size, "half a reply");
  if (outcome->foreign) print(text, size, "no HTTP/1.1");
  if (outcome->end != HTTP_OUTCOME_EITHER) print(text, size, end_names[outcome->end]);
}
