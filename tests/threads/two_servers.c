/* SPDX-License-Identifier: MIT
 *
 * Two servers, each with a loop and a thread of its own, and clients of both in further threads:
 * they share nothing that one of them writes. For ThreadSanitizer; hence without Criterion.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <finale/line.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { SERVERS = 2, CLIENTS = 3, ROUNDS = 100, LARGE = 300 * 1000, SECONDS_MAX = 60 };

#define MUST(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, strerror(errno)); \
      exit(1); \
    } \
  } while (0)

/* ---- a server and its thread ---- */

struct host {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t listening;
  uint16_t port; /* under the lock, 0 until it listens */

  /* Of its thread alone, until that has ended. */
  unsigned opened, closed, drained;
  fin_server_stats stats;
};

static void on_open(fin_conn *conn) {
  struct host *host = fin_conn_context(conn);
  host->opened++;
  fin_conn_set_timer(conn, 1);
}

static void on_timer(fin_conn *conn) { fin_conn_pause(conn), fin_conn_resume(conn); }

/* "quit" drains the server; every other line comes back. */
static void on_line(fin_conn *conn, const char *line, size_t len) {
  if (len == 4 && memcmp(line, "quit", 4) == 0) {
    fin_server_drain(fin_conn_server(conn));
    return;
  }
  fin_conn_write(conn, line, len);
  fin_conn_write(conn, "\n", 1);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  struct host *host = fin_conn_context(conn);
  MUST(report->reason != FIN_REASON_BUG);
  host->closed++;
}

static const fin_line protocol = {
    .handler = {.state_size = 10,
                .on_open = on_open,
                .on_data = fin_line_on_data,
                .on_timer = on_timer,
                .on_close = on_close},
    .on_line = on_line,
    .line_max = LARGE,
};

static void on_drained(fin_server *server, void *context) {
  struct host *host = context;
  fin_server_stats_read(server, &host->stats);
  host->drained++;
}

static void *serve(void *arg) {
  struct host *host = arg;
  fin_server *server =
      fin_server_new(&(fin_server_options){.on_drained = on_drained, .context = host});
  MUST(server != NULL);
  fin_listen listen = {.host = "127.0.0.1",
                       .handler = &protocol.handler,
                       .context = host,
                       .conn = {.input_max = 2 * LARGE}};
  MUST(fin_server_listen(server, &listen) == 0);
  pthread_mutex_lock(&host->lock);
  host->port = fin_server_port(server);
  pthread_cond_signal(&host->listening);
  pthread_mutex_unlock(&host->lock);
  MUST(fin_server_run(server) == 0);
  fin_server_free(server);
  return NULL;
}

static void host_begin(struct host *host) {
  memset(host, 0, sizeof *host);
  MUST(pthread_mutex_init(&host->lock, NULL) == 0);
  MUST(pthread_cond_init(&host->listening, NULL) == 0);
  MUST(pthread_create(&host->thread, NULL, serve, host) == 0);
}

static uint16_t host_port(struct host *host) {
  pthread_mutex_lock(&host->lock);
  while (host->port == 0) pthread_cond_wait(&host->listening, &host->lock);
  uint16_t port = host->port;
  pthread_mutex_unlock(&host->lock);
  return port;
}

static void host_end(struct host *host) {
  MUST(pthread_join(host->thread, NULL) == 0);
  MUST(host->drained == 1);
  MUST(host->opened == host->closed);
  MUST(host->stats.accepted == host->opened && host->stats.connections == 0);
  pthread_cond_destroy(&host->listening);
  pthread_mutex_destroy(&host->lock);
}

/* ---- clients ---- */

static int dial(uint16_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  struct timeval patience = {.tv_sec = SECONDS_MAX};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  MUST(peer >= 0);
  MUST(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
  MUST(connect(peer, (struct sockaddr *)&to, sizeof to) == 0);
  return peer;
}

static void say(int peer, const char *text, size_t len) {
  MUST(send(peer, text, len, MSG_NOSIGNAL) == (ssize_t)len);
}

static void expect(int peer, const char *text, size_t len) {
  char *reply = malloc(len);
  MUST(reply != NULL);
  MUST(recv(peer, reply, len, MSG_WAITALL) == (ssize_t)len);
  MUST(memcmp(reply, text, len) == 0);
  free(reply);
}

/* Ends in one of several ways. */
static void leave(int peer, unsigned round) {
  struct linger now = {.l_onoff = 1};
  char byte;
  if (round % 3 == 0) {
    MUST(shutdown(peer, SHUT_WR) == 0);
    MUST(recv(peer, &byte, 1, 0) == 0);
  } else if (round % 3 == 1) {
    MUST(setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  }
  close(peer);
}

struct guest {
  pthread_t thread;
  uint16_t ports[SERVERS];
};

static void *visit(void *arg) {
  const struct guest *guest = arg;
  char *large = malloc(LARGE + 1);
  MUST(large != NULL);
  memset(large, 'x', LARGE);
  large[LARGE] = '\n';
  for (unsigned round = 0; round < ROUNDS; round++)
    for (int i = 0; i < SERVERS; i++) {
      int peer = dial(guest->ports[i]);
      say(peer, "hello\nwor", 9);
      expect(peer, "hello\n", 6);
      say(peer, "ld\n", 3);
      expect(peer, "world\n", 6);
      if (round % 8 == 0) {
        say(peer, large, LARGE + 1);
        expect(peer, large, LARGE + 1);
      }
      leave(peer, round);
    }
  free(large);
  return NULL;
}

int main(void) {
  static struct host hosts[SERVERS];
  static struct guest guests[CLIENTS];
  alarm(2 * SECONDS_MAX);
  for (int i = 0; i < SERVERS; i++) host_begin(&hosts[i]);
  for (int i = 0; i < CLIENTS; i++) {
    for (int j = 0; j < SERVERS; j++) guests[i].ports[j] = host_port(&hosts[j]);
    MUST(pthread_create(&guests[i].thread, NULL, visit, &guests[i]) == 0);
  }
  for (int i = 0; i < CLIENTS; i++) MUST(pthread_join(guests[i].thread, NULL) == 0);
  for (int i = 0; i < SERVERS; i++) {
    int peer = dial(guests[0].ports[i]);
    say(peer, "quit\n", 5);
    char byte;
    MUST(recv(peer, &byte, 1, 0) == 0);
    close(peer);
    host_end(&hosts[i]);
    MUST(hosts[i].opened == CLIENTS * ROUNDS + 1);
  }
  return 0;
}
