/* SPDX-License-Identifier: MIT
 *
 * See site.h. Its routes, by which the documents see what was understood.
 */
#include "http/site.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ---- routes ---- */

static void reply_text(fin_http_request *request, const char *text) {
  fin_http_reply(request, 200, "text/plain", text, strlen(text));
}

static void say_hello(fin_http_request *request) { reply_text(request, "Hello\n"); }
static void say_canary(fin_http_request *request) { reply_text(request, SITE_CANARY_BODY); }
static void say_nothing(fin_http_request *request) { fin_http_reply(request, 204, NULL, NULL, 0); }

static void say_not_modified(fin_http_request *request) {
  fin_http_reply(request, 304, NULL, NULL, 0);
}

static void say_last(fin_http_request *request) {
  fin_http_close(request);
  reply_text(request, "last");
}

static void refuse(fin_http_request *request) {
  fin_http_reply(request, 403, "text/plain", "no\n", 3);
}

static void reply_later(fin_http_request *request) { fin_http_set_timer(request, 1); }

static void send_back(fin_http_request *request) {
  fin_http_text body = fin_http_body(request);
  fin_http_reply(request, 200, "text/plain", body.data, body.len);
}

/* Begins the reply with the body: the first piece of it, or its end. */
static void send_body(fin_http_request *request, const char *data, size_t len) {
  if (!fin_http_data(request)) {
    fin_http_set_data(request, request);
    fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED);
  }
  if (len > 0) fin_http_write(request, data, len);
}

static void end_body(fin_http_request *request) {
  send_body(request, NULL, 0);
  fin_http_end(request);
}

static void do_nothing(fin_http_request *request) { (void)request; }

static void send_chunks(fin_http_request *request) {
  fin_http_begin(request, 200, "text/plain", FIN_HTTP_CHUNKED);
  fin_http_write(request, "one,", 4);
  fin_http_write(request, "two", 3);
  fin_http_end(request);
}

static void send_sized(fin_http_request *request) {
  fin_http_add_header(request, "X-Pieces", "2");
  fin_http_begin(request, 200, "text/plain", 7);
  fin_http_write(request, "one,", 4);
  fin_http_write(request, "two", 3);
  fin_http_end(request);
}

static const char *dash_if_none(fin_http_text *text) {
  if (!text->data) *text = (fin_http_text){"-", 1};
  return text->data;
}

/* What was asked, as the handler sees it. */
static void show(fin_http_request *request) {
  char text[1024];
  fin_http_text method = fin_http_method(request), path = fin_http_path(request);
  fin_http_text query = fin_http_query(request);
  const char *query_data = dash_if_none(&query);
  snprintf(text, sizeof text, "%.*s %.*s query %.*s version 1.%u\n", (int)method.len, method.data,
           (int)path.len, path.data, (int)query.len, query_data, fin_http_minor(request));
  reply_text(request, text);
}

/* The field X-Test, and how many fields there are. */
static void show_field(fin_http_request *request) {
  char text[1024];
  fin_http_text value = fin_http_header(request, "x-test");
  if (value.data)
    snprintf(text, sizeof text, "[%.*s] of %u\n", (int)value.len, value.data,
             fin_http_header_count(request));
  else
    snprintf(text, sizeof text, "none of %u\n", fin_http_header_count(request));
  reply_text(request, text);
}

#define SITE_ROUTES \
  {.method = "GET", .path = "/", .on_request = say_hello}, \
      {.method = "GET", .path = "/hello", .on_request = say_hello}, \
      {.method = "GET", .path = "/canary", .on_request = say_canary}, \
      {.method = "GET", .path = "/nothing", .on_request = say_nothing}, \
      {.method = "GET", .path = "/not-modified", .on_request = say_not_modified}, \
      {.method = "GET", .path = "/last", .on_request = say_last}, \
      {.method = "GET", .path = "/later", .on_request = reply_later, .on_timer = say_hello}, \
      {.method = "GET", .path = "/chunks", .on_request = send_chunks}, \
      {.method = "GET", .path = "/sized", .on_request = send_sized}, \
      {.method = "GET", .path = "/field", .on_request = show_field}, \
      {.method = "POST", .path = "/echo", .on_request = send_back}, \
      {.method = "PUT", .path = "/echo", .on_request = send_back}, \
      {.method = "POST", .path = "/small", .on_request = send_back, .body_max = 10}, \
      {.method = "POST", .path = "/refused", .on_request = refuse, .on_body = send_body}, \
      {.method = "POST", .path = "/later", .on_request = reply_later, .on_timer = send_back}, \
      {.method = "POST", \
       .path = "/stream", \
       .on_request = do_nothing, \
       .on_body = send_body, \
       .on_body_end = end_body}, \
  { \
    .path = "/show/*", .on_request = show \
  }

static const fin_http_route routes[] = {SITE_ROUTES, {0}};
static const fin_http_route routes_and_rest[] = {
    SITE_ROUTES, {.path = "*", .on_request = show}, {0}};

/* ---- doors ---- */

static bool set_option(fin_http_options *options, const struct http_case_option *option) {
  const char *name = option->name;
  unsigned long value = strtoul(option->value, NULL, 10);
  if (strcmp(name, "target_max") == 0)
    options->target_max = value;
  else if (strcmp(name, "header_bytes_max") == 0)
    options->header_bytes_max = value;
  else if (strcmp(name, "headers_max") == 0)
    options->headers_max = (unsigned)value;
  else if (strcmp(name, "body_max") == 0)
    options->body_max = value;
  else if (strcmp(name, "requests_max") == 0)
    options->requests_max = (uint32_t)value;
  else if (strcmp(name, "routes") == 0 && strcmp(option->value, "all") == 0)
    options->routes = routes_and_rest;
  else
    return false;
  return true;
}

static uint16_t open_door(struct site *site, const fin_http_options *options) {
  fin_http *http = fin_http_new(options);
  cr_assert(http != NULL, "fin_http_new: %s", strerror(errno));
  cr_assert(site->door_count < SITE_DOORS_MAX);
  site->doors[site->door_count++] = http;
  fin_listen listen = {.host = "127.0.0.1", .handler = fin_http_handler(http)};
  int error = fin_server_listen(site->net.server, &listen);
  cr_assert(error == 0, "fin_server_listen: %s", fin_strerror(error));
  return fin_server_port(site->net.server);
}

uint16_t site_door(struct site *site, const struct http_case *of) {
  fin_http_options options = {.routes = routes};
  if (of->option_count == 0) return site->plain;
  for (size_t i = 0; i < of->option_count; i++)
    if (!set_option(&options, &of->options[i])) return 0;
  return open_door(site, &options);
}

static size_t no_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

/* HTTP wants its own handler, not net's: so net's door stays unused, and others are opened. */
void site_begin(struct site *site) {
  static const fin_handler unused = {.on_data = no_data};
  memset(site, 0, sizeof *site);
  net_begin(&site->net, &(fin_listen){.handler = &unused});
  site->plain = open_door(site, &(fin_http_options){.routes = routes});
}

void site_end(struct site *site) {
  fin_server_stats stats;
  fin_server_drain(site->net.server);
  net_until(&site->net, site->net.drained);
  fin_server_stats_read(site->net.server, &stats);
  net_end(&site->net);
  for (size_t i = 0; i < site->door_count; i++) fin_http_free(site->doors[i]);
  cr_assert_eq(stats.closed[FIN_REASON_BUG], 0);
  cr_assert_eq(stats.connections, 0);
}

/* ---- clients ---- */

void site_dial(struct site_client *client, struct site *site, uint16_t port) {
  *client = (struct site_client){.net = &site->net};
  site->net.port = port;
  client->peer = net_dial(&site->net);
  cr_assert_eq(setsockopt(client->peer, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
  net_turn(&site->net, 0);
}

/* What is there now; false: nothing. */
static bool receive_now(struct site_client *client) {
  if (client->len == client->room) {
    client->room = client->room ? client->room * 2 : 4096;
    client->data = realloc(client->data, client->room);
    cr_assert(client->data != NULL);
  }
  ssize_t count =
      recv(client->peer, client->data + client->len, client->room - client->len, MSG_DONTWAIT);
  if (count > 0) client->len += (size_t)count;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  client->ended = count <= 0;
  if (count < 0) client->error = errno;
  return true;
}

void site_send(struct site_client *client, const char *data, size_t len) {
  uint64_t begun = net_now_ms();
  while (len > 0 && !client->error) {
    ssize_t sent = send(client->peer, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) client->error = errno;
    if (sent > 0) {
      data += sent;
      len -= (size_t)sent;
    }
    net_turn(client->net, 0);
    cr_assert(net_now_ms() - begun < NET_DEADLINE_MS, "the server does not read");
  }
  net_turn(client->net, 0);
}

bool site_receive(struct site_client *client, unsigned ms) {
  uint64_t begun = net_now_ms();
  if (client->ended) return false;
  for (unsigned i = 0; !receive_now(client); i++) {
    if (net_now_ms() - begun >= ms) return false;
    net_turn(client->net, i < 2 ? 0 : 1);
  }
  return true;
}

void site_leave(struct site_client *client) {
  net_close(client->net, client->peer);
  free(client->data);
}

/* ---- documents ---- */

bool site_worth_a_cut(const struct http_bytes *bytes, size_t at) {
  enum { REACH = 16 };
  if (at < REACH || at + REACH > bytes->len) return true;
  for (size_t i = at - REACH; i < at + REACH; i++)
    if (bytes->data[i] != bytes->data[at]) return true;
  return false;
}

struct site_document *site_documents(const char *name, size_t *count) {
  static struct site_document list[SITE_DOCUMENTS_MAX];
  char directory[512];
  const char *root = getenv("FINALE_SOURCE_DIR");
  snprintf(directory, sizeof directory, "%s/tests/http/%s", root ? root : ".", name);
  char **documents = http_documents(directory);
  for (*count = 0; documents && documents[*count] && *count < SITE_DOCUMENTS_MAX; ++*count)
    snprintf(list[*count].path, sizeof list->path, "%s", documents[*count]);
  http_documents_free(documents);
  return list;
}
