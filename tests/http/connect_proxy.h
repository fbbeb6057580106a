/* SPDX-License-Identifier: MIT
 *
 * A proxy, a target that it may be asked for, and clients of the proxy.
 */
#ifndef TEST_HTTP_CONNECT_PROXY_H
#define TEST_HTTP_CONNECT_PROXY_H

#include <finale/http_connect.h>

#include "http/web.h"

struct proxy {
  struct web web; /* whose routes are not counted */
  fin_http_connect_options options;
  fin_http_route routes[3];
  int listener;
  uint16_t to_port; /* the target's, on 127.0.0.1 and ::1 */
  int plug;         /* see proxy_target_is_deaf */

  /* What allow() was asked last, and how often. */
  char host[256];
  uint16_t port;
  unsigned asked;
};

/* Everything is allowed, unless `options` have an `allow`; its context is the proxy. GET /hello is
 * answered too. */
void proxy_begin(struct proxy *proxy, const fin_http_connect_options *options);
/* Waits until no connection is left. */
void proxy_end(struct proxy *proxy);

/* A client that has asked for the target: sends the request, with `more` behind it. */
void proxy_ask(struct proxy *proxy, struct web_client *client, const char *more);
/* For HOST:PORT, with what would be taken for a request behind it. */
void proxy_ask_for(struct proxy *proxy, struct web_client *client, const char *target);

/* The target's side of the next tunnel. */
int proxy_accept(struct proxy *proxy);

/* Nobody answers at the target's port until proxy_target_hears. */
void proxy_target_is_deaf(struct proxy *proxy);
void proxy_target_hears(struct proxy *proxy);

/* ...and there is no target. */
void proxy_target_leaves(struct proxy *proxy);

/* 200, as it has to be for CONNECT. */
void proxy_expect_tunnel(struct web_client *client);

/* What comes next, after the reply. */
void proxy_expect(struct web_client *client, const void *data, size_t len);

#endif
