/* SPDX-License-Identifier: MIT
 *
 * What each cause leaves behind, and nothing else does, as far as that can be told from outside.
 */
#include "lab/cause_rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lab/judge.h"

enum { STAYS_MS = 900 }; /* what is there for so long does not go by itself */

/* ---- saying why ---- */

static void because(struct lab_opinion *opinion, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void because(struct lab_opinion *opinion, const char *format, ...) {
  va_list values;
  if (opinion->reason_count == LAB_REASONS_MAX) return;
  va_start(values, format);
  vsnprintf(opinion->reasons[opinion->reason_count++], sizeof *opinion->reasons, format, values);
  va_end(values);
}

static const char *peer(const struct lab_evidence *evidence) {
  return evidence->side == LAB_SERVER ? "client" : "server";
}

/* "3 sockets in CLOSE-WAIT with Recv-Q 1, owned by broken, for 2.0 s" */
static void because_of(struct lab_opinion *opinion, const struct lab_leftover *socket, size_t count,
                       const char *meaning) {
  char text[160] = "", time[24];
  if (count > 1)
    lab_say(text, sizeof text, "%zu sockets in %s", count, fin_tcp_state_name(socket->state));
  else
    lab_say(text, sizeof text, "%s", fin_tcp_state_name(socket->state));
  lab_say(text, sizeof text, ", Recv-Q %u, Send-Q %u, %s", socket->recv_queue, socket->send_queue,
          fin_holder_name(socket->holder));
  if (socket->owner[0] != '\0') lab_say(text, sizeof text, " by %s", socket->owner);
  if (socket->timer != FIN_TCP_TIMER_NONE)
    lab_say(text, sizeof text, ", timer %s", fin_tcp_timer_name(socket->timer));
  lab_say(text, sizeof text, ", for %s", lab_seconds(socket->for_ms * UINT64_C(1000000), time));
  because(opinion, "%s: %s", text, meaning);
}

/* ---- sockets like that ---- */

typedef bool like(const struct lab_leftover *socket);

static const struct lab_leftover *find(const struct lab_evidence *evidence, like *is_like,
                                       size_t *count) {
  const struct lab_leftover *first = NULL;
  *count = 0;
  for (size_t i = 0; i < evidence->count; i++) {
    if (!is_like(&evidence->sockets[i])) continue;
    if (first == NULL) first = &evidence->sockets[i];
    ++*count;
  }
  return first;
}

/* There at the end, for long, and a process could close it. */
static bool is_kept(const struct lab_leftover *socket, fin_tcp_state state) {
  return socket->here && socket->state == state && socket->holder == FIN_HOLDER_OWNED &&
         socket->for_ms >= STAYS_MS;
}

/* Closed by the one who had it, and still there: somebody else has it too. */
static bool is_inherited(const struct lab_leftover *socket) {
  return socket->here && socket->holder == FIN_HOLDER_OWNED && socket->closed == LAB_YES &&
         socket->for_ms >= STAYS_MS;
}

static bool is_read_to_end(const struct lab_leftover *socket) {
  return is_kept(socket, FIN_TCP_CLOSE_WAIT) && socket->recv_queue == 0 && !is_inherited(socket);
}

static bool is_end_unread(const struct lab_leftover *socket) {
  return is_kept(socket, FIN_TCP_CLOSE_WAIT) && socket->recv_queue > 0 && !is_inherited(socket);
}

static bool is_half_read(const struct lab_leftover *socket) {
  return is_end_unread(socket) && socket->recv_queue > 1;
}

static bool is_behind_data(const struct lab_leftover *socket) {
  return is_kept(socket, FIN_TCP_ESTABLISHED) && socket->recv_queue > 0 &&
         (socket->peer == FIN_TCP_FIN_WAIT1 || socket->peer == FIN_TCP_ANY);
}

static bool is_queued(const struct lab_leftover *socket) {
  return socket->here && socket->holder == FIN_HOLDER_QUEUED && socket->for_ms >= STAYS_MS &&
         (socket->state == FIN_TCP_CLOSE_WAIT || socket->state == FIN_TCP_ESTABLISHED);
}

static bool is_made_and_ended(const struct lab_leftover *socket) {
  return socket->made && is_end_unread(socket);
}

static bool is_half_closed_leg(const struct lab_leftover *socket) {
  return !socket->made && is_read_to_end(socket);
}

static bool is_other_leg(const struct lab_leftover *socket) {
  return socket->made &&
         (is_kept(socket, FIN_TCP_ESTABLISHED) || is_kept(socket, FIN_TCP_FIN_WAIT2));
}

static bool is_waiting_for_fin(const struct lab_leftover *socket) {
  return is_kept(socket, FIN_TCP_FIN_WAIT2) && socket->timer == FIN_TCP_TIMER_NONE &&
         socket->closed != LAB_YES;
}

static bool is_probed(const struct lab_leftover *socket) {
  return is_end_unread(socket) && socket->timer == FIN_TCP_TIMER_KEEPALIVE;
}

static bool is_stuck_sending(const struct lab_leftover *socket) {
  return is_kept(socket, FIN_TCP_ESTABLISHED) && socket->send_queue > 0 &&
         socket->timer == FIN_TCP_TIMER_PERSIST;
}

static bool is_idle(const struct lab_leftover *socket) {
  return is_kept(socket, FIN_TCP_ESTABLISHED) && socket->recv_queue == 0 &&
         socket->send_queue == 0 && socket->timer == FIN_TCP_TIMER_NONE;
}

static bool is_ended_unclosed(const struct lab_leftover *socket) {
  return !socket->here && socket->ended == LAB_YES && socket->closed == LAB_NO;
}

static bool is_time_wait(const struct lab_leftover *socket) {
  return socket->here && socket->state == FIN_TCP_TIME_WAIT;
}

static bool is_used_unopened(const struct lab_leftover *socket) {
  return socket->used_unopened == LAB_YES;
}

/* Closed while its SYN was still on its way: the attempt had not failed yet. */
static bool is_given_up_early(const struct lab_leftover *socket) {
  return socket->made && !socket->here && socket->state == FIN_TCP_SYN_SENT &&
         socket->closed == LAB_YES && socket->for_ms >= 20 && socket->for_ms < STAYS_MS;
}

static bool is_waiting_for_ack(const struct lab_leftover *socket) {
  return socket->here && socket->state == FIN_TCP_LAST_ACK && socket->for_ms >= STAYS_MS;
}

static bool is_any_left(const struct lab_leftover *socket) {
  return socket->here && socket->state != FIN_TCP_TIME_WAIT && socket->for_ms >= STAYS_MS &&
         socket->state != FIN_TCP_ESTABLISHED;
}

/* ---- rules: how certain, out of 100 ---- */

static unsigned eof_ignored(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_read_to_end, &count);
  if (socket == NULL) return 0;
  because_of(opinion, socket, count, "the end of input has been read");
  if (socket->eof_read == LAB_YES && socket->closed != LAB_YES)
    because(opinion, "read(%d) = EOF, and no close(%d) since", socket->fd, socket->fd);
  if (socket->peer == FIN_TCP_ANY) because(opinion, "the %s is long gone", peer(evidence));
  return evidence->calls_known && socket->eof_read != LAB_YES ? 60 : 80;
}

/* From outside it is the same: why nobody closes is written in the program only. */
static unsigned dangling_ref(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  const unsigned weight = eof_ignored(evidence, opinion);
  if (weight == 0) return 0;
  because(opinion, "who should close it may wait for a reference that is never let go");
  return weight / 2;
}

static unsigned read_stopped(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_end_unread, &count);
  if (socket == NULL) return 0;
  because_of(opinion, socket, count,
             socket->recv_queue == 1 ? "the FIN has come and nobody has read it"
                                     : "neither the last bytes nor the FIN have been read");
  if (socket->bytes_read > 0)
    because(opinion, "%llu bytes were read before that, so it was not forgotten from the start",
            (unsigned long long)socket->bytes_read);
  if (socket->watched == LAB_NO) because(opinion, "its descriptor is not in the epoll set");
  return socket->recv_queue == 1 ? 80 : 50;
}

static unsigned fin_behind_data(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_behind_data, &count);
  if (socket == NULL) return 0;
  because_of(opinion, socket, count, "nobody reads, and there is no room for more");
  if (socket->peer == FIN_TCP_FIN_WAIT1)
    because(opinion, "the %s is in FIN-WAIT-1 with Send-Q %u: its FIN is the last byte of that",
            peer(evidence), socket->peer_send_queue);
  return socket->peer == FIN_TCP_FIN_WAIT1 ? 90 : 45;
}

static unsigned partial_read(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_half_read, &count);
  if (socket == NULL || (socket->bytes_read == 0 && evidence->calls_known)) return 0;
  because_of(opinion, socket, count, "the last bytes and the FIN lie there together");
  if (socket->bytes_read > 0)
    because(opinion, "%llu bytes were read, and then no more: no event came again",
            (unsigned long long)socket->bytes_read);
  return 75;
}

static unsigned blocked_loop(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  if (evidence->pause_ms < STAYS_MS) return 0;
  because(opinion, "for %.1f s the program made no call at all, with input waiting",
          evidence->pause_ms / 1000.0);
  if (evidence->backlog_most > 0)
    because(opinion, "up to %u connections waited to be accepted", evidence->backlog_most);
  because(opinion, "then it went on, and all of them at once");
  return evidence->backlog == 0 ? 85 : 55;
}

static unsigned never_accepted(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_queued, &count);
  if (socket == NULL) return 0;
  because_of(opinion, socket, count, "no process has it");
  if (evidence->backlog > 0)
    because(opinion, "LISTEN has Recv-Q %u: they wait to be accepted", evidence->backlog);
  return evidence->no_descriptor > 0 || evidence->overflows > 0 ? 60 : 85;
}

static unsigned fork_inherit(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_inherited, &count);
  if (socket == NULL) return 0;
  because_of(opinion, socket, count, "some process still has it");
  because(opinion, "close(%d) was called", socket->fd);
  if (evidence->forks > 0) because(opinion, "the program forked: the child has a copy");
  return evidence->forks > 0 ? 95 : 85;
}

static unsigned shutdown_no_close(const struct lab_evidence *evidence,
                                  struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_ended_unclosed, &count);
  if (evidence->invisible == 0) return 0;
  because(opinion, "%u descriptors of the program are sockets that no table shows",
          evidence->invisible);
  if (socket != NULL)
    because(opinion, "shutdown(%d) was called, close(%d) was not", socket->fd, socket->fd);
  return socket != NULL ? 90 : 50;
}

static unsigned keepalive_mirage(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_probed, &count);
  if (evidence->keepalives == 0 || (socket == NULL && evidence->invisible == 0)) return 0;
  because(opinion, "%lld probes were sent by keepalive", (long long)evidence->keepalives);
  if (socket != NULL)
    because_of(opinion, socket, count,
               "probes are answered by the other kernel, and change nothing");
  if (evidence->invisible > 0)
    because(opinion, "%u descriptors lost their row, and were not closed for that",
            evidence->invisible);
  return 92;
}

static unsigned pool_rot(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_made_and_ended, &count);
  if (socket == NULL) return 0;
  because_of(opinion, socket, count, "the FIN has come, and nobody looked");
  because(opinion, "the program itself made the connection, and keeps it");
  return 88;
}

static unsigned half_closed_proxy(const struct lab_evidence *evidence,
                                  struct lab_opinion *opinion) {
  size_t count, others;
  const struct lab_leftover *socket = find(evidence, is_half_closed_leg, &count);
  const struct lab_leftover *other = find(evidence, is_other_leg, &others);
  if (socket == NULL || other == NULL) return 0;
  because_of(opinion, socket, count, "this leg has ended");
  because_of(opinion, other, others, "the other leg was not told");
  return 92;
}

static unsigned fin_wait2_owned(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_waiting_for_fin, &count);
  if (socket == NULL) return 0;
  because_of(opinion, socket, count, "no timer bounds it as long as it has an owner");
  if (socket->peer != FIN_TCP_ANY)
    because(opinion, "the %s is in %s and does not close", peer(evidence),
            fin_tcp_state_name(socket->peer));
  return 90;
}

static unsigned unread_data_rst(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  if (evidence->aborts_on_close == 0 || !evidence->peer_failed) return 0; /* else it hurt nobody */
  because(opinion, "TCPAbortOnClose grew by %lld: closed with unread input",
          (long long)evidence->aborts_on_close);
  if (evidence->resets > 0)
    because(opinion, "%u resets left for the %s", evidence->resets, peer(evidence));
  because(opinion, "the %s says: %s", peer(evidence), evidence->peer_said);
  return 88;
}

static unsigned pending_write(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  if (!evidence->cut_short || evidence->resets > 0) return 0;
  because(opinion, "the %s says: %s", peer(evidence), evidence->peer_said);
  because(opinion, "no reset was sent: to TCP this was a good ending");
  return 80;
}

static unsigned linger_zero(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  if (evidence->aborts_on_data == 0 || !evidence->peer_failed) return 0;
  because(opinion, "TCPAbortOnData grew by %lld: the program asked for a reset",
          (long long)evidence->aborts_on_data);
  because(opinion, "the %s says: %s", peer(evidence), evidence->peer_said);
  return 90;
}

static unsigned time_wait_ports(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  find(evidence, is_time_wait, &count);
  if (evidence->no_port == 0 || count == 0) return 0;
  because(opinion, "connect failed with EADDRNOTAVAIL %u times: no local port is free",
          evidence->no_port);
  because(opinion, "%zu sockets of the program are in TIME-WAIT: it closes first", count);
  return 95;
}

static unsigned vanished_peer(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_idle, &count);
  if (socket == NULL || !evidence->vanished) return 0;
  because_of(opinion, socket, count, "no timer runs, so nobody asks");
  because(opinion, "nothing of the %s has come through since it vanished", peer(evidence));
  return 85;
}

static unsigned zero_window_peer(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_stuck_sending, &count);
  if (socket == NULL) return 0;
  because_of(opinion, socket, count, "the other window is closed, and probed for ever");
  return 88;
}

static unsigned full_backlog(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  if (evidence->overflows == 0) return 0;
  because(opinion, "ListenOverflows grew by %lld: SYNs, or last ACKs of a handshake, were dropped",
          (long long)evidence->overflows);
  if (evidence->backlog_most > 0)
    because(opinion, "up to %u connections waited to be accepted", evidence->backlog_most);
  return evidence->pause_ms >= STAYS_MS ? 60 : 90;
}

static unsigned connect_pitfalls(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count, early;
  const struct lab_leftover *used = find(evidence, is_used_unopened, &count);
  const struct lab_leftover *given_up = find(evidence, is_given_up_early, &early);
  if (evidence->side != LAB_CLIENT || (used == NULL && given_up == NULL)) return 0;
  if (used != NULL) because(opinion, "fd %d was used although its connect had failed", used->fd);
  if (given_up != NULL)
    because(opinion, "an attempt was given up after %u ms, with its SYN still on its way",
            given_up->for_ms);
  return 75;
}

static unsigned lost_last_ack(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_waiting_for_ack, &count);
  if (socket == NULL || evidence->repeated_fins == 0 || evidence->lost_acks == 0) return 0;
  because_of(opinion, socket, count, "its FIN was not confirmed");
  because(opinion, "%u ACKs were lost on the wire, FINs were sent again %u times",
          evidence->lost_acks, evidence->repeated_fins);
  if (socket->holder == FIN_HOLDER_OWNED)
    because(opinion, "the program still has it: it waits for the end in close (SO_LINGER)");
  return 95;
}

static unsigned emfile(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_queued, &count);
  if (evidence->no_descriptor == 0 || (socket == NULL && !evidence->peer_failed)) return 0;
  because(opinion, "accept failed with EMFILE %u times", evidence->no_descriptor);
  if (count > 0) because(opinion, "%zu connections wait to be accepted", count);
  if (evidence->peer_failed)
    because(opinion, "the %s says: %s", peer(evidence), evidence->peer_said);
  return 92;
}

static unsigned unknown(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t count;
  const struct lab_leftover *socket = find(evidence, is_any_left, &count);
  if (socket == NULL && evidence->invisible == 0) return 0;
  if (socket != NULL) because_of(opinion, socket, count, "it is left over");
  return 10;
}

static unsigned none(const struct lab_evidence *evidence, struct lab_opinion *opinion) {
  size_t waits;
  find(evidence, is_time_wait, &waits);
  because(opinion, "no socket and no descriptor was left over");
  if (waits > 0) because(opinion, "%zu in TIME-WAIT, as it should be for who ends first", waits);
  return 5;
}

lab_cause_rule *const lab_cause_rules[LAB_CAUSE_COUNT] = {
    [LAB_CAUSE_NONE] = none,
    [LAB_CAUSE_EOF_IGNORED] = eof_ignored,
    [LAB_CAUSE_READ_STOPPED] = read_stopped,
    [LAB_CAUSE_FIN_BEHIND_DATA] = fin_behind_data,
    [LAB_CAUSE_PARTIAL_READ] = partial_read,
    [LAB_CAUSE_BLOCKED_LOOP] = blocked_loop,
    [LAB_CAUSE_NEVER_ACCEPTED] = never_accepted,
    [LAB_CAUSE_FORK_INHERIT] = fork_inherit,
    [LAB_CAUSE_SHUTDOWN_NO_CLOSE] = shutdown_no_close,
    [LAB_CAUSE_KEEPALIVE_MIRAGE] = keepalive_mirage,
    [LAB_CAUSE_POOL_ROT] = pool_rot,
    [LAB_CAUSE_HALF_CLOSED_PROXY] = half_closed_proxy,
    [LAB_CAUSE_DANGLING_REF] = dangling_ref,
    [LAB_CAUSE_FIN_WAIT2_OWNED] = fin_wait2_owned,
    [LAB_CAUSE_UNREAD_DATA_RST] = unread_data_rst,
    [LAB_CAUSE_PENDING_WRITE] = pending_write,
    [LAB_CAUSE_LINGER_ZERO] = linger_zero,
    [LAB_CAUSE_TIME_WAIT_PORTS] = time_wait_ports,
    [LAB_CAUSE_VANISHED_PEER] = vanished_peer,
    [LAB_CAUSE_ZERO_WINDOW_PEER] = zero_window_peer,
    [LAB_CAUSE_FULL_BACKLOG] = full_backlog,
    [LAB_CAUSE_CONNECT_PITFALLS] = connect_pitfalls,
    [LAB_CAUSE_LOST_LAST_ACK] = lost_last_ack,
    [LAB_CAUSE_EMFILE] = emfile,
    [LAB_CAUSE_UNKNOWN] = unknown,
};
