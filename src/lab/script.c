/* SPDX-License-Identifier: MIT
 *
 * Who plays, and when. What a step does is in script_step.c.
 */
#include "lab/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/clock.h"
#include "lab/script_step.h"

struct lab_script {
  struct lab_script_options options;
  int listener; /* -1: clients */
  uint16_t port;
  struct lab_playing *playing;
  size_t count;
};

/* ---- what they say ---- */

static void say(struct lab_script *script, struct lab_playing *playing, bool failed,
                const char *text) {
  const struct lab_step *step = &playing->player->steps[playing->step];
  struct lab_event event = {.at_ns = lab_now(), .kind = LAB_SAID};
  playing->ended = playing->ended || failed || playing->step + 1 == playing->player->step_count;
  event.said = (struct lab_said){
      .side = script->options.side,
      .player = playing->number,
      .line = step->line,
      .client_port = playing->client_port,
      .failed = failed,
      .last = playing->ended,
  };
  snprintf(event.said.text, sizeof event.said.text, "%s%s%s", step->text, *text != '\0' ? ": " : "",
           text);
  script->options.on_said(script->options.context, &event);
}

/* ---- who plays ---- */

/* The n-th connection, from 0, plays the n-th block, counting `x3` as three; further ones the last.
 */
static const struct lab_player *player_of(const struct lab_players *players, size_t n) {
  for (size_t i = 0; i < players->count; i++) {
    if (n < players->items[i].times) return &players->items[i];
    n -= players->items[i].times;
  }
  return &players->items[players->count - 1];
}

static bool add(struct lab_script *script, int fd, uint16_t client_port) {
  struct lab_playing *all = realloc(script->playing, (script->count + 1) * sizeof *all);
  if (all == NULL) return false;
  script->playing = all;
  all[script->count] = (struct lab_playing){
      .player = player_of(script->options.players, script->count),
      .number = (unsigned)script->count + 1,
      .fd = fd,
      .client_port = client_port,
      .connected = fd >= 0,
      .began_ns = lab_now(),
  };
  script->count++;
  return true;
}

static void accept_all(struct lab_script *script) {
  struct sockaddr_in peer;
  for (;;) {
    socklen_t len = sizeof peer;
    const int fd =
        accept4(script->listener, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (fd < 0) return;
    if (!add(script, fd, ntohs(peer.sin_port))) close(fd);
  }
}

static bool leave_out(const struct lab_script *script, const struct lab_player *player) {
  for (size_t i = 0; i < player->step_count && script->options.send_max > 0; i++)
    if (player->steps[i].len > script->options.send_max) return true;
  return false;
}

/* ---- turns ---- */

static bool is_timed(const struct lab_script *script, const struct lab_step *step) {
  return step->kind == LAB_STEP_WAIT || !script->options.patient;
}

static void play(struct lab_script *script, struct lab_playing *playing) {
  const struct lab_script_options *options = &script->options;
  while (!playing->ended) {
    const struct lab_step *step = &playing->player->steps[playing->step];
    char text[80] = "";
    enum lab_went went = lab_step_play(playing, options, step, text);
    if (went == LAB_WAITS && step->kind != LAB_STEP_WAIT && is_timed(script, step) &&
        lab_now() >= playing->began_ns + step->ms * LAB_MS) {
      went = LAB_FAILED_STEP;
      snprintf(text, sizeof text, "not within %u ms", step->ms);
    }
    if (went == LAB_WAITS) return;
    const bool last = playing->step + 1 == playing->player->step_count;
    const bool quiet = step->kind == LAB_STEP_WAIT || step->kind == LAB_STEP_SET;
    if (went == LAB_FAILED_STEP || last || !quiet)
      say(script, playing, went == LAB_FAILED_STEP, text);
    if (went == LAB_FAILED_STEP) lab_playing_close(playing);
    playing->step++;
    playing->done = 0;
    playing->began_ns = lab_now();
  }
}

void lab_script_turn(struct lab_script *script) {
  if (script->listener >= 0) accept_all(script);
  for (size_t i = 0; i < script->count; i++) play(script, &script->playing[i]);
}

size_t lab_script_polls(const struct lab_script *script, struct pollfd *polls, size_t max,
                        int *timeout_ms) {
  const uint64_t now = lab_now();
  size_t count = 0;
  if (script->listener >= 0 && max > 0)
    polls[count++] = (struct pollfd){.fd = script->listener, .events = POLLIN};
  for (size_t i = 0; i < script->count; i++) {
    const struct lab_playing *playing = &script->playing[i];
    if (playing->ended) continue;
    const struct lab_step *step = &playing->player->steps[playing->step];
    const uint64_t due = playing->began_ns + step->ms * LAB_MS;
    const uint64_t left = due > now ? (due - now + LAB_MS - 1) / LAB_MS : 0;
    if (is_timed(script, step) && left < (uint64_t)*timeout_ms) *timeout_ms = (int)left;
    const short events = lab_step_events(playing, step);
    if (events != 0 && playing->fd >= 0 && count < max)
      polls[count++] = (struct pollfd){.fd = playing->fd, .events = events};
  }
  return count;
}

bool lab_script_over(const struct lab_script *script) {
  for (size_t i = 0; i < script->count; i++)
    if (!script->playing[i].ended) return false;
  return true;
}

/* ---- the script ---- */

static int listen_on(struct lab_script *script) {
  const int on = 1;
  socklen_t len = sizeof script->options.address;
  struct sockaddr *address = (struct sockaddr *)&script->options.address;
  script->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (script->listener < 0 ||
      setsockopt(script->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(script->listener, address, len) != 0 || listen(script->listener, 128) != 0 ||
      getsockname(script->listener, address, &len) != 0)
    return -errno;
  script->port = ntohs(script->options.address.sin_port);
  return 0;
}

static int add_clients(struct lab_script *script) {
  const struct lab_players *players = script->options.players;
  size_t total = 0;
  for (size_t i = 0; i < players->count; i++) total += players->items[i].times;
  for (size_t i = 0; i < total; i++) {
    if (!add(script, -1, 0)) return -ENOMEM;
    script->playing[i].ended = leave_out(script, script->playing[i].player);
    if (script->playing[i].ended)
      say(script, &script->playing[i], false, "left out without a wire: it sends too much");
  }
  return 0;
}

struct lab_script *lab_script_new(const struct lab_script_options *options) {
  struct lab_script *script = calloc(1, sizeof *script);
  int error;
  if (script == NULL) return NULL;
  script->options = *options;
  script->listener = -1;
  error = options->side == LAB_SERVER ? listen_on(script) : add_clients(script);
  if (error == 0) return script;
  lab_script_free(script);
  errno = -error;
  return NULL;
}

void lab_script_free(struct lab_script *script) {
  if (script == NULL) return;
  for (size_t i = 0; i < script->count; i++) lab_playing_close(&script->playing[i]);
  if (script->listener >= 0) close(script->listener);
  free(script->playing);
  free(script);
}

uint16_t lab_script_port(const struct lab_script *script) { return script->port; }
