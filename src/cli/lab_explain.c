/* SPDX-License-Identifier: MIT
 *
 * Why a program was refused, told to who wrote it: from the client's side first, because that is
 * what a user would see, then from what the program did and what its sockets came to.
 */
#include <string.h>

#include "lab/life.h"
#include "lab_trial.h"

/* What is known of a client that failed, and of the program's end of its connection. */
struct failure {
  const struct lab_event *event; /* its LAB_SAID */
  const struct lab_step *step;
  const char *how;     /* "EOF behind 0 of 6 bytes" */
  bool had_ended;      /* it had sent its FIN before */
  bool reset;          /* the program's side reset the connection */
  bool read_end;       /* the program read the end of input */
  bool wrote, closed;  /* it did, on this connection */
  fin_tcp_state state; /* at last; 0: gone, or not known */
  uint32_t recv_queue;
};

static bool has(const char *text, const char *what) { return strstr(text, what) != NULL; }

/* ---- what is known ---- */

static const struct lab_event *first_failed(const struct lab_story *story, enum lab_side side) {
  for (size_t i = 0; i < story->count; i++) {
    const struct lab_event *event = &story->events[i];
    if (event->kind == LAB_SAID && event->said.failed && event->said.side == side) return event;
  }
  return NULL;
}

/* Those that the lab played towards the program. */
static const struct lab_players *players_of(const struct labs_trial *trial) {
  const struct lab_expect *expect = &trial->entry->expect;
  const bool service = labs_is_service(trial->entry, trial->group);
  if (expect->under_test == LAB_SERVER) return service ? &trial->group->clients : &expect->clients;
  return service && trial->group->servers.count > 0 ? &trial->group->servers : &expect->servers;
}

static void find_step(const struct lab_players *players, struct failure *failure) {
  const unsigned line = failure->event->said.line;
  for (size_t i = 0; i < players->count; i++) {
    const struct lab_player *player = &players->items[i];
    for (size_t n = 0; n < player->step_count; n++) {
      if (player->steps[n].line != line) continue;
      failure->step = &player->steps[n];
      for (size_t before = 0; before < n; before++)
        failure->had_ended = failure->had_ended || player->steps[before].kind == LAB_STEP_END;
    }
  }
}

static void note_call(struct failure *failure, const struct lab_call *call) {
  if (call->client_port == 0 || call->client_port != failure->event->said.client_port) return;
  if (strcmp(call->name, "eof") == 0 || (strcmp(call->name, "read") == 0 && call->result == 0))
    failure->read_end = true;
  if (strcmp(call->name, "write") == 0 && call->result > 0) failure->wrote = true;
  if (strcmp(call->name, "close") == 0) failure->closed = true;
}

static void note(struct failure *failure, const struct lab_event *event) {
  const uint16_t port = failure->event->said.client_port;
  const uint8_t rst = 4;
  if (event->kind == LAB_CALL) note_call(failure, &event->call);
  if (event->kind == LAB_SEGMENT && event->segment.client_port == port &&
      event->segment.from == LAB_SERVER) {
    if ((event->segment.flags & rst) != 0) failure->reset = true;
    if (event->segment.len > 0) failure->wrote = true; /* not all calls are known */
  }
  if (event->kind == LAB_STATE && event->state.side == LAB_SERVER &&
      event->state.client_port == port) {
    failure->state = event->state.to;
    failure->recv_queue = event->state.recv_queue;
  }
}

static bool find_failure(const struct labs_trial *trial, struct failure *failure) {
  const bool server = trial->entry->expect.under_test == LAB_SERVER;
  *failure =
      (struct failure){.event = first_failed(&trial->story, server ? LAB_CLIENT : LAB_SERVER)};
  if (!failure->event) return false;
  find_step(players_of(trial), failure);
  if (!failure->step) return false;
  const char *text = failure->event->said.text;
  const char *colon = strstr(text, ": ");
  failure->how = colon ? colon + 2 : text;
  for (size_t i = 0;
       i < trial->story.count && trial->story.events[i].at_ns <= failure->event->at_ns; i++)
    note(failure, &trial->story.events[i]);
  return true;
}

/* ---- in words ---- */

static const char *state_name(fin_tcp_state state) {
  static const char *const names[FIN_TCP_STATE_COUNT] = {
#define NAME(name, number, text) [number] = text,
      FIN_TCP_STATES(NAME)
#undef NAME
  };
  return lab_is_closed(state) || state >= FIN_TCP_STATE_COUNT ? NULL : names[state];
}

static void explain_early_end(FILE *out, const struct failure *failure) {
  if (failure->had_ended && failure->step->kind != LAB_STEP_READ_END)
    fputs(
        "  Your server closed at the FIN: the client that half-closed waited for its answer and\n"
        "  got none, or not all of it. A FIN says \"I will send no more\", not \"I am gone\".\n",
        out);
  else
    fputs(
        "  Your server closed while the client was still waiting for its answer: what is queued\n"
        "  for writing must be out before the close.\n",
        out);
}

static void explain_reset(FILE *out, const struct failure *failure) {
  fputs("  Your server reset the connection, and what was on its way to the client is lost.\n",
        out);
  if (failure->closed && !failure->read_end)
    fputs(
        "  close(2) does that when received data has not been read: read up to the end of input,\n"
        "  or for a bounded time, before the close.\n",
        out);
  else
    fputs(
        "  That is what close(2) does with unread data, what SO_LINGER with 0 does, and\n"
        "  uv_tcp_close_reset.\n",
        out);
}

static void explain_silence(FILE *out, const struct failure *failure) {
  const char *state = state_name(failure->state);
  if (failure->step->kind == LAB_STEP_READ_END)
    fputs("  Your server never ended its side: the client waited for the FIN in vain.\n", out);
  else if (failure->step->kind == LAB_STEP_CONNECT)
    fputs("  Your server's kernel did not take the connection: is its backlog full?\n", out);
  else if (failure->step->kind == LAB_STEP_SEND_COUNT)
    fputs("  Your server did not read what the client sent, and there was no room for more.\n",
          out);
  else
    fputs("  Your server did not answer in time.\n", out);
  if (!state) return;
  fprintf(out, "  Its end of that connection was in %s then, with Recv-Q %u", state,
          (unsigned)failure->recv_queue);
  fputs(failure->recv_queue > 0 ? ": there was input that it did not read.\n"
        : failure->wrote        ? ".\n"
                                : ": it had read all, and had written nothing.\n",
        out);
}

static void explain_server(FILE *out, const struct failure *failure) {
  if (has(failure->how, "ECONNREFUSED"))
    fputs("  Nobody listens there any more.\n", out);
  else if (has(failure->how, "RESET") || has(failure->how, "EPIPE") || has(failure->how, "reset"))
    explain_reset(out, failure);
  else if (has(failure->how, "EOF"))
    explain_early_end(out, failure);
  else if (has(failure->how, "not within"))
    explain_silence(out, failure);
  else if (has(failure->how, "other bytes"))
    fputs("  Your server answered something else.\n", out);
}

static void explain_failure(FILE *out, const struct failure *failure) {
  const struct lab_said *said = &failure->event->said;
  const bool client = said->side == LAB_CLIENT;
  fprintf(out, "  %s %u came to line %u of the lab's `expect`, and there it went wrong:\n",
          client ? "Client" : "The lab's server, connection", said->player, said->line);
  fprintf(out, "    %s: %s\n", failure->step->text, failure->how);
  if (client)
    explain_server(out, failure);
  else if (has(failure->how, "not within"))
    fputs("  Your client did not say that in time.\n", out);
  else
    fputs("  That is not what a client that works would have sent.\n", out);
}

static void explain_end(FILE *out, const struct lab_story *story, const char *part) {
  const char *last = story->output;
  if (story->status < 0)
    fprintf(out, "  Your %s was killed by signal %d (%s).\n", part, -story->status,
            strsignal(-story->status));
  else
    fprintf(out, "  Your %s ended by itself, with status %d.\n", part, story->status);
  if (!last || !*last) return;
  fputs("  What it printed:\n", out);
  labs_print_lines(out, "    ", "    ", last);
}

void labs_explain(FILE *out, const struct labs_trial *trial) {
  const struct lab_expect *expect = &trial->entry->expect;
  struct failure failure;
  if (trial->story.exited && (expect->under_test == LAB_SERVER || trial->story.status != 0))
    explain_end(out, &trial->story, labs_part(trial->entry));
  if (trial->judgement.clients.verdict == LAB_FAILS && find_failure(trial, &failure))
    explain_failure(out, &failure);
  if (trial->judgement.verdicts[LAB_FAILS] == 0) return;
  labs_print_claims(out, trial, false);
  const struct lab_opinion *opinion = &trial->diagnosis.opinions[0];
  if (trial->diagnosis.count == 0 || opinion->cause == LAB_CAUSE_NONE) return;
  fprintf(out, "  It looks like %s:\n", lab_cause_name(opinion->cause));
  labs_print_text(out, "  ", "  ", lab_cause_english(opinion->cause));
  for (size_t i = 0; i < opinion->reason_count; i++)
    labs_print_text(out, "  - ", "    ", opinion->reasons[i]);
}
