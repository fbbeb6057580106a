/* SPDX-License-Identifier: MIT
 *
 * See rig.h.
 */
#include "lab/rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURN_MS = 5, PERIOD = 26, CHUNK = 64 * 1024 };

/* Of AddressSanitizer, if it is there; LeakSanitizer does not work in a child that was forked. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void) {
  return __sanitizer_get_current_allocated_bytes != NULL ? __sanitizer_get_current_allocated_bytes()
                                                         : 0;
}

uint64_t rig_now_ms(void) { return uv_hrtime() / 1000000; }

static void on_wake(uv_timer_t *timer) { (void)timer; }

void rig_turn(struct rig *rig) {
  uv_update_time(&rig->loop);
  uv_timer_start(&rig->wake, on_wake, TURN_MS, 0);
  uv_run(&rig->loop, UV_RUN_ONCE);
}

static void on_segment(void *context, const struct lab_event *event) {
  struct rig *rig = context;
  within_check(lab_story_add(&rig->story, event), "no memory");
}

/* ---- sockets ---- */

int rig_socket(struct rig *rig, enum lab_side side, int type) {
  within_check(setns(rig->spaces.net[side], CLONE_NEWNET) == 0, "%s", strerror(errno));
  const int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  within_check(fd >= 0, "%s", strerror(errno));
  within_check(setns(rig->spaces.wire, CLONE_NEWNET) == 0, "%s", strerror(errno));
  return fd;
}

static const struct sockaddr_in place = {.sin_family = AF_INET};

void rig_dial(struct rig *rig) {
  struct sockaddr_in address = place;
  address.sin_port = htons(RIG_PORT);
  address.sin_addr.s_addr = inet_addr(LAB_SERVER_ADDRESS);
  rig->client = rig_socket(rig, LAB_CLIENT, SOCK_STREAM);
  within_check(connect(rig->client, (struct sockaddr *)&address, sizeof address) != 0 &&
                   errno == EINPROGRESS,
               "%s", strerror(errno));
}

static void send_at_once(int fd) {
  const int on = 1;
  within_check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "%s",
               strerror(errno));
}

void rig_connect(struct rig *rig) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  rig_dial(rig);
  rig_until(rig, (rig->server = accept4(rig->listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
  rig_until(rig, getpeername(rig->client, (struct sockaddr *)&address, &size) == 0);
  send_at_once(rig->client);
  send_at_once(rig->server);
}

static void listen_there(struct rig *rig) {
  struct sockaddr_in address = place;
  address.sin_port = htons(RIG_PORT);
  rig->listener = rig_socket(rig, LAB_SERVER, SOCK_STREAM);
  within_check(bind(rig->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                   listen(rig->listener, 16) == 0,
               "%s", strerror(errno));
}

void rig_send(int fd, const char *text) {
  const size_t size = strlen(text);
  within_check(send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size, "%s", strerror(errno));
}

bool rig_receives(int fd, const char *text) {
  char got[64];
  const ssize_t len = recv(fd, got, sizeof got, MSG_DONTWAIT);
  if (len < 0) return errno == EAGAIN && *text == '\0';
  return (size_t)len == strlen(text) && len > 0 && memcmp(got, text, (size_t)len) == 0;
}

bool rig_ended(int fd) {
  char byte;
  return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

void rig_transfer(struct rig *rig, int from, int to, size_t size) {
  static char pattern[CHUNK + PERIOD], got[CHUNK];
  size_t sent = 0, received = 0;
  for (size_t i = 0; i < sizeof pattern; i++) pattern[i] = (char)('a' + i % PERIOD);
  const uint64_t begun = rig_now_ms();
  while (received < size) {
    const size_t rest = size - sent < CHUNK ? size - sent : CHUNK;
    const ssize_t out = rest > 0 ? send(from, pattern + sent % PERIOD, rest, MSG_NOSIGNAL) : 0;
    const ssize_t in = recv(to, got, sizeof got, 0);
    if (out > 0) sent += (size_t)out;
    within_check(in != 0, "ended after %zu", received);
    if (in > 0) {
      within_check(memcmp(got, pattern + received % PERIOD, (size_t)in) == 0, "behind %zu",
                   received);
      received += (size_t)in;
    }
    within_check(rig_now_ms() - begun < RIG_DEADLINE_MS, "%zu sent, %zu received", sent, received);
    if (in <= 0) rig_turn(rig);
  }
}

/* ---- segments ---- */

static bool agrees(const struct lab_segment *segment, const struct rig_pick *pick) {
  return segment->leaves == pick->leaves && (segment->flags & pick->flags) == pick->flags &&
         (segment->flags & pick->without) == 0 &&
         (pick->from == 0 || (int)segment->from == pick->from - 1) &&
         (pick->fate == 0 || (int)segment->fate == pick->fate - 1) &&
         (!pick->data || segment->len > 0);
}

size_t rig_count(const struct rig *rig, const struct rig_pick *pick) {
  size_t count = 0;
  for (size_t i = 0; i < rig->story.count; i++)
    count += agrees(&rig->story.events[i].segment, pick);
  return count;
}

const struct lab_event *rig_find(const struct rig *rig, const struct rig_pick *pick, size_t nth) {
  for (size_t i = 0; i < rig->story.count; i++)
    if (agrees(&rig->story.events[i].segment, pick) && nth-- == 0) return &rig->story.events[i];
  within_check(false, "no such segment");
  return NULL;
}

/* ---- begin and end ---- */

void rig_begin(struct rig *rig, uint32_t delay_ms, const char *const *rules) {
  char why[LAB_WHY_MAX];
  struct lab_rule parsed[LAB_RULES_MAX];
  size_t count = 0;
  *rig = (struct rig){.client = -1, .server = -1, .allocated = allocated()};
  for (; rules != NULL && rules[count] != NULL; count++)
    within_check(lab_rule_parse(rules[count], &parsed[count], why), "%s", why);
  within_enter(&rig->spaces);
  within_check(uv_loop_init(&rig->loop) == 0, "loop");
  uv_timer_init(&rig->loop, &rig->wake);
  rig->wire = lab_wire_new(&(struct lab_wire_options){.loop = &rig->loop,
                                                      .spaces = &rig->spaces,
                                                      .delay_ms = delay_ms,
                                                      .rules = parsed,
                                                      .rule_count = count,
                                                      .on_segment = on_segment,
                                                      .context = rig},
                           why);
  within_check(rig->wire != NULL, "%s", why);
  listen_there(rig);
}

void rig_end(struct rig *rig) {
  within_check(lab_wire_lost(rig->wire) == 0, "%d lost", (int)lab_wire_lost(rig->wire));
  lab_wire_free(rig->wire);
  uv_close((uv_handle_t *)&rig->wake, NULL);
  uv_run(&rig->loop, UV_RUN_DEFAULT);
  within_check(uv_loop_close(&rig->loop) == 0, "a handle is left over");
  lab_story_release(&rig->story);
  lab_spaces_release(&rig->spaces);
  if (rig->client >= 0) close(rig->client);
  if (rig->server >= 0) close(rig->server);
  close(rig->listener);
  within_check(allocated() == rig->allocated, "%zu bytes of memory are left over",
               allocated() - rig->allocated);
}
