/* SPDX-License-Identifier: MIT
 *
 * HTTP over the scripted io: one connection whose client sends the fuzzed bytes, in pieces, and
 * then does whatever clients do. The first line of an input says how:
 *
 *   SPLITS ENDING NETWORK TIME MEMORY LIMITS, a digit each, then what the routes do: see
 *   http/routes.c
 *
 * What is missing there is 0 and a. The rest is what the client sends.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/laws.h"
#include "fuzz/http/exchange.h"
#include "support/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum splits { WHOLE, BYTES, LINES, HALVES, SMALL, ANY, SPLITS };
enum ending { SILENCE, FIN, FIN_AT_ONCE, RST, RST_AT_ONCE, DRAIN, ENDINGS };
enum network { FAST, SLOW, SMALL_WRITES, DEAD, NETWORKS };
enum { DIGITS = 6, LINE_MAX = 64, TICK_MS = 100, PATIENCE_MS = 120 * 1000, SLOW_BYTES = 3000 };

struct script {
  enum splits splits;
  enum ending ending;
  enum network network;
  unsigned time, memory;
  bool tight;
  const char *does;
  size_t does_len;
  const char *input;
  size_t len;
  uint64_t random;
};

/* ---- what must hold ---- */

const char *const law_names[LAW_COUNT] = {
#define LAW(name, text) #name,
#include "core/laws.def"
};

void law_broken(enum law law, const char *detail, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, detail);
  vsnprintf(text, sizeof text, detail, arguments);
  va_end(arguments);
  unexpected(law_names[law], "%s", text);
}

void unexpected(const char *what, const char *detail, ...) {
  va_list arguments;
  va_start(arguments, detail);
  fprintf(stderr, "does not hold: %s: ", what);
  vfprintf(stderr, detail, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  abort();
}

uint64_t sum_add(uint64_t sum, const char *data, size_t len) { /* FNV-1a, begun with 0 */
  for (size_t i = 0; i < len; i++)
    sum = (sum ^ (uint8_t)data[i] ^ 0x5a) * UINT64_C(0x100000001b3) + 1;
  return sum;
}

/* ---- the script ---- */

static void read_script(struct script *script, const char *data, size_t size) {
  size_t most = size < LINE_MAX ? size : LINE_MAX;
  const char *newline = memchr(data, '\n', most);
  size_t line = newline ? (size_t)(newline - data) : 0;
  unsigned digits[DIGITS] = {0};
  for (size_t i = 0; i < line && i < DIGITS; i++) digits[i] = (uint8_t)(data[i] - '0');
  script->splits = (enum splits)(digits[0] % SPLITS);
  script->ending = (enum ending)(digits[1] % ENDINGS);
  script->network = (enum network)(digits[2] % NETWORKS);
  script->time = digits[3] % 10;
  script->memory = digits[4];
  script->tight = digits[5] % 2;
  script->does = line > DIGITS ? data + DIGITS : "a";
  script->does_len = line > DIGITS ? line - DIGITS : 1;
  script->input = newline ? newline + 1 : data;
  script->len = newline ? size - line - 1 : size;
  script->random = sum_add(0, data, line);
}

static size_t next_piece(struct script *script, size_t at) {
  const char *from = script->input + at;
  size_t left = script->len - at;
  const char *newline = memchr(from, '\n', left);
  size_t bits = script->splits == SMALL ? 4 : 11, piece = left;
  switch (script->splits) {
    case BYTES:
      piece = 1;
      break;
    case LINES:
      if (newline) piece = (size_t)(newline - from) + 1;
      break;
    case HALVES:
      piece = (left + 1) / 2;
      break;
    case SMALL:
    case ANY:
      piece = 1 + (size_t)random_below(&script->random, UINT64_C(1) << bits);
      break;
    default:
      break;
  }
  return piece < left ? piece : left;
}

/* ---- the play ---- */

static struct exchange exchange;

static void on_taken(struct socket *socket, const char *data, size_t len) {
  (void)socket;
  if (len > exchange.output_room - exchange.output_len) {
    exchange.output_room = 2 * (exchange.output_room + len);
    exchange.output = realloc(exchange.output, exchange.output_room);
    if (!exchange.output) abort();
  }
  memcpy(exchange.output + exchange.output_len, data, len);
  exchange.output_len += len;
}

static void pass(const struct script *script, uint64_t time_ms) {
  struct socket *socket = exchange.socket;
  if (script->network == FAST || script->network == SMALL_WRITES) peer_ack_all(socket);
  if (script->network == SLOW) peer_ack(socket, SLOW_BYTES);
  stage_sleep(&exchange.stage, time_ms);
  exchange_act(&exchange);
  stage_rest(&exchange.stage);
}

static void send_all(struct script *script) {
  static const uint32_t times_ms[] = {0, 0, 0, 1, 5, 30, 100, 500, 1500, 6000};
  for (size_t at = 0, piece; at < script->len; at += piece) {
    piece = next_piece(script, at);
    peer_send(exchange.socket, piece);
    if (at + piece == script->len && script->ending == FIN_AT_ONCE) peer_send_fin(exchange.socket);
    if (script->time > 0 || script->splits != WHOLE) pass(script, times_ms[script->time]);
  }
}

static void play(struct script *script) {
  struct socket *socket = exchange.socket;
  send_all(script);
  if (script->ending == RST_AT_ONCE) peer_fail(socket, ECONNRESET);
  if (script->ending == DRAIN) stage_drain(&exchange.stage);
  pass(script, 0);
  if (script->ending == FIN) peer_send_fin(socket);
  if (script->ending == RST) peer_fail(socket, ECONNRESET);
  for (unsigned ms = 0; socket->descriptor != FD_GONE; ms += TICK_MS) {
    EXPECT(ms < PATIENCE_MS, "the connection does not end");
    pass(script, TICK_MS);
  }
}

static void begin(const struct script *script) {
  static const fin_handler nothing = {0};
  fin_conn_options limits = {.idle_ms = 3000,
                             .half_ms = 2000,
                             .stall_ms = 2000,
                             .linger_ms = 1000,
                             .output_high = script->tight ? 2000 : 0};
  exchange = (struct exchange){
      .does = script->does, .does_len = script->does_len, .output = malloc(1), .output_room = 1};
  stage_begin(&exchange.stage, &nothing, NULL, &limits, (UINT64_C(1) << 32) - 2000);
  exchange.socket = io_socket(&exchange.stage.io);
  exchange.socket->input = script->input;
  exchange.socket->on_taken = on_taken;
  if (script->network != FAST) exchange.socket->capacity = SLOW_BYTES;
  if (script->network == SMALL_WRITES) exchange.socket->take_max = 100;
}

/* Its memory is counted too, so it is made on the stage. */
static fin_http *enter(const struct script *script) {
  fin_http_options options = {.routes = exchange_routes,
                              .header_ms = 4000,
                              .request_ms = 8000,
                              .connection_age_ms = 10000,
                              .requests_max = ASKED_MAX};
  if (script->tight) {
    options.target_max = 40;
    options.header_bytes_max = 256;
    options.headers_max = 4;
    options.body_max = 100;
    options.requests_max = 3;
  }
  struct stage *stage = &exchange.stage;
  fin_conn_options limits = stage->pooled.service.limits;
  fin_http *http = fin_http_new(&options);
  if (!http) abort();
  fin_pooled_service_fini(&stage->pooled);
  fin_pooled_service_init(&stage->pooled, &stage->loop, fin_http_handler(http), &exchange, &limits);
  return http;
}

/* Returns what came back. */
static uint64_t run(struct script *script) {
  size_t lines = 0;
  for (size_t i = 0; i < script->len; i++) lines += script->input[i] == '\n';
  begin(script);
  fin_http *http = enter(script);
  if (!stage_accept(&exchange.stage, exchange.socket)) abort();
  stage_rest(&exchange.stage);
  memory_fail_in(script->memory);
  play(script);
  uint64_t sum = exchange_judge(&exchange, lines);
  free(exchange.output);
  fin_http_free(http);
  stage_end(&exchange.stage);
  return sum;
}

static bool does_any(const struct script *script, const char *letters) {
  for (size_t i = 0; i < script->does_len; i++)
    if (strchr(letters, script->does[i])) return true;
  return false;
}

/* Only the order of the bytes decides on what comes back. */
static bool calm(const struct script *script) {
  return script->splits != WHOLE && script->ending == SILENCE && script->network == FAST &&
         script->time == 0 && script->memory == 0 && !does_any(script, "dt");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct script script;
  read_script(&script, (const char *)data, size);
  uint64_t sum = run(&script);
  if (!calm(&script) || exchange.socket->reset) return 0;
  script.splits = WHOLE;
  uint64_t other = run(&script);
  EXPECT(sum == other || exchange.socket->reset, "%llu in pieces, %llu as a whole",
         (unsigned long long)sum, (unsigned long long)other);
  return 0;
}
