/* SPDX-License-Identifier: MIT
 *
 * CONNECT, on nothing but the public interface: dials for a request, and joins the two connections
 * once both are open. Until then each knows of the other, so that neither is left alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <finale/http_connect.h>
#include <finale/tunnel.h>
#include <stdio.h>
#include <string.h>

enum {
  IDLE_DEFAULT_MS = 3600 * 1000,
  HOST_MAX = 255, /* of a name in the DNS */
  HTTPS = 443,
};

/* ---- the target ---- */

struct target {
  char host[HOST_MAX + 1]; /* without brackets */
  uint16_t port;
};

static bool digit(char c) { return c >= '0' && c <= '9'; }

static bool in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || digit(c) || (c && strchr("-._", c));
}

/* Resolvers take "127.1", "0x7f000001" and the like for addresses, which no list of what is allowed
 * foresees. The last label of a name is never a number. */
static bool ends_in_number(const char *host) {
  size_t len = strlen(host);
  if (len > 0 && host[len - 1] == '.') len--;
  const char *dot = memrchr(host, '.', len), *label = dot ? dot + 1 : host;
  bool hex = label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
  size_t digits =
      hex ? 2 + strspn(label + 2, "0123456789abcdefABCDEF") : strspn(label, "0123456789");
  return digits > 0 && label + digits == host + len;
}

static bool is_name_or_ipv4(const char *host) {
  struct in_addr address;
  if (ends_in_number(host)) return inet_pton(AF_INET, host, &address) == 1;
  for (const char *c = host; *c; c++)
    if (!in_name(*c) || (*c == '.' && (c == host || c[1] == '.'))) return false;
  return *host != '\0';
}

static bool is_ipv6(const char *host) {
  struct in6_addr address;
  return inet_pton(AF_INET6, host, &address) == 1;
}

static bool parse_port(const char *text, size_t len, uint16_t *port) {
  unsigned value = 0;
  if (len == 0 || len > 5) return false;
  for (size_t i = 0; i < len; i++) {
    if (!digit(text[i])) return false;
    value = value * 10 + (unsigned)(text[i] - '0');
  }
  *port = (uint16_t)value;
  return value > 0 && value <= UINT16_MAX;
}

/* HOST:PORT (RFC 9112, 3.2.3), the port always there (RFC 9110, 9.3.6). */
static bool parse_target(fin_http_text text, struct target *target) {
  const char *colon = memrchr(text.data, ':', text.len);
  if (!colon) return false;
  const char *host = text.data;
  size_t len = (size_t)(colon - host);
  if (!parse_port(colon + 1, text.len - len - 1, &target->port)) return false;
  bool brackets = len >= 2 && host[0] == '[' && host[len - 1] == ']';
  if (brackets) {
    host++;
    len -= 2;
  }
  if (len > HOST_MAX || memchr(host, '\0', len)) return false;
  memcpy(target->host, host, len);
  target->host[len] = '\0';
  return brackets ? is_ipv6(target->host) : is_name_or_ipv4(target->host);
}

/* ---- the request waits for the connection that is dialled for it ---- */

/* What came behind the request was meant for somebody else: closed, lest it be taken for another
 * request. */
static void refuse(fin_http_request *request, unsigned status) {
  char text[64];
  int len = snprintf(text, sizeof text, "%u %s\n", status, fin_http_status_text(status));
  fin_http_close(request);
  fin_http_reply(request, status, "text/plain", text, (size_t)len);
}

/* The request that a connection was dialled for; NULL once that is over. */
static fin_http_request **request_of(fin_conn *dialled) { return fin_conn_state(dialled); }

static fin_http_request *part(fin_conn *dialled) {
  fin_http_request *request = *request_of(dialled);
  *request_of(dialled) = NULL;
  if (request) fin_http_set_data(request, NULL);
  return request;
}

static size_t keep(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data, (void)len;
  return 0;
}

/* Whose the client is from its reply until the tunnel has it, which is at once. */
static const fin_handler between = {.on_data = keep};

static void on_open(fin_conn *dialled) {
  fin_http_request *request = part(dialled);
  if (!request) return; /* the client has left: aborted */
  fin_conn *client = fin_http_conn(request);
  const fin_conn_options *bounds = fin_conn_limits(dialled);
  int error = fin_http_upgrade(request, 200, &between, NULL, bounds);
  if (!error) error = fin_tunnel_join(client, dialled, NULL);
  if (!error) return;
  fin_conn_abort(client);
  fin_conn_abort(dialled);
}

static unsigned status_of(fin_reason reason) {
  switch (reason) {
    case FIN_REASON_OPEN_TIMEOUT:
      return 504;
    case FIN_REASON_DRAINED:
    case FIN_REASON_DRAIN_TIMEOUT:
    case FIN_REASON_NO_MEMORY:
      return 503;
    default:
      return 502;
  }
}

static void on_close(fin_conn *dialled, const fin_report *report) {
  fin_http_request *request = part(dialled);
  if (request) refuse(request, status_of(report->reason));
}

static const fin_handler dialling = {
    .state_size = sizeof(fin_http_request *),
    .on_open = on_open,
    .on_data = keep,
    .on_close = on_close,
};

static void on_request_close(fin_http_request *request, bool replied) {
  (void)replied;
  fin_conn *dialled = fin_http_data(request);
  if (!dialled) return;
  part(dialled);
  fin_conn_abort(dialled);
}

/* ---- the route ---- */

static bool allowed(const fin_http_connect_options *options, fin_http_request *request,
                    const struct target *target) {
  if (!options->allow) return target->port == HTTPS;
  return options->allow(request, target->host, target->port, options->context);
}

static void on_request(fin_http_request *request) {
  const fin_http_connect_options *options = fin_http_context(request);
  struct target target;
  if (!parse_target(fin_http_target(request), &target)) {
    refuse(request, 400);
    return;
  }
  if (!allowed(options, request, &target)) {
    refuse(request, 403);
    return;
  }
  fin_dial dial = {
      .host = target.host, .port = target.port, .handler = &dialling, .conn = options->conn};
  if (dial.conn.idle_ms == 0) dial.conn.idle_ms = IDLE_DEFAULT_MS;
  fin_conn *dialled = fin_server_dial(fin_conn_server(fin_http_conn(request)), &dial);
  if (!dialled) {
    refuse(request, 503);
    return;
  }
  *request_of(dialled) = request;
  fin_http_set_data(request, dialled);
}

fin_http_route fin_http_connect_route(const fin_http_connect_options *options) {
  static const fin_http_connect_options defaults = {.allow = NULL};
  return (fin_http_route){
      .method = "CONNECT",
      .path = "*",
      .on_request = on_request,
      .on_close = on_request_close,
      .context = (void *)(uintptr_t)(options ? options : &defaults),
  };
}
