/* SPDX-License-Identifier: MIT
 *
 * Every case of the documents in cases/ as a whole, byte by byte, and cut in two at each place: the
 * reply is the same, whatever the network makes of the request.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/site.h"
#include "support/http_reply.h"

enum { WHOLE = -1, BYTES = -2 }; /* else the place to cut at */

enum { PATIENCE_MS = 3000, FAILURE_MAX = 512, SHOWN_MAX = 600 };

/* A case under way. */
struct run {
  const struct http_case *of;
  long cut;
  struct site_client client;
  size_t taken;   /* of what was received, by replies */
  bool announced; /* Connection: close was in the last reply */
  char failure[FAILURE_MAX];
};

static bool fail(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct run *run, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (!*run->failure) vsnprintf(run->failure, sizeof run->failure, format, args);
  va_end(args);
  return false;
}

/* ---- replies ---- */

static bool check_field(struct run *run, const struct http_reply *reply,
                        const struct http_expected *expected,
                        const struct http_expected_field *field) {
  const struct http_reply_field *found = http_reply_field(reply, field->name);
  if (!field->value)
    return !found || fail(run, "line %u: there is a field %s", expected->line, field->name);
  if (!found) return fail(run, "line %u: there is no field %s", expected->line, field->name);
  if (strcmp(field->value, "*") == 0) return true;
  return http_reply_text_is(found->value, field->value) ||
         fail(run, "line %u: %s is '%.*s'", expected->line, field->name, (int)found->value.len,
              found->value.data);
}

static bool check_body(struct run *run, const struct http_reply *reply,
                       const struct http_expected *expected) {
  const struct http_bytes *body = &expected->body;
  bool same = reply->body_len == body->len &&
              (body->len == 0 || memcmp(reply->body, body->data, body->len) == 0);
  return !expected->has_body || same ||
         fail(run, "line %u: another body, of %zu bytes: '%.*s'", expected->line, reply->body_len,
              (int)(reply->body_len < 100 ? reply->body_len : 100), reply->body);
}

static bool check_reply(struct run *run, const struct http_reply *reply,
                        const struct http_expected *expected) {
  const char *complaint = http_reply_complaint(reply);
  const struct http_reply_field *connection = http_reply_field(reply, "Connection");
  if (complaint) return fail(run, "line %u: %s", expected->line, complaint);
  if (reply->status != expected->status)
    return fail(run, "line %u: status %u", expected->line, reply->status);
  if (!http_reply_text_is(reply->reason, fin_http_status_text(reply->status)))
    return fail(run, "line %u: reason '%.*s'", expected->line, (int)reply->reason.len,
                reply->reason.data);
  if (run->announced) return fail(run, "line %u: a reply after the last", expected->line);
  run->announced = connection && http_reply_text_is(connection->value, "close");
  for (size_t i = 0; i < expected->field_count; i++)
    if (!check_field(run, reply, expected, &expected->fields[i])) return false;
  return check_body(run, reply, expected);
}

/* Waits for one reply. False, and no failure, if it is another than one that need not come. */
static bool take_reply(struct run *run, const struct http_expected *expected) {
  struct site_client *client = &run->client;
  struct http_reply reply;
  long used;
  for (;;) {
    used = http_reply_read(&reply, client->data + run->taken, client->len - run->taken,
                           expected->bodiless, client->ended);
    if (used != HTTP_REPLY_MORE) break;
    http_reply_free(&reply);
    if (!site_receive(client, PATIENCE_MS))
      return fail(run, "line %u: no reply%s", expected->line,
                  client->ended ? ", the server has closed" : "");
  }
  bool other = used > 0 && expected->maybe && reply.status != expected->status;
  bool good = !other && used > 0 && check_reply(run, &reply, expected);
  if (used < 0) fail(run, "line %u: %s", expected->line, reply.fault);
  if (good) run->taken += (size_t)used;
  http_reply_free(&reply);
  return good;
}

static bool take_replies(struct run *run, const struct http_step *step) {
  for (size_t i = 0; i < step->reply_count; i++) {
    if (!take_reply(run, &step->replies[i]) && *run->failure) return false;
  }
  return true;
}

/* ---- a run ---- */

/* How much of the step to send as a piece of its own; `before`: bytes of the steps before it. */
static size_t piece_len(const struct run *run, const struct http_bytes *send, size_t before,
                        size_t at) {
  size_t left = send->len - at, next = at + 1;
  if (run->cut == WHOLE) return left;
  if (run->cut >= 0) {
    size_t cut = (size_t)run->cut;
    return cut > before + at && cut < before + send->len ? cut - before - at : left;
  }
  while (next < send->len && !site_worth_a_cut(send, next)) next++;
  return next - at;
}

static void send_step(struct run *run, const struct http_step *step, size_t before) {
  size_t at = 0;
  while (at < step->send.len) {
    size_t len = piece_len(run, &step->send, before, at);
    site_send(&run->client, step->send.data + at, len);
    at += len;
  }
  if (step->fin) net_fin(run->client.peer);
}

static bool expect_closed(struct run *run) {
  struct site_client *client = &run->client;
  while (site_receive(client, PATIENCE_MS)) continue;
  if (client->len > run->taken) return fail(run, "more came than the replies");
  if (!client->ended) return fail(run, "the server does not close");
  return !client->error || fail(run, "the server resets: %s", strerror(client->error));
}

/* Another request is answered: it is open, and nothing else has been on its way. */
static bool expect_open(struct run *run) {
  const struct http_expected canary = {
      .status = 200,
      .has_body = true,
      .body = {(char[]){SITE_CANARY_BODY}, sizeof SITE_CANARY_BODY - 1},
  };
  if (run->announced) return fail(run, "open after Connection: close");
  site_send(&run->client, SITE_CANARY, sizeof SITE_CANARY - 1);
  if (!take_reply(run, &canary)) return fail(run, "not open");
  return run->client.len == run->taken || fail(run, "more came than the replies");
}

static bool run_steps(struct run *run) {
  const struct http_case *of = run->of;
  size_t before = 0;
  for (size_t i = 0; i < of->step_count; i++) {
    send_step(run, &of->steps[i], before);
    if (!take_replies(run, &of->steps[i])) return false;
    before += of->steps[i].send.len;
  }
  return of->closed ? expect_closed(run) : expect_open(run);
}

static void print_received(const struct site_client *client) {
  for (size_t i = 0; i < client->len && i < SHOWN_MAX; i++) {
    unsigned char c = (unsigned char)client->data[i];
    if (c == '\r') continue;
    fprintf(stderr, c == '\n' || (c >= ' ' && c < 127) ? "%c" : "\\x%02x", c);
  }
  fputs("\n", stderr);
}

static bool run_case(struct site *site, uint16_t port, const struct http_case *of, long cut) {
  struct run run = {.of = of, .cut = cut};
  site_dial(&run.client, site, port);
  bool good = run_steps(&run);
  if (!good) {
    char where[32] = "as a whole";
    if (cut == BYTES) strcpy(where, "byte by byte");
    if (cut >= 0) snprintf(where, sizeof where, "cut at byte %ld", cut);
    fprintf(stderr, "%s:%u: %s: %s: %s; received:\n", of->path, of->line, of->title, where,
            run.failure);
    print_received(&run.client);
  }
  site_leave(&run.client);
  return good;
}

/* ---- documents ---- */

/* Cases of many bytes are about these, and not about where they are cut: some places suffice. */
static size_t stride(const struct http_case *of) {
  size_t len = 0;
  for (size_t i = 0; i < of->step_count; i++) len += of->steps[i].send.len;
  return 1 + len / 4096;
}

static bool cut_everywhere(struct site *site, uint16_t port, const struct http_case *of) {
  size_t before = 0;
  for (size_t i = 0; i < of->step_count; i++) {
    const struct http_bytes *send = &of->steps[i].send;
    for (size_t at = 1; at < send->len; at += stride(of)) {
      if (!site_worth_a_cut(send, at)) continue;
      if (!run_case(site, port, of, (long)(before + at))) return false;
    }
    before += send->len;
  }
  return true;
}

static bool run_all_ways(struct site *site, const struct http_case *of) {
  uint16_t port = site_door(site, of);
  if (!port || !of->has_end || of->step_count == 0) {
    fprintf(stderr, "%s:%u: unknown option, no end, or nothing sent\n", of->path, of->line);
    return false;
  }
  return run_case(site, port, of, WHOLE) && run_case(site, port, of, BYTES) &&
         cut_everywhere(site, port, of);
}

/* What the rest stands on: the server reads what is sent as a piece as one. /stream sends back a
 * chunk for each piece of a body. */
Test(http_cases, pieces_arrive_as_they_are_sent) {
  static const char header[] = "POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\n\r\n";
  static const char body[] = "abcdefghijklmno";
  struct site site;
  site_begin(&site);
  for (int cut = 1; cut < 15; cut++) {
    char expected[128];
    struct site_client client;
    size_t len = (size_t)snprintf(expected, sizeof expected, "%x\r\n%.*s\r\n%x\r\n%s\r\n0\r\n\r\n",
                                  (unsigned)cut, cut, body, (unsigned)(15 - cut), body + cut);
    site_dial(&client, &site, site.plain);
    site_send(&client, header, sizeof header - 1);
    site_send(&client, body, (size_t)cut);
    site_send(&client, body + cut, (size_t)(15 - cut));
    while (client.len < len || memcmp(client.data + client.len - len, expected, len) != 0)
      cr_assert(site_receive(&client, PATIENCE_MS), "cut at %d: %.*s", cut, (int)client.len,
                client.data);
    site_leave(&client);
  }
  site_end(&site);
}

/* Without documents there would be no test, and no failure. */
Test(http_cases, has_documents) {
  size_t count;
  site_documents("cases", &count);
  cr_assert(count >= 10, "%zu", count);
}

ParameterizedTestParameters(http_cases, document) {
  size_t count;
  struct site_document *documents = site_documents("cases", &count);
  return cr_make_param_array(struct site_document, documents, count);
}

ParameterizedTest(struct site_document *document, http_cases, document) {
  struct site site;
  struct http_cases cases;
  char fault[1024] = "";
  unsigned failures = 0;
  cr_assert(http_cases_read(&cases, document->path, fault, sizeof fault), "%s", fault);
  site_begin(&site);
  for (size_t i = 0; i < cases.count; i++) failures += !run_all_ways(&site, &cases.cases[i]);
  cr_assert_eq(failures, 0, "%u of %zu cases of %s failed, listed on stderr", failures, cases.count,
               document->path);
  http_cases_free(&cases);
  site_end(&site);
}
