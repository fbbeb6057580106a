/* SPDX-License-Identifier: MIT
 *
 * `finale bench http://` against what does not speak HTTP, or not well.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "scripted.h"
#include "wrong.h"

static void check(const char *answer, const char *says) {
  char target[64];
  struct scripted scripted = {.answer = answer};
  scripted_begin(&scripted);
  snprintf(target, sizeof target, "http://127.0.0.1:%u", scripted.port);
  wrong_check((const char *[]){"bench", target, "--timeout=500ms", NULL}, target, says);
  scripted_end(&scripted);
}

Test(wrong_http_bench, nobody_listens) {
  uint16_t port;
  char target[64];
  int fd = scripted_claim(&port);
  snprintf(target, sizeof target, "http://127.0.0.1:%u", port);
  wrong_check((const char *[]){"bench", target, NULL}, target, "listen");
  close(fd);
}

Test(wrong_http_bench, closes_at_once) { check(NULL, "the connection without a reply"); }
Test(wrong_http_bench, greets) { check("220 mail.example ESMTP\r\n", "HTTP"); }

Test(wrong_http_bench, refuses) {
  check("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "400");
}

Test(wrong_http_bench, cuts_its_reply_short) {
  check("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "reply");
}
