/* SPDX-License-Identifier: MIT
 *
 * The HTTP handler of a connection: one request after the other, each from its first byte until it
 * and its reply are over.
 *
 * A reply can be given in a callback of the route or at any other time. What follows from it
 * happens when the callback has returned, or else when the connection's timer fires, which
 * fin_http_arm sets for that to now.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "proto/http_request.h"

/* In which a connection that is about to close still takes a request: one may be on its way. */
enum { LAST_GRACE_MS = 1000 };

/* ---- a request's beginning and end ---- */

static void tell(struct fin_http_request *request, void (*callback)(fin_http_request *request)) {
  bool wanted = request->told && request->replying != FIN_HTTP_GIVEN && !request->lost;
  if (callback && wanted) callback(request);
}

/* Clients repeat themselves: a head that is byte for byte the last one is not parsed again. What
 * followed from it is in the spare request. */
static bool repeats(const struct fin_http *http, const char *data, size_t len) {
  return http->spare && http->seen_len > 0 && len >= http->seen_len &&
         memcmp(data, http->seen, http->seen_len) == 0;
}

enum {
  OWN_AT = offsetof(struct fin_http_request, conn),
  OWN_LEN = offsetof(struct fin_http_request, head_copy) - OWN_AT
};

static struct fin_http_request *new_request(struct fin_http *http, const char *data, size_t len) {
  struct fin_http_request *request = http->spare;
  bool again = repeats(http, data, len);
  if (!request) request = fin_alloc(sizeof *request);
  if (!request) return NULL;
  http->spare = NULL;
  if (again) {
    memset((char *)request + OWN_AT, 0, OWN_LEN);
    return request;
  }
  memcpy(request, &http->blank, http->blank_len);
  http->seen_len = 0;
  request->parser.data = request;
  request->fields = request->fields_inline;
  request->fields_inline[0] = (struct fin_http_field){{0, 0}, {0, 0}};
  return request;
}

/* `data` is where it begins. */
static struct fin_http_request *begin_request(fin_conn *conn, struct fin_http_conn *state,
                                              const char *data, size_t len) {
  struct fin_http_request *request = new_request(fin_http_of(conn), data, len);
  if (!request) return NULL;
  request->conn = conn;
  request->state = state;
  request->head = data;
  if (state->last) request->closing = true;
  state->request = request;
  return request;
}

static void release_parts(struct fin_http_request *request) {
  if (request->fields != request->fields_inline) fin_release(request->fields);
  fin_release(request->head_copy);
  fin_release(request->path_copy);
  fin_release(request->body);
}

/* The one that was used last is kept: most requests begin and end within one callback. Its head is
 * remembered while it still is where it was when it was parsed. */
void fin_http_release(struct fin_http_request *request) {
  struct fin_http *http = request->http;
  if (request->kept || !request->repeatable) { /* it may own more than its reply's fields */
    release_parts(request);
    http->seen_len = 0;
  } else if (http->seen_len == 0 && request->head_len <= sizeof http->seen) {
    http->seen_len = request->head_len;
    memcpy(http->seen, request->head, request->head_len);
  }
  fin_release(request->reply_fields);
  fin_release(http->spare);
  http->spare = request;
}

/* on_close, if it is owed. */
static void end_request(struct fin_http_request *request, bool replied) {
  request->state->request = NULL;
  if (request->told && request->route->on_close)
    request->route->on_close(request, replied && !request->lost);
  fin_http_release(request);
}

/* Sets the timer of a connection without a request to when it is too old to begin another. */
static void await_age(fin_conn *conn) {
  uint32_t limit_ms = fin_http_of(conn)->options.connection_age_ms, age_ms = fin_conn_age_ms(conn);
  if (limit_ms == FIN_NEVER) return;
  fin_conn_set_timer(conn, age_ms < limit_ms ? limit_ms - age_ms : 0);
}

/* After whatever may have been the last that a request waited for. True: it is there still. */
static bool settle(struct fin_http_request *request) {
  fin_conn *conn = request->conn;
  if (request->replying == FIN_HTTP_HANDED_OVER) {
    fin_http_release(request);
    return false;
  }
  if (request->status > 0) fin_http_reject(request, request->status, request->wrong);
  if (!fin_http_over(request)) return true;
  if (request->closing) fin_conn_close(conn, (fin_reason)request->reason);
  if (request->kept) {
    fin_conn_set_busy(conn, false);
    fin_conn_resume(conn); /* requests behind this one have waited */
    await_age(conn);       /* its clocks have used the timer */
  }
  end_request(request, true);
  return false;
}

/* ---- from the head to the handler ---- */

static void hand_to_route(struct fin_http_request *request) {
  request->told = true;
  request->route->on_request(request);
}

/* The request is complete. */
static void received(struct fin_http_request *request) {
  request->receiving = FIN_HTTP_RECEIVED;
  if (!request->route || request->replying == FIN_HTTP_GIVEN) return;
  if (request->route->on_body)
    tell(request, request->route->on_body_end);
  else
    hand_to_route(request);
}

static void refuse(struct fin_http_request *request, unsigned status) {
  switch (status) {
    case 404:
      fin_http_answer(request, status, "there is nothing of this name");
      break;
    case 405:
      fin_http_add_allow(request);
      fin_http_answer(request, status, "Allow lists the methods it has");
      break;
    case 204:
      fin_http_add_allow(request);
      fin_http_reply(request, status, NULL, NULL, 0);
      break;
    default:
      fin_http_reject(request, status, "this method is not implemented");
  }
}

static void give(struct fin_http_request *request) {
  if (request->route->on_body) hand_to_route(request);
  if (request->replying == FIN_HTTP_HANDED_OVER) return;
  if (request->receiving == FIN_HTTP_RECEIVED) {
    received(request);
    return;
  }
  if (!request->paused) fin_http_send_continue(request);
}

/* The head is complete and right: finds who answers. */
static void take_up(struct fin_http_request *request) {
  const fin_http_options *options = &request->http->options;
  bool bare = request->body_length == 0 && !request->closing;
  request->receiving = request->body_length > 0 ? FIN_HTTP_BODY : FIN_HTTP_RECEIVED;
  if (request->body_length > 0) fin_http_mark_body(request);
  int error = fin_http_split_target(request);
  if (error) {
    fin_http_wrong(request, error == -ENOMEM ? 503 : 400, "the target is not as HTTP wants it");
    return;
  }
  unsigned status = fin_http_find_route(request, &request->route);
  request->body_max =
      request->route && request->route->body_max ? request->route->body_max : options->body_max;
  if (request->body_length != FIN_HTTP_CHUNKED && request->body_length > request->body_max) {
    fin_http_wrong(request, 413, "the body is too long");
    return;
  }
  if (status > 0) {
    refuse(request, status);
    return;
  }
  request->repeatable = bare && !request->path_copy && request->fields == request->fields_inline;
  give(request);
}

static void count(struct fin_http_request *request) {
  uint32_t requests = ++request->state->requests, most = request->http->options.requests_max;
  if (most > 0 && requests >= most) request->closing = true;
}

/* ---- input ---- */

static size_t take_head(struct fin_http_request *request, const char *data, size_t len) {
  if (request->repeatable) { /* as the one before it was */
    count(request);
    request->receiving = FIN_HTTP_RECEIVED;
    give(request);
  } else if (fin_http_parse_head(request, data, len) > 0) {
    count(request);
    take_up(request);
  } else {
    return 0;
  }
  return request->head_len;
}

static size_t take_body(struct fin_http_request *request, const char *data, size_t len) {
  size_t taken = fin_http_take_body(request, data, len);
  if (request->receiving == FIN_HTTP_RECEIVED && request->status == 0) received(request);
  return taken;
}

static void forget_head(struct fin_http_request *request) {
  const struct fin_http_span nothing = {0, 0};
  request->head = "";
  request->target = request->path = request->query = nothing;
  request->field_count = 0;
}

/* What the request still needs of the input that it came in, it keeps. */
static void keep(struct fin_http_request *request) {
  if (request->receiving != FIN_HTTP_HEAD && !request->head_copy) {
    request->head_copy = fin_alloc(request->head_len);
    if (request->head_copy) {
      memcpy(request->head_copy, request->head, request->head_len);
      request->head = request->head_copy;
    } else {
      forget_head(request);
      fin_http_abort(request);
    }
  }
  if (!request->kept) {
    request->kept = true;
    request->began_ms = fin_conn_age_ms(request->conn);
    fin_conn_set_busy(request->conn, true);
  }
  fin_http_arm(request);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct fin_http_conn *state = fin_conn_state(conn);
  size_t at = 0;
  state->active = true;
  while (at < len && fin_conn_reading(conn)) {
    struct fin_http_request *request = state->request;
    if (!request) {
      if (data[at] == '\r') { /* some send an empty line behind a body (RFC 9112, 2.2) */
        if (len - at == 1) break;
        if (data[at + 1] == '\n') {
          at += 2;
          continue;
        }
      }
      request = begin_request(conn, state, data + at, len - at);
      if (!request) {
        fin_conn_close(conn, FIN_REASON_NO_MEMORY);
        break;
      }
    }
    if (request->receiving == FIN_HTTP_RECEIVED) {
      fin_conn_pause(conn); /* the next request waits for this one's reply */
      break;
    }
    bool in_head = request->receiving == FIN_HTTP_HEAD;
    size_t taken =
        in_head ? take_head(request, data + at, len - at) : take_body(request, data + at, len - at);
    at += taken;
    bool handed_over = request->replying == FIN_HTTP_HANDED_OVER;
    bool there = settle(request);
    if (handed_over || (there && taken == 0)) break;
  }
  if (state->request) keep(state->request);
  state->active = false;
  return at;
}

/* ---- the rest of a connection's life ---- */

static void on_open(fin_conn *conn) {
  struct fin_http_conn *state = fin_conn_state(conn);
  state->opened_ms = fin_conn_age_ms(conn); /* not 0 if it was handed over */
  fin_conn_set_timer(conn, fin_http_of(conn)->options.header_ms);
}

/* After a callback other than on_data. */
static void settle_and_arm(struct fin_http_request *request) {
  struct fin_http_conn *state = request->state;
  if (settle(request)) fin_http_arm(request);
  state->active = false;
}

static void on_end(fin_conn *conn) {
  struct fin_http_conn *state = fin_conn_state(conn);
  struct fin_http_request *request = state->request;
  if (!request) {
    fin_conn_close(conn, 0);
    return;
  }
  state->active = true;
  request->closing = true; /* there is nobody left to ask anything */
  if (request->receiving != FIN_HTTP_RECEIVED)
    fin_http_reject(request, 400, "the request is not complete");
  else
    tell(request, request->route ? request->route->on_peer_end : NULL);
  settle_and_arm(request);
}

static void on_writable(fin_conn *conn) {
  struct fin_http_conn *state = fin_conn_state(conn);
  struct fin_http_request *request = state->request;
  if (!request) return;
  state->active = true;
  fin_http_mark_body(request); /* what we held back was not slow */
  tell(request, request->route ? request->route->on_writable : NULL);
  settle_and_arm(request);
}

/* The request under way, or one that begins soon: it is on its way perhaps. */
static void next_is_last(fin_conn *conn, struct fin_http_conn *state, fin_reason reason) {
  state->last = true;
  state->reason = (uint8_t)reason;
  if (!state->request) fin_conn_set_timer(conn, LAST_GRACE_MS);
}

static void on_timer(fin_conn *conn) {
  struct fin_http_conn *state = fin_conn_state(conn);
  struct fin_http_request *request = state->request;
  if (request) {
    state->active = true;
    fin_http_time(request);
    settle_and_arm(request);
  } else if (state->last) {
    fin_conn_close(conn, (fin_reason)state->reason);
  } else if (state->requests == 0) {
    fin_conn_close(conn, FIN_REASON_IDLE);
  } else if (fin_conn_age_ms(conn) < fin_http_of(conn)->options.connection_age_ms) {
    await_age(conn);
  } else {
    next_is_last(conn, state, FIN_REASON_CLOSED);
  }
}

static void on_drain(fin_conn *conn) {
  struct fin_http_conn *state = fin_conn_state(conn);
  next_is_last(conn, state, FIN_REASON_DRAINED);
  if (!state->request) return;
  state->request->closing = true;
  if (fin_http_over(state->request)) fin_http_arm(state->request);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct fin_http_conn *state = fin_conn_state(conn);
  (void)report;
  if (state->request) end_request(state->request, state->request->replying == FIN_HTTP_GIVEN);
}

void fin_http_pause(fin_http_request *request) {
  if (request->replying == FIN_HTTP_GIVEN) return; /* what still comes is discarded */
  request->paused = true;
  if (request->receiving == FIN_HTTP_BODY) fin_conn_pause(request->conn);
}

void fin_http_resume(fin_http_request *request) {
  if (!request->paused) return;
  request->paused = false;
  fin_conn_resume(request->conn);
  if (request->receiving != FIN_HTTP_BODY) return;
  fin_http_mark_body(request);
  fin_http_send_continue(request);
  if (!request->state->active) fin_http_arm(request);
}

/* ---- routes and limits ---- */

static int fill(fin_http_options *options) {
  if (options->header_ms == 0) options->header_ms = 10 * 1000;
  if (options->request_ms == 0) options->request_ms = 300 * 1000;
  if (options->body_rate == 0) options->body_rate = 240;
  if (options->target_max == 0) options->target_max = 8 * 1024;
  if (options->header_bytes_max == 0) options->header_bytes_max = 16 * 1024;
  if (options->headers_max == 0) options->headers_max = 100;
  if (options->body_max == 0) options->body_max = 1024 * 1024;
  if (options->connection_age_ms == 0) options->connection_age_ms = 3600 * 1000;
  uint32_t most_ms = 24 * 24 * 3600 * 1000u;
  bool times = options->header_ms <= most_ms &&
               (options->request_ms <= most_ms || options->request_ms == FIN_NEVER) &&
               (options->connection_age_ms <= most_ms || options->connection_age_ms == FIN_NEVER);
  return times && options->header_bytes_max < 64 * 1024 && options->routes ? 0 : -EINVAL;
}

fin_http *fin_http_new(const fin_http_options *options) {
  fin_http_options filled = *options;
  size_t count = 0;
  int error = fill(&filled);
  while (!error && filled.routes[count].on_request) count++;
  struct fin_http *http =
      error ? NULL : fin_alloc_zeroed(sizeof *http + count * sizeof *http->routes);
  if (!error && !http) error = -ENOMEM;
  for (size_t i = 0; i < count && !error; i++)
    error = fin_http_compile_route(&http->routes[i], &filled.routes[i]);
  if (error) {
    fin_release(http);
    errno = -error;
    return NULL;
  }
  http->options = filled;
  http->route_count = count;
  http->handler = (fin_handler){
      .state_size = sizeof(struct fin_http_conn),
      .on_open = on_open,
      .on_data = on_data,
      .on_end = on_end,
      .on_writable = on_writable,
      .on_timer = on_timer,
      .on_drain = on_drain,
      .on_close = on_close,
  };
  fin_http_settings(&http->settings);
  http->blank.http = http;
  http->blank.fields_room = FIN_HTTP_FIELDS_INLINE;
  llhttp_init(&http->blank.parser, HTTP_REQUEST, &http->settings);
  http->blank_len = offsetof(struct fin_http_request, fields_inline);
  return http;
}

void fin_http_free(fin_http *http) {
  if (http) fin_release(http->spare);
  fin_release(http);
}

const fin_handler *fin_http_handler(const fin_http *http) { return &http->handler; }
