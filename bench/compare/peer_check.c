/* SPDX-License-Identifier: MIT
 *
 * Whether a peer answers what all of them do: only servers that do the same can be compared.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compare/peer.h"

enum { TIMEOUT_S = 5, REPLY_MAX = 4096, TIMES = 2 };

static bool wrong(char why[LOAD_WHY_MAX], const char *what, const char *got) {
  int len = snprintf(why, LOAD_WHY_MAX, "%s", what);
  if (got) snprintf(why + len, (size_t)(LOAD_WHY_MAX - len), " '%.60s'", got);
  for (char *p = why; *p; p++)
    if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
  return false;
}

static int connect_to(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  struct timeval timeout = {.tv_sec = TIMEOUT_S};
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  close(fd);
  return -1;
}

/* The first of what `headers` has under a name that ends with ": "; NULL: none. */
static const char *find_header(const char *headers, const char *end, const char *name) {
  for (const char *line = strstr(headers, "\r\n"); line && line < end;
       line = strstr(line, "\r\n")) {
    line += 2;
    if (strncasecmp(line, name, strlen(name)) == 0) return line + strlen(name);
  }
  return NULL;
}

/* Reads until a whole reply of status 200 is there: its head, and as much body as that says. */
static bool read_reply(int fd, char reply[REPLY_MAX], const char **body, char why[LOAD_WHY_MAX]) {
  size_t len = 0;
  for (;;) {
    reply[len] = '\0';
    const char *end = strstr(reply, "\r\n\r\n");
    const char *length = end ? find_header(reply, end, "Content-Length:") : NULL;
    if (end && strncmp(reply, "HTTP/1.1 200", 12) != 0)
      return wrong(why, "it does not answer 'HTTP/1.1 200' but", reply);
    if (end && !length) return wrong(why, "its reply has no Content-Length", NULL);
    if (end) {
      *body = end + 4;
      size_t there = len - (size_t)(*body - reply), whole = strtoul(length, NULL, 10);
      if (there > whole) return wrong(why, "more came than its reply", NULL);
      if (there == whole) return true;
    }
    if (len == REPLY_MAX - 1) return wrong(why, "its reply is longer than 4 KiB", NULL);
    ssize_t got = recv(fd, reply + len, REPLY_MAX - 1 - len, 0);
    if (got == 0 || (got < 0 && errno == ECONNRESET))
      return wrong(why, "it closed the connection before it had answered", NULL);
    if (got < 0)
      return wrong(why, errno == EAGAIN ? "it did not answer within 5 s" : strerror(errno), NULL);
    len += (size_t)got;
  }
}

static bool check_http(int fd, char why[LOAD_WHY_MAX]) {
  static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
  char reply[REPLY_MAX];
  const char *body;
  if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1)
    return wrong(why, "it does not take a request on a connection kept alive", NULL);
  if (!read_reply(fd, reply, &body, why)) return false;
  if (strcmp(body, COMPARE_BODY "\n") != 0)
    return wrong(why, "it does not answer '" COMPARE_BODY "' and a newline but", body);
  return true;
}

static bool check_echo(int fd, char why[LOAD_WHY_MAX]) {
  static const char sent[] = "every byte comes back\n";
  char got[sizeof sent] = "";
  if (send(fd, sent, sizeof sent - 1, MSG_NOSIGNAL) != (ssize_t)sizeof sent - 1 ||
      recv(fd, got, sizeof sent - 1, MSG_WAITALL) != (ssize_t)sizeof sent - 1)
    return wrong(why, "it does not return what it is sent within 5 s", NULL);
  if (strcmp(got, sent) != 0) return wrong(why, "it returns other bytes than it is sent:", got);
  return true;
}

bool compare_peer_check(enum load_protocol protocol, uint16_t port, char why[LOAD_WHY_MAX]) {
  int fd = connect_to(port);
  if (fd < 0) return wrong(why, "no connection:", strerror(errno));
  bool good = true;
  for (int i = 0; i < TIMES && good; i++)
    good = protocol == LOAD_HTTP ? check_http(fd, why) : check_echo(fd, why);
  close(fd);
  return good;
}
