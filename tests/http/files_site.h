/* SPDX-License-Identifier: MIT
 *
 * A server of files, in this process, at "/" and at "/deep/down/", and a client that asks it.
 */
#ifndef TEST_HTTP_FILES_SITE_H
#define TEST_HTTP_FILES_SITE_H

#include <finale/http_files.h>

#include "http/files_tree.h"
#include "support/net.h"

struct files_site {
  struct net net;
  struct tree tree; /* what it serves */
  fin_http_files *files;
  fin_http_route routes[3];
  fin_http *http;
  int peer; /* a connection that is kept alive; -1: none */
};

/* The files that are there at first:
 *   /a.txt "This is a.\n"   /empty.css   /index.html "<p>top\n"   /large.bin net_pattern
 *   /dir/b.json "{}\n"      /dir/index.html "<p>dir\n"            /dir/bare/ nothing */
enum { FILES_LARGE = 300 * 1000 };

void files_begin(struct files_site *site);
/* `root` NULL: the tree's, `options` NULL: the defaults. */
void files_begin_with(struct files_site *site, const char *root, const fin_conn_options *options);
void files_end(struct files_site *site); /* with the empty census */

/* Another connection; net_close ends it. `receive_buffer` 0: the default. */
int files_dial(struct files_site *site, int receive_buffer);
fin_server_stats files_stats(const struct files_site *site);

struct files_reply {
  unsigned status;
  char head[8192]; /* with its last empty line, and a NUL */
  char *body;      /* with a NUL behind it */
  size_t len;
  uint64_t length; /* what Content-Length says; UINT64_MAX without one */
};

void files_send(struct files_site *site, int peer, const char *method, const char *target,
                const char *fields);

/* The header of the next reply alone. */
void files_receive_head(struct files_site *site, int peer, struct files_reply *reply);
/* The whole reply; its body must be freed with files_forget. */
void files_receive(struct files_site *site, int peer, bool head, struct files_reply *reply);
void files_forget(struct files_reply *reply);

/* Asks on the kept connection. `fields`: lines that end with CRLF, may be "". */
void files_ask(struct files_site *site, const char *method, const char *target, const char *fields,
               struct files_reply *reply);

/* Asks for a file of that size, and reads no more than the header. */
void files_ask_large(struct files_site *site, int peer, const char *target, size_t size);
void files_until_gone(struct files_site *site); /* no connection is left */

/* As files_ask, where only the status counts. */
unsigned files_status(struct files_site *site, const char *target, const char *fields);

/* A field's value, NULL if there is none; valid until the next call. */
const char *files_field(const struct files_reply *reply, const char *name);

/* It has this value; NULL: it is not there. */
void files_expect_field(const struct files_reply *reply, const char *name, const char *expected);

#endif
