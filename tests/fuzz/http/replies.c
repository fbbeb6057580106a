/* SPDX-License-Identifier: MIT
 *
 * What came back, read as a client reads it, and held against what the routes did.
 */
#include <llhttp.h>
#include <string.h>

#include "fuzz/http/exchange.h"
#include "support/http_reply.h"

struct reading {
  const struct exchange *exchange;
  const char *next, *end;
  bool ended;     /* by our FIN: nothing was lost on the way */
  unsigned asked; /* replies to requests that a route knows */
  size_t others;  /* final replies that are ours alone */
  bool last;      /* no more may come: a reply has said so */
  uint64_t sum;   /* of the final replies' statuses */
};

/* The number in X-Asked, which only routes send; -1: there is none. */
static long number_of(const struct reading *reading) {
  static const char field[] = "\r\nX-Asked: ";
  size_t len = (size_t)(reading->end - reading->next);
  const char *end = memmem(reading->next, len, "\r\n\r\n", 4);
  if (!end) return -1;
  const char *at = memmem(reading->next, (size_t)(end - reading->next), field, sizeof field - 1);
  if (!at) return -1;
  long number = 0;
  for (at += sizeof field - 1; *at >= '0' && *at <= '9'; at++) number = number * 10 + (*at - '0');
  return number;
}

/* Of a reply that is ours alone we do not know whether it answers HEAD; but text begins otherwise
 * than a reply. */
static bool seems_bodiless(const struct reading *reading) {
  const char *end = memmem(reading->next, (size_t)(reading->end - reading->next), "\r\n\r\n", 4);
  if (!end) return false;
  size_t rest = (size_t)(reading->end - end) - 4;
  return rest == 0 || (rest >= 7 && memcmp(end + 4, "HTTP/1.", 7) == 0);
}

/* ---- the second opinion ---- */

static int bodiless(llhttp_t *parser) { return *(const bool *)parser->data; }
static int complete(llhttp_t *parser) {
  (void)parser;
  return HPE_PAUSED;
}

/* llhttp agrees on where the reply ends. */
static void ask_llhttp(const char *data, size_t len, bool head, bool until_end) {
  llhttp_settings_t settings;
  llhttp_t parser;
  llhttp_settings_init(&settings);
  settings.on_headers_complete = bodiless;
  settings.on_message_complete = complete;
  llhttp_init(&parser, HTTP_RESPONSE, &settings);
  parser.data = &head;
  llhttp_errno_t error = llhttp_execute(&parser, data, len);
  if (error == HPE_OK && until_end) error = llhttp_finish(&parser);
  EXPECT(error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE, "llhttp: %s, %s",
         llhttp_errno_name(error), llhttp_get_error_reason(&parser));
  EXPECT(until_end || llhttp_get_error_pos(&parser) == data + len, "llhttp: %td of %zu bytes",
         llhttp_get_error_pos(&parser) - data, len);
}

/* ---- replies ---- */

static void check_body(const struct asked *asked, const struct http_reply *reply, unsigned number) {
  if (asked->head || reply->status == 204 || reply->status == 205 || reply->status == 304) {
    EXPECT(reply->body_len == 0, "reply %u has a body", number);
    return;
  }
  EXPECT(asked->given, "reply %u is whole, but was not given so", number);
  EXPECT(reply->body_len == asked->len, "reply %u: %zu bytes in place of %llu", number,
         reply->body_len, (unsigned long long)asked->len);
  EXPECT(sum_add(0, reply->body, reply->body_len) == asked->sum, "reply %u has other bytes",
         number);
}

static void check(struct reading *reading, const struct http_reply *reply, long number) {
  const struct http_reply_field *connection = http_reply_field(reply, "Connection");
  const char *complaint = http_reply_complaint(reply);
  EXPECT(!complaint, "%s", complaint);
  EXPECT(!reading->last, "a reply behind the last");
  if (reply->status == 100) return;
  reading->last = connection && http_reply_text_is(connection->value, "close");
  if (number >= 0) {
    EXPECT(number == (long)reading->asked, "reply %ld, request %u", number, reading->asked);
    EXPECT(number < (long)reading->exchange->count, "reply %ld, nobody asked", number);
    if (!reading->exchange->asked[number].upgraded)
      check_body(&reading->exchange->asked[number], reply, (unsigned)number);
    reading->sum = reading->sum * 1000 + reply->status;
    reading->asked++;
    return;
  }
  reading->others++;
  bool stays = reply->status == 404 || reply->status == 405 || reply->status == 204;
  EXPECT(stays || reading->last, "%u keeps the connection", reply->status);
  /* Of two things that are wrong the one that is seen first is told. */
  reading->sum = reading->sum * 1000 + (stays ? reply->status : 400);
}

/* False: there is no other whole reply. */
static bool read_reply(struct reading *reading) {
  long number = number_of(reading);
  const struct exchange *exchange = reading->exchange;
  const struct asked *asked =
      number >= 0 && number < (long)exchange->count ? &exchange->asked[number] : NULL;
  bool upgraded = asked && asked->upgraded;
  bool head = asked ? asked->head || upgraded : seems_bodiless(reading);
  struct http_reply reply;
  size_t there = (size_t)(reading->end - reading->next);
  long len = http_reply_read(&reply, reading->next, there, head, reading->ended);
  EXPECT(len != HTTP_REPLY_WRONG, "%s: %.*s", reply.fault, (int)there, reading->next);
  if (len > 0) {
    check(reading, &reply, number);
    ask_llhttp(reading->next, (size_t)len, head, reply.until_end);
    reading->next += len;
  }
  http_reply_free(&reply);
  if (len > 0 && upgraded) {
    EXPECT(!reading->ended || (size_t)(reading->end - reading->next) == exchange->echoed,
           "%td bytes behind the upgrade, %llu were written", reading->end - reading->next,
           (unsigned long long)exchange->echoed);
    reading->next = reading->end;
  }
  return len > 0;
}

uint64_t exchange_judge(const struct exchange *exchange, size_t lines) {
  const struct socket *socket = exchange->socket;
  struct reading reading = {.exchange = exchange,
                            .next = exchange->output,
                            .end = exchange->output + exchange->output_len,
                            .ended = socket->fin_sent};
  unsigned given = 0;
  while (reading.next < reading.end && read_reply(&reading)) continue;
  EXPECT(reading.next == reading.end || !socket->fin_sent, "our FIN behind half a reply: %.*s",
         (int)(reading.end - reading.next), reading.next);
  for (unsigned i = 0; i < exchange->count; i++) {
    const struct asked *asked = &exchange->asked[i];
    EXPECT(asked->closed + asked->upgraded == 1, "request %u: %u times on_close", i, asked->closed);
    given += asked->given || asked->upgraded;
  }
  EXPECT(!socket->fin_sent || reading.asked == given, "%u replies came, %u were given",
         reading.asked, given);
  /* A request has two lines at least. */
  EXPECT(2 * (exchange->count + reading.others) <= lines + 2, "%u and %zu replies to %zu lines",
         exchange->count, reading.others, lines);
  return reading.sum;
}
