/* SPDX-License-Identifier: MIT
 *
 * Targets of HTTP, as target.c has the others.
 */
#include <string.h>

#include "peer.h"

static void expect_path(const char *text, uint16_t port, const char *path) {
  struct load_target target;
  char why[LOAD_WHY_MAX] = "";
  cr_assert(load_target_parse(text, &target, why), "%s", why);
  cr_expect_eq(target.protocol, LOAD_HTTP);
  cr_expect_eq(target.port, port);
  cr_expect_str_eq(target.path, path);
}

static void expect_wrong(const char *text, const char *what) {
  struct load_target target;
  char why[LOAD_WHY_MAX] = "";
  cr_expect(!load_target_parse(text, &target, why), "%s was taken", text);
  cr_expect(strstr(why, what), "%s: %s", text, why);
}

Test(bench_http, target_is_read) {
  expect_path("http://127.0.0.1", 80, "/");
  expect_path("http://127.0.0.1/", 80, "/");
  expect_path("http://[::1]:8080", 8080, "/");
  expect_path("http://127.0.0.1:8080/a/b?c=d&e", 8080, "/a/b?c=d&e");
  expect_wrong("http://127.0.0.1?x", "path");
  expect_wrong("http://127.0.0.1/a b", "path");
  expect_wrong("http://127.0.0.1/a\r\nX: y", "path");
  expect_wrong("http://127.0.0.1/a#b", "path");
  expect_wrong("http://me@127.0.0.1/", "path");
}

static void answer(struct peer *peer, int fd) {
  while (peer_ask(fd)) peer_say(fd, peer->context);
}

static void expect_probe(const char *reply, const char *what) {
  struct peer *peer = peer_begin(answer, (void *)(uintptr_t)reply);
  struct load_options options = peer_options(peer, "http");
  char why[LOAD_WHY_MAX] = "";
  cr_expect_eq(load_target_probe(&options, why), what == NULL, "%s", why);
  if (what) cr_expect(strstr(why, what), "%s", why);
  peer_end(peer);
}

Test(bench_http, target_is_probed) {
  expect_probe(PEER_REPLY, NULL);
  expect_probe("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "404 to /");
  expect_probe("SSH-2.0-OpenSSH_9.2\r\n", "not in HTTP/1.1");
}
