/* SPDX-License-Identifier: MIT
 *
 * 10,000 connections opened and closed, in every way that they can end: afterwards the library
 * holds as much memory as after the first, and the process is no larger.
 */
#include "base/counted.h"
#include "more.h"

enum { CONNECTIONS = 10 * 1000, AT_ONCE = 50, GROWN_MAX_KB = 1024 };

struct scene {
  struct net net;
  unsigned opened, closed; /* net's own records would be memory that grows */
  unsigned by_reason[FIN_REASON_COUNT];
};

static void on_open(fin_conn *conn) {
  struct scene *scene = fin_conn_context(conn);
  scene->opened++;
  fin_conn_set_timer(conn, 60 * 1000);
}

/* "e": end, "c": close, "a": abort, "n": nothing; anything else comes back, save the last byte,
 * which is kept. */
static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  switch (data[0]) {
    case 'e':
      fin_conn_end(conn);
      break;
    case 'c':
      fin_conn_close(conn, FIN_REASON_CLOSED);
      break;
    case 'a':
      fin_conn_abort(conn);
      break;
    case 'n':
      break;
    default:
      cr_assert_eq(fin_conn_write(conn, data, len), 0);
      return len - 1;
  }
  return len;
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct scene *scene = fin_conn_context(conn);
  scene->closed++;
  scene->by_reason[report->reason]++;
}

static const fin_handler handler = {
    .state_size = 100, .on_open = on_open, .on_data = on_data, .on_close = on_close};

static void send_word(int peer, const char *word) {
  cr_assert_eq(net_send_some(peer, word, strlen(word)), strlen(word));
}

/* Most of them so that no TIME_WAIT stays, through which other tests' census would wade. */
static void let_end(struct net *net, int peer, unsigned way) {
  switch (way % 10) {
    case 0:
      send_word(peer, "n");
      break;
    case 1:
      send_word(peer, "e");
      break;
    case 2:
      send_word(peer, "c");
      break;
    case 3:
    case 4:
    case 5:
      send_word(peer, "a");
      break;
    default:
      send_word(peer, "say it, and be gone");
      net_reset(net, peer);
      return;
  }
  net_close(net, peer);
}

static void open_and_close(struct scene *scene, unsigned count) {
  struct net *net = &scene->net;
  int peers[AT_ONCE];
  for (unsigned done = 0; done < count; done += AT_ONCE) {
    unsigned before = scene->opened;
    for (int i = 0; i < AT_ONCE; i++) peers[i] = dial(net->port);
    net_until(net, scene->opened == before + AT_ONCE);
    for (unsigned i = 0; i < AT_ONCE; i++) let_end(net, peers[i], i);
    net_until(net, scene->closed == scene->opened);
  }
}

static long resident_kb(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  cr_assert(file != NULL && fscanf(file, "%*s %ld", &pages) == 1);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void begin(struct scene *scene) {
  struct net *net = &scene->net;
  net_begin(net, &(fin_listen){.handler = &handler, .context = scene});
  fin_listen plain = {.host = "127.0.0.1", .handler = &handler, .context = scene};
  cr_assert_eq(fin_server_listen(net->server, &plain), 0);
  net->port = fin_server_port(net->server);
}

/* AddressSanitizer keeps what was freed. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_FREED_MEMORY true
#elif defined(__has_feature)
#define KEEPS_FREED_MEMORY __has_feature(address_sanitizer)
#else
#define KEEPS_FREED_MEMORY false
#endif

Test(ten_thousand_connections, memory_returns_to_what_it_was) {
  struct scene scene = {.opened = 0};
  counted_begin();
  begin(&scene);
  open_and_close(&scene, CONNECTIONS / 10);
  struct counted before = counted;
  long before_kb = resident_kb();
  open_and_close(&scene, CONNECTIONS);
  long grown_kb = resident_kb() - before_kb;
  cr_assert_eq(scene.closed, CONNECTIONS + CONNECTIONS / 10);
  cr_assert_eq(stats_of(&scene.net).connections, 0);
  cr_assert_eq(counted.live, before.live, "%zu allocations, %zu before", counted.live, before.live);
  cr_assert_eq(counted.bytes, before.bytes, "%zu bytes, %zu before", counted.bytes, before.bytes);
  cr_assert(KEEPS_FREED_MEMORY || grown_kb < GROWN_MAX_KB, "grown by %ld KiB", grown_kb);

  static const fin_reason seen[] = {FIN_REASON_PEER_ENDED, FIN_REASON_ENDED, FIN_REASON_CLOSED,
                                    FIN_REASON_ABORTED, FIN_REASON_PEER_RESET};
  unsigned closed = 0;
  for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
    cr_assert(scene.by_reason[seen[i]] >= CONNECTIONS / 10, "%s", fin_reason_name(seen[i]));
    closed += scene.by_reason[seen[i]];
  }
  cr_assert_eq(closed, scene.closed);
  net_end(&scene.net);
  cr_assert_eq(counted.live, 0);
}
