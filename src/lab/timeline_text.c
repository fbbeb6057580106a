/* SPDX-License-Identifier: MIT
 *
 * What segments, calls and states are called in a story.
 */
#include "lab/timeline_text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lab/judge.h"
#include "lab/segment.h"

const char *lab_segment_text(const struct lab_segment *segment, char text[48]) {
  const uint8_t flags = segment->flags;
  text[0] = '\0';
  if (flags & TCP_SYN) lab_say(text, 48, "SYN ");
  if (flags & TCP_FIN) lab_say(text, 48, "FIN ");
  if (flags & TCP_RST) lab_say(text, 48, "RST ");
  if (flags & TCP_ACK && segment->len == 0) lab_say(text, 48, "ACK ");
  if (segment->len > 0) lab_say(text, 48, "%u byte%s ", segment->len, segment->len == 1 ? "" : "s");
  if (segment->window == 0 && (flags & (TCP_RST | TCP_SYN)) == 0) lab_say(text, 48, "win 0 ");
  const size_t len = strlen(text);
  if (len == 0) return "no flags";
  text[len - 1] = '\0';
  return text;
}

const char *lab_call_text(const struct lab_call *call, char text[64]) {
  const bool eof = strcmp(call->name, "eof") == 0;
  const bool gives_fd = strncmp(call->name, "accept", 6) == 0 || strcmp(call->name, "socket") == 0;
  const bool gives_pid = strcmp(call->name, "fork") == 0 || strcmp(call->name, "vfork") == 0;
  text[0] = '\0';
  lab_say(text, 64, "%s(", eof ? "read" : call->name);
  if (!gives_pid && !gives_fd && call->fd >= 0) lab_say(text, 64, "%d", call->fd);
  lab_say(text, 64, ")");
  if (eof)
    lab_say(text, 64, " = EOF");
  else if (call->error != 0)
    lab_say(text, 64, ": %s",
            strerrorname_np(call->error) != NULL ? strerrorname_np(call->error) : "error");
  else if (gives_fd && call->fd > 0)
    lab_say(text, 64, " = %d", call->fd);
  else if (call->result != 0)
    lab_say(text, 64, " = %lld", (long long)call->result);
  return text;
}

void timeline_state(const struct lab_state *state, bool own, struct cell *cell) {
  const bool gone = lab_is_closed(state->to);
  const char mark = state->source == LAB_INFERRED ? '~' : state->source == LAB_KERNEL ? '*' : ' ';
  *cell = (struct cell){.tone = gone ? TONE_QUIET : TONE_BOLD};
  if (state->from != state->to && !lab_transition_legal(state->from, state->to)) {
    snprintf(cell->text, sizeof cell->text, "?%s", gone ? "gone" : fin_tcp_state_name(state->to));
    snprintf(cell->rest, sizeof cell->rest, " not a way from %s", fin_tcp_state_name(state->from));
    cell->tone = TONE_RED;
    return;
  }
  snprintf(cell->text, sizeof cell->text, "%c%s", mark,
           gone ? "gone" : fin_tcp_state_name(state->to));
  if (state->source == LAB_INFERRED) cell->tone = TONE_QUIET;
  if (gone || state->source == LAB_INFERRED) return;
  if (state->to == FIN_TCP_CLOSE_WAIT) cell->tone = TONE_ORANGE;
  if (state->to == FIN_TCP_ESTABLISHED) cell->tone = TONE_GREEN;
  if (state->from == state->to) cell->tone = TONE_PLAIN;
  if (state->recv_queue > 0 || state->to == FIN_TCP_CLOSE_WAIT || state->from == state->to)
    lab_say(cell->rest, CELL_MAX, " Recv-Q %u", state->recv_queue);
  if (state->send_queue > 0 && state->to != FIN_TCP_LISTEN && state->to != FIN_TCP_SYN_SENT)
    lab_say(cell->rest, CELL_MAX, " Send-Q %u", state->send_queue);
  if (state->holder == FIN_HOLDER_QUEUED || state->holder == FIN_HOLDER_ORPHAN)
    lab_say(cell->rest, CELL_MAX, " %s", fin_holder_name(state->holder));
  else if (own && state->owner[0] != '\0' && state->to != FIN_TCP_LISTEN)
    lab_say(cell->rest, CELL_MAX, " %s", state->owner);
  if (own && state->holder == FIN_HOLDER_OWNED && state->fd >= 0 && state->to != FIN_TCP_LISTEN)
    lab_say(cell->rest, CELL_MAX, " fd %d", state->fd);
  /* While anything is on its way the timer that repeats it runs: that tells nothing. */
  if (state->timer != FIN_TCP_TIMER_NONE && state->timer != FIN_TCP_TIMER_RETRANSMIT)
    lab_say(cell->rest, CELL_MAX, " %s %.1fs", fin_tcp_timer_name(state->timer),
            (double)state->timer_ms / 1000);
}

void timeline_segment(const struct lab_segment *segment, bool number, unsigned width,
                      struct cell *cell) {
  char text[48];
  const uint8_t flags = segment->flags;
  *cell = (struct cell){.from = segment->from, .leaves = segment->leaves, .fate = segment->fate};
  if (number) lab_say(cell->text, CELL_MAX, "#%llu ", (unsigned long long)segment->number);
  lab_say(cell->text, CELL_MAX, "%s", lab_segment_text(segment, text));
  if (width >= 36) lab_say(cell->text, CELL_MAX, " seq %u", segment->seq);
  if (width >= 36 && flags & TCP_ACK) lab_say(cell->text, CELL_MAX, " ack %u", segment->ack);
  cell->tone = flags & TCP_RST || segment->fate == LAB_DROPPED ? TONE_RED
               : flags & TCP_FIN                               ? TONE_YELLOW
               : flags & TCP_SYN                               ? TONE_GREEN
               : segment->len > 0                              ? TONE_PLAIN
                                                               : TONE_QUIET;
}

void timeline_call(const struct lab_call *call, struct cell *cell) {
  char text[64];
  *cell = (struct cell){.tone = call->error != 0 ? TONE_RED : TONE_CYAN};
  snprintf(cell->text, sizeof cell->text, " %s", lab_call_text(call, text));
}

/* ---- what a stream and the environment want ---- */

static bool is_set(const char *name) {
  const char *value = getenv(name);
  return value != NULL && *value != '\0';
}

static bool speaks_utf8(void) {
  const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (size_t i = 0; i < 3; i++) {
    if (!is_set(names[i])) continue;
    const char *value = getenv(names[i]);
    return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
  }
  return false;
}

struct lab_timeline_options lab_timeline_options(FILE *out) {
  struct lab_timeline_options options = {.out = out, .columns = LAB_COLUMNS_MIN};
  const char *term = getenv("TERM");
  struct winsize size;
  const bool terminal = isatty(fileno(out)) == 1;
  if (terminal && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    options.columns = size.ws_col;
  else if (is_set("COLUMNS"))
    options.columns = (unsigned)strtoul(getenv("COLUMNS"), NULL, 10);
  options.rewrites = terminal && term != NULL && strcmp(term, "dumb") != 0;
  options.colour = options.rewrites && !is_set("NO_COLOR");
  options.unicode = speaks_utf8();
  return options;
}
