/* SPDX-License-Identifier: MIT
 *
 * Targets as people write them.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "load/plan.h"
#include "load/probe.h"

#define EXAMPLES "http://HOST:PORT/PATH, echo://HOST:PORT, line://HOST:PORT or tcp://HOST:PORT"

static bool blame(char why[LOAD_WHY_MAX], const char *text, const char *what) {
  snprintf(why, LOAD_WHY_MAX, "'%s': %s", text, what);
  return false;
}

const char *load_target_text(const struct load_target *target, char text[LOAD_TARGET_TEXT_MAX]) {
  bool v6 = strchr(target->host, ':') != NULL;
  snprintf(text, LOAD_TARGET_TEXT_MAX, "%s://%s%s%s:%u", load_protocol_name(target->protocol),
           v6 ? "[" : "", target->host, v6 ? "]" : "", target->port);
  return text;
}

/* ---- its parts ---- */

static const char *parse_scheme(const char *text, struct load_target *target) {
  const char *end = strstr(text, "://");
  size_t len = end ? (size_t)(end - text) : 0;
  for (int i = 0; i < LOAD_PROTOCOL_COUNT; i++) {
    const char *scheme = load_protocol_name((enum load_protocol)i);
    if (strlen(scheme) != len || strncmp(scheme, text, len) != 0) continue;
    target->protocol = (enum load_protocol)i;
    return end + 3;
  }
  return NULL;
}

/* HOST or [HOST]; returns what is behind it, NULL if there is none. */
static const char *parse_host(const char *text, struct load_target *target) {
  bool bracket = *text == '[';
  size_t len = strcspn(text += bracket, bracket ? "]/" : ":/@?#");
  if (len == 0 || len >= sizeof target->host || (bracket && text[len] != ']')) return NULL;
  memcpy(target->host, text, len);
  return text + len + bracket;
}

static const char *parse_port(const char *text, struct load_target *target) {
  unsigned long port = 0;
  if (*text != ':') {
    target->port = 80;
    return target->protocol == LOAD_HTTP ? text : NULL;
  }
  for (text++; *text >= '0' && *text <= '9' && port <= UINT16_MAX; text++)
    port = port * 10 + (unsigned long)(*text - '0');
  if (port == 0 || port > UINT16_MAX) return NULL;
  target->port = (uint16_t)port;
  return text;
}

static bool parse_path(const char *text, struct load_target *target) {
  if (target->protocol != LOAD_HTTP) return *text == '\0';
  if (*text == '\0') text = "/";
  if (*text != '/' || strlen(text) >= sizeof target->path) return false;
  for (const char *at = text; *at; at++)
    if (*at <= ' ' || *at > '~' || *at == '#') return false;
  strcpy(target->path, text);
  return true;
}

/* ---- its address ---- */

/* Of several addresses, such as localhost's, the server may listen on one alone. */
static void choose(const struct addrinfo *list, struct load_target *target) {
  const struct addrinfo *chosen = list;
  for (const struct addrinfo *at = list; at && list->ai_next; at = at->ai_next) {
    if (!load_can_connect(at->ai_addr, at->ai_addrlen)) continue;
    chosen = at;
    break;
  }
  memcpy(&target->address, chosen->ai_addr, chosen->ai_addrlen);
  target->address_len = chosen->ai_addrlen;
}

static bool resolve(const char *text, struct load_target *target, char why[LOAD_WHY_MAX]) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list;
  char port[8];
  snprintf(port, sizeof port, "%u", target->port);
  int error = getaddrinfo(target->host, port, &hints, &list);
  if (error != 0) {
    snprintf(why, LOAD_WHY_MAX,
             "'%s': host '%s' cannot be resolved (%s); correct it, or use its address", text,
             target->host, error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
    return false;
  }
  choose(list, target);
  freeaddrinfo(list);
  return true;
}

bool load_target_parse(const char *text, struct load_target *target, char why[LOAD_WHY_MAX]) {
  memset(target, 0, sizeof *target);
  if (strncmp(text, "https://", 8) == 0)
    return blame(why, text, "TLS is not spoken here; use http://");
  const char *at = parse_scheme(text, target);
  if (!at) return blame(why, text, "no target; write " EXAMPLES);
  if (!(at = parse_host(at, target)))
    return blame(why, text, "there is no host in it; write " EXAMPLES);
  if (!(at = parse_port(at, target)))
    return blame(why, text, "there is no port in it (1 to 65535); write " EXAMPLES);
  if (!parse_path(at, target))
    return blame(why, text,
                 target->protocol == LOAD_HTTP
                     ? "the path must begin with '/', be shorter than 2048 bytes, and have no "
                       "spaces, '#' or control characters; write those as %XX"
                     : "there is something behind the port; leave that out");
  if (target->protocol == LOAD_HTTP && !load_replies_of(LOAD_HTTP))
    return blame(why, text, "this was built without HTTP; build it with -DFINALE_HTTP=ON");
  return resolve(text, target, why);
}
