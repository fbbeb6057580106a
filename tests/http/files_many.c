/* SPDX-License-Identifier: MIT
 *
 * Many files on their way at once: whole, and a descriptor each at most.
 */
#include <string.h>
#include <sys/resource.h>

#include "http/files_site.h"

enum {
  CLIENTS = 1000,
  NEEDED = 3 * CLIENTS + 100,
  LEAVING = 50,
  LARGER = 20 * 1000 * 1000,
  SMALL_BUFFER = 32 * 1024
};

/* Receives what is there; how much of the body there is by now. */
static size_t read_some(int peer, size_t at) {
  static char data[64 * 1024];
  size_t len = net_receive_some(peer, data, sizeof data);
  cr_assert(at + len <= FILES_LARGE);
  cr_assert(memcmp(data, net_pattern(FILES_LARGE) + at, len) == 0);
  return at + len;
}

static void allow_descriptors(void) {
  struct rlimit limit;
  cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < NEEDED) cr_skip_test("needs %d descriptors", NEEDED);
  if (limit.rlim_cur < NEEDED) limit.rlim_cur = NEEDED;
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* None of them is read to its end before all have begun. */
Test(http_files_stream, a_thousand_at_once) {
  static int peers[CLIENTS];
  static size_t received[CLIENTS];
  struct files_site site;
  size_t whole = 0;
  allow_descriptors();
  files_begin(&site);
  size_t descriptors = leftover_descriptors();
  for (int i = 0; i < CLIENTS; i++) {
    peers[i] = files_dial(&site, SMALL_BUFFER);
    files_ask_large(&site, peers[i], "/large.bin", FILES_LARGE);
  }
  uint64_t begun_ms = net_now_ms();
  while (whole < CLIENTS) {
    cr_assert_lt(net_now_ms() - begun_ms, 4 * NET_DEADLINE_MS);
    net_turn(&site.net, 1);
    for (int i = 0; i < CLIENTS; i++) {
      if (received[i] == FILES_LARGE) continue;
      received[i] = read_some(peers[i], received[i]);
      whole += received[i] == FILES_LARGE;
    }
  }
  net_until(&site.net, leftover_descriptors() == descriptors + 2 * CLIENTS);
  for (int i = 0; i < CLIENTS; i++) net_reset(&site.net, peers[i]);
  files_until_gone(&site);
  files_end(&site);
}

/* More than the kernel takes (some MB each), so that all of them are under way. */
Test(http_files_stream, many_that_leave) {
  static int peers[LEAVING];
  struct files_site site;
  files_begin(&site);
  tree_resize(&site.tree, "large.bin", LARGER);
  size_t descriptors = leftover_descriptors();
  for (int i = 0; i < LEAVING; i++) {
    peers[i] = files_dial(&site, SMALL_BUFFER);
    files_ask_large(&site, peers[i], "/large.bin", LARGER);
  }
  size_t now = leftover_descriptors();
  cr_assert(now == descriptors + 3 * LEAVING, "one each for the file: %zu", now);
  for (int i = 0; i < LEAVING; i++) net_reset(&site.net, peers[i]);
  files_until_gone(&site);
  cr_assert_eq(leftover_descriptors(), descriptors);
  files_end(&site);
}
