/* SPDX-License-Identifier: MIT
 *
 * `finale census --json`.
 */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>

#include "census_print.h"

/* Jansson hands a failure on: what is built of a NULL is NULL. */

static json_t *owner_json(const fin_census_owner *owner) {
  return json_pack("{s:i, s:s, s:i, s:I}", "pid", (int)owner->pid, "name", owner->name, "fd",
                   owner->fd, "inode", (json_int_t)owner->inode);
}

static json_t *owners_json(const fin_census_owner *owners, size_t count) {
  json_t *array = json_array();
  for (size_t i = 0; i < count; i++) {
    if (json_array_append_new(array, owner_json(&owners[i])) == 0) continue;
    json_decref(array);
    return NULL;
  }
  return array;
}

static json_t *end_json(int family, const uint8_t *address, uint16_t port) {
  char host[INET6_ADDRSTRLEN] = "?";
  inet_ntop(family, address, host, sizeof host);
  return json_pack("{s:s, s:i}", "address", host, "port", (int)port);
}

static json_t *row_json(const fin_census_row *row) {
  json_t *heard =
      row->heard_ms == UINT32_MAX ? json_null() : json_integer((json_int_t)row->heard_ms);
  return json_pack(
      "{s:s, s:s, s:i, s:o, s:o, s:I, s:I, s:{s:s, s:I, s:I}, s:o, s:I, s:I, s:I, s:o}", "state",
      fin_tcp_state_name(row->state),                                  //
      "holder", fin_holder_name(row->holder),                          //
      "ip", row->family == AF_INET6 ? 6 : 4,                           //
      "local", end_json(row->family, row->local, row->local_port),     //
      "remote", end_json(row->family, row->remote, row->remote_port),  //
      "recv_queue", (json_int_t)row->recv_queue,                       //
      "send_queue", (json_int_t)row->send_queue,                       //
      "timer", "name", fin_tcp_timer_name(row->timer),                 //
      "ms", (json_int_t)row->timer_ms,                                 //
      "retransmits", (json_int_t)row->retransmits,                     //
      "heard_ms", heard,                                               //
      "uid", (json_int_t)row->uid,                                     //
      "inode", (json_int_t)row->inode,                                 //
      "cookie", (json_int_t)row->cookie,                               //
      "owners", owners_json(row->owners, row->owner_count));
}

static json_t *rows_json(const struct census_view *view) {
  json_t *array = json_array();
  for (size_t i = 0; i < view->row_count; i++) {
    if (json_array_append_new(array, row_json(&view->rows[i])) == 0) continue;
    json_decref(array);
    return NULL;
  }
  return array;
}

/* {"CLOSE-WAIT": {"owned": 3, "queued": 0, ...}, ...}: every state, so that a program that asks for
 * one need not care whether there is any. */
static json_t *counts_json(const struct census_view *view) {
  json_t *counts = json_object();
  for (fin_tcp_state state = FIN_TCP_ESTABLISHED; state < FIN_TCP_STATE_COUNT; state++) {
    json_t *by_holder = json_object();
    for (fin_holder holder = FIN_HOLDER_OWNED; holder < FIN_HOLDER_COUNT; holder++) {
      json_object_set_new(by_holder, fin_holder_name(holder),
                          json_integer((json_int_t)census_view_count(view, state, holder)));
    }
    if (json_object_set_new(counts, fin_tcp_state_name(state), by_holder) == 0) continue;
    json_decref(counts);
    return NULL;
  }
  return counts;
}

bool census_print_json(const struct census_view *view) {
  const fin_census *census = view->census;
  json_t *answer = json_pack(
      "{s:o, s:o, s:o, s:{s:I, s:I, s:I}}", "counts", counts_json(view), "sockets", rows_json(view),
      "invisible", owners_json(census->invisible, census->invisible_count), "unseen", "sockets",
      (json_int_t)census_view_unseen(view), "processes", (json_int_t)census->unseen_processes,
      "elsewhere", (json_int_t)census->elsewhere);
  if (!answer) return false;
  int error = json_dumpf(answer, stdout, JSON_INDENT(1));
  putchar('\n');
  json_decref(answer);
  return error == 0;
}
