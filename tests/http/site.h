/* SPDX-License-Identifier: MIT
 *
 * The server that the documents talk to, in this process, and a client that talks to it. Server and
 * client take turns: what the client sends as a piece of its own is read as one.
 */
#ifndef TEST_HTTP_SITE_H
#define TEST_HTTP_SITE_H

#include <finale/http.h>

#include "support/http_case.h"
#include "support/net.h"

enum { SITE_DOORS_MAX = 128 };

#define SITE_CANARY "GET /canary HTTP/1.1\r\nHost: a\r\n\r\n"
#define SITE_CANARY_BODY "canary"

struct site {
  struct net net;
  fin_http *doors[SITE_DOORS_MAX]; /* one for each set of options */
  size_t door_count;
  uint16_t plain; /* the port of the first door, which has no options */
};

void site_begin(struct site *site);
/* The port at which the options of a case hold; 0: there is no such option. */
uint16_t site_door(struct site *site, const struct http_case *of);
void site_end(struct site *site);

/* ---- a client ---- */

struct site_client {
  struct net *net;
  int peer;
  char *data; /* received so far */
  size_t len, room;
  bool ended; /* by the server's FIN */
  int error;  /* ...or by this */
};

void site_dial(struct site_client *client, struct site *site, uint16_t port);
/* Sends one piece and lets the server read it. */
void site_send(struct site_client *client, const char *data, size_t len);
/* Waits for anything: false if nothing comes within `ms`. */
bool site_receive(struct site_client *client, unsigned ms);
void site_leave(struct site_client *client);

/* Whether what arrives cut here could differ from what arrives cut a byte before: not so in the
 * midst of many equal bytes. */
bool site_worth_a_cut(const struct http_bytes *bytes, size_t at);

/* The documents in FINALE_SOURCE_DIR/tests/http/NAME, as parameters of a test. */
enum { SITE_DOCUMENTS_MAX = 64 };
struct site_document {
  char path[512];
};
struct site_document *site_documents(const char *name, size_t *count);

#endif
