/* SPDX-License-Identifier: MIT
 *
 * drain_on_signals: the first SIGINT or SIGTERM drains, a second one aborts. The server is a
 * process of its own, which tells what happens to it, a letter for each event.
 */
#include "more.h"

enum { CLIENTS = 2 };

struct scene {
  struct child child;
  bool stays; /* connections do not close when the server drains */
};

static void tell(const fin_conn *conn, char event) {
  const struct scene *scene = fin_conn_context(conn);
  child_tell(&scene->child, &event, 1);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  (void)conn;
  (void)data;
  return len;
}

static void on_open(fin_conn *conn) { tell(conn, 'o'); }

static void on_drain(fin_conn *conn) {
  const struct scene *scene = fin_conn_context(conn);
  tell(conn, 'd');
  if (!scene->stays) fin_conn_close(conn, FIN_REASON_DRAINED);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  switch (report->reason) {
    case FIN_REASON_DRAINED:
      tell(conn, 'D');
      break;
    case FIN_REASON_DRAIN_TIMEOUT:
      tell(conn, 'A');
      break;
    case FIN_REASON_PEER_ENDED:
      tell(conn, 'P');
      break;
    default:
      tell(conn, '?');
  }
}

static const fin_handler handler = {
    .on_open = on_open, .on_data = on_data, .on_drain = on_drain, .on_close = on_close};

static void on_drained(fin_server *server, void *context) {
  const struct scene *scene = context;
  (void)server;
  child_tell(&scene->child, "!", 1);
}

static void serve(struct scene *scene, bool drain_on_signals) {
  fin_server_options options = {
      .drain_on_signals = drain_on_signals, .on_drained = on_drained, .context = scene};
  fin_server *server = fin_server_new(&options);
  fin_listen listen = {.host = "127.0.0.1", .handler = &handler, .context = scene};
  if (!server || fin_server_listen(server, &listen)) _exit(10);
  uint16_t port = fin_server_port(server);
  child_tell(&scene->child, &port, sizeof port);
  if (fin_server_run(server)) _exit(11);
  child_tell(&scene->child, "r", 1);
  fin_server_free(server);
  raise(SIGTERM); /* the signals are nobody's again */
  _exit(12);
}

/* ---- the test's side ---- */

struct play {
  struct scene scene;
  uint16_t port;
  int clients[CLIENTS];
};

static void expect(const struct play *play, const char *events) {
  char seen[16] = "";
  cr_assert(strlen(events) < sizeof seen);
  bool alive = child_hear(&play->scene.child, seen, strlen(events));
  cr_assert(alive && strcmp(seen, events) == 0, "expected %s, seen %s", events, seen);
}

static void begin(struct play *play, bool stays, bool drain_on_signals) {
  play->scene.stays = stays;
  play->scene.child = child_new();
  if (play->scene.child.pid == 0) serve(&play->scene, drain_on_signals);
  cr_assert(child_hear(&play->scene.child, &play->port, sizeof play->port));
  for (int i = 0; i < CLIENTS; i++) {
    play->clients[i] = dial(play->port);
    cr_assert_eq(fcntl(play->clients[i], F_SETFL, 0), 0);
    expect(play, "o");
  }
}

static void kill_with(const struct play *play, int signal) {
  cr_assert_eq(kill(play->scene.child.pid, signal), 0);
}

/* How the server ended a client: 0 for FIN, else the errno. */
static int ending_of(int client) {
  char byte;
  ssize_t count = recv(client, &byte, 1, 0);
  cr_assert(count <= 0);
  return count == 0 ? 0 : errno;
}

static void drains(int signal) {
  struct play play;
  begin(&play, false, true);
  kill_with(&play, signal);
  expect(&play, "dd");
  cr_assert(refused(play.port), "draining servers do not listen");
  for (int i = 0; i < CLIENTS; i++) {
    cr_assert_eq(ending_of(play.clients[i]), 0);
    close(play.clients[i]);
    expect(&play, "D");
  }
  expect(&play, "!r");
  cr_assert_eq(child_end(&play.scene.child), -SIGTERM);
}

Test(signals, sigterm_drains) { drains(SIGTERM); }
Test(signals, sigint_drains) { drains(SIGINT); }

static void second_aborts(int first, int second) {
  struct play play;
  begin(&play, true, true);
  kill_with(&play, first);
  expect(&play, "dd");
  close(play.clients[0]); /* the drain goes on while somebody is there */
  expect(&play, "P");
  kill_with(&play, second);
  expect(&play, "A!r");
  cr_assert_eq(ending_of(play.clients[1]), ECONNRESET);
  close(play.clients[1]);
  cr_assert_eq(child_end(&play.scene.child), -SIGTERM);
}

Test(signals, a_second_sigterm_aborts) { second_aborts(SIGTERM, SIGTERM); }
Test(signals, sigint_after_sigterm_aborts) { second_aborts(SIGTERM, SIGINT); }
Test(signals, sigterm_after_sigint_aborts) { second_aborts(SIGINT, SIGTERM); }

Test(signals, are_left_alone_unless_asked_for) {
  struct play play;
  begin(&play, true, false);
  kill_with(&play, SIGTERM);
  cr_assert_eq(child_end(&play.scene.child), -SIGTERM);
  for (int i = 0; i < CLIENTS; i++) close(play.clients[i]);
}
