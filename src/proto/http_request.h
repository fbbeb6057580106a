/* SPDX-License-Identifier: MIT
 *
 * What the parts of HTTP share: a request with its reply, and the table of routes behind it.
 *
 * A request exists from its first byte until both it and its reply are over; a connection has one
 * at a time, and an idle one has none. Its header stays in the connection's input until it is
 * complete. Then its parts are found by their distance from the head, which points into that input,
 * and into a copy if the request outlives it.
 */
#ifndef FIN_HTTP_REQUEST_H
#define FIN_HTTP_REQUEST_H

#include <finale/http.h>
#include <llhttp.h>
#include <string.h>
#include <time.h>

#include "proto/http_date.h"

enum { FIN_HTTP_FIELDS_INLINE = 24, FIN_HTTP_SEEN_MAX = 1024 };

struct fin_http_span {
  uint16_t at, len; /* a head has less than 64 KiB */
};

struct fin_http_field {
  struct fin_http_span name, value;
};

enum fin_http_receiving { FIN_HTTP_HEAD, FIN_HTTP_BODY, FIN_HTTP_RECEIVED };
enum fin_http_replying { FIN_HTTP_SILENT, FIN_HTTP_BEGUN, FIN_HTTP_GIVEN, FIN_HTTP_HANDED_OVER };
enum fin_http_framing { FIN_HTTP_BY_LENGTH, FIN_HTTP_BY_CHUNKS, FIN_HTTP_BY_FIN, FIN_HTTP_NO_BODY };

struct fin_http_request {
  /* What follows from the head alone: it stays for a next request with the same head. */
  llhttp_t parser; /* parser.data is the request */
  struct fin_http *http;
  size_t head_len;
  struct fin_http_span target, path, query;
  size_t path_len;
  struct fin_http_field *fields; /* fields_inline, or a larger block */
  unsigned field_count, fields_room;
  const fin_http_route *route; /* NULL: we answer */
  bool repeatable;             /* the head is good, and neither body nor close follows from it */

  /* What every request has of its own, from `conn` up to `head_copy`: nothing of it stays. */
  fin_conn *conn;
  struct fin_http_conn *state; /* of that connection */
  void *data;
  const char *head;
  uint64_t reply_left; /* of the length that was announced */
  char *reply_fields;  /* added by fin_http_add_header */
  size_t reply_fields_len;
  uint8_t receiving; /* enum fin_http_receiving */
  uint8_t replying;  /* enum fin_http_replying */
  uint8_t framing;   /* enum fin_http_framing, of the reply */
  uint8_t reason;    /* fin_reason with which the connection closes, 0: the ordinary one */
  bool timer_set;
  bool armed;
  bool kept;      /* it has outlived the input that it came in */
  bool told;      /* on_request was called: on_close is owed */
  bool paused;    /* by the handler */
  bool expecting; /* 100-continue is owed */
  bool closing;   /* no request is taken after this one */
  bool lost;      /* the client does not get the handler's reply */

  /* What a request only has if its head was parsed, or if it was kept: a next one with the same
   * head finds it as it began, or does not look at it. */
  char *head_copy;
  size_t parsed;   /* bytes of the head, all in the connection's input, that the parser has seen */
  char *path_copy; /* the path, if it does not stand in the head like this */
  unsigned hosts, transfer_codings; /* fields of that name */
  bool stays;                       /* Connection: keep-alive, which HTTP/1.0 needs */
  uint16_t status;                  /* what is wrong with the request, 0: nothing */
  const char *wrong;                /* ...in words */

  /* The body. */
  uint64_t body_length; /* FIN_HTTP_CHUNKED: by chunks */
  uint64_t body_len;    /* received so far */
  uint64_t body_max;
  char *body; /* of a route without on_body */
  size_t body_room;
  size_t meta_len;    /* bytes of chunk extensions and trailers */
  bool trailer_named; /* the trailer under way has a name */

  /* Clocks, in the connection's age. */
  uint32_t began_ms;  /* its first byte */
  uint32_t spoke_ms;  /* the handler last wrote of the reply */
  uint32_t mark_ms;   /* since when body_mark counts */
  uint64_t body_mark; /* body_len then */
  uint32_t timer_ms;  /* the handler's timer */
  uint32_t armed_ms;  /* the connection's timer */

  struct fin_http_field fields_inline[FIN_HTTP_FIELDS_INLINE];
};

/* A route, ready for comparing. */
struct fin_http_compiled {
  const fin_http_route *route;
  size_t path_len;
  int method; /* llhttp_method_t, or -1 */
  bool below; /* path_len bytes are to be equal, and anything may follow */
};

enum { FIN_HTTP_TYPE_MAX = 255, FIN_HTTP_START_MAX = 576, FIN_HTTP_SMALL_BODY = 1024 };
enum fin_http_staying { FIN_HTTP_STAYS, FIN_HTTP_CLOSES, FIN_HTTP_UPGRADES, FIN_HTTP_TUNNELS };

#define FIN_HTTP_HEADER_END "\r\n"
enum { FIN_HTTP_HEADER_END_LEN = sizeof FIN_HTTP_HEADER_END - 1 };

struct fin_http_start {
  size_t len;       /* with the header's end */
  size_t length_at; /* where it says how long the body is */
  char text[FIN_HTTP_START_MAX + FIN_HTTP_SMALL_BODY];
  /* Of what it was made. */
  uint64_t length;
  unsigned minor;
  time_t now;
  unsigned status;
  enum fin_http_staying staying;
  uint32_t idle_ms;
  char date[FIN_HTTP_DATE_SIZE];
  char type[FIN_HTTP_TYPE_MAX + 1];
};

struct fin_http {
  fin_handler handler; /* first: fin_conn_handler leads here */
  fin_http_options options;
  llhttp_settings_t settings;
  struct fin_http_request blank; /* how a request begins */
  size_t blank_len; /* of it up to the fields: a constant gcc would copy word by word */
  struct fin_http_request *spare; /* for the next request, or NULL */
  size_t seen_len;                /* of the head that the spare one has, 0: it is not repeatable */
  char seen[FIN_HTTP_SEEN_MAX];   /* ...and that head */
  struct fin_http_start start;    /* of the last reply */
  char host[64];                  /* the last one that was good */
  size_t host_len;
  size_t route_count;
  struct fin_http_compiled routes[];
};

/* In the connection's state. */
struct fin_http_conn {
  struct fin_http_request *request; /* the one under way */
  uint32_t requests;                /* so far */
  uint32_t opened_ms;               /* on_open, in the connection's age */
  bool last;      /* the next request is the last: the server drains, or the connection is old */
  uint8_t reason; /* fin_reason with which it closes then */
  bool active;    /* a callback of the connection runs, which sees what becomes of the request */
};

static inline struct fin_http *fin_http_of(const fin_conn *conn) {
  return (struct fin_http *)(uintptr_t)fin_conn_handler(conn);
}

/* ---- http_head.c ---- */

void fin_http_settings(llhttp_settings_t *settings);

/* Parses the head in `len` bytes of input that begin with it. 1: it is complete, head_len long; 0:
 * there is more to come; -1: it is wrong, see request->status. */
int fin_http_parse_head(struct fin_http_request *request, const char *data, size_t len);

/* Something is wrong with the request; the first that is said stays. -1 for the parser. */
int fin_http_wrong(struct fin_http_request *request, unsigned status, const char *why);

/* ---- http_check.c: what the parser leaves to us ---- */

/* False, and request->status, if the head is wrong. Says what follows from it: the body's length,
 * whether the connection closes, whether 100-continue is expected. */
bool fin_http_check_head(struct fin_http_request *request);

/* uri-host [":" port], the host not empty (RFC 9110, 4.2.1). What follows the text belongs to
 * neither: a blank, CR, '/' or '?'. */
bool fin_http_good_host(const char *text, size_t len);

/* ---- http_target.c ---- */

/* Finds path and query in the target. 0, -EINVAL: it is none, -ENOMEM. */
int fin_http_split_target(struct fin_http_request *request);

/* ---- http_route.c ---- */

/* Makes a route ready: 0, or -EINVAL if it is none. */
int fin_http_compile_route(struct fin_http_compiled *compiled, const fin_http_route *route);

/* The status with which no route answers, or 0 and the route. */
unsigned fin_http_find_route(const struct fin_http_request *request, const fin_http_route **route);

/* Adds the Allow field that lists the methods of the request's path. */
void fin_http_add_allow(struct fin_http_request *request);

/* ---- http_body.c ---- */

/* Takes what of the input belongs to the body: returns how much. On return the request may be
 * wrong, see request->status. */
size_t fin_http_take_body(struct fin_http_request *request, const char *data, size_t len);

/* A piece of a chunked body. False: take no more now. */
bool fin_http_on_chunk(struct fin_http_request *request, const char *data, size_t len);

/* ---- http_reply.c ---- */

/* Replies with a status and a sentence. */
void fin_http_answer(struct fin_http_request *request, unsigned status, const char *why);

/* The same, then closes so that the client can read it. Where a reply has begun already, the
 * connection is aborted. */
void fin_http_reject(struct fin_http_request *request, unsigned status, const char *why);

/* 100-continue, if it is owed and nothing was replied yet. */
void fin_http_send_continue(struct fin_http_request *request);

/* ---- http.c ---- */

void fin_http_release(struct fin_http_request *request); /* without on_close */

static inline bool fin_http_over(const struct fin_http_request *request) {
  return request->replying == FIN_HTTP_GIVEN &&
         (request->closing || request->receiving == FIN_HTTP_RECEIVED);
}

/* ---- http_time.c ---- */

/* Sees to it that on_timer of the connection comes when something is due; at once for a request
 * that is over. */
void fin_http_arm(struct fin_http_request *request);

/* The body's rate counts from now on. */
void fin_http_mark_body(struct fin_http_request *request);

/* on_timer of the connection: judges what is due. */
void fin_http_time(struct fin_http_request *request);

/* ---- http_start.c ---- */

struct fin_http_start *fin_http_start_anew(struct fin_http *http, unsigned status,
                                           enum fin_http_staying staying, uint32_t idle_ms,
                                           const char *type, uint64_t length, unsigned minor);

/* A reply's header up to fields of the handler's, and its end as if there were none; if the
 * connection stays, for idle_ms, of which Keep-Alive tells.
 * `length` is that of the body or FIN_HTTP_CHUNKED, `minor` of the request's version: HTTP/1.0 has
 * no chunks. NULL: the type is none. Valid until the next call. */
static inline struct fin_http_start *fin_http_start(struct fin_http *http, unsigned status,
                                                    enum fin_http_staying staying, uint32_t idle_ms,
                                                    const char *type, uint64_t length,
                                                    unsigned minor) {
  struct fin_http_start *start = &http->start;
  if (!type) type = "";
  bool same = start->status == status && start->length == length && start->idle_ms == idle_ms &&
              start->staying == staying && start->minor == minor && start->now == time(NULL) &&
              strcmp(start->type, type) == 0;
  return same ? start : fin_http_start_anew(http, status, staying, idle_ms, type, length, minor);
}

#endif
