/* SPDX-License-Identifier: MIT
 *
 * The claims, and their measures. They are those of the pages that people find first when their
 * server is full of CLOSE_WAIT.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lab/life.h"
#include "lab_claims.h"

/* ---- measures ---- */

static const char *state_name(fin_tcp_state state) {
  static const char *const names[FIN_TCP_STATE_COUNT] = {
#define NAME(name, number, text) [number] = text,
      FIN_TCP_STATES(NAME)
#undef NAME
  };
  return state < FIN_TCP_STATE_COUNT && !lab_is_closed(state) ? names[state] : "gone";
}

/* How long a socket of this side was in the state, the one that was longest; 0: none was. */
static double seconds_in(const struct lab_story *story, enum lab_side side, fin_tcp_state state) {
  struct lab_lives lives;
  uint64_t longest = 0;
  if (!lab_lives_read(story, &lives)) return 0;
  for (size_t i = 0; i < lives.count; i++) {
    const struct lab_life *life = &lives.items[i];
    uint64_t in_state = 0;
    for (size_t n = 0; n < life->count && life->side == side && life->client_port != 0; n++)
      if (life->spans[n].state->to == state)
        in_state += life->spans[n].to_ns - life->spans[n].from_ns;
    if (in_state > longest) longest = in_state;
  }
  lab_lives_release(&lives);
  return (double)longest / 1e9;
}

static int64_t grew(const struct lab_story *story, enum lab_side side, const char *name) {
  for (size_t i = 0; i < story->counter_count; i++)
    if (story->counters[i].side == side && strcmp(story->counters[i].name, name) == 0)
      return story->counters[i].grew;
  return 0;
}

static struct lab_count last_count(const struct lab_story *story, uint32_t *before) {
  struct lab_count count = {0};
  bool first = true;
  *before = 0;
  for (size_t i = 0; i < story->count; i++) {
    if (story->events[i].kind != LAB_COUNT) continue;
    count = story->events[i].count;
    if (first) *before = count.descriptors;
    first = false;
  }
  return count;
}

/* The states of the side's first connection, from where it began to end. */
static void print_path(const struct lab_story *story, enum lab_side side, FILE *out) {
  struct lab_lives lives;
  fin_tcp_state last = FIN_TCP_ESTABLISHED;
  if (!lab_lives_read(story, &lives)) return;
  fprintf(out, "%s:", side == LAB_SERVER ? "server" : "client");
  for (size_t i = 0; i < lives.count; i++) {
    const struct lab_life *life = &lives.items[i];
    if (life->side != side || life->client_port == 0) continue;
    for (size_t n = 0; n < life->count; n++) {
      const fin_tcp_state state = life->spans[n].state->to;
      if (state == last || state == FIN_TCP_SYN_SENT || state == FIN_TCP_SYN_RECV) continue;
      fprintf(out, " %s", state_name(state));
      last = state;
    }
    if (!life->open && !lab_is_closed(last)) fputs(" gone", out);
    break;
  }
  lab_lives_release(&lives);
}

static void measure_paths(const struct lab_story *story, FILE *out) {
  print_path(story, LAB_SERVER, out);
  fputs("; ", out);
  print_path(story, LAB_CLIENT, out);
}

static void measure_probes(const struct lab_story *story, FILE *out) {
  fprintf(out, "%.1f s in CLOSE-WAIT, %" PRId64 " keepalive probes",
          seconds_in(story, LAB_SERVER, FIN_TCP_CLOSE_WAIT),
          grew(story, LAB_SERVER, "TCPKeepAlive"));
}

static void measure_leak(const struct lab_story *story, FILE *out) {
  uint32_t before;
  const struct lab_count count = last_count(story, &before);
  fprintf(out,
          "CLOSE-WAIT for %.1f s, then out of the table; descriptors %+d, %u of them invisible",
          seconds_in(story, LAB_SERVER, FIN_TCP_CLOSE_WAIT), (int)(count.descriptors - before),
          (unsigned)count.invisible);
}

static void measure_invisible(const struct lab_story *story, FILE *out) {
  uint32_t before;
  const struct lab_count count = last_count(story, &before);
  fprintf(out, "no socket in any table; descriptors %+d, %u without a socket that ss shows",
          (int)(count.descriptors - before), (unsigned)count.invisible);
}

static void measure_both_ends(const struct lab_story *story, FILE *out) {
  fprintf(out, "FIN-WAIT-2 at the client: %.1f s; CLOSE-WAIT at the server: %.1f s, still there",
          seconds_in(story, LAB_CLIENT, FIN_TCP_FIN_WAIT2),
          seconds_in(story, LAB_SERVER, FIN_TCP_CLOSE_WAIT));
}

static void measure_timer(const struct lab_story *story, FILE *out) {
  fprintf(out, "%.1f s in CLOSE-WAIT, no timer at any time",
          seconds_in(story, LAB_SERVER, FIN_TCP_CLOSE_WAIT));
}

static void measure_reuse(const struct lab_story *story, FILE *out) {
  fprintf(out, "%.1f s in CLOSE-WAIT with tcp_tw_reuse 1, still there; tcp_tw_recycle: %s",
          seconds_in(story, LAB_SERVER, FIN_TCP_CLOSE_WAIT),
          access("/proc/sys/net/ipv4/tcp_tw_recycle", F_OK) == 0 ? "this old kernel has it"
                                                                 : "not in this kernel");
}

static void measure_closing_segments(const struct lab_story *story, FILE *out) {
  enum { FIN = 1, ACK = 16 };
  unsigned count = 0, fins = 0, with_ack = 0;
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    if (event->kind != LAB_SEGMENT || event->segment.leaves) continue;
    const bool fin = (event->segment.flags & FIN) != 0;
    fins += fin;
    with_ack += fin && (event->segment.flags & ACK) != 0;
    count += fins > 0;
  }
  fprintf(out, "%u segments from the first FIN on, %u FINs, %u of them with an ACK", count, fins,
          with_ack);
}

static void measure_answer(const struct lab_story *story, FILE *out) {
  uint64_t fin_ns = 0, answer_ns = 0;
  uint32_t len = 0;
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    if (event->kind != LAB_SEGMENT) continue;
    const struct lab_segment *segment = &event->segment;
    if (segment->from == LAB_CLIENT && (segment->flags & 1) != 0 && segment->leaves && !fin_ns)
      fin_ns = event->at_ns;
    if (segment->from == LAB_SERVER && segment->len > 0 && segment->leaves) {
      answer_ns = event->at_ns;
      len += segment->len;
    }
  }
  fprintf(out, "%u bytes came to the client %.2f s after its FIN had arrived", (unsigned)len,
          answer_ns > fin_ns ? (double)(answer_ns - fin_ns) / 1e9 : 0.0);
}

static void measure_client_side(const struct lab_story *story, FILE *out) {
  fprintf(out, "CLOSE-WAIT at the client: %.1f s; at the server: %.1f s",
          seconds_in(story, LAB_CLIENT, FIN_TCP_CLOSE_WAIT),
          seconds_in(story, LAB_SERVER, FIN_TCP_CLOSE_WAIT));
}

static void measure_queued(const struct lab_story *story, FILE *out) {
  struct lab_lives lives;
  unsigned count = 0;
  if (!lab_lives_read(story, &lives)) return;
  for (size_t i = 0; i < lives.count; i++) {
    const struct lab_life *life = &lives.items[i];
    const struct lab_state *state = life->count > 0 ? life->spans[life->count - 1].state : NULL;
    count += state && life->side == LAB_SERVER && life->open && state->to == FIN_TCP_CLOSE_WAIT &&
             state->holder == FIN_HOLDER_QUEUED;
  }
  lab_lives_release(&lives);
  fprintf(out, "%u sockets in CLOSE-WAIT with no process at all, still in the accept queue", count);
}

/* ---- the claims ---- */

#define HALF_CLOSED_CLIENT \
  "client:\n" \
  "  connect\n" \
  "  send \"hello\\n\"\n" \
  "  read \"HELLO\\n\"\n" \
  "  end\n" \
  "  wait 4s\n"

#define LEAVING_CLIENT \
  "client:\n" \
  "  connect\n" \
  "  send \"hello\\n\"\n" \
  "  read \"HELLO\\n\"\n" \
  "  close\n"

const struct labs_claim labs_claims[] = {
    {.claim = "CLOSE_WAIT, LAST_ACK, then TIME_WAIT: so closes the side that got the first FIN.",
     .verdict = "wrong: LAST_ACK is followed by nothing; TIME_WAIT is with who sent the first FIN",
     .lab = "clean-close",
     .program = "broken.c",
     .expect = "client:\n"
               "  connect\n"
               "  send \"hello\\n\"\n"
               "  read \"HELLO\\n\"\n"
               "  end\n"
               "  read to end\n"
               "  close\n"
               "fixed:\n"
               "  order server CLOSE-WAIT, LAST-ACK\n"
               "  never server TIME-WAIT\n"
               "  see client TIME-WAIT\n",
     .measure = measure_paths},
    {.claim = "Set net.ipv4.tcp_keepalive_time lower, and there are fewer CLOSE_WAIT.",
     .verdict = "wrong: without SO_KEEPALIVE on the socket the setting reaches nobody",
     .lab = "eof-ignored",
     .program = "broken.c",
     .expect = "needs: wire\n"
               "sysctl: tcp_keepalive_time 1\n"
               "sysctl: tcp_keepalive_intvl 1\n" HALF_CLOSED_CLIENT "run: 500ms\n"
               "fixed:\n"
               "  stay server CLOSE-WAIT timer off for 4s\n"
               "  counter server TCPKeepAlive +0\n",
     .measure = measure_probes},
    {.claim = "With SO_KEEPALIVE a CLOSE_WAIT is found and closed.",
     .verdict = "wrong: the probes are answered as long as the peer's kernel knows the connection",
     .lab = "keepalive-mirage",
     .program = "broken.c",
     .expect = "client:\n"
               "  connect\n"
               "  send \"subscribe\\n\"\n"
               "  read \"subscribed\\n\"\n"
               "  end\n"
               "  wait 5s\n"
               "run: 500ms\n"
               "fixed:\n"
               "  stay server CLOSE-WAIT timer keepalive for 3s\n"
               "  counter server TCPKeepAlive +3\n",
     .measure = measure_probes},
    {.claim = "When keepalive has removed the CLOSE_WAIT, the leak is gone.",
     .verdict = "wrong: only the row is gone; the descriptor is leaked until the program closes it",
     .lab = "keepalive-mirage",
     .program = "broken.c",
     .expect = "needs: wire\n"
               "sysctl: tcp_fin_timeout 2\n"
               "client:\n"
               "  connect\n"
               "  send \"subscribe\\n\"\n"
               "  read \"subscribed\\n\"\n"
               "  close\n"
               "run: 7s\n"
               "fixed:\n"
               "  see server CLOSE-WAIT\n"
               "  gone server\n"
               "  descriptors +1\n"
               "  invisible 1\n",
     .measure = measure_leak},
    {.claim = "A CLOSE_WAIT lasts two hours, then the kernel removes it.",
     .verdict = "wrong: no timer runs; two hours is tcp_keepalive_time, which is something else",
     .lab = "eof-ignored",
     .program = "broken.c",
     .expect = HALF_CLOSED_CLIENT "run: 500ms\n"
                                  "fixed:\n"
                                  "  stay server CLOSE-WAIT timer off for 4s\n",
     .measure = measure_timer},
    {.claim = "Lower net.ipv4.tcp_fin_timeout against CLOSE_WAIT.",
     .verdict = "wrong end: it shortens FIN_WAIT2 at the peer; our CLOSE_WAIT stays, alone",
     .lab = "eof-ignored",
     .program = "broken.c",
     .expect = "needs: wire\n"
               "sysctl: tcp_fin_timeout 2\n" LEAVING_CLIENT "run: 5s\n"
               "fixed:\n"
               "  see client FIN-WAIT-2 orphan timer timewait\n"
               "  gone client\n"
               "  stay server CLOSE-WAIT for 4s\n",
     .measure = measure_both_ends},
    {.claim = "tcp_tw_reuse and tcp_tw_recycle help.",
     .verdict =
         "wrong: they are about TIME_WAIT, not CLOSE_WAIT; recycle was removed in Linux 4.12",
     .lab = "eof-ignored",
     .program = "broken.c",
     .expect = "needs: wire\n"
               "sysctl: tcp_tw_reuse 1\n" LEAVING_CLIENT "run: 4s\n"
               "fixed:\n"
               "  stay server CLOSE-WAIT for 3s\n",
     .measure = measure_reuse},
    {.claim = "To close takes four segments.",
     .verdict = "often three: who closes at once sends its FIN together with the ACK",
     .lab = "clean-close",
     .program = "broken.c",
     .expect = "needs: wire\n"
               "client:\n"
               "  connect\n"
               "  send \"hello\\n\"\n"
               "  read \"HELLO\\n\"\n"
               "  wait 500ms\n"
               "  end\n"
               "  read to end\n"
               "  close\n"
               "fixed:\n"
               "  order client FIN-WAIT-1, TIME-WAIT\n"
               "  gone server\n",
     .measure = measure_closing_segments},
    {.claim = "A FIN means that the client is gone.",
     .verdict = "wrong: it says \"I send no more\"; the client still reads its answer",
     .lab = "eof-ignored",
     .program = "fixed.c",
     .expect = "needs: wire\n"
               "client:\n"
               "  connect\n"
               "  send \"hello\\n\"\n"
               "  end\n"
               "  read \"HELLO\\n\"\n"
               "  read to end\n"
               "  close\n"
               "fixed:\n"
               "  client ok\n"
               "  gone server\n",
     .measure = measure_answer},
    {.claim = "CLOSE_WAIT is a state of servers.",
     .verdict = "wrong: it is with whoever receives the first FIN, here the client",
     .lab = "clean-close",
     .program = "fixed.c",
     .expect = "client:\n"
               "  connect\n"
               "  send \"hello\\n\"\n"
               "  read \"HELLO\\n\"\n"
               "  read to end\n"
               "  wait 3s\n"
               "run: 500ms\n"
               "fixed:\n"
               "  stay client CLOSE-WAIT for 3s\n"
               "  never server CLOSE-WAIT\n",
     .measure = measure_client_side},
    {.claim = "Processes in CLOSE_WAIT: find the process, and there is the bug.",
     .verdict = "incomplete: sockets are in a state, and some belong to no process yet",
     .lab = "never-accepted",
     .program = "broken.c",
     .expect = "sysctl: tcp_fin_timeout 3\n"
               "client x2:\n"
               "  connect\n"
               "  send \"hello\\n\"\n"
               "  read \"HELLO\\n\"\n"
               "  wait 5s\n"
               "client x3:\n"
               "  wait 1s\n"
               "  connect\n"
               "  send \"hello\\n\"\n"
               "  wait 800ms\n"
               "  close\n"
               "run: 500ms\n"
               "fixed:\n"
               "  stay server CLOSE-WAIT queued x2 for 2s\n",
     .measure = measure_queued},
    {.claim = "No CLOSE_WAIT in ss, so nothing leaks.",
     .verdict =
         "wrong: a socket whose both directions have ended is in no table; its descriptor is",
     .lab = "shutdown-no-close",
     .program = "broken.c",
     .expect = "client x3:\n"
               "  connect\n"
               "  send \"hello\\n\"\n"
               "  end\n"
               "  read \"HELLO\\n\"\n"
               "  read to end\n"
               "  close\n"
               "fixed:\n"
               "  gone server\n"
               "  never server CLOSE-WAIT for 1s\n"
               "  descriptors +3\n"
               "  invisible 3\n",
     .measure = measure_invisible},
    {.claim = "Restarting the program cures it.",
     .verdict = "true, and explains nothing: the kernel closes what the program had forgotten",
     .lab = "eof-ignored",
     .program = "broken.c",
     .expect = HALF_CLOSED_CLIENT "run: 1s\n"
                                  "fixed:\n"
                                  "  order server CLOSE-WAIT, LAST-ACK\n"
                                  "  gone server\n",
     .killed = true,
     .measure = measure_paths},
};

const size_t labs_claim_count = sizeof labs_claims / sizeof *labs_claims;
