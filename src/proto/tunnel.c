/* SPDX-License-Identifier: MIT
 *
 * Two connections joined, on nothing but the public interface: one handler serves both legs, and
 * what happens to one is said to the other.
 */
#include <errno.h>
#include <finale/tunnel.h>
#include <string.h>

#include "base/mem.h"

enum {
  IDLE_DEFAULT_MS = 3600 * 1000,
  DRAIN_QUIET_MS = 5 * 1000, /* a drain takes a tunnel that is silent for so long to be done */
};

/* Each leg knows the other until that one is gone. Joined, both are well or both are ending. */
struct leg {
  fin_conn *other;
  uint32_t heard_ms; /* the connection's age at its last input */
  bool held;         /* paused until the other's output has drained */
  bool ended;        /* the peer has sent its FIN */
};

static struct leg *leg_of(fin_conn *conn) { return fin_conn_state(conn); }

/* A leg that is held, or has nothing more to say, waits for the other: whose clocks bound it, and
 * see the progress that this one's cannot. */
static void tell_busy(fin_conn *conn) {
  const struct leg *leg = leg_of(conn);
  fin_conn_set_busy(conn, leg->held || leg->ended);
}

static void hold(fin_conn *conn, bool held) {
  struct leg *leg = leg_of(conn);
  if (leg->held == held) return;
  leg->held = held;
  if (held)
    fin_conn_pause(conn);
  else
    fin_conn_resume(conn);
  tell_busy(conn);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct leg *leg = leg_of(conn);
  leg->heard_ms = fin_conn_age_ms(conn);
  /* If this fails the other is about to end. How, it will say itself: a FIN sent from here could
   * come before a reset. */
  int error = fin_conn_write(leg->other, data, len);
  if (error || fin_conn_output_len(leg->other) > fin_conn_limits(leg->other)->output_high)
    hold(conn, true);
  return len;
}

static void on_writable(fin_conn *conn) { hold(leg_of(conn)->other, false); }

static void on_end(fin_conn *conn) {
  struct leg *leg = leg_of(conn);
  leg->ended = true;
  tell_busy(conn);
  fin_conn_end(leg->other);
}

static uint32_t quiet_ms(fin_conn *conn) {
  return fin_conn_output_len(conn) > 0 ? 0 : fin_conn_age_ms(conn) - leg_of(conn)->heard_ms;
}

/* What passes through is not understood here, so that silence is all there is to tell that nothing
 * is under way. To close at once could pass off a part as the whole. */
static void close_when_quiet(fin_conn *conn) {
  fin_conn *other = leg_of(conn)->other;
  uint32_t quiet = quiet_ms(conn), other_quiet = quiet_ms(other);
  if (other_quiet < quiet) quiet = other_quiet;
  if (quiet < DRAIN_QUIET_MS) {
    fin_conn_set_timer(conn, DRAIN_QUIET_MS - quiet);
    return;
  }
  fin_conn_close(conn, FIN_REASON_DRAINED);
  fin_conn_close(other, FIN_REASON_DRAINED);
}

static void on_close(fin_conn *conn, const fin_report *report) {
  fin_conn *other = leg_of(conn)->other;
  if (!other) return;
  leg_of(other)->other = NULL;
  if (fin_reason_clean(report->reason))
    fin_conn_close(other, FIN_REASON_CLOSED);
  else
    fin_conn_abort(other);
}

static const fin_handler leg_handler = {
    .state_size = sizeof(struct leg),
    .full_duplex = true,
    .on_data = on_data,
    .on_end = on_end,
    .on_writable = on_writable,
    .on_timer = close_when_quiet,
    .on_drain = close_when_quiet,
    .on_close = on_close,
};

static void link_legs(fin_conn *one, fin_conn *other) {
  *leg_of(one) = (struct leg){.other = other, .heard_ms = fin_conn_age_ms(one)};
  *leg_of(other) = (struct leg){.other = one, .heard_ms = fin_conn_age_ms(other)};
}

static bool accepts(fin_conn *conn) { return fin_conn_write(conn, "", 0) == 0; }

int fin_tunnel_join(fin_conn *one, fin_conn *other, const fin_conn_options *options) {
  if (one == other || fin_conn_server(one) != fin_conn_server(other)) return -EINVAL;
  if (!accepts(other)) return -EPIPE;
  int error = fin_conn_hand_over(one, &leg_handler, NULL, options);
  if (error) return error;
  error = fin_conn_hand_over(other, &leg_handler, NULL, options);
  if (error) { /* -ENOMEM */
    fin_conn_abort(one);
    fin_conn_abort(other);
    return error;
  }
  link_legs(one, other);
  return 0;
}

/* ---- a listener's connections, led to one host ---- */

struct fin_tunnel {
  fin_handler handler; /* first: fin_conn_handler leads here */
  fin_dial dial;
  char host[];
};

static size_t keep(fin_conn *conn, const char *data, size_t len) {
  (void)conn, (void)data, (void)len;
  return 0;
}

static void lead_on(fin_conn *conn) {
  const fin_tunnel *tunnel = (const fin_tunnel *)(const void *)fin_conn_handler(conn);
  fin_conn *other = fin_server_dial(fin_conn_server(conn), &tunnel->dial);
  if (other && fin_conn_hand_over(conn, &leg_handler, NULL, &tunnel->dial.conn) == 0) {
    link_legs(conn, other);
    return;
  }
  fin_conn_abort(conn);
  if (other) fin_conn_abort(other);
}

fin_tunnel *fin_tunnel_new(const fin_tunnel_options *options) {
  errno = EINVAL;
  if (!options->host || !*options->host || options->port == 0) return NULL;
  size_t host_size = strlen(options->host) + 1;
  errno = ENOMEM;
  fin_tunnel *tunnel = fin_alloc(sizeof *tunnel + host_size);
  if (!tunnel) return NULL;
  memcpy(tunnel->host, options->host, host_size);
  tunnel->handler = (fin_handler){.on_open = lead_on, .on_data = keep};
  tunnel->dial = (fin_dial){
      .host = tunnel->host,
      .port = options->port,
      .handler = &leg_handler,
      .conn = options->conn,
  };
  if (tunnel->dial.conn.idle_ms == 0) tunnel->dial.conn.idle_ms = IDLE_DEFAULT_MS;
  return tunnel;
}

void fin_tunnel_free(fin_tunnel *tunnel) { fin_release(tunnel); }

const fin_handler *fin_tunnel_handler(const fin_tunnel *tunnel) { return &tunnel->handler; }
