/* SPDX-License-Identifier: MIT
 *
 * Replies of HTTP/1.1. Under load nearly every one is byte for byte the one before, and is compared
 * with that; llhttp reads the others.
 */
#include <llhttp.h>
#include <string.h>

#include "load/plan.h"
#include "load/replies.h"

struct http_reply {
  llhttp_t parser;
  bool begun, whole, closes;
  uint64_t body_len;
};

static int on_body(llhttp_t *parser, const char *piece, size_t len) {
  struct http_reply *reply = parser->data;
  (void)piece;
  reply->body_len += len;
  return 0;
}

static int on_message_complete(llhttp_t *parser) {
  struct http_reply *reply = parser->data;
  unsigned status = (unsigned)llhttp_get_status_code(parser);
  if (status < 200 && status != 101) return 0; /* the one that counts is still to come */
  reply->whole = true;
  reply->closes = !llhttp_should_keep_alive(parser);
  return HPE_PAUSED;
}

static void begin(struct http_reply *reply) {
  static const llhttp_settings_t settings = {.on_body = on_body,
                                             .on_message_complete = on_message_complete};
  llhttp_init(&reply->parser, HTTP_RESPONSE, &settings);
  reply->parser.data = reply;
  reply->begun = true;
  reply->whole = false;
  reply->body_len = 0;
}

static enum verdict judge_whole(struct judge *judge, struct http_reply *reply) {
  judge->status = (unsigned)llhttp_get_status_code(&reply->parser);
  judge->closes = reply->closes;
  reply->begun = false;
  if (judge->status / 100 != 2) return VERDICT_STATUS;
  return load_length_holds(judge->plan, reply->body_len) ? VERDICT_GOOD : VERDICT_LENGTH;
}

/* A reply that ends with the connection has no end of its own to be known by. */
static void remember(struct judge *judge, const char *data, size_t len) {
  if (judge->closes || len > sizeof judge->last) return;
  memcpy(judge->last, data, len);
  judge->last_len = len;
}

static size_t take(struct judge *judge, void *state, const char *data, size_t len,
                   enum verdict *verdict) {
  struct http_reply *reply = state;
  bool first = !reply->begun;
  judge->closes = false;
  if (first) {
    size_t last_len = judge->last_len;
    if (last_len > 0 && len >= last_len && memcmp(data, judge->last, last_len) == 0) {
      *verdict = VERDICT_GOOD;
      return last_len;
    }
    begin(reply);
  }
  llhttp_errno_t error = llhttp_execute(&reply->parser, data, len);
  if (error == HPE_OK) {
    *verdict = VERDICT_PARTIAL;
    return len;
  }
  if (!reply->whole) {
    *verdict = VERDICT_MALFORMED;
    return len;
  }
  size_t used = (size_t)(llhttp_get_error_pos(&reply->parser) - data);
  *verdict = judge_whole(judge, reply);
  if (first && *verdict == VERDICT_GOOD) remember(judge, data, used);
  return used;
}

static enum verdict end(struct judge *judge, void *state) {
  struct http_reply *reply = state;
  if (!reply->begun) return VERDICT_PARTIAL;
  llhttp_finish(&reply->parser);
  return reply->whole ? judge_whole(judge, reply) : VERDICT_PARTIAL;
}

const struct reply_kind load_http_replies = {
    .state_size = sizeof(struct http_reply), .take = take, .end = end};
