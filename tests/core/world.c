/* SPDX-License-Identifier: MIT
 *
 * One schedule: who does what when, until everybody falls silent, and then until all is over.
 */
#include "core/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/invariants.h"

enum peer_move {
  PEER_SEND,
  PEER_ACK_SOME,
  PEER_ACK_ALL,
  PEER_WINDOW,
  PEER_FOLLOW, /* our FIN with its own */
  PEER_FIN,
  PEER_RESET,
  PEER_VANISH,
  PEER_MOVES
};

void world_trace(const struct world *world, const struct subject *subject, const char *what, ...) {
  if (!world->tracing) return;
  char line[160];
  va_list arguments;
  va_start(arguments, what);
  vsnprintf(line, sizeof line, what, arguments);
  va_end(arguments);
  fprintf(stderr, "%12llu ", (unsigned long long)world_now(world));
  if (subject) {
    bool alive = subject->alive && subject->conn;
    fprintf(stderr, "#%d %-12s ", (int)(subject - world->subjects),
            alive ? fin_state_name(fin_conn_life(subject->conn)) : "-");
  }
  fprintf(stderr, "%s\n", line);
}

/* ---- telling ---- */

static struct world *world_of(struct stage *stage) { return (struct world *)stage; }

static struct subject *subject_of(const struct socket *socket) {
  struct world *world = world_of((struct stage *)(void *)socket->io);
  return &world->subjects[socket_fd(socket)];
}

static void on_failure(struct socket *socket, int error) {
  struct subject *subject = subject_of(socket);
  world_trace(subject->world, subject, "error: %s", strerrorname_np(error));
  invariants_catch_up(subject);
  subject_failed(subject, error);
}

static void before_news(struct subject *subject, enum news news) {
  uint64_t kept = subject->offered - subject->consumed;
  bool more = news == NEWS_INPUT && !subject->closed;
  OBEY(kept_input_is_bounded, !more || kept < subject->limits.input_max, "%llu bytes",
       (unsigned long long)kept);
  if (news == NEWS_CONNECTED) subject->opened = true;
  if (news == NEWS_FIN_SEEN) subject->fin_seen = true;
  if (news != NEWS_INPUT_END) return;
  subject_blame(subject, 1u << FIN_REASON_PEER_ENDED, 0);
  if (!subject->owner->handler.on_end) subject->closed = true;
}

static void note_input(struct subject *subject, bool discarded, uint64_t len) {
  flow_grew(&subject->read, world_now(subject->world), subject->socket->read);
  if (!discarded) return;
  subject->discarded += len;
  if (subject->state != FIN_ST_LINGER || subject->discarded <= subject->limits.linger_bytes_max)
    return;
  subject->lingered = true;
  subject_blame(subject, 1u << FIN_REASON_LINGER_CUT, 0);
}

static void tell(struct stage *stage, struct socket *socket, enum news news) {
  struct world *world = world_of(stage);
  struct subject *subject = subject_of(socket);
  bool discards = subject->closed;
  uint64_t read = socket->read;
  size_t most = world_chance(world, 32) ? SIZE_MAX : 1 + random_size(&world->random, 18);
  world_trace(world, subject, "tell %s", news_names[news]);
  world->tally->news[news]++;
  bool ends = news == NEWS_INPUT_END && subject_may_hear(subject);
  before_news(subject, news);
  bool opens = news == NEWS_CONNECTED && subject_may_hear(subject);
  const fin_handler *handler = &subject->owner->handler;
  uint64_t number = subject->number;
  world->telling = BY_NEWS;
  socket_tell(socket, news, most);
  bool told = subject->number != number; /* by now it is another's */
  OBEY(on_open_comes_once_and_first, !opens || !handler->on_open || subject->told_open || told,
       "it did not come");
  OBEY(on_end_comes_once_after_all_input, !ends || !handler->on_end || subject->told_end || told,
       "it did not come");
  if (news == NEWS_INPUT) note_input(subject, discards, socket->read - read);
  if (news == NEWS_FD_CLOSED && !subject->owner->handler.on_close) {
    subject->alive = false;
    subject->conn = NULL;
  }
  OBEY(on_close_comes_once_and_last, news != NEWS_FD_CLOSED || !subject->alive, "it did not come");
  invariants_of_step(world);
}

static void tell_turn_end(struct stage *stage) {
  struct world *world = world_of(stage);
  world_trace(world, NULL, "turn end");
  world->telling = BY_TURN_END;
  io_tell_turn_end(&stage->io);
  invariants_of_step(world);
}

static void tell_time(struct stage *stage) {
  struct world *world = world_of(stage);
  world_trace(world, NULL, "time");
  if (stage->io.wake_ms < stage->io.now_ms) world->late_ms = stage->io.now_ms;
  world->telling = BY_TIME;
  io_tell_time(&stage->io);
  invariants_of_step(world);
}

/* ---- connections ---- */

static void subject_begin(struct world *world, struct subject *subject, struct socket *socket) {
  memset(subject, 0, offsetof(struct subject, read));
  subject->read.count = subject->acked.count = subject->written.count = 0;
  subject->world = world;
  subject->socket = socket;
  subject_begin_with(subject, &world->owners[0], &world->limits);
  subject->born_ms = subject->state_ms = world_now(world);
  subject->reasons = 1u << FIN_REASON_BUG;
  subject->alive = true;
  socket->shift = (uint32_t)random_next(&world->random);
  socket->checks_output = true;
  socket->capacity = 1 + random_size(&world->random, 18);
}

static void step_connect(struct world *world) {
  if (world->count == SUBJECTS_MAX) return;
  struct subject *subject = &world->subjects[world->count++];
  struct socket *socket = io_socket(&world->stage.io);
  bool dial = world->temper.dials && world_chance(world, 32);
  subject_begin(world, subject, socket);
  subject->opened = !dial && !world->stage.io.faults[FAULT_OPEN];
  subject->dialled = dial;
  uint64_t number = subject->number;
  world->begun = subject;
  fin_conn *conn = dial ? stage_dial(&world->stage, socket) : stage_accept(&world->stage, socket);
  world->begun = NULL;
  world->tally->dialled += dial;
  if (!conn) {
    OBEY(nothing_is_left, memory_failed() && socket->descriptor == FD_UNUSED, "no connection");
    world->count--;
    world->stage.io.count--;
    memory_fail_in(0);
    return;
  }
  subject->conn = conn;
  bool told = subject->told_open || subject->number != number || !world->owners[0].handler.on_open;
  OBEY(on_open_comes_once_and_first, told || !subject->opened, "it did not come");
  world_trace(world, subject, dial ? "dialling" : "accepted");
}

/* How dialling ends, or does not. */
static void peer_answer(struct world *world, struct socket *socket) {
  static const int errors[] = {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENOMEM};
  if (world_chance(world, 40))
    peer_accept(socket);
  else if (world_chance(world, 16))
    peer_fail(socket, errors[world_below(world, sizeof errors / sizeof errors[0])]);
}

/* ---- steps ---- */

static struct subject *some_subject(struct world *world) {
  struct subject *alive[SUBJECTS_MAX];
  unsigned count = 0;
  for (unsigned i = 0; i < world->count; i++)
    if (world->subjects[i].alive) alive[count++] = &world->subjects[i];
  return count > 0 ? alive[world_below(world, count)] : NULL;
}

static void step_call(struct world *world) {
  struct subject *subject = some_subject(world);
  if (subject) application_act(world, subject);
}

static void step_peer(struct world *world) {
  struct subject *subject = some_subject(world);
  enum peer_move move = (enum peer_move)world_below(world, PEER_MOVES);
  if (!subject) return;
  struct socket *socket = subject->socket;
  if (socket->dialling) peer_answer(world, socket);
  if (!subject->opened || !(world->temper.peer_moves >> move & 1)) return;
  if (socket->fin_sent && world_chance(world, world->temper.following)) move = PEER_FOLLOW;
  uint64_t acked = socket->acked, arrived = socket->arrived;
  switch (move) {
    case PEER_SEND:
      peer_send(socket, random_size(&world->random, world->temper.input_bits));
      break;
    case PEER_ACK_SOME:
      peer_ack(socket, random_size(&world->random, 18));
      break;
    case PEER_ACK_ALL:
      peer_ack_all(socket);
      break;
    case PEER_WINDOW:
      socket->capacity = 1 + random_size(&world->random, 20);
      socket->take_max = 1 + random_size(&world->random, 20);
      break;
    case PEER_FIN:
      if (world_chance(world, 24)) peer_send_fin(socket);
      break;
    case PEER_FOLLOW:
      peer_ack_all(socket);
      if (socket->fin_acked) peer_send_fin(socket);
      break;
    case PEER_RESET:
      if (world_chance(world, 4)) peer_fail(socket, ECONNRESET);
      break;
    case PEER_VANISH:
      if (world_chance(world, 2)) peer_fail(socket, ETIMEDOUT);
      break;
    case PEER_MOVES:
      break;
  }
  if (socket->acked > acked) flow_grew(&subject->acked, world_now(world), socket->acked);
  world_trace(world, subject, "peer: %d, sent %llu, acked %llu%s of %llu%s", move,
              (unsigned long long)(socket->arrived - arrived),
              (unsigned long long)(socket->acked - acked), socket->fin_acked ? " FIN" : "",
              (unsigned long long)(socket->taken - acked), socket->fin_sent ? " FIN" : "");
}

static void step_tell(struct world *world) {
  struct stage *stage = &world->stage;
  if (stage->io.count == 0) return;
  struct socket *socket = &stage->io.sockets[world_below(world, stage->io.count)];
  enum news news = (enum news)world_below(world, NEWS_COUNT);
  while (news < NEWS_COUNT && !(socket_ready(socket) >> news & 1)) news++;
  if (news < NEWS_COUNT) tell(stage, socket, news);
}

static void rest(struct world *world) {
  stage_rest(&world->stage);
  invariants_at_rest(world);
}

static void sleep_until(struct world *world, uint64_t until_ms) {
  struct fin_io *io = &world->stage.io;
  rest(world);
  while (io->wake_set && io->wake_ms <= until_ms) {
    io->now_ms = io->wake_ms;
    if (world_chance(world, 4)) io->now_ms += world_below(world, 8);
    rest(world);
  }
  if (io->now_ms < until_ms) io->now_ms = until_ms;
  rest(world);
}

static void step_sleep(struct world *world) {
  struct fin_io *io = &world->stage.io;
  rest(world);
  uint64_t until_ms = io->now_ms + random_size(&world->random, world->temper.time_bits);
  if (!io->wake_set && world_chance(world, 2))
    until_ms += random_size(&world->random, 33); /* months in which nothing is due */
  if (io->wake_set && world_chance(world, 32)) until_ms = io->wake_ms - world_below(world, 2);
  world_trace(world, NULL, "sleep until %llu", (unsigned long long)until_ms);
  sleep_until(world, until_ms);
}

/* The process is busy, or stopped, while peers and deadlines go on. */
static void step_jump(struct world *world) {
  struct fin_io *io = &world->stage.io;
  io->now_ms += random_size(&world->random, world->temper.time_bits + 2);
  if (io->turn_end_asked) world->late_ms = io->now_ms; /* nothing could be armed */
  world_trace(world, NULL, "jump");
}

static void step_drain(struct world *world) {
  if (!world_chance(world, 16)) return;
  for (unsigned i = 0; i < world->count; i++) {
    struct subject *subject = &world->subjects[i];
    subject->drain_owed = subject->alive && fin_conn_life(subject->conn) < FIN_ST_CLOSING;
  }
  stage_drain(&world->stage);
  world_trace(world, NULL, "drain");
}

static void order_faults(struct world *world) {
  static const int errors[FAULT_COUNT][4] = {
      [FAULT_OPEN] = {ENOMEM, EINVAL, EMFILE, ENOMEM},
      [FAULT_DIAL] = {ENOMEM, EADDRNOTAVAIL, EMFILE, ENOMEM},
      [FAULT_HEAR] = {ENOMEM, ENOSPC, ENOMEM, EINVAL},
      [FAULT_SEND] = {EAGAIN, ENOBUFS, EPIPE, ETIMEDOUT},
      [FAULT_WRITE] = {ENOMEM, EPIPE, EHOSTUNREACH, ENOBUFS},
      [FAULT_SEND_FIN] = {ENOTCONN, EPIPE, ECONNRESET, ENOTCONN},
  };
  if (world_chance(world, world->temper.faults)) {
    unsigned kind = (unsigned)world_below(world, FAULT_COUNT);
    world->stage.io.faults[kind] = errors[kind][world_below(world, 4)];
    world->tally->faults[kind]++;
  }
  if (world_chance(world, world->temper.memory_fails)) memory_fail_in(1 + world_below(world, 3));
}

static void step(struct world *world) {
  const unsigned *weights = world->temper.step_weights;
  unsigned total = 0, kind = 0;
  for (unsigned i = 0; i < STEP_COUNT; i++) total += weights[i];
  uint64_t at = world_below(world, total);
  while (at >= weights[kind]) at -= weights[kind++];
  order_faults(world);
  switch ((enum step)kind) {
    case STEP_CONNECT:
      step_connect(world);
      break;
    case STEP_CALL:
      step_call(world);
      break;
    case STEP_PEER:
      step_peer(world);
      break;
    case STEP_TELL:
      step_tell(world);
      return;
    case STEP_TURN_END:
      if (world->stage.io.turn_end_asked) tell_turn_end(&world->stage);
      return;
    case STEP_SLEEP:
      step_sleep(world);
      return;
    case STEP_JUMP:
      step_jump(world);
      break;
    case STEP_DRAIN:
      step_drain(world);
      break;
    case STEP_COUNT:
      break;
  }
  invariants_of_step(world);
}

/* ---- beginning and end ---- */

static void trace_limits(const struct world *world) {
  const fin_conn_options *limits = &world->limits;
  world_trace(world, NULL, "open %u idle %d half %u stall %u linger %u grace %u bytes %u rate %u",
              limits->open_ms, (int)limits->idle_ms, limits->half_ms, limits->stall_ms,
              limits->linger_ms, limits->linger_grace_ms, limits->linger_bytes_max,
              limits->min_rate);
  world_trace(world, NULL, "output high %zu low %zu max %zu, input max %zu", limits->output_high,
              limits->output_low, limits->output_max, limits->input_max);
}

static void begin(struct world *world, uint64_t seed, bool tracing, struct tally *tally) {
  world->seed = world->random = seed;
  world->tracing = tracing;
  world->tally = tally;
  world->count = world->depth = world->takes = 0;
  world->begun = world->calling = NULL;
  world->telling = BY_CALLS;
  world->late_ms = 0;
  temper_choose(world);
  world->budget = world->temper.calls;
  application_begin(world);
  stage_begin(&world->stage, &world->owners[0].handler, &world->owners[0], &world->limits,
              temper_beginning(world));
  world->stage.tell = tell;
  world->stage.tell_turn_end = tell_turn_end;
  world->stage.tell_time = tell_time;
  world->stage.io.on_failure = on_failure;
  trace_limits(world);
}

static bool any_alive(const struct world *world) {
  for (unsigned i = 0; i < world->count; i++)
    if (world->subjects[i].alive) return true;
  return false;
}

/* Peers take what there is, and follow our FIN. */
static void peers_follow(struct world *world) {
  for (unsigned i = 0; i < world->count; i++) {
    struct subject *subject = &world->subjects[i];
    struct socket *socket = subject->socket;
    uint64_t acked = socket->acked;
    socket->capacity = socket->take_max = 1024 * 1024;
    if (subject->alive && subject->opened) peer_ack_all(socket);
    if (socket->acked > acked) flow_grew(&subject->acked, world_now(world), socket->acked);
    if (socket->dialling) peer_accept(socket);
    if (socket->fin_acked) peer_send_fin(socket);
  }
  invariants_of_step(world);
}

/* Nobody does anything any more, but perhaps polite peers: time alone must end everything that may
 * not idle for ever. */
static void fall_silent(struct world *world) {
  struct fin_io *io = &world->stage.io;
  bool polite = world_chance(world, 32);
  world_trace(world, NULL, "silence");
  world->budget = 0;
  memset(io->faults, 0, sizeof io->faults);
  memory_fail_in(0);
  for (unsigned wakes = 0;; wakes++) {
    rest(world);
    if (polite) {
      peers_follow(world);
      rest(world);
    }
    if (!any_alive(world)) return;
    OBEY(silence_leads_to_closed, wakes < 10000, "still not");
    if (io->wake_set) {
      sleep_until(world, io->wake_ms);
      continue;
    }
    for (unsigned i = 0; i < world->count; i++) {
      struct subject *subject = &world->subjects[i];
      if (!subject->alive) continue;
      bool unbounded = subject->limits.idle_ms == FIN_NEVER || subject->busy;
      bool may_idle = subject->state == FIN_ST_OPEN && unbounded;
      may_idle |=
          fin_states[subject->state].bound == FIN_BOUND_HALF && !patience_half_bounded(subject);
      OBEY(silence_leads_to_closed, may_idle, "%s for ever", fin_state_name(subject->state));
      application_close(world, subject);
    }
    invariants_of_step(world);
  }
}

void world_play(struct world *world, uint64_t seed, bool tracing, struct tally *tally) {
  begin(world, seed, tracing, tally);
  step_connect(world);
  invariants_of_step(world);
  for (unsigned i = 0; i < world->temper.steps; i++) {
    if (world->count == SUBJECTS_MAX && !any_alive(world)) break;
    step(world);
  }
  fall_silent(world);
  stage_end(&world->stage);
  OBEY(nothing_is_left, world->takes == 0, "%u taken data", world->takes);
  tally->schedules++;
}
