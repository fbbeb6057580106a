/* SPDX-License-Identifier: MIT
 *
 * `finale serve http` as its clients and its operator see it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "support/http_reply.h"

#define LISTEN "--listen", "127.0.0.1:0"
#define GET(target) "GET " target " HTTP/1.1\r\nHost: test\r\n\r\n"

static struct command command;

/* ---- a client ---- */

static char input[1024 * 1024]; /* what has come and was not read as a reply yet */
static size_t input_len;
static struct http_reply reply;

static void receive_reply(int fd, bool bodiless) {
  http_reply_free(&reply);
  for (bool ended = false;;) {
    long len = http_reply_read(&reply, input, input_len, bodiless, ended);
    cr_assert(len >= 0, "%s: '%.*s'", reply.fault, (int)input_len, input);
    if (len > 0) {
      input_len -= (size_t)len;
      static char fields[sizeof input]; /* the reply's fields point into what makes room */
      memcpy(fields, input, (size_t)len);
      for (size_t i = 0; i < reply.field_count; i++) {
        reply.fields[i].name.data = fields + (reply.fields[i].name.data - input);
        reply.fields[i].value.data = fields + (reply.fields[i].value.data - input);
      }
      memmove(input, input + len, input_len);
      return;
    }
    cr_assert(!ended, "it ended within a reply: '%.*s'", (int)input_len, input);
    http_reply_free(&reply);
    ssize_t n = recv(fd, input + input_len, sizeof input - input_len, 0);
    cr_assert_geq(n, 0, "recv: %s", strerror(errno));
    input_len += (size_t)n;
    ended = n == 0;
  }
}

static void ask(int fd, const char *request) {
  client_send(fd, request);
  receive_reply(fd, strncmp(request, "HEAD ", 5) == 0);
}

static void expect(unsigned status, const char *body) {
  cr_expect_eq(reply.status, status, "%u instead of %u", reply.status, status);
  cr_expect(reply.body_len == strlen(body) &&
                (reply.body_len == 0 || memcmp(reply.body, body, reply.body_len) == 0),
            "'%.*s' instead of '%s'", (int)reply.body_len, reply.body, body);
}

static void expect_field(const char *name, const char *value) {
  const struct http_reply_field *field = http_reply_field(&reply, name);
  cr_assert(field, "no %s", name);
  cr_expect(http_reply_text_is(field->value, value), "%s: %.*s instead of %s", name,
            (int)field->value.len, field->value.data, value);
}

static void expect_clean_end(void) {
  http_reply_free(&reply);
  command_drain(&command);
  cr_expect_eq(command.status, 0, "status %d: %s", command.status, command.err);
  cr_expect_str_empty(command.err);
}

/* ---- without --root ---- */

Test(serve_http, hello) {
  int fd = client_connect(command_serve(&command, (const char *[]){"http", LISTEN, NULL}));
  ask(fd, GET("/"));
  expect(200, "Hello from finale\n");
  expect_field("Content-Type", "text/plain");
  ask(fd, GET("/") GET("/"));
  expect(200, "Hello from finale\n");
  receive_reply(fd, false);
  expect(200, "Hello from finale\n");
  ask(fd, "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
  expect_field("Content-Length", "18");
  ask(fd, GET("/nothing"));
  cr_expect_eq(reply.status, 404);
  close(fd);
  expect_clean_end();
  cr_expect_not_null(strstr(command.out, "\n1 connections ended\n"), "'%s'", command.out);
  cr_expect_not_null(strstr(command.out, "PEER_ENDED"), "'%s'", command.out);
}

static void expect_pattern(size_t len) {
  static const char line[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-\n";
  cr_assert_eq(reply.status, 200);
  cr_assert_eq(reply.body_len, len);
  for (size_t i = 0; i < len; i++) cr_assert_eq(reply.body[i], line[i % 64], "byte %zu", i);
}

Test(serve_http, bytes) {
  int fd = client_connect(command_serve(&command, (const char *[]){"http", LISTEN, NULL}));
  ask(fd, GET("/bytes?n=0"));
  expect_pattern(0);
  ask(fd, GET("/bytes?n=100"));
  expect_pattern(100);
  ask(fd, GET("/bytes?n=64k"));
  expect_pattern(65536);
  ask(fd, GET("/bytes?n=65537"));
  expect_pattern(65537);
  ask(fd, GET("/bytes?n=1000000"));
  expect_pattern(1000000);
  ask(fd, "HEAD /bytes?n=10g HTTP/1.1\r\nHost: test\r\n\r\n");
  expect_field("Content-Length", "10737418240");
  close(fd);
  expect_clean_end();
}

Test(serve_http, slow) {
  int fd = client_connect(command_serve(&command, (const char *[]){"http", LISTEN, NULL}));
  uint64_t begun_ms = now_ms();
  ask(fd, GET("/slow?ms=150"));
  expect(200, "Awake\n");
  cr_expect_geq(now_ms() - begun_ms, 149);
  ask(fd, GET("/slow?ms=0"));
  expect(200, "Awake\n");
  close(fd);
  expect_clean_end();
}

Test(serve_http, stream) {
  int fd = client_connect(command_serve(&command, (const char *[]){"http", LISTEN, NULL}));
  uint64_t begun_ms = now_ms();
  ask(fd, GET("/stream?chunks=3&ms=60"));
  expect(200, "chunk 1\nchunk 2\nchunk 3\n");
  cr_expect(reply.chunked);
  cr_expect_geq(now_ms() - begun_ms, 119);
  ask(fd, GET("/stream?ms=0&chunks=5000"));
  cr_expect_eq(reply.body_len, 9 * 8 + 90 * 9 + 900 * 10 + 4001 * 11);
  ask(fd, GET("/stream?ms=1000&chunks=0"));
  expect(200, "");
  close(fd);
  expect_clean_end();
}

/* More than all buffers hold: it comes back while it is still being sent. */
Test(serve_http, echo_while_it_arrives) {
  enum { PIECE = 64 * 1024, PIECES = 400 };
  static char piece[PIECE], back[PIECE];
  int fd = client_connect(
      command_serve(&command, (const char *[]){"http", LISTEN, "--max-body", "1g", NULL}));
  char head[128];
  snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n",
           PIECE * PIECES);
  client_send(fd, head);
  for (int i = 0; i < PIECES; i++) {
    memset(piece, 'a' + i % 26, sizeof piece);
    cr_assert_eq(send(fd, piece, sizeof piece, MSG_NOSIGNAL), PIECE);
    for (char last = '\0'; i == 0 && last != '\n';
         last = *back) { /* past the header's empty line */
      do client_receive(fd, back, 1);
      while (*back != '\n');
      client_receive(fd, back, 1);
      if (*back == '\r') client_receive(fd, back, 1);
    }
    client_receive(fd, back, sizeof back);
    cr_assert_eq(memcmp(back, piece, sizeof back), 0, "piece %d", i);
  }
  ask(fd,
      "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n");
  expect(200, "hello, world");
  cr_expect(reply.chunked);
  ask(fd, "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
  expect(200, "");
  close(fd);
  expect_clean_end();
}

Test(serve_http, echo_asks_for_the_body) {
  int fd = client_connect(command_serve(&command, (const char *[]){"http", LISTEN, NULL}));
  client_send(fd,
              "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n"
              "Expect: 100-continue\r\n\r\n");
  client_expect(fd, "HTTP/1.1 100 Continue\r\n\r\n");
  ask(fd, "ok");
  expect(200, "ok");
  close(fd);
  expect_clean_end();
}

static void expect_sentence(int fd, const char *request, const char *name) {
  ask(fd, request);
  cr_expect_eq(reply.status, 400, "'%s': %u", request, reply.status);
  cr_expect(memmem(reply.body, reply.body_len, name, strlen(name)), "'%.*s' does not name %s",
            (int)reply.body_len, reply.body, name);
}

Test(serve_http, wrong_values) {
  int fd = client_connect(command_serve(&command, (const char *[]){"http", LISTEN, NULL}));
  expect_sentence(fd, GET("/bytes"), "/bytes?n=");
  expect_sentence(fd, GET("/bytes?n="), "/bytes?n=");
  expect_sentence(fd, GET("/bytes?n=-1"), "/bytes?n=");
  expect_sentence(fd, GET("/bytes?n=1x"), "/bytes?n=");
  expect_sentence(fd, GET("/bytes?n=1kk"), "/bytes?n=");
  expect_sentence(fd, GET("/bytes?n=k"), "/bytes?n=");
  expect_sentence(fd, GET("/bytes?n=11g"), "up to 10g");
  expect_sentence(fd, GET("/bytes?n=18446744073709551617"), "up to 10g");
  expect_sentence(fd, GET("/slow?ms=1k"), "/slow?ms=");
  expect_sentence(fd, GET("/slow?ms=86400001"), "up to a day");
  expect_sentence(fd, GET("/stream?ms=5"), "chunks is");
  expect_sentence(fd, GET("/stream?chunks=5"), "ms is");
  expect_sentence(fd, GET("/stream?chunks=ten&ms=5"), "chunks is");
  ask(fd, GET("/"));
  expect(200, "Hello from finale\n");
  close(fd);
  expect_clean_end();
}

/* ---- options ---- */

Test(serve_http, help) {
  static const char *const flags[] = {"--root DIR",  "--connect-proxy",   "--header-timeout",
                                      "--body-rate", "--request-timeout", "--keep-alive",
                                      "--max-body"};
  command_run(&command, (const char *[]){"serve", "http", "--help", NULL});
  cr_expect_eq(command.status, 0);
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    cr_expect_not_null(strstr(command.out, flags[i]), "%s is missing", flags[i]);
}

Test(serve_http, options_reach_the_protocol) {
  uint16_t port = command_serve(&command, (const char *[]){"http", LISTEN, "--header-timeout",
                                                           "300ms", "--max-body", "10", NULL});
  int fd = client_connect(port);
  uint64_t begun_ms = now_ms();
  ask(fd, "GET / HTTP/1.1\r\n");
  cr_expect_eq(reply.status, 408);
  cr_expect_geq(now_ms() - begun_ms, 299);
  cr_expect_leq(now_ms() - begun_ms, 8000);
  close(fd);

  fd = client_connect(port);
  ask(fd, "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 11\r\n\r\nhello world");
  cr_expect_eq(reply.status, 413);
  cr_expect_eq(client_next(fd), 0);
  close(fd);
  expect_clean_end();
}

Test(serve_http, keep_alive) {
  int fd = client_connect(command_serve(
      &command, (const char *[]){"http", LISTEN, "--keep-alive", "200ms", "--idle", "60s", NULL}));
  ask(fd, GET("/"));
  expect(200, "Hello from finale\n");
  uint64_t begun_ms = now_ms();
  cr_expect_eq(client_next(fd), 0);
  cr_expect_geq(now_ms() - begun_ms, 150);
  cr_expect_leq(now_ms() - begun_ms, 8000);
  close(fd);
  expect_clean_end();
  cr_expect_not_null(strstr(command.out, "IDLE"), "'%s'", command.out);
}

/* ---- a drain ---- */

Test(serve_http, drain_lets_a_reply_come) {
  uint16_t port = command_serve(&command, (const char *[]){"http", LISTEN, NULL});
  int idle = client_connect(port), fd = client_connect(port);
  ask(idle, GET("/"));
  client_send(fd, GET("/stream?chunks=4&ms=100"));
  client_expect(fd, "HTTP/1.1 200 OK\r\n");
  input_len = strlen(strcpy(input, "HTTP/1.1 200 OK\r\n"));
  kill(command.pid, SIGTERM);
  cr_expect_eq(client_next(idle), 0);
  receive_reply(fd, false);
  expect(200, "chunk 1\nchunk 2\nchunk 3\nchunk 4\n");
  cr_expect_eq(client_next(fd), 0);
  close(idle);
  close(fd);
  command_wait(&command, 5000);
  cr_expect_eq(command.status, 0);
  cr_expect_not_null(strstr(command.out, "2 connections ended"), "'%s'", command.out);
  http_reply_free(&reply);
}

/* ---- files, CONNECT ---- */

static void write_file(const char *directory, const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "w");
  cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s: %s", path, strerror(errno));
}

static void remove_file(const char *directory, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  unlink(path);
}

Test(serve_http, files) {
  char directory[] = "/tmp/finale-cli-XXXXXX";
  cr_assert_not_null(mkdtemp(directory));
  write_file(directory, "index.html", "<p>welcome</p>\n");
  write_file(directory, "a.txt", "text\n");
  int fd = client_connect(
      command_serve(&command, (const char *[]){"http", LISTEN, "--root", directory, NULL}));
  ask(fd, GET("/"));
  expect(200, "<p>welcome</p>\n");
  ask(fd, GET("/a.txt"));
  expect(200, "text\n");
  ask(fd, GET("/bytes?n=1"));
  cr_expect_eq(reply.status, 404, "the routes for tests are not there");
  close(fd);
  expect_clean_end();
  remove_file(directory, "index.html");
  remove_file(directory, "a.txt");
  rmdir(directory);
}

static void connect_through(const char *const *args) {
  static struct command target;
  uint16_t target_port = command_serve(&target, (const char *[]){"echo", LISTEN, NULL});
  char request[128];
  snprintf(request, sizeof request, "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
           target_port, target_port);
  int fd = client_connect(command_serve(&command, args));
  client_send(fd, request);
  receive_reply(fd, true);
  cr_assert_eq(reply.status, 200);
  client_send(fd, "through");
  shutdown(fd, SHUT_WR);
  client_expect(fd, "through");
  cr_expect_eq(client_next(fd), 0);
  close(fd);
  command_drain(&target);
  expect_clean_end();
  cr_expect_not_null(strstr(command.out, "2 connections ended"), "'%s'", command.out);
}

Test(serve_http, connect_proxy) {
  connect_through((const char *[]){"http", LISTEN, "--connect-proxy", NULL});
}

Test(serve_http, connect_proxy_with_files) {
  connect_through((const char *[]){"http", LISTEN, "--connect-proxy", "--root", "/", NULL});
}

Test(serve_http, connect_is_off) {
  int fd = client_connect(command_serve(&command, (const char *[]){"http", LISTEN, NULL}));
  ask(fd, "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n");
  cr_expect_geq(reply.status, 400);
  close(fd);
  expect_clean_end();
}
