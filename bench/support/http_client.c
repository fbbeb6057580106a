/* SPDX-License-Identifier: MIT */
#include "support/http_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/client.h"
#include "support/server_process.h"

#define REQUEST_REST " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
#define REQUEST "GET /" REQUEST_REST
#define REPLY_BEGIN "HTTP/1.1 200 "

enum { REQUEST_LEN = sizeof REQUEST - 1, REPLY_BEGIN_LEN = sizeof REPLY_BEGIN - 1 };

/* As long as a whole reply is not there. */
static bool incomplete(struct http_hello *reply) {
  reply->data[reply->len] = '\0';
  char *end = strstr(reply->data, "\r\n\r\n");
  if (!end) return true;
  reply->body = end + 4;
  const char *length = strcasestr(reply->data, "\r\nContent-Length:");
  if (!length || length > end) bench_fail("a reply without a length:\n%s", reply->data);
  size_t whole = (size_t)(reply->body - reply->data) + strtoul(length + 17, NULL, 10);
  if (reply->len > whole || strncmp(reply->data, REPLY_BEGIN, REPLY_BEGIN_LEN) != 0)
    bench_fail("not the reply that was expected:\n%s", reply->data);
  return reply->len < whole;
}

void http_ask(int fd, struct http_hello *reply) {
  if (send(fd, REQUEST, REQUEST_LEN, MSG_NOSIGNAL) != REQUEST_LEN)
    bench_fail("send: %s", strerror(errno));
  reply->len = 0;
  do {
    ssize_t got = recv(fd, reply->data + reply->len, sizeof reply->data - 1 - reply->len, 0);
    if (got <= 0) bench_fail("the server closed a connection");
    reply->len += (size_t)got;
  } while (incomplete(reply));
}

static void hear(int fd, char *buffer, size_t count, size_t len) {
  if (recv(fd, buffer, count * len, MSG_WAITALL) != (ssize_t)(count * len))
    bench_fail("the server closed a connection");
  for (size_t i = 0; i < count; i++)
    if (memcmp(buffer + i * len, REPLY_BEGIN, REPLY_BEGIN_LEN) != 0)
      bench_fail("a reply that does not begin with " REPLY_BEGIN);
}

/* Writes `count` requests, which `number` goes on counting; returns how long they are. */
static size_t write_requests(char *to, size_t count, unsigned *number, bool vary) {
  char *at = to;
  for (size_t i = 0; i < count; i++) {
    if (vary)
      at += sprintf(at, "GET /?%010u" REQUEST_REST, ++*number);
    else
      at = mempcpy(at, REQUEST, REQUEST_LEN);
  }
  return (size_t)(at - to);
}

void http_load(uint16_t port, size_t connections, size_t pipeline, size_t rounds, bool vary) {
  int *fds = calloc(connections, sizeof *fds);
  char *requests = malloc(pipeline * (REQUEST_LEN + 16));
  unsigned number = 0;
  struct http_hello reply;
  char *replies = malloc(pipeline * sizeof reply.data);
  if (!fds || !requests || !replies) bench_fail("no memory");
  for (size_t i = 0; i < connections; i++) http_ask(fds[i] = connect_to(i, port), &reply);
  for (size_t round = 0; round < rounds; round++) {
    for (size_t i = 0; i < connections; i++) {
      size_t len = write_requests(requests, pipeline, &number, vary);
      if (send(fds[i], requests, len, MSG_NOSIGNAL) != (ssize_t)len)
        bench_fail("send: %s", strerror(errno));
    }
    for (size_t i = 0; i < connections; i++) hear(fds[i], replies, pipeline, reply.len);
  }
  for (size_t i = 0; i < connections; i++) close(fds[i]);
  free(fds);
  free(requests);
  free(replies);
}
