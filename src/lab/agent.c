/* SPDX-License-Identifier: MIT
 *
 * See agent.h. One loop: it turns at least every SAMPLE_MS, looks at all that there is, and never
 * waits for anything else.
 */
#include "lab/agent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/clock.h"
#include "lab/glyph.h"
#include "lab/sampler.h"
#include "lab/script.h"

enum {
  SAMPLE_MS = 5,
  LISTEN_MS = 10 * 1000, /* for the program to listen; memory checkers are slow */
  POLLS_MAX = 256,
  SERVER_PORT = 7000,
  UPSTREAM_PORT = 7001,
  SEND_MAX = 500 * 1000 /* more than that, over loopback, tells of its buffers only */
};

struct side {
  const struct lab_agent *agent;
  bool under_test; /* the program is of this side */
  struct lab_script *script;
  struct lab_sampler *sampler;
  struct lab_program program;
  struct lab_counters before;
  uint16_t upstream_port;
  uint64_t look_ns; /* the next look is due */
  bool open;        /* the clients come, or have come */
  bool told_played, told_ended, looked;
};

static volatile sig_atomic_t ending;

static void on_signal(int number) {
  (void)number;
  ending = 1;
}

/* ---- telling ---- */

static void tell(void *context, const struct lab_event *event) {
  const struct side *side = context;
  while (send(side->agent->events, event, sizeof *event, MSG_NOSIGNAL) < 0 && errno == EINTR)
    continue;
}

static void mark(struct side *side, enum lab_mark what, int status, const char *text) {
  struct lab_event event = {.at_ns = lab_now(), .kind = LAB_POINT};
  event.point = (struct lab_point){.mark = what, .side = side->agent->side, .status = status};
  snprintf(event.point.text, sizeof event.point.text, "%s", text);
  tell(side, &event);
}

/* Ends the run, which then waits for nothing more of this side than its end. */
__attribute__((format(printf, 2, 3))) static void fail(struct side *side, const char *format, ...) {
  char text[LAB_WHY_MAX];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  mark(side, LAB_FAILED, 0, text);
  while (ending == 0) poll(NULL, 0, SAMPLE_MS);
  if (side->program.pid > 0) lab_program_end(&side->program);
  _exit(1);
}

static bool vanish(void *context, uint16_t client_port) {
  const struct side *side = context;
  char done;
  if (!side->agent->board->wire) return false;
  return write(side->agent->runner, &client_port, sizeof client_port) == sizeof client_port &&
         read(side->agent->runner, &done, 1) == 1;
}

/* ---- what there is on this side ---- */

static const struct lab_players *players_of(const struct lab_agent *agent, enum lab_side side) {
  const struct lab_group *group = agent->options->group;
  const struct lab_expect *expect = agent->options->expect;
  if (side == LAB_CLIENT)
    return group != NULL && group->clients.count > 0 ? &group->clients : &expect->clients;
  return group != NULL && group->servers.count > 0 ? &group->servers : &expect->servers;
}

static struct sockaddr_in address_of(const char *host, uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

static void begin_script(struct side *side, const char *host, uint16_t port) {
  const struct lab_agent *agent = side->agent;
  side->script = lab_script_new(&(struct lab_script_options){
      .side = agent->side,
      .players = players_of(agent, agent->side),
      .address = address_of(host, port),
      .patient = agent->options->step,
      .send_max = agent->board->wire ? 0 : SEND_MAX,
      .on_said = tell,
      .on_vanish = vanish,
      .context = side,
  });
  if (side->script == NULL) fail(side, "%s:%u: %s", host, port, strerror(errno));
}

static void begin_sampler(struct side *side) {
  const struct lab_agent *agent = side->agent;
  side->sampler = lab_sampler_new(&(struct lab_sampler_options){
      .side = agent->side,
      .shared = !agent->board->wire,
      .upstream_port = side->upstream_port,
      .on_event = tell,
      .context = side,
  });
  if (side->sampler == NULL) fail(side, "no memory");
  if (agent->board->wire) lab_counters_read(&side->before, agent->side);
}

static void begin_program(struct side *side, const char *const *argv) {
  const struct lab_agent *agent = side->agent;
  const bool begun = lab_program_begin(&side->program, &(struct lab_program_start){
                                                           .argv = argv,
                                                           .calls = agent->calls,
                                                           .events = agent->told,
                                                           .text = agent->board->output,
                                                       });
  if (!begun) fail(side, "%s: %s", argv[0], strerror(errno));
  lab_sampler_count(side->sampler);
}

/* ---- the server's side ---- */

/* What the program printed last, for whoever has to find out why it did not listen. */
static const char *last_words(const struct side *side, char words[100]) {
  const char *const text = side->agent->board->output;
  const size_t len = side->program.len, from = len > 90 ? len - 90 : 0;
  snprintf(words, 100, "%s%.90s", len > 0 ? ": " : "", text + from);
  for (char *c = words; *c != '\0';) {
    unsigned width;
    const size_t one = lab_glyph(c, &width);
    if (one == 0) *c = c[1] != '\0' ? ' ' : '\0';
    c += one > 0 ? one : *c != '\0';
  }
  return words;
}

static uint16_t await_program(struct side *side) {
  const uint64_t deadline = lab_now() + LISTEN_MS * LAB_MS;
  char words[100];
  uint16_t port = 0;
  while (port == 0 && ending == 0) {
    struct pollfd output = {.fd = side->program.output, .events = POLLIN};
    poll(&output, 1, SAMPLE_MS);
    const bool ended = lab_program_ended(&side->program);
    lab_program_listen(&side->program);
    port = lab_program_port(&side->program);
    if (port != 0) break;
    const int status = side->program.status;
    if (ended)
      fail(side, "the program ended (%s%d) before it printed \"listening on HOST:PORT\"%s",
           status < 0 ? "signal " : "", abs(status), last_words(side, words));
    if (lab_now() > deadline)
      fail(side, "the program did not print \"listening on HOST:PORT\" and flush it within %d s%s",
           LISTEN_MS / 1000, last_words(side, words));
  }
  return port;
}

/* `PROGRAM PORT`, and `HOST PORT` of the upstream if there is one. */
static uint16_t serve_by_program(struct side *side) {
  const bool wire = side->agent->board->wire;
  char port[8], upstream[8];
  const char *argv[] = {side->agent->options->program, port, NULL, NULL, NULL};
  snprintf(port, sizeof port, "%d", wire ? SERVER_PORT : 0);
  if (side->upstream_port != 0) {
    snprintf(upstream, sizeof upstream, "%u", side->upstream_port);
    argv[2] = "127.0.0.1";
    argv[3] = upstream;
  }
  begin_program(side, argv);
  return await_program(side);
}

static void open_door(struct side *side) {
  const struct lab_agent *agent = side->agent;
  const bool wire = agent->board->wire;
  uint16_t port;
  if (players_of(agent, LAB_SERVER)->count > 0) {
    const char *const host = wire && !side->under_test ? "0.0.0.0" : "127.0.0.1";
    begin_script(side, host, !wire ? 0 : side->under_test ? UPSTREAM_PORT : SERVER_PORT);
    if (side->under_test) side->upstream_port = lab_script_port(side->script);
  }
  begin_sampler(side);
  port = side->under_test ? serve_by_program(side) : lab_script_port(side->script);
  agent->board->server_port = port;
  lab_sampler_serve(side->sampler, port);
  lab_sampler_look(side->sampler, true);
  mark(side, LAB_READY, 0, "");
  side->open = true;
  if (write(agent->door[1], &port, sizeof port) != sizeof port) fail(side, "%s", strerror(errno));
}

/* ---- the client's side ---- */

static void come_in(struct side *side) {
  const char *const host = side->agent->board->wire ? LAB_SERVER_ADDRESS : "127.0.0.1";
  uint16_t port;
  char text[8];
  if (read(side->agent->door[0], &port, sizeof port) != sizeof port) return;
  side->open = true;
  lab_sampler_serve(side->sampler, port);
  if (!side->under_test) {
    begin_script(side, host, port);
    return;
  }
  snprintf(text, sizeof text, "%u", port);
  const char *const argv[] = {side->agent->options->program, host, text, NULL};
  lab_sampler_look(side->sampler, true);
  begin_program(side, argv);
  side->told_played = true;
  mark(side, LAB_PLAYED, 0, "");
}

/* ---- the loop ---- */

static void look_last(struct side *side) {
  struct lab_board *board = side->agent->board;
  const enum lab_side number = side->agent->side;
  lab_sampler_look(side->sampler, true);
  if (board->wire) {
    lab_counters_read(&board->counters[number], number);
    lab_counters_subtract(&board->counters[number], &side->before);
  }
  if (side->under_test) {
    lab_program_listen(&side->program);
    board->output_len = side->program.len;
  }
  side->looked = true;
  mark(side, LAB_LOOKED, 0, "");
}

static void wait_for_news(struct side *side) {
  const struct lab_agent *agent = side->agent;
  struct pollfd polls[POLLS_MAX] = {
      {.fd = agent->over, .events = POLLIN},
      {.fd = side->open ? -1 : agent->door[0], .events = POLLIN},
      {.fd = side->program.output, .events = POLLIN},
      {.fd = lab_sampler_ear(side->sampler), .events = POLLIN},
  };
  int timeout_ms = SAMPLE_MS;
  size_t count = 4;
  if (side->script != NULL)
    count += lab_script_polls(side->script, polls + count, POLLS_MAX - count, &timeout_ms);
  if (poll(polls, count, timeout_ms) < 0) return; /* a signal: what it wants is in `ending` */
  if (polls[1].revents != 0 && !side->open) come_in(side);
  if (polls[3].revents != 0 && lab_sampler_hear(side->sampler)) side->look_ns = 0;
  if (polls[0].revents != 0) look_last(side);
}

/* Over loopback a look goes through the tables of the whole machine, which may take longer than
 * SAMPLE_MS; and what is judged there stays. */
static void look(struct side *side) {
  const uint64_t begun = lab_now();
  lab_sampler_look(side->sampler, false);
  const uint64_t now = lab_now(), rest = side->agent->board->wire ? 0 : 4 * (now - begun);
  side->look_ns = now + (rest > SAMPLE_MS * LAB_MS ? rest : SAMPLE_MS * LAB_MS);
}

static void turn(struct side *side) {
  wait_for_news(side);
  if (side->looked) return;
  if (side->script != NULL) lab_script_turn(side->script);
  if (lab_now() >= side->look_ns) look(side);
  if (side->program.pid > 0) {
    const bool ended = lab_program_ended(&side->program);
    lab_program_listen(&side->program);
    if (ended && !side->told_ended) mark(side, LAB_ENDED, side->program.status, "");
    side->told_ended = ended;
  }
  if (side->agent->side == LAB_CLIENT && side->script != NULL && !side->told_played &&
      lab_script_over(side->script)) {
    side->told_played = true;
    mark(side, LAB_PLAYED, 0, "");
  }
}

/* Until SIGTERM the player's sockets stay as they are: the other side may not have looked yet. */
_Noreturn void lab_agent_run(const struct lab_agent *agent) {
  static struct side side; /* its counters are too much for a stack */
  const struct sigaction action = {.sa_handler = on_signal};
  char begin;
  side = (struct side){.agent = agent, .program.output = -1};
  side.under_test = agent->options->expect->under_test == agent->side;
  sigaction(SIGTERM, &action, NULL);
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_NAME, agent->side == LAB_SERVER ? "lab-server" : "lab-client");
  /* Where there is no fence, what the program has left is still to be ended. */
  if (!agent->board->wire) prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (read(agent->runner, &begin, 1) != 1) _exit(1);
  if (agent->side == LAB_SERVER)
    open_door(&side);
  else
    begin_sampler(&side);
  while (ending == 0 && !side.looked) turn(&side);
  while (ending == 0) poll(NULL, 0, SAMPLE_MS);
  if (side.program.pid > 0) lab_program_end(&side.program);
  _exit(0);
}
