/* SPDX-License-Identifier: MIT
 *
 * The heir and its diary.
 */
#include "core/heir.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static struct heir *note(fin_conn *conn, const char *what,
                                                               ...) {
  struct heir *heir = fin_conn_context(conn);
  size_t len = strlen(heir->diary);
  va_list arguments;
  va_start(arguments, what);
  vsnprintf(heir->diary + len, sizeof heir->diary - len, what, arguments);
  va_end(arguments);
  return heir;
}

static void on_open(fin_conn *conn) {
  struct heir *heir = note(conn, "open ");
  heir->conn = conn;
  if (heir->does && heir->does->on_open) heir->does->on_open(conn);
}

static size_t on_data(fin_conn *conn, const char *data, size_t len) {
  struct heir *heir = note(conn, "data %zu ", len);
  return heir->does && heir->does->on_data ? heir->does->on_data(conn, data, len) : len;
}

static void on_end(fin_conn *conn) {
  struct heir *heir = note(conn, "end ");
  if (heir->does && heir->does->on_end) heir->does->on_end(conn);
}

static void on_writable(fin_conn *conn) { note(conn, "writable "); }
static void on_timer(fin_conn *conn) { note(conn, "timer "); }
static void on_drain(fin_conn *conn) { note(conn, "drain "); }

static void on_close(fin_conn *conn, const fin_report *report) {
  struct heir *heir = note(conn, "close");
  heir->report = *report;
  heir->conn = NULL;
}

const fin_handler heirs = {.state_size = HEIRS_STATE,
                           .on_open = on_open,
                           .on_data = on_data,
                           .on_end = on_end,
                           .on_writable = on_writable,
                           .on_timer = on_timer,
                           .on_drain = on_drain,
                           .on_close = on_close};

void give(fin_conn *conn, struct heir *heir) {
  heir->conn = conn;
  cr_assert_eq(fin_conn_hand_over(conn, &heirs, heir, NULL), 0);
  cr_assert_eq(fin_conn_context(conn), heir);
  cr_assert_eq(fin_conn_handler(conn), &heirs);
}

void heir_end(struct rig *rig, struct heir *heir) {
  if (heir->conn) fin_conn_abort(heir->conn);
  rig_rest(rig);
  cr_assert_null(heir->conn);
  cr_assert_eq(rig->closed, 0, "on_close of the handler before");
  stage_end(&rig->stage);
}
