/* SPDX-License-Identifier: MIT
 *
 * The host of one request has no say in whether that of another is good.
 */
#include <stdio.h>

#include "http/web.h"

static const fin_http_route routes[] = {{.path = "/hello", .on_request = web_hello}, {0}};

static void expect(struct web *web, const char *field, unsigned status) {
  char request[256];
  snprintf(request, sizeof request, "GET /hello HTTP/1.1\r\n%sConnection: close\r\n\r\n", field);
  web_ask(web, request, status, NULL);
}

Test(http_hosts, are_judged_one_by_one) {
  static const struct {
    const char *field;
    unsigned status;
  } hosts[] = {{"Host:\r\n", 400},       {"Host: a\r\n", 200},   {"Host:  \r\n", 400},
               {"Host: a:1\r\n", 200},   {"Host: a:\r\n", 200},  {"Host: :1\r\n", 400},
               {"Host: [::1]\r\n", 200}, {"Host: a b\r\n", 400}, {"", 400}};
  enum { COUNT = sizeof hosts / sizeof *hosts };
  struct web web;
  for (unsigned first = 0; first < COUNT; first++) {
    web_begin(&web, &(fin_http_options){.routes = routes}, NULL);
    for (unsigned i = 0; i < 2 * COUNT; i++) {
      unsigned which = i % 2 ? i / 2 : first;
      expect(&web, hosts[which].field, hosts[which].status);
    }
    web_end(&web);
  }
}
