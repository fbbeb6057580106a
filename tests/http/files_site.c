/* SPDX-License-Identifier: MIT
 *
 * See files_site.h.
 */
#include "http/files_site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static size_t no_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data;
  return len;
}

static void fill(const struct tree *tree) {
  tree_text(tree, "a.txt", "This is a.\n");
  tree_text(tree, "empty.css", "");
  tree_text(tree, "index.html", "<p>top\n");
  tree_file(tree, "large.bin", net_pattern(FILES_LARGE), FILES_LARGE);
  tree_directory(tree, "dir");
  tree_text(tree, "dir/b.json", "{}\n");
  tree_text(tree, "dir/index.html", "<p>dir\n");
  tree_directory(tree, "dir/bare");
}

/* HTTP wants its own handler, not net's: net's listener stays unused beside it. */
void files_begin_with(struct files_site *site, const char *root, const fin_conn_options *options) {
  static const fin_handler unused = {.on_data = no_data};
  tree_begin(&site->tree);
  fill(&site->tree);
  if (!root) root = site->tree.root;
  net_begin(&site->net, &(fin_listen){.handler = &unused});
  site->files = fin_http_files_new(root);
  cr_assert(site->files != NULL, "%s: %s", root, strerror(errno));
  site->routes[0] = fin_http_files_route(site->files, "/deep/down/");
  site->routes[1] = fin_http_files_route(site->files, "/");
  site->routes[2] = (fin_http_route){0};
  site->http = fin_http_new(&(fin_http_options){.routes = site->routes});
  cr_assert(site->http != NULL, "fin_http_new: %s", strerror(errno));
  fin_listen listen = {.host = "127.0.0.1", .handler = fin_http_handler(site->http)};
  if (options) listen.conn = *options;
  int error = fin_server_listen(site->net.server, &listen);
  cr_assert(error == 0, "fin_server_listen: %s", fin_strerror(error));
  site->net.port = fin_server_port(site->net.server);
  site->peer = -1;
  net_close(&site->net, files_dial(site, 0)); /* libuv's first opens a descriptor that stays */
  files_until_gone(site);
}

void files_begin(struct files_site *site) { files_begin_with(site, NULL, NULL); }

void files_end(struct files_site *site) {
  if (site->peer >= 0) net_close(&site->net, site->peer);
  fin_server_drain(site->net.server);
  net_until(&site->net, site->net.drained);
  cr_assert_eq(files_stats(site).closed[FIN_REASON_BUG], 0);
  fin_http_files_free(site->files);
  net_end(&site->net);
  fin_http_free(site->http);
  tree_end(&site->tree);
}

int files_dial(struct files_site *site, int receive_buffer) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(site->net.port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  cr_assert(peer >= 0, "socket: %s", strerror(errno));
  if (receive_buffer > 0)
    cr_assert(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer) == 0);
  if (connect(peer, (struct sockaddr *)&to, sizeof to))
    cr_assert(errno == EINPROGRESS, "connect: %s", strerror(errno));
  net_turn(&site->net, 0);
  return peer;
}

fin_server_stats files_stats(const struct files_site *site) {
  fin_server_stats stats;
  fin_server_stats_read(site->net.server, &stats);
  return stats;
}

void files_send(struct files_site *site, int peer, const char *method, const char *target,
                const char *fields) {
  char request[8192];
  int len = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, target,
                     fields);
  cr_assert(len > 0 && (size_t)len < sizeof request);
  net_send(&site->net, peer, request, (size_t)len);
}

static char receive_byte(struct files_site *site, int peer) {
  char byte = 0;
  int ending;
  size_t len = net_receive_all(&site->net, peer, &byte, 1, &ending);
  cr_assert(len == 1, "%s instead of a reply", ending == 0 ? "FIN" : strerror(ending));
  return byte;
}

void files_receive_head(struct files_site *site, int peer, struct files_reply *reply) {
  size_t len = 0;
  do {
    cr_assert_lt(len + 1, sizeof reply->head);
    reply->head[len++] = receive_byte(site, peer);
    reply->head[len] = '\0';
  } while (len < 4 || strcmp(reply->head + len - 4, "\r\n\r\n") != 0);
  cr_assert(sscanf(reply->head, "HTTP/1.1 %3u ", &reply->status) == 1, "%s", reply->head);
  const char *length = files_field(reply, "Content-Length");
  reply->length = length ? strtoull(length, NULL, 10) : UINT64_MAX;
  reply->body = NULL;
  reply->len = 0;
}

void files_receive(struct files_site *site, int peer, bool head, struct files_reply *reply) {
  int ending;
  files_receive_head(site, peer, reply);
  bool bodyless = head || reply->status == 304;
  cr_assert(bodyless || reply->length != UINT64_MAX, "%s", reply->head);
  reply->len = bodyless ? 0 : (size_t)reply->length;
  reply->body = malloc(reply->len + 1);
  cr_assert(reply->body != NULL);
  size_t received = net_receive_all(&site->net, peer, reply->body, reply->len, &ending);
  cr_assert(received == reply->len, "%zu of %zu bytes", received, reply->len);
  reply->body[reply->len] = '\0';
}

void files_forget(struct files_reply *reply) { free(reply->body); }

void files_ask(struct files_site *site, const char *method, const char *target, const char *fields,
               struct files_reply *reply) {
  if (site->peer < 0) site->peer = files_dial(site, 0);
  files_send(site, site->peer, method, target, fields);
  files_receive(site, site->peer, strcmp(method, "HEAD") == 0, reply);
  const char *connection = files_field(reply, "Connection");
  if (!connection || strcasecmp(connection, "close") != 0) return;
  net_close(&site->net, site->peer);
  site->peer = -1;
}

void files_ask_large(struct files_site *site, int peer, const char *target, size_t size) {
  struct files_reply reply;
  files_send(site, peer, "GET", target, "");
  files_receive_head(site, peer, &reply);
  cr_assert(reply.status == 200 && reply.length == size, "%s", reply.head);
}

void files_until_gone(struct files_site *site) {
  net_until(&site->net, files_stats(site).connections == 0);
}

unsigned files_status(struct files_site *site, const char *target, const char *fields) {
  struct files_reply reply;
  files_ask(site, "GET", target, fields, &reply);
  files_forget(&reply);
  return reply.status;
}

const char *files_field(const struct files_reply *reply, const char *name) {
  static char value[8192];
  size_t name_len = strlen(name);
  for (const char *line = strstr(reply->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
    if (strncasecmp(line + 2, name, name_len) != 0 || line[2 + name_len] != ':') continue;
    const char *begin = line + 2 + name_len + 1;
    begin += strspn(begin, " \t");
    size_t len = strcspn(begin, "\r");
    cr_assert_lt(len, sizeof value);
    memcpy(value, begin, len);
    value[len] = '\0';
    return value;
  }
  return NULL;
}

void files_expect_field(const struct files_reply *reply, const char *name, const char *expected) {
  const char *value = files_field(reply, name);
  if (expected)
    cr_assert(value && strcmp(value, expected) == 0, "%s, not %s:\n%s", name, expected,
              reply->head);
  else
    cr_assert(!value, "%s:\n%s", name, reply->head);
}
