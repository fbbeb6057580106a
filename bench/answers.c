/* SPDX-License-Identifier: MIT
 *
 * What HTTP servers make of requests that are not quite right: the battery of tests/http/smuggling,
 * each of its requests with an innocent one, the canary, behind it, sent to finale, nginx and Node.
 *
 *   answers [FINALE] [--json]
 *
 * `200 canary`: one request was seen and answered, then the canary; `400 closed`: a reply, then the
 * server closed; `waits`: it waits for more. An answer that the RFC does not allow is marked with
 * `!`. Exit status 1 if one of finale's is.
 */
#include <err.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "compare/peer.h"
#include "support/http_case.h"
#include "support/http_outcome.h"
#include "support/http_reply.h"

#define CANARY "GET /bytes?n=6 HTTP/1.1\r\nHost: a\r\n\r\n"
#define CANARY_BODY "012345"

enum { QUIET_MS = 1500, TEXT_MAX = 160, DOCUMENTS_MAX = 64, NAME_MAX_LEN = 32 };
enum { FINALE, NGINX, NODE, SERVERS };

struct row {
  const struct http_case *of;
  char *bytes; /* of the request, and the canary */
  size_t len;
  struct http_outcome seen[SERVERS];
};

struct answers {
  struct http_cases documents[DOCUMENTS_MAX];
  size_t document_count;
  struct row *rows;
  size_t row_count;
  char names[SERVERS][NAME_MAX_LEN]; /* as they call themselves; "": not installed */
};

/* ---- probes: bytes sent, each on a connection of its own, and what comes back ---- */

struct probe {
  const char *send;
  size_t send_len;
  struct http_outcome *seen;

  int fd; /* -1: over */
  size_t sent;
  char *data; /* what came back */
  size_t len, room;
  bool ended;        /* by FIN or RST */
  uint64_t heard_ms; /* when anything came last, or began */
};

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void open_probe(struct probe *probe, uint16_t port) {
  struct sockaddr_in to = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  probe->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe->fd < 0 || connect(probe->fd, (struct sockaddr *)&to, sizeof to))
    err(2, "no connection to port %u", port);
  probe->heard_ms = now_ms();
}

static void send_more(struct probe *probe) {
  ssize_t count = send(probe->fd, probe->send + probe->sent, probe->send_len - probe->sent,
                       MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count > 0) probe->sent += (size_t)count;
  if (count < 0 && errno != EAGAIN) probe->sent = probe->send_len; /* there may be a reply */
}

static void receive_more(struct probe *probe) {
  if (probe->len == probe->room) {
    probe->room = probe->room ? probe->room * 2 : 4096;
    probe->data = realloc(probe->data, probe->room);
    if (!probe->data) err(2, "a reply");
  }
  ssize_t count = recv(probe->fd, probe->data + probe->len, probe->room - probe->len, MSG_DONTWAIT);
  if (count > 0) probe->len += (size_t)count;
  if (count == 0 || (count < 0 && errno != EAGAIN)) probe->ended = true;
  probe->heard_ms = now_ms();
}

static bool is_known(const struct probe *probe) {
  bool head = strncmp(probe->send, "HEAD ", 5) == 0;
  return http_outcome_read(probe->seen, probe->data, probe->len, CANARY_BODY, head, probe->ended);
}

/* Each until its outcome is known, or nothing more comes for `quiet_ms`. */
static void run_probes(struct probe *probes, size_t count, uint16_t port, unsigned quiet_ms) {
  struct pollfd *polled = calloc(count, sizeof *polled);
  size_t left = count;
  if (!polled) err(2, "%zu probes", count);
  for (size_t i = 0; i < count; i++) open_probe(&probes[i], port);
  while (left > 0) {
    for (size_t i = 0; i < count; i++) {
      short more = probes[i].sent < probes[i].send_len ? POLLOUT : 0;
      polled[i] = (struct pollfd){.fd = probes[i].fd, .events = (short)(POLLIN | more)};
    }
    poll(polled, (nfds_t)count, 100);
    for (size_t i = 0; i < count; i++) {
      struct probe *probe = &probes[i];
      if (probe->fd < 0) continue;
      if (polled[i].revents & POLLOUT) send_more(probe);
      if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) receive_more(probe);
      if (!is_known(probe) && now_ms() - probe->heard_ms <= quiet_ms) continue;
      close(probe->fd);
      probe->fd = -1;
      left--;
    }
  }
  free(polled);
}

/* ---- asking ---- */

static struct compare_server server = {.process = {.output = -1}}; /* one at a time */

static void end_server(void) { compare_peer_end(&server); }

/* Nothing to compare if a proper request is not answered as it should be. */
static void ask_name(const char *who, char *name) {
  struct http_outcome seen;
  struct http_reply reply;
  struct probe probe = {.send = CANARY, .send_len = sizeof CANARY - 1, .seen = &seen};
  run_probes(&probe, 1, server.process.port, 10000);
  if (!is_known(&probe) || seen.end != HTTP_OUTCOME_CANARY)
    errx(2, "%s does not answer a proper request", who);
  http_reply_read(&reply, probe.data, probe.len, false, false);
  const struct http_reply_field *field = http_reply_field(&reply, "Server");
  snprintf(name, NAME_MAX_LEN, "%s", who);
  if (field) snprintf(name, NAME_MAX_LEN, "%.*s", (int)field->value.len, field->value.data);
  http_reply_free(&reply);
  free(probe.data);
}

static void ask_all(struct answers *answers, size_t which) {
  struct probe *probes = calloc(answers->row_count, sizeof *probes);
  if (!probes) err(2, "%zu probes", answers->row_count);
  for (size_t i = 0; i < answers->row_count; i++) {
    struct row *row = &answers->rows[i];
    probes[i] = (struct probe){.send = row->bytes, .send_len = row->len, .seen = &row->seen[which]};
  }
  run_probes(probes, answers->row_count, server.process.port, QUIET_MS);
  for (size_t i = 0; i < answers->row_count; i++) free(probes[i].data);
  free(probes);
}

static void ask(struct answers *answers, size_t which, const struct compare_place *place) {
  static const char *const files[SERVERS] = {
      BENCH_PEERS "/finale.peer",
      ANSWERS_DIRECTORY "/nginx.peer",
      ANSWERS_DIRECTORY "/node.peer",
  };
  const struct compare_begin how = {.protocol = LOAD_HTTP, .cpu = -1};
  struct compare_peer peer;
  char why[LOAD_WHY_MAX];
  if (!compare_peer_read(files[which], &peer, why)) errx(2, "%s", why);
  bool there = compare_peer_is_there(&peer, place, LOAD_HTTP, why);
  if (!there && which == FINALE) errx(2, "%s", why);
  if (there) {
    if (!compare_peer_begin(&peer, place, &how, &server, why)) errx(2, "%s", why);
    ask_name(peer.name, answers->names[which]);
    ask_all(answers, which);
    end_server();
  }
  compare_peer_release(&peer);
}

/* ---- the battery ---- */

static void add_row(struct answers *answers, const struct http_case *of) {
  struct row *rows = realloc(answers->rows, (answers->row_count + 1) * sizeof *rows);
  const struct http_bytes *send = &of->steps[0].send;
  char *bytes = malloc(send->len + sizeof CANARY);
  if (!rows || !bytes) err(2, "the battery");
  memcpy(bytes, send->data, send->len);
  memcpy(bytes + send->len, CANARY, sizeof CANARY);
  answers->rows = rows;
  rows[answers->row_count++] =
      (struct row){.of = of, .bytes = bytes, .len = send->len + sizeof CANARY - 1};
}

static void read_battery(struct answers *answers) {
  char fault[1024];
  char **paths = http_documents(SMUGGLING_DIRECTORY);
  if (!paths) errx(2, "no documents in %s", SMUGGLING_DIRECTORY);
  for (size_t i = 0; paths[i] && i < DOCUMENTS_MAX; i++) {
    struct http_cases *document = &answers->documents[answers->document_count++];
    if (!http_cases_read(document, paths[i], fault, sizeof fault)) errx(2, "%s", fault);
    for (size_t k = 0; k < document->count; k++) add_row(answers, &document->cases[k]);
  }
  http_documents_free(paths);
}

static void free_battery(struct answers *answers) {
  for (size_t i = 0; i < answers->row_count; i++) free(answers->rows[i].bytes);
  for (size_t i = 0; i < answers->document_count; i++) http_cases_free(&answers->documents[i]);
  free(answers->rows);
}

/* ---- printing ---- */

/* Characters, not bytes of them. */
static void print_cell(const char *text, int width) {
  printf("%s%*s", text, width > (int)strlen(text) ? width - (int)strlen(text) : 0, "");
}

static void print_demand(const struct http_case *of) {
  char text[TEXT_MAX * 2] = "";
  for (size_t i = 0; i < of->outcome_count; i++) {
    size_t len = strlen(text);
    snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? " | " : "", of->outcomes[i]);
  }
  print_cell(text, 50);
}

static void print_row(const struct answers *answers, const struct row *row) {
  char text[TEXT_MAX];
  print_cell(row->of->title, 68);
  print_demand(row->of);
  for (size_t which = 0; which < SERVERS; which++) {
    if (!*answers->names[which]) continue;
    bool good = http_outcome_accepted(&row->seen[which], row->of);
    http_outcome_print(&row->seen[which], !good, text, sizeof text);
    printf(" %c ", good ? ' ' : '!');
    print_cell(text, which + 1 < SERVERS ? 22 : 0);
  }
  printf("\n    %s\n", row->of->rfc.data);
}

static size_t against(const struct answers *answers, size_t which) {
  size_t count = 0;
  for (size_t i = 0; i < answers->row_count; i++)
    count += !http_outcome_accepted(&answers->rows[i].seen[which], answers->rows[i].of);
  return count;
}

static void print_table(const struct answers *answers) {
  const char *path = NULL;
  for (size_t i = 0; i < answers->row_count; i++) {
    const struct row *row = &answers->rows[i];
    if (row->of->path != path) {
      path = row->of->path;
      printf("%s\n", i > 0 ? "" : "`!`: not what the RFC demands");
      print_cell(strrchr(path, '/') + 1, 68);
      print_cell("the RFC demands", 50);
      for (size_t which = 0; which < SERVERS; which++) {
        if (!*answers->names[which]) continue;
        printf("   ");
        print_cell(answers->names[which], which + 1 < SERVERS ? 22 : 0);
      }
      printf("\n");
    }
    print_row(answers, row);
  }
  printf("\n%zu requests", answers->row_count);
  for (size_t which = 0; which < SERVERS; which++) {
    static const char *const names[] = {"finale", "nginx", "Node"};
    if (*answers->names[which])
      printf("; %s: %zu against the RFC", answers->names[which], against(answers, which));
    else
      printf("; %s is not installed", names[which]);
  }
  printf("\n");
}

static json_t *json_row(const struct answers *answers, const struct row *row) {
  char text[TEXT_MAX];
  json_t *accepted = json_array(), *seen = json_object();
  for (size_t i = 0; i < row->of->outcome_count; i++)
    json_array_append_new(accepted, json_string(row->of->outcomes[i]));
  for (size_t which = 0; which < SERVERS; which++) {
    if (!*answers->names[which]) continue;
    http_outcome_print(&row->seen[which], false, text, sizeof text);
    json_object_set_new(seen, answers->names[which],
                        json_pack("{ss sb}", "seen", text, "good",
                                  http_outcome_accepted(&row->seen[which], row->of)));
  }
  return json_pack("{ss ss ss so so}", "document", strrchr(row->of->path, '/') + 1, "title",
                   row->of->title, "rfc", row->of->rfc.data, "accepted", accepted, "answers", seen);
}

static void print_json(const struct answers *answers) {
  json_t *sums = json_object(), *cases = json_array();
  for (size_t which = 0; which < SERVERS; which++)
    if (*answers->names[which])
      json_object_set_new(sums, answers->names[which],
                          json_integer((json_int_t)against(answers, which)));
  for (size_t i = 0; i < answers->row_count; i++)
    json_array_append_new(cases, json_row(answers, &answers->rows[i]));
  json_t *all = json_pack("{sI so so}", "requests", (json_int_t)answers->row_count, "against", sums,
                          "cases", cases);
  if (!all || json_dumpf(all, stdout, JSON_INDENT(1)) != 0) errx(2, "--json: it cannot be written");
  putchar('\n');
  json_decref(all);
}

int main(int argc, char **argv) {
  struct answers answers = {0};
  struct compare_place place = {.finale = BENCH_FINALE};
  bool json = false, given = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else if (argv[i][0] != '-' && !given)
      given = snprintf(place.finale, sizeof place.finale, "%s", argv[i]) > 0;
    else
      errx(2, "unknown argument '%s'; write answers [FINALE] [--json]", argv[i]);
  }
  read_battery(&answers);
  atexit(end_server);
  for (size_t which = 0; which < SERVERS; which++) ask(&answers, which, &place);
  if (json)
    print_json(&answers);
  else
    print_table(&answers);
  bool wrong = against(&answers, FINALE) > 0;
  free_battery(&answers);
  return wrong ? 1 : 0;
}
