/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 and 1.0 over a connection (RFC 9110, RFC 9112).
 *
 *   static void hello(fin_http_request *request) {
 *     fin_http_reply(request, 200, "text/plain", "Hello\n", 6);
 *   }
 *   static const fin_http_route routes[] = {{.method = "GET", .path = "/", .on_request = hello},
 * {0}};
 *
 *   fin_http *http = fin_http_new(&(fin_http_options){.routes = routes});
 *   fin_server_listen(server, &(fin_listen){.port = 8080, .handler = fin_http_handler(http)});
 *
 * What is done without the routes' help: keep-alive, pipelined requests one after the other, HEAD,
 * 100-continue, Date, the limits and the times below, and a proper reply to whatever is no proper
 * request, followed by a close that lets the client read it (RFC 9112, 9.6).
 *
 * An idle connection is closed after the listener's `conn.idle_ms`, which is also what Keep-Alive
 * tells the client, a little less. A client's FIN behind its request does not abort it: the reply
 * is still sent, within `conn.half_ms`.
 */
#ifndef FINALE_HTTP_H
#define FINALE_HTTP_H

#include <finale/finale.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fin_http fin_http; /* routes and limits; of listeners that share a thread */
typedef struct fin_http_request fin_http_request; /* a request and the reply to it */

/* Part of a request. Not NUL-terminated; data is NULL where there is none. */
typedef struct fin_http_text {
  const char *data;
  size_t len;
} fin_http_text;

/* ---- routes ----
 * A request is valid from on_request until on_close returns. The reply may be given in any
 * callback, or later. Only on_request is required. */
typedef struct fin_http_route {
  const char *method; /* "GET", which HEAD follows; "POST", ...; NULL: every one but CONNECT */
  const char *path;   /* "/status": this one; "/files/" and a last '*': all below; "*": all */

  /* The request is there: its body too, unless the route has an on_body. */
  void (*on_request)(fin_http_request *request);

  /* The body as it arrives, `data` valid until the callback returns; and its end, which a request
   * without a body has too. After a reply was given, the rest is discarded unseen. */
  void (*on_body)(fin_http_request *request, const char *data, size_t len);
  void (*on_body_end)(fin_http_request *request);

  /* What waited of a streamed reply has drained to the connection's output_low. */
  void (*on_writable)(fin_http_request *request);

  /* The time set by fin_http_set_timer has come. */
  void (*on_timer)(fin_http_request *request);

  /* The client has sent its FIN: it may have lost interest, or only have nothing more to ask. */
  void (*on_peer_end)(fin_http_request *request);

  /* Last, exactly once for every on_request, unless it was upgraded. `replied`: the handler gave
   * a whole reply, and the connection accepted it. */
  void (*on_close)(fin_http_request *request, bool replied);

  uint64_t body_max; /* instead of fin_http_options.body_max */
  void *context;     /* for fin_http_context */
} fin_http_route;

typedef struct fin_http_options {
  /* Searched in order, up to one without on_request: the first that has the path and the method.
   * Stay the caller's, as do their strings. No route for the path: 404; not for the method: 405. */
  const fin_http_route *routes;

  uint32_t header_ms;  /* for a request's header, in all; first on a new connection (10 s) */
  uint32_t request_ms; /* for a request, until its reply begins; and for each pause of a reply whose
                          handler writes no more of it (300 s); may be FIN_NEVER */
  uint32_t body_rate;  /* bytes a second that a body arrives with at least, after 5 s (240) */

  size_t target_max;          /* bytes of the request's target (8 KiB) */
  size_t header_bytes_max;    /* of request line and header; of trailers, of chunks' extensions
                                 (16 KiB, at most 64 KiB - 1) */
  unsigned headers_max;       /* header fields (100) */
  uint64_t body_max;          /* bytes of a body (1 MiB) */
  uint32_t requests_max;      /* requests on one connection (no limit) */
  uint32_t connection_age_ms; /* of a connection that is kept alive (1 h); may be FIN_NEVER */
} fin_http_options;

/* NULL with errno set: EINVAL for an option out of range or a route that is none, ENOMEM. */
FIN_EXPORT fin_http *fin_http_new(const fin_http_options *options);

/* After all its connections have ended. NULL is allowed. */
FIN_EXPORT void fin_http_free(fin_http *http);

/* For fin_listen.handler; valid until fin_http_free. */
FIN_EXPORT const fin_handler *fin_http_handler(const fin_http *http);

/* ---- the request ---- */

FIN_EXPORT fin_http_text fin_http_method(const fin_http_request *request); /* "GET" */
FIN_EXPORT fin_http_text fin_http_target(const fin_http_request *request); /* as it was sent */

/* The target's path, from its first '/'. Encoded letters, digits and -._~ are decoded, dot segments
 * are resolved (RFC 3986, 6.2.2); what else is encoded stays so. "*" for `OPTIONS *`, and the
 * authority for CONNECT. */
FIN_EXPORT fin_http_text fin_http_path(const fin_http_request *request);

/* What stands behind '?', and in it the value of the first `name=`, both undecoded. */
FIN_EXPORT fin_http_text fin_http_query(const fin_http_request *request);
FIN_EXPORT fin_http_text fin_http_query_value(const fin_http_request *request, const char *name);

FIN_EXPORT unsigned fin_http_minor(const fin_http_request *request); /* of the version: 0 or 1 */

/* A field's value without the blanks around it; the first field of that name, in any case. */
FIN_EXPORT fin_http_text fin_http_header(const fin_http_request *request, const char *name);
FIN_EXPORT unsigned fin_http_header_count(const fin_http_request *request);
/* The field at `index`, below fin_http_header_count. */
FIN_EXPORT fin_http_text fin_http_header_name(const fin_http_request *request, unsigned index);
FIN_EXPORT fin_http_text fin_http_header_value(const fin_http_request *request, unsigned index);

/* The body of a request whose route has no on_body. */
FIN_EXPORT fin_http_text fin_http_body(const fin_http_request *request);
/* What Content-Length says, FIN_HTTP_CHUNKED if it is not known, 0 without a body. */
#define FIN_HTTP_CHUNKED UINT64_MAX
FIN_EXPORT uint64_t fin_http_body_length(const fin_http_request *request);

/* Stops and restarts on_body; the client feels it. on_body_end still comes, behind a last piece. */
FIN_EXPORT void fin_http_pause(fin_http_request *request);
FIN_EXPORT void fin_http_resume(fin_http_request *request);

FIN_EXPORT fin_conn *fin_http_conn(const fin_http_request *request);
FIN_EXPORT void *fin_http_context(const fin_http_request *request); /* the route's */
FIN_EXPORT void fin_http_set_data(fin_http_request *request, void *data);
FIN_EXPORT void *fin_http_data(const fin_http_request *request); /* NULL at first */

/* Calls the route's on_timer once, `after_ms` from now; replaces the time set before; at most
 * 24 days. FIN_NEVER cancels. */
FIN_EXPORT void fin_http_set_timer(fin_http_request *request, uint32_t after_ms);

/* ---- the reply ----
 * Results as those of fin_conn_write: what fails ends the connection, so that nothing half is ever
 * taken for a whole, and need not be looked at. Besides
 *   -EALREADY  the reply was begun, or given, before
 *   -EINVAL    a status, a type, a name or a value that is none, which changes nothing; or more or
 *              less than the length that was announced, which aborts
 *   -EPIPE     the connection has ended */

/* Adds a field to the reply's header, before it begins. Not Connection, Content-Length, Date,
 * Keep-Alive, Transfer-Encoding: they are ours. -ENOBUFS: more than 16 KiB of them. */
FIN_EXPORT int fin_http_add_header(fin_http_request *request, const char *name, const char *value);

/* The whole reply, from 200 to 599; but not 2xx to CONNECT, which has no body (fin_http_upgrade).
 * `type` is its Content-Type, at most 255 bytes; NULL: none. */
FIN_EXPORT int fin_http_reply(fin_http_request *request, unsigned status, const char *type,
                              const void *body, size_t len);

/* A reply in pieces: its header; its body, as long as announced, or FIN_HTTP_CHUNKED; its end. For
 * HEAD and where a status forbids a body the pieces are counted and not sent. A client of HTTP/1.0
 * gets an unknown length up to our FIN. */
FIN_EXPORT int fin_http_begin(fin_http_request *request, unsigned status, const char *type,
                              uint64_t length);
FIN_EXPORT int fin_http_write(fin_http_request *request, const void *data, size_t len);
FIN_EXPORT int fin_http_end(fin_http_request *request);

/* Bytes of the connection's output that wait. Above its output_high write no more, until
 * on_writable says so. */
FIN_EXPORT size_t fin_http_output_len(const fin_http_request *request);

/* The connection closes once this reply is given. */
FIN_EXPORT void fin_http_close(fin_http_request *request);

/* Ends the connection with RST: the only way to say that a reply that was begun cannot be finished.
 */
FIN_EXPORT void fin_http_abort(fin_http_request *request);

/* Replies with a header of `status` (101, or 2xx to CONNECT), which has no body, and hands the
 * connection over with the bytes that follow the request: as fin_conn_hand_over, which see. The
 * request's body must have ended. 101, not to HTTP/1.0, says `Connection: Upgrade`; add Upgrade
 * yourself. After
 * success the request is over without on_close, and must not be used any more. */
FIN_EXPORT int fin_http_upgrade(fin_http_request *request, unsigned status,
                                const fin_handler *handler, void *context,
                                const fin_conn_options *options);

/* "Not Found"; "Unknown" for a status without a name. */
FIN_EXPORT const char *fin_http_status_text(unsigned status);

#ifdef __cplusplus
}
#endif
#endif
