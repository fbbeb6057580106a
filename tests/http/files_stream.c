/* SPDX-License-Identifier: MIT
 *
 * Files on their way: whole or visibly cut, in bounded memory, and with a descriptor each that is
 * given back however it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/counted.h"
#include "http/files_site.h"

enum { SMALL_BUFFER = 32 * 1024, MB = 1000 * 1000 };

/* Reads the next `len` bytes, which are the pattern's from `at` on. */
static void expect_pattern(struct files_site *site, int peer, size_t at, size_t len) {
  net_expect(&site->net, peer, net_pattern(at + len) + at, len);
}

/* ---- whole ---- */

/* Around what is read at once, and what is sent in one piece with its header. */
Test(http_files_stream, every_size) {
  static const size_t sizes[] = {0,     1,     63487, 63488, 63489,  64511,  64512,   64513,
                                 65535, 65536, 65537, 99999, 131071, 131072, 1000000, 5000000};
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    tree_file(&site.tree, "file", net_pattern(sizes[i]), sizes[i]);
    files_ask(&site, "GET", "/file", "", &reply);
    cr_assert(reply.status == 200 && reply.len == sizes[i], "%zu: %s", sizes[i], reply.head);
    cr_assert(memcmp(reply.body, net_pattern(sizes[i]), sizes[i]) == 0, "%zu", sizes[i]);
    files_forget(&reply);
  }
  files_end(&site);
}

Test(http_files_stream, a_small_file_comes_in_one_piece_with_its_header) {
  struct files_site site;
  char reply[4096];
  files_begin(&site);
  int peer = files_dial(&site, 0);
  files_send(&site, peer, "GET", "/a.txt", "");
  net_until(&site.net, net_unread(peer) > 0);
  size_t len = net_receive_some(peer, reply, sizeof reply - 1);
  reply[len] = '\0';
  cr_assert(strstr(reply, "\r\n\r\nThis is a.\n"), "%s", reply);
  net_close(&site.net, peer);
  files_end(&site);
}

Test(http_files_stream, one_after_the_other) {
  static const char requests[] =
      "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n"
      "HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /large.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=100-\r\n\r\n"
      "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  static const unsigned statuses[] = {200, 200, 200, 206, 404, 200};
  struct files_site site;
  struct files_reply reply;
  int ending;
  files_begin(&site);
  int peer = files_dial(&site, SMALL_BUFFER);
  net_send(&site.net, peer, requests, strlen(requests));
  for (int i = 0; i < 6; i++) {
    files_receive(&site, peer, i == 2, &reply);
    cr_assert(reply.status == statuses[i], "%d: %u", i, reply.status);
    if (i == 0 || i == 5) cr_assert(memcmp(reply.body, net_pattern(FILES_LARGE), reply.len) == 0);
    files_forget(&reply);
  }
  cr_assert_eq(net_receive_all(&site.net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0);
  net_close(&site.net, peer);
  files_end(&site);
}

/* A client that has nothing more to ask has not lost interest. */
Test(http_files_stream, the_clients_fin_behind_the_request) {
  struct files_site site;
  int ending;
  files_begin(&site);
  int peer = files_dial(&site, SMALL_BUFFER);
  files_send(&site, peer, "GET", "/large.bin", "");
  net_fin(peer);
  struct files_reply reply;
  files_receive_head(&site, peer, &reply);
  expect_pattern(&site, peer, 0, FILES_LARGE);
  cr_assert_eq(net_receive_all(&site.net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0);
  net_close(&site.net, peer);
  files_end(&site);
}

Test(http_files_stream, a_drain_in_the_midst) {
  struct files_site site;
  int ending;
  files_begin(&site);
  tree_file(&site.tree, "file", net_pattern(5 * MB), 5 * MB);
  int peer = files_dial(&site, SMALL_BUFFER);
  files_ask_large(&site, peer, "/file", 5 * MB);
  fin_server_drain(site.net.server);
  expect_pattern(&site, peer, 0, 5 * MB);
  cr_assert_eq(net_receive_all(&site.net, peer, NULL, 1, &ending), 0);
  cr_assert_eq(ending, 0);
  net_close(&site.net, peer);
  files_end(&site);
}

/* Whoever wants little to wait gets the same in smaller pieces. */
static void with_limits(size_t high, size_t low, size_t max) {
  struct files_site site;
  const fin_conn_options limits = {.output_high = high, .output_low = low, .output_max = max};
  files_begin_with(&site, NULL, &limits);
  int peer = files_dial(&site, SMALL_BUFFER);
  for (int i = 0; i < 2; i++) {
    files_ask_large(&site, peer, "/large.bin", FILES_LARGE);
    expect_pattern(&site, peer, 0, FILES_LARGE);
  }
  net_close(&site.net, peer);
  files_end(&site);
}

Test(http_files_stream, small_limits) { with_limits(1000, 500, 3000); }
Test(http_files_stream, limits_that_are_equal) { with_limits(4096, 4096, 4096); }
Test(http_files_stream, large_limits) { with_limits(MB, 1, 16 * MB); }

/* ---- bounded ---- */

/* What waits is output_high and a block at most; the rest is for the allocator's own blocks. */
enum { HUGE_MB = 200, MARK_EVERY_MB = 20, MEMORY_MAX = 512 * 1024 };

/* Zeros that take no room on disk, and numbers in between. */
static void make_sparse(const struct tree *tree) {
  char path[128];
  tree_text(tree, "huge", "");
  tree_resize(tree, "huge", (size_t)HUGE_MB * MB);
  snprintf(path, sizeof path, "%s/huge", tree->root);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  cr_assert(fd >= 0);
  for (unsigned mb = 0; mb < HUGE_MB; mb += MARK_EVERY_MB) {
    unsigned mark = mb + 1;
    cr_assert(pwrite(fd, &mark, sizeof mark, (off_t)mb * MB) == sizeof mark);
  }
  close(fd);
}

static void expect_megabyte(struct files_site *site, int peer, unsigned mb) {
  static char data[MB], expected[MB];
  unsigned mark = mb % MARK_EVERY_MB == 0 ? mb + 1 : 0;
  int ending;
  memcpy(expected, &mark, sizeof mark);
  size_t len = net_receive_all(&site->net, peer, data, MB, &ending);
  cr_assert(len == MB && memcmp(data, expected, MB) == 0, "megabyte %u", mb);
}

/* Far more than the memory that is used for it, however slowly it is read. */
Test(http_files_stream, larger_than_memory) {
  struct files_site site;
  counted_begin();
  files_begin(&site);
  make_sparse(&site.tree);
  int peer = files_dial(&site, SMALL_BUFFER);
  size_t descriptors = leftover_descriptors(), memory = counted.bytes, most = 0;
  files_ask_large(&site, peer, "/huge", (size_t)HUGE_MB * MB);
  for (unsigned mb = 0; mb < HUGE_MB; mb++) {
    for (int turn = 0; turn < 3; turn++) net_turn(&site.net, 0); /* as much as it takes */
    if (counted.bytes - memory > most) most = counted.bytes - memory;
    cr_assert_leq(leftover_descriptors(), descriptors + 1);
    expect_megabyte(&site, peer, mb);
  }
  cr_assert(most > 0 && most < MEMORY_MAX, "%zu bytes", most);
  net_until(&site.net, leftover_descriptors() == descriptors);
  net_close(&site.net, peer);
  files_end(&site);
}

static unsigned cpu_ms(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (unsigned)(used.tv_sec * 1000 + used.tv_nsec / 1000000);
}

/* ...and without work while it is not read. */
Test(http_files_stream, who_does_not_read_costs_nothing) {
  struct files_site site;
  files_begin(&site);
  tree_file(&site.tree, "file", net_pattern(5 * MB), 5 * MB);
  int peer = files_dial(&site, SMALL_BUFFER);
  files_ask_large(&site, peer, "/file", 5 * MB);
  uint64_t begun_ms = net_now_ms();
  unsigned used_ms = cpu_ms();
  while (net_now_ms() - begun_ms < 500) net_turn(&site.net, 100);
  used_ms = cpu_ms() - used_ms;
  cr_assert(used_ms < 100, "%u ms of processor time in 500 ms", used_ms);
  cr_assert_eq(files_status(&site, "/a.txt", ""), 200, "others are served");
  expect_pattern(&site, peer, 0, 5 * MB);
  net_close(&site.net, peer);
  files_end(&site);
}

struct reader {
  uint16_t port;
  size_t size, received;
  atomic_bool done;
};

/* Reads as fast as it can, in a thread of its own. */
static void *read_fast(void *arg) {
  static char data[MB];
  static const char request[] = "GET /huge HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  struct reader *reader = arg;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(reader->port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (peer >= 0 && connect(peer, (struct sockaddr *)&to, sizeof to) == 0 &&
      send(peer, request, strlen(request), MSG_NOSIGNAL) > 0) {
    ssize_t count;
    while ((count = recv(peer, data, sizeof data, 0)) > 0) reader->received += (size_t)count;
  }
  close(peer);
  atomic_store(&reader->done, true);
  return NULL;
}

Test(http_files_stream, a_fast_reader_does_not_keep_others_waiting) {
  struct files_site site;
  pthread_t thread;
  unsigned served = 0;
  files_begin(&site);
  make_sparse(&site.tree);
  cr_assert_eq(files_status(&site, "/a.txt", ""), 200);
  struct reader reader = {.port = site.net.port};
  atomic_init(&reader.done, false);
  cr_assert_eq(pthread_create(&thread, NULL, read_fast, &reader), 0);
  while (!atomic_load(&reader.done)) served += files_status(&site, "/a.txt", "") == 200;
  cr_assert_eq(pthread_join(thread, NULL), 0);
  cr_assert_gt(reader.received, (size_t)HUGE_MB * MB);
  cr_assert_gt(served, 10);
  files_end(&site);
}

/* ---- cut ---- */

/* What is missing is not made up, and not hidden behind a FIN. */
Test(http_files_stream, a_file_that_shrinks) {
  struct files_site site;
  int ending;
  files_begin(&site);
  tree_file(&site.tree, "file", net_pattern(10 * MB), 10 * MB);
  int peer = files_dial(&site, SMALL_BUFFER);
  files_ask_large(&site, peer, "/file", 10 * MB);
  expect_pattern(&site, peer, 0, 1000);
  tree_resize(&site.tree, "file", 9 * MB + 1);
  size_t received = net_receive_all(&site.net, peer, NULL, 10 * MB, &ending);
  cr_assert_lt(received, 9 * MB + 1);
  cr_assert_eq(ending, ECONNRESET);
  net_close(&site.net, peer);
  files_until_gone(&site);
  cr_assert_eq(files_stats(&site).closed[FIN_REASON_ABORTED], 1);
  files_end(&site);
}

Test(http_files_stream, a_file_that_grows) {
  struct files_site site;
  struct files_reply reply;
  files_begin(&site);
  tree_file(&site.tree, "file", net_pattern(5 * MB), 5 * MB);
  int peer = files_dial(&site, SMALL_BUFFER);
  files_ask_large(&site, peer, "/file", 5 * MB);
  tree_file(&site.tree, "file", net_pattern(6 * MB), 6 * MB);
  expect_pattern(&site, peer, 0, 5 * MB);
  files_send(&site, peer, "HEAD", "/file", "");
  files_receive(&site, peer, true, &reply);
  cr_assert_eq(reply.length, 6 * MB);
  files_forget(&reply);
  net_close(&site.net, peer);
  files_end(&site);
}

/* The descriptor that was opened is what is sent. */
Test(http_files_stream, a_file_that_is_removed) {
  struct files_site site;
  files_begin(&site);
  int peer = files_dial(&site, SMALL_BUFFER);
  files_ask_large(&site, peer, "/large.bin", FILES_LARGE);
  tree_remove(&site.tree, "large.bin");
  expect_pattern(&site, peer, 0, FILES_LARGE);
  net_close(&site.net, peer);
  files_end(&site);
}

static void leave_in_the_midst(void (*leave)(struct net *net, int peer)) {
  struct files_site site;
  files_begin(&site);
  tree_file(&site.tree, "file", net_pattern(10 * MB), 10 * MB);
  size_t descriptors = leftover_descriptors();
  for (size_t read = 0; read < 3 * MB; read += MB) {
    int peer = files_dial(&site, SMALL_BUFFER);
    files_ask_large(&site, peer, "/file", 10 * MB);
    cr_assert_eq(leftover_descriptors(), descriptors + 3, "its own, the server's and the file");
    expect_pattern(&site, peer, 0, read);
    leave(&site.net, peer);
    files_until_gone(&site);
    cr_assert_eq(leftover_descriptors(), descriptors);
  }
  files_end(&site);
}

Test(http_files_stream, who_leaves_in_the_midst) { leave_in_the_midst(net_close); }
Test(http_files_stream, who_resets_in_the_midst) { leave_in_the_midst(net_reset); }

Test(http_files_stream, who_never_reads) {
  struct files_site site;
  const fin_conn_options limits = {.stall_ms = 200};
  files_begin_with(&site, NULL, &limits);
  tree_file(&site.tree, "file", net_pattern(10 * MB), 10 * MB);
  int peer = files_dial(&site, SMALL_BUFFER);
  files_send(&site, peer, "GET", "/file", "");
  size_t descriptors = leftover_descriptors();
  files_until_gone(&site);
  cr_assert_eq(files_stats(&site).closed[FIN_REASON_SLOW_READER], 1);
  cr_assert_eq(leftover_descriptors(), descriptors - 2);
  net_close(&site.net, peer);
  files_end(&site);
}

/* Every allocation fails once. A part is never taken for the whole, and nothing is left behind. */
Test(http_files_stream, no_memory) {
  enum { ALLOCATIONS = 20 };
  static char reply[2 * FILES_LARGE];
  struct files_site site;
  unsigned whole = 0;
  counted_begin();
  files_begin(&site);
  size_t descriptors = leftover_descriptors();
  for (size_t i = 1; i <= ALLOCATIONS; i++) {
    counted.fail_at = 0;
    int ending, peer = files_dial(&site, SMALL_BUFFER);
    net_until(&site.net, files_stats(&site).connections == 1);
    counted_fail_in(i);
    files_send(&site, peer, "GET", "/large.bin", "Range: bytes=1-\r\nConnection: close\r\n");
    size_t len = net_receive_all(&site.net, peer, reply, sizeof reply - 1, &ending);
    reply[len] = '\0';
    if (len >= FILES_LARGE) {
      cr_assert_eq(ending, 0);
      cr_assert(strstr(reply, "\r\nContent-Range: "), "%.1000s", reply);
      whole++;
    }
    net_close(&site.net, peer);
    files_until_gone(&site);
    cr_assert_eq(leftover_descriptors(), descriptors);
  }
  cr_assert(whole > 0 && whole < ALLOCATIONS - 1, "%u whole", whole);
  errno = 0;
  counted_fail_in(1);
  cr_assert(fin_http_files_new(site.tree.root) == NULL && errno == ENOMEM);
  counted_fail_in(1);
  cr_assert(!fin_http_files_route(site.files, "/").on_request);
  files_end(&site);
}
