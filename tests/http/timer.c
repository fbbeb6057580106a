/* SPDX-License-Identifier: MIT
 *
 * fin_http_set_timer.
 */
#include <stdint.h>

#include "http/web.h"
#include "net/more.h"

enum { SHORT_MS = 60 };

static void set_short(fin_http_request *request) { fin_http_set_timer(request, SHORT_MS); }
static void set_now(fin_http_request *request) { fin_http_set_timer(request, 0); }

static void set_far(fin_http_request *request) {
  fin_http_set_timer(request, *(uint32_t *)web_of(request)->test);
}

static void set_earlier(fin_http_request *request) {
  fin_http_set_timer(request, 100 * 1000);
  fin_http_set_timer(request, SHORT_MS);
}

static void set_later(fin_http_request *request) {
  fin_http_set_timer(request, 1);
  fin_http_set_timer(request, SHORT_MS);
}

static void set_and_reply(fin_http_request *request) {
  fin_http_set_timer(request, 1);
  web_hello(request);
}

static void set_and_begin(fin_http_request *request) {
  fin_http_begin(request, 200, NULL, FIN_HTTP_CHUNKED);
  fin_http_set_timer(request, SHORT_MS);
}

static void finish(fin_http_request *request) {
  fin_http_write(request, "hello", 5);
  fin_http_end(request);
}

static void thrice(fin_http_request *request) {
  uintptr_t times = (uintptr_t)fin_http_data(request);
  fin_http_set_data(request, (void *)(times + 1));
  if (times == 3)
    web_hello(request);
  else
    fin_http_set_timer(request, SHORT_MS / 3);
}

static const fin_http_route routes[] = {
    {.method = "GET", .path = "/hello", .on_request = web_hello},
    {.method = "GET", .path = "/short", .on_request = set_short, .on_timer = web_hello},
    {.method = "GET", .path = "/now", .on_request = set_now, .on_timer = web_hello},
    {.method = "GET", .path = "/far", .on_request = set_far, .on_timer = web_hello},
    {.method = "GET", .path = "/earlier", .on_request = set_earlier, .on_timer = web_hello},
    {.method = "GET", .path = "/later", .on_request = set_later, .on_timer = web_hello},
    {.method = "GET", .path = "/replied", .on_request = set_and_reply, .on_timer = web_hello},
    {.method = "GET", .path = "/begun", .on_request = set_and_begin, .on_timer = finish},
    {.method = "GET", .path = "/thrice", .on_request = thrice, .on_timer = thrice},
    {.method = "GET", .path = "/once", .on_request = set_now, .on_timer = web_nothing},
    {.method = "GET", .path = "/deaf", .on_request = set_short},
    {0},
};

struct scene {
  struct web web;
  struct web_client client;
};

static void begin(struct scene *scene) {
  web_begin(&scene->web, &(fin_http_options){.routes = routes}, NULL);
  web_open(&scene->client, &scene->web);
}

static void end(struct scene *scene) {
  web_leave(&scene->client);
  web_end(&scene->web);
}

static void expect_timer(struct scene *scene, const char *path, unsigned least_ms,
                         unsigned timers) {
  unsigned before = scene->web.timers;
  uint64_t begun = net_now_ms();
  web_get(&scene->client, path);
  web_expect(&scene->client, 200, "hello");
  unsigned passed = (unsigned)(net_now_ms() - begun);
  cr_assert(passed >= least_ms && passed < 5000, "%s after %u ms", path, passed);
  turn_for(&scene->web.net, 20);
  cr_assert_eq(scene->web.timers - before, timers, "%s: %u", path, scene->web.timers - before);
}

Test(http_timer, comes_as_it_was_set) {
  struct scene scene;
  begin(&scene);
  expect_timer(&scene, "/short", SHORT_MS, 1);
  expect_timer(&scene, "/now", 0, 1);
  expect_timer(&scene, "/earlier", SHORT_MS, 1);
  expect_timer(&scene, "/later", SHORT_MS, 1);
  expect_timer(&scene, "/begun", SHORT_MS, 1);
  expect_timer(&scene, "/thrice", SHORT_MS, 1 + 2);
  expect_timer(&scene, "/replied", 0, 0); /* it is over */
  end(&scene);
}

Test(http_timer, of_a_long_time_does_not_come_at_once) {
  static uint32_t times[] = {3600 * 1000, UINT32_C(1) << 31, FIN_NEVER - 1, FIN_NEVER};
  struct scene scene;
  begin(&scene);
  web_expect_alive(&scene.client);
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    scene.web.test = &times[i];
    unsigned requests = scene.web.requests;
    web_get(&scene.client, "/far");
    net_until(&scene.web.net, scene.web.requests > requests);
    turn_for(&scene.web.net, 20);
    cr_assert_eq(scene.web.timers, 0, "%u", times[i]);
    web_hello(scene.web.request);
    web_expect(&scene.client, 200, "hello");
  }
  end(&scene);
}

Test(http_timer, is_cancelled_by_never) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/short");
  net_until(&scene.web.net, scene.web.requests == 1);
  fin_http_set_timer(scene.web.request, FIN_NEVER);
  turn_for(&scene.web.net, 2 * SHORT_MS);
  cr_assert_eq(scene.web.timers, 0);
  fin_http_set_timer(scene.web.request, 1); /* and set again, from outside */
  web_expect(&scene.client, 200, "hello");
  end(&scene);
}

/* Though there is no answer yet. */
Test(http_timer, comes_once) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/once");
  net_until(&scene.web.net, scene.web.timers == 1);
  turn_for(&scene.web.net, SHORT_MS);
  cr_assert_eq(scene.web.timers, 1);
  web_hello(scene.web.request);
  web_expect(&scene.client, 200, "hello");
  end(&scene);
}

Test(http_timer, that_nobody_hears) {
  struct scene scene;
  begin(&scene);
  web_get(&scene.client, "/deaf");
  turn_for(&scene.web.net, 2 * SHORT_MS);
  cr_assert_eq(scene.web.requests, 1);
  web_hello(scene.web.request);
  web_expect(&scene.client, 200, "hello");
  end(&scene);
}
