/* SPDX-License-Identifier: MIT
 *
 * What is left when a story is over.
 */
#include <string.h>

#include "lab/judge.h"
#include "lab/timeline_text.h"

/* X(name): counters that tell something about how connections ended. */
#define TELLING(X) \
  X("TCPAbortOnClose") \
  X("TCPAbortOnData") \
  X("TCPAbortOnTimeout") \
  X("TCPAbortOnLinger") \
  X("TCPKeepAlive") \
  X("TCPToZeroWindowAdv") \
  X("TCPWinProbe") \
  X("ListenOverflows") \
  X("ListenDrops") \
  X("TCPTimeouts") \
  X("RetransSegs") \
  X("AttemptFails") \
  X("EstabResets") \
  X("OutRsts") \
  X("TCPSYNChallenge") \
  X("TWRecycled") \
  X("TCPTimeWaitOverflow")

bool lab_counter_tells(const char *name) {
  static const char *const names[] = {
#define NAME(name) name,
      TELLING(NAME)
#undef NAME
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

/* A heading, then lines that wrap like any others. */
static void head(const struct sheet *sheet, const char *text) {
  sheet_tone(sheet, TONE_BOLD);
  fputs(text, sheet->out);
  sheet_tone(sheet, TONE_PLAIN);
  fputc('\n', sheet->out);
}

static void end_socket(const struct sheet *sheet, const struct lab_life *life) {
  char text[160] = "", who[64] = "", time[24];
  const struct lab_span *span = &life->spans[life->count - 1];
  const struct lab_state *state = span->state;
  size_t first = life->count - 1;
  while (first > 0 && life->spans[first - 1].state->to == state->to) first--;
  lab_say(text, sizeof text, "  %s", life->side == LAB_SERVER ? "server" : "client");
  if (sheet->told_apart) lab_say(text, sizeof text, " %-2u", life->connection);
  lab_say(text, sizeof text, " %-10s %s, Recv-Q %u, Send-Q %u,", fin_tcp_state_name(state->to),
          lab_seconds(span->to_ns - life->spans[first].from_ns, time), state->recv_queue,
          state->send_queue);
  if (state->owner[0] != '\0')
    lab_say(who, sizeof who, "%.15s:%d", state->owner, state->fd);
  else
    lab_say(who, sizeof who, "%s", fin_holder_name(state->holder));
  if (state->timer != FIN_TCP_TIMER_NONE && state->holder != FIN_HOLDER_TIME_WAIT)
    lab_say(who, sizeof who, ", %s", fin_tcp_timer_name(state->timer));
  const bool fits = strlen(text) + strlen(who) < LAB_COLUMNS_MIN;
  fprintf(sheet->out, "%s%s%s\n", text, fits ? " " : "\n            ", who);
}

static void end_sockets(const struct sheet *sheet, const struct lab_story *story) {
  struct lab_lives lives;
  unsigned count = 0;
  if (!lab_lives_read(story, &lives)) return;
  for (size_t i = 0; i < lives.count; i++) {
    const struct lab_life *life = &lives.items[i];
    if (!life->open || life->client_port == 0 || life->count == 0) continue;
    if (count++ == 0) head(sheet, "Still there");
    end_socket(sheet, life);
  }
  if (count == 0) head(sheet, "No connection is left.");
  lab_lives_release(&lives);
}

static void end_counters(const struct sheet *sheet, const struct lab_story *story) {
  unsigned count = 0, used = 0;
  for (size_t i = 0; i < story->counter_count; i++) {
    const struct lab_counter *counter = &story->counters[i];
    char text[96];
    if (!lab_counter_tells(counter->name)) continue;
    if (count++ == 0) head(sheet, "Counters that grew");
    const int len = snprintf(text, sizeof text, "  %s %s +%lld",
                             counter->side == LAB_SERVER ? "server" : "client", counter->name,
                             (long long)counter->grew);
    if (used > 0 && used + (unsigned)len > LAB_COLUMNS_MIN) {
      fputc('\n', sheet->out);
      used = 0;
    }
    fputs(text, sheet->out);
    used += (unsigned)len;
  }
  if (count > 0) fputc('\n', sheet->out);
}

static void end_legend(const struct sheet *sheet, const struct lab_story *story) {
  bool inferred = false, kernel = false;
  for (size_t i = 0; i < story->count; i++) {
    if (story->events[i].kind != LAB_STATE) continue;
    inferred = inferred || story->events[i].state.source == LAB_INFERRED;
    kernel = kernel || story->events[i].state.source == LAB_KERNEL;
  }
  if (!inferred && !kernel) return;
  sheet_tone(sheet, TONE_QUIET);
  fprintf(sheet->out, "%s%s%s",
          inferred ? "~ too short to be seen: it must have been (RFC 9293)" : "",
          inferred && kernel ? "   " : "", kernel ? "* told by the kernel" : "");
  sheet_tone(sheet, TONE_PLAIN);
  fputc('\n', sheet->out);
}

void timeline_end(const struct sheet *sheet, const struct lab_story *story) {
  end_legend(sheet, story);
  end_sockets(sheet, story);
  end_counters(sheet, story);
  if (story->lost_frames > 0)
    fprintf(sheet->out, "%llu frames came too fast for the wire and were lost.\n",
            (unsigned long long)story->lost_frames);
}
