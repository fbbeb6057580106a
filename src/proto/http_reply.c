/* SPDX-License-Identifier: MIT
 *
 * Replies: their header, how their body is framed, and that nothing half passes for a whole.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "proto/http_request.h"

enum { FIELDS_MAX = 16 * 1024, PIECE_MAX = 2048 };

/* ---- writing ---- */

/* Small pieces on their way to the connection, in one write where they fit. */
struct piece {
  fin_conn *conn;
  int error; /* the first */
  size_t len;
  char bytes[PIECE_MAX];
};

/* Its bytes are written up to `end`. */
static void open_piece(struct piece *piece, fin_conn *conn, const char *end) {
  piece->conn = conn;
  piece->error = 0;
  piece->len = (size_t)(end - piece->bytes);
}

static void flush(struct piece *piece) {
  int error = piece->len > 0 ? fin_conn_write(piece->conn, piece->bytes, piece->len) : 0;
  if (!piece->error) piece->error = error;
  piece->len = 0;
}

static void put_large(struct piece *piece, const void *data, size_t len) {
  flush(piece);
  if (len <= sizeof piece->bytes) {
    memcpy(piece->bytes, data, len);
    piece->len = len;
    return;
  }
  int error = fin_conn_write(piece->conn, data, len);
  if (!piece->error) piece->error = error;
}

/* Inline, so that a literal becomes a few moves: this is half of what a small reply costs. */
static inline void put(struct piece *piece, const void *data, size_t len) {
  if (len > sizeof piece->bytes - piece->len) {
    put_large(piece, data, len);
    return;
  }
  memcpy(piece->bytes + piece->len, data, len);
  piece->len += len;
}

#define PUT(piece, literal) put(piece, literal, sizeof(literal) - 1)

/* ---- the header ---- */

static bool token(const char *text) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  const char *p = text;
  for (; *p; p++) {
    bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
    if (!letter && !strchr(others, *p)) return false;
  }
  return p > text;
}

static bool field_value(const char *text) {
  for (const char *p = text; *p; p++)
    if (((unsigned char)*p < ' ' && *p != '\t') || *p == 0x7f) return false;
  return true;
}

static bool ours(const char *name) {
  static const char *const names[] = {"Connection", "Content-Length", "Date", "Keep-Alive",
                                      "Transfer-Encoding"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcasecmp(name, names[i]) == 0) return true;
  return false;
}

/* Without the field the reply would say something else: a part would pass for the whole. */
static int field_lost(fin_http_request *request, int error) {
  fin_http_abort(request);
  return error;
}

int fin_http_add_header(fin_http_request *request, const char *name, const char *value) {
  if (request->replying != FIN_HTTP_SILENT) return -EALREADY;
  if (!token(name) || !field_value(value) || ours(name)) return -EINVAL;
  size_t name_len = strlen(name), value_len = strlen(value), len = name_len + value_len + 4;
  if (len > FIELDS_MAX - request->reply_fields_len) return field_lost(request, -ENOBUFS);
  char *fields = fin_resize(request->reply_fields, request->reply_fields_len + len + 1);
  if (!fields) return field_lost(request, -ENOMEM);
  snprintf(fields + request->reply_fields_len, len + 1, "%s: %s\r\n", name, value);
  request->reply_fields = fields;
  request->reply_fields_len += len;
  return 0;
}

static enum fin_http_framing choose_framing(const struct fin_http_request *request, unsigned status,
                                            uint64_t length) {
  bool head = request->parser.method == HTTP_HEAD && request->target.len > 0;
  if (head || status == 204 || status == 205 || status == 304) return FIN_HTTP_NO_BODY;
  if (length != FIN_HTTP_CHUNKED) return FIN_HTTP_BY_LENGTH;
  return request->parser.http_minor > 0 ? FIN_HTTP_BY_CHUNKS : FIN_HTTP_BY_FIN;
}

/* 2xx to CONNECT has no body and no length (RFC 9110, 9.3.6): it is an upgrade. */
static bool good_status(const struct fin_http_request *request, unsigned status) {
  bool connect = request->parser.method == HTTP_CONNECT && request->head_len > 0;
  return status >= (connect ? 300 : 200) && status <= 599;
}

/* Begins the reply. On failure, NULL, nothing has been changed. */
static struct fin_http_start *begin_reply(fin_http_request *request, unsigned status,
                                          const char *type, uint64_t length, int *error) {
  *error = request->replying != FIN_HTTP_SILENT ? -EALREADY : -EINVAL;
  if (*error == -EALREADY || !good_status(request, status)) return NULL;
  enum fin_http_framing framing = choose_framing(request, status, length);
  /* Whether a client that waits for 100-continue will send its body now, nobody knows. */
  bool closing = request->closing || request->expecting || framing == FIN_HTTP_BY_FIN;
  enum fin_http_staying staying = closing ? FIN_HTTP_CLOSES : FIN_HTTP_STAYS;
  uint32_t idle_ms = closing ? 0 : fin_conn_limits(request->conn)->idle_ms;
  struct fin_http_start *start = fin_http_start(request->http, status, staying, idle_ms, type,
                                                length, request->parser.http_minor);
  if (!start) return NULL;
  request->replying = FIN_HTTP_BEGUN;
  request->framing = (uint8_t)framing;
  request->reply_left = length;
  request->closing = closing;
  *error = 0;
  return start;
}

_Static_assert((int)PIECE_MAX > (int)FIN_HTTP_START_MAX, "a start");

static void put_header(struct piece *piece, fin_http_request *request,
                       const struct fin_http_start *start) {
  open_piece(piece, request->conn, mempcpy(piece->bytes, start->text, start->len));
  if (!request->reply_fields) return;
  piece->len -= FIN_HTTP_HEADER_END_LEN;
  put(piece, request->reply_fields, request->reply_fields_len);
  PUT(piece, FIN_HTTP_HEADER_END);
}

/* ---- the reply ---- */

/* More of it is to come. */
static int said(fin_http_request *request, int error) {
  if (error) request->lost = true;
  request->spoke_ms = fin_conn_age_ms(request->conn);
  return error;
}

/* All of it: the request may be over. */
static inline int given(fin_http_request *request, int error) {
  if (error) request->lost = true;
  request->replying = FIN_HTTP_GIVEN;
  if (request->paused) fin_http_resume(request); /* to discard the rest of the body */
  if (!request->state->active) fin_http_arm(request);
  return error;
}

/* Behind the start that is kept there is room for a small body. */
static int write_small(fin_http_request *request, struct fin_http_start *start, const void *body,
                       size_t len) {
  if (len > 0) memcpy(start->text + start->len, body, len);
  return fin_conn_write(request->conn, start->text, start->len + len);
}

/* Not inline: small replies would pay for its stack. */
__attribute__((noinline)) static int write_pieces(fin_http_request *request,
                                                  const struct fin_http_start *start,
                                                  const void *body, size_t len) {
  struct piece piece;
  put_header(&piece, request, start);
  if (len > 0) put(&piece, body, len);
  flush(&piece);
  return piece.error;
}

int fin_http_reply(fin_http_request *request, unsigned status, const char *type, const void *body,
                   size_t len) {
  int error;
  struct fin_http_start *start = begin_reply(request, status, type, len, &error);
  if (!start) return error;
  if (request->framing != FIN_HTTP_BY_LENGTH) len = 0;
  bool small = !request->reply_fields && len <= FIN_HTTP_SMALL_BODY;
  return given(request, small ? write_small(request, start, body, len)
                              : write_pieces(request, start, body, len));
}

int fin_http_begin(fin_http_request *request, unsigned status, const char *type, uint64_t length) {
  int error;
  struct fin_http_start *start = begin_reply(request, status, type, length, &error);
  return start ? said(request, write_pieces(request, start, NULL, 0)) : error;
}

/* More or less than was announced: the client must not take it for the whole. */
static int broken(fin_http_request *request) {
  fin_http_abort(request);
  return -EINVAL;
}

static int write_chunk(fin_conn *conn, const void *data, size_t len) {
  struct piece piece;
  int size_len = snprintf(piece.bytes, sizeof piece.bytes, "%zx\r\n", len);
  open_piece(&piece, conn, piece.bytes + size_len);
  put(&piece, data, len);
  PUT(&piece, "\r\n");
  flush(&piece);
  return piece.error;
}

int fin_http_write(fin_http_request *request, const void *data, size_t len) {
  if (request->replying != FIN_HTTP_BEGUN) return -EALREADY;
  if (request->lost) return -EPIPE;
  if (request->reply_left != FIN_HTTP_CHUNKED) {
    if (len > request->reply_left) return broken(request);
    request->reply_left -= len;
  }
  if (len == 0) return 0;
  switch ((enum fin_http_framing)request->framing) {
    case FIN_HTTP_BY_CHUNKS:
      return said(request, write_chunk(request->conn, data, len));
    case FIN_HTTP_BY_LENGTH:
    case FIN_HTTP_BY_FIN:
      return said(request, fin_conn_write(request->conn, data, len));
    case FIN_HTTP_NO_BODY:
      break;
  }
  return said(request, 0);
}

int fin_http_end(fin_http_request *request) {
  if (request->replying != FIN_HTTP_BEGUN) return -EALREADY;
  if (request->lost) return -EPIPE;
  bool bodyless = request->framing == FIN_HTTP_NO_BODY;
  if (request->reply_left != FIN_HTTP_CHUNKED && request->reply_left > 0 && !bodyless)
    return broken(request);
  int error = 0;
  if (request->framing == FIN_HTTP_BY_CHUNKS) error = fin_conn_write(request->conn, "0\r\n\r\n", 5);
  return given(request, error);
}

size_t fin_http_output_len(const fin_http_request *request) {
  return fin_conn_output_len(request->conn);
}

void fin_http_close(fin_http_request *request) {
  request->closing = true;
  if (!request->state->active && fin_http_over(request)) fin_http_arm(request);
}

void fin_http_abort(fin_http_request *request) {
  request->lost = true;
  fin_conn_abort(request->conn);
}

/* ---- our own ---- */

void fin_http_answer(struct fin_http_request *request, unsigned status, const char *why) {
  char text[256];
  int len = snprintf(text, sizeof text, "%u %s: %s\n", status, fin_http_status_text(status), why);
  size_t most = sizeof text - 1;
  fin_http_reply(request, status, "text/plain", text, (size_t)len < most ? (size_t)len : most);
}

static fin_reason reason_of(unsigned status) {
  switch (status) {
    case 408:
      return FIN_REASON_SLOW_WRITER;
    case 413:
    case 414:
    case 431:
      return FIN_REASON_TOO_LONG;
    default:
      return status < 500 ? FIN_REASON_PROTOCOL : FIN_REASON_CLOSED;
  }
}

void fin_http_reject(struct fin_http_request *request, unsigned status, const char *why) {
  if (request->replying == FIN_HTTP_BEGUN) {
    fin_http_abort(request);
    return;
  }
  request->closing = true;
  request->reason = (uint8_t)reason_of(status);
  if (request->replying != FIN_HTTP_SILENT) return;
  request->reply_fields_len = 0; /* they were to describe the handler's reply */
  fin_http_answer(request, status, why);
  request->lost = true; /* that one */
}

void fin_http_send_continue(struct fin_http_request *request) {
  if (!request->expecting || request->replying != FIN_HTTP_SILENT) return;
  request->expecting = false;
  fin_conn_write(request->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* ---- another protocol ---- */

int fin_http_upgrade(fin_http_request *request, unsigned status, const fin_handler *handler,
                     void *context, const fin_conn_options *options) {
  if (request->replying != FIN_HTTP_SILENT) return -EALREADY;
  bool connect = request->parser.method == HTTP_CONNECT && status >= 200 && status <= 299;
  bool upgrade = status == 101 && request->parser.http_minor > 0; /* RFC 9110, 7.8 */
  if ((!upgrade && !connect) || request->receiving != FIN_HTTP_RECEIVED) return -EINVAL;
  fin_conn *conn = request->conn;
  int error = fin_conn_hand_over(conn, handler, context, options);
  if (error) return error;
  struct piece piece;
  enum fin_http_staying staying = connect ? FIN_HTTP_TUNNELS : FIN_HTTP_UPGRADES;
  /* Of an unknown length, and to HTTP/1.0: no field says one. */
  const struct fin_http_start *start =
      fin_http_start(request->http, status, staying, 0, NULL, FIN_HTTP_CHUNKED, 0);
  put_header(&piece, request, start);
  flush(&piece); /* a failure is the new handler's on_close */
  request->state->request = NULL;
  request->replying = FIN_HTTP_HANDED_OVER;
  if (!request->state->active) fin_http_release(request);
  return 0;
}
