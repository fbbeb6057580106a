/* SPDX-License-Identifier: MIT
 *
 * A server of HTTP with the routes of a test, and clients that read its replies strictly. All is in
 * one thread, as in net.h: whatever is waited for, the server works meanwhile.
 *
 * Every callback of a route is counted on its way to the test's own, and must keep the order that
 * http.h promises; at the end each on_request has had its on_close, or was upgraded.
 */
#ifndef TEST_HTTP_WEB_H
#define TEST_HTTP_WEB_H

#include <finale/http.h>

#include "support/http_reply.h"
#include "support/net.h"

enum { WEB_ROUTES_MAX = 16, WEB_LIVE_MAX = 64 };

struct web;

/* A route of the test's, in the context of the one that the server has. */
struct web_route {
  fin_http_route route;
  struct web *web;
};

struct web_live {
  fin_http_request *request;
  bool ended; /* on_body_end was called */
};

struct web {
  struct net net;
  fin_http *http;
  void *test; /* the test's own */

  /* Callbacks so far. */
  unsigned requests, pieces, ends, writables, timers, peer_ends, closed;
  unsigned replied;          /* of these on_close: with `replied` */
  unsigned upgraded;         /* counted by the test */
  size_t body_len;           /* given to on_body */
  fin_http_request *request; /* told of last; NULL once that is over */

  struct web_live live[WEB_LIVE_MAX];
  struct web_route routes[WEB_ROUTES_MAX];
  fin_http_route wrapped[WEB_ROUTES_MAX + 1];
};

/* `options->routes` as in http.h, but for their context: that is seen by web_context alone. `conn`
 * may be NULL. */
void web_begin(struct web *web, const fin_http_options *options, const fin_conn_options *conn);

/* Drains, and asserts that everything has had its end and nothing is left. */
void web_end(struct web *web);

struct web *web_of(const fin_http_request *request);
void *web_context(const fin_http_request *request);

/* Connections that ended for this reason, and those that there are. */
uint64_t web_ended(const struct web *web, fin_reason reason);
unsigned web_connections(const struct web *web);

/* Callbacks for routes. */
void web_hello(fin_http_request *request);   /* 200 "hello" */
void web_echo(fin_http_request *request);    /* 200 and the collected body */
void web_nothing(fin_http_request *request); /* leaves it for later */
void web_drop(fin_http_request *request, const char *data, size_t len);

void web_reply(fin_http_request *request, const char *text); /* 200 */

/* ---- clients ---- */

struct web_client {
  struct web *web;
  int peer;
  char *data; /* received, and not yet taken from `taken` on */
  size_t len, room, taken;
  bool ended;              /* the server's FIN was received, */
  int error;               /* or this */
  struct http_reply reply; /* the last that was taken */
};

void web_open(struct web_client *client, struct web *web);
void web_open_small(struct web_client *client, struct web *web, int receive_buffer);
void web_leave(struct web_client *client);

void web_send(struct web_client *client, const void *data, size_t len); /* may be cut by a reset */
void web_say(struct web_client *client, const char *text);
void web_get(struct web_client *client, const char *path); /* of HTTP/1.1 */

/* The header of an upload; and its body, which is the pattern in pieces of all sizes. */
void web_post(struct web_client *client, const char *path, size_t len);
void web_post_chunks(struct web_client *client, const char *path);
void web_send_pieces(struct web_client *client, size_t len, bool chunks);

/* Waits for the next reply, which must be whole and proper. `body` NULL: any. */
void web_expect(struct web_client *client, unsigned status, const char *body);
void web_expect_bodiless(struct web_client *client, unsigned status); /* the answer to HEAD */

/* Of the last reply: it has exactly one field of that name, with this value; it has none. */
bool web_has(const struct web_client *client, const char *name, const char *value);
bool web_lacks(const struct web_client *client, const char *name);

/* Nothing more comes but the server's FIN, or RST. */
void web_expect_fin(struct web_client *client);
void web_expect_reset(struct web_client *client);

/* Takes what has come by now: how much of it waits to be taken. */
size_t web_waiting(struct web_client *client);

/* The connection is in order and answers: another request, which needs a route /hello. */
void web_expect_alive(struct web_client *client);

/* A whole exchange on a connection of its own, which the server then closes or keeps. */
void web_ask(struct web *web, const char *request, unsigned status, const char *body);

#endif
