/* SPDX-License-Identifier: MIT
 *
 * The clocks of a request, all on the one timer of its connection. Idle connections need none:
 * their time is the connection's idle_ms.
 */
#include "proto/http_request.h"

enum { RATE_WINDOW_MS = 5000, TIMER_MAX_MS = 24 * 24 * 3600 * 1000 };

static uint32_t sooner(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* What is left of `limit_ms` since then; FIN_NEVER stays what it is. */
static uint32_t left(uint32_t now_ms, uint32_t since_ms, uint32_t limit_ms) {
  if (limit_ms == FIN_NEVER) return FIN_NEVER;
  uint32_t passed = now_ms - since_ms;
  return passed < limit_ms ? limit_ms - passed : 0;
}

static uint32_t since(const struct fin_http_request *request) {
  return request->replying == FIN_HTTP_BEGUN ? request->spoke_ms : request->began_ms;
}

/* The first header's time runs from on_open. */
static uint32_t header_left(const struct fin_http_request *request, uint32_t now_ms) {
  bool first = request->state->requests == 0;
  uint32_t since_ms = first ? request->state->opened_ms : request->began_ms;
  return left(now_ms, since_ms, request->http->options.header_ms);
}

/* We wait for more of the body: it is not the handler that holds it back. */
static bool awaits_body(const struct fin_http_request *request) {
  return request->receiving == FIN_HTTP_BODY && fin_conn_reading(request->conn);
}

static uint32_t next_due(const struct fin_http_request *request, uint32_t now_ms) {
  const fin_http_options *options = &request->http->options;
  if (fin_http_over(request)) return 0;
  uint32_t wait_ms = request->receiving == FIN_HTTP_HEAD
                         ? header_left(request, now_ms)
                         : left(now_ms, since(request), options->request_ms);
  if (awaits_body(request))
    wait_ms = sooner(wait_ms, left(now_ms, request->mark_ms, RATE_WINDOW_MS));
  if (request->timer_set) {
    int32_t timer_left = (int32_t)(request->timer_ms - now_ms);
    wait_ms = sooner(wait_ms, timer_left > 0 ? (uint32_t)timer_left : 0);
  }
  return wait_ms;
}

void fin_http_arm(struct fin_http_request *request) {
  uint32_t now_ms = fin_conn_age_ms(request->conn);
  uint32_t wait_ms = next_due(request, now_ms);
  if (wait_ms == FIN_NEVER) return;
  /* An earlier time stays: it costs nothing to look and to find nothing due. */
  if (request->armed && (int32_t)(request->armed_ms - now_ms - wait_ms) <= 0) return;
  request->armed = true;
  request->armed_ms = now_ms + wait_ms;
  fin_conn_set_timer(request->conn, wait_ms);
}

void fin_http_mark_body(struct fin_http_request *request) {
  request->mark_ms = fin_conn_age_ms(request->conn);
  request->body_mark = request->body_len;
}

static bool body_too_slow(struct fin_http_request *request, uint32_t now_ms) {
  uint32_t passed_ms = now_ms - request->mark_ms;
  if (!awaits_body(request) || passed_ms < RATE_WINDOW_MS) return false;
  uint64_t arrived = request->body_len - request->body_mark;
  if (arrived * 1000 < (uint64_t)request->http->options.body_rate * passed_ms) return true;
  fin_http_mark_body(request);
  return false;
}

/* The client or the handler has taken too long. */
static void judge(struct fin_http_request *request, uint32_t now_ms) {
  const fin_http_options *options = &request->http->options;
  if (request->receiving == FIN_HTTP_HEAD) {
    if (header_left(request, now_ms) == 0)
      fin_http_reject(request, 408, "the header took too long");
    return;
  }
  if (body_too_slow(request, now_ms)) {
    fin_http_reject(request, 408, "the body comes too slowly");
    return;
  }
  /* A handler that has written enough waits for its reader, whose time is stall_ms. */
  if (request->replying == FIN_HTTP_BEGUN && fin_http_output_len(request) > 0)
    request->spoke_ms = now_ms;
  if (left(now_ms, since(request), options->request_ms) > 0) return;
  if (awaits_body(request))
    fin_http_reject(request, 408, "the request took too long");
  else
    fin_http_reject(request, 503, "there was no answer in time");
}

void fin_http_time(struct fin_http_request *request) {
  uint32_t now_ms = fin_conn_age_ms(request->conn);
  request->armed = false;
  if (request->timer_set && (int32_t)(request->timer_ms - now_ms) <= 0) {
    request->timer_set = false;
    bool wanted = request->told && request->replying != FIN_HTTP_GIVEN;
    if (wanted && request->route->on_timer) request->route->on_timer(request);
  }
  if (request->replying != FIN_HTTP_HANDED_OVER && !fin_http_over(request)) judge(request, now_ms);
}

void fin_http_set_timer(fin_http_request *request, uint32_t after_ms) {
  request->timer_set = after_ms != FIN_NEVER;
  if (!request->timer_set) return;
  if (after_ms == 0) after_ms = 1;
  request->timer_ms = fin_conn_age_ms(request->conn) + sooner(after_ms, TIMER_MAX_MS);
  if (request->kept) fin_http_arm(request); /* else it will be, as soon as it is */
}
