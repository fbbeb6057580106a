/* SPDX-License-Identifier: MIT
 *
 * `finale census` for people: a summary, or one line for each socket.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "census_print.h"

/* ---- the parts of a line ---- */

enum { ADDRESS_MAX = 64, OWNER_MAX = 64, GROUPS_SHOWN = 20 };

static const char *address_text(char text[ADDRESS_MAX], int family, const uint8_t *address,
                                uint16_t port) {
  char host[INET6_ADDRSTRLEN] = "?", service[8] = "*";
  inet_ntop(family, address, host, sizeof host);
  if (port != 0) snprintf(service, sizeof service, "%u", (unsigned)port);
  snprintf(text, ADDRESS_MAX, family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, service);
  return text;
}

/* "450ms", "12s", "3m", "2h", "5d"; "-" where there is no time. */
static const char *time_text(char text[16], uint32_t ms) {
  static const struct {
    uint32_t from_ms, unit_ms;
    const char *name;
  } units[] = {{172800000, 86400000, "d"},
               {7200000, 3600000, "h"},
               {120000, 60000, "m"},
               {1000, 1000, "s"},
               {0, 1, "ms"}};
  size_t i = 0;
  if (ms == UINT32_MAX) return "-";
  while (ms < units[i].from_ms) i++;
  snprintf(text, 16, "%u%s", (unsigned)(ms / units[i].unit_ms), units[i].name);
  return text;
}

/* "nginx[812]", "nginx[812] +3": further descriptors, mostly those of its workers. */
static const char *owner_text(char text[OWNER_MAX], const fin_census_row *row) {
  if (row->holder != FIN_HOLDER_OWNED) return fin_holder_name(row->holder);
  if (row->owner_count == 0) return "not seen";
  int len = snprintf(text, OWNER_MAX, "%s[%d]", row->owners[0].name, (int)row->owners[0].pid);
  if (row->owner_count > 1) {
    snprintf(text + len, OWNER_MAX - (size_t)len, " +%zu", row->owner_count - 1);
  }
  return text;
}

/* ---- one line for each socket ---- */

void census_print_rows(const struct census_view *view) {
  printf("%-10s  %7s  %7s  %-24s  %-24s  %-16s  %6s  %s\n", "STATE", "RECV-Q", "SEND-Q", "LOCAL",
         "REMOTE", "TIMER", "QUIET", "HELD BY");
  for (size_t i = 0; i < view->row_count; i++) {
    const fin_census_row *row = &view->rows[i];
    char local[ADDRESS_MAX], remote[ADDRESS_MAX], owner[OWNER_MAX], quiet[16], left[16];
    char timer[48] = "-";
    if (row->timer != FIN_TCP_TIMER_NONE) {
      int len = snprintf(timer, sizeof timer, "%s %s", fin_tcp_timer_name(row->timer),
                         time_text(left, row->timer_ms));
      if (row->retransmits > 0)
        snprintf(timer + len, sizeof timer - (size_t)len, " x%u", (unsigned)row->retransmits);
    }
    printf("%-10s  %7u  %7u  %-24s  %-24s  %-16s  %6s  %s\n", fin_tcp_state_name(row->state),
           (unsigned)row->recv_queue, (unsigned)row->send_queue,
           address_text(local, row->family, row->local, row->local_port),
           address_text(remote, row->family, row->remote, row->remote_port), timer,
           time_text(quiet, row->heard_ms), owner_text(owner, row));
  }
}

/* ---- the summary ---- */

static void print_counts(const char *name, const struct census_view *view, fin_tcp_state state) {
  printf("%-10s", name);
  for (fin_holder holder = FIN_HOLDER_OWNED; holder < FIN_HOLDER_COUNT; holder++) {
    size_t count = census_view_count(view, state, holder);
    if (count > 0) {
      printf("  %9zu", count);
    } else {
      printf("  %9s", "-");
    }
  }
  putchar('\n');
}

/* Sockets of one kind: the same state, the same holder, the same service. */
struct group {
  const fin_census_row *first;
  bool serves; /* the service is at the local end */
  uint16_t port;
  size_t count, unread;
  uint32_t quiet_ms;
};

/* Which end is the service: the one that somebody listens at, or else the port that more sockets
 * have in common, since clients have one each. */
static void find_service(struct group *group, const uint32_t *weights) {
  const fin_census_row *row = group->first;
  uint32_t local = weights[row->local_port], remote = weights[row->remote_port];
  group->serves = local != remote ? local > remote : row->local_port <= row->remote_port;
  group->port = group->serves ? row->local_port : row->remote_port;
}

static int compare_kinds(const void *a, const void *b) {
  const struct group *left = a, *right = b;
  const fin_census_row *l = left->first, *r = right->first;
  pid_t left_pid = l->owner_count > 0 ? l->owners[0].pid : 0;
  pid_t right_pid = r->owner_count > 0 ? r->owners[0].pid : 0;
  if (l->state != r->state) return l->state < r->state ? -1 : 1;
  if (l->holder != r->holder) return l->holder < r->holder ? -1 : 1;
  if (left->port != right->port) return left->port < right->port ? -1 : 1;
  if (left->serves != right->serves) return left->serves ? -1 : 1;
  return (left_pid > right_pid) - (left_pid < right_pid);
}

static int compare_counts(const void *a, const void *b) {
  const struct group *left = a, *right = b;
  if (left->count != right->count) return left->count > right->count ? -1 : 1;
  return compare_kinds(a, b);
}

/* Groups of one socket each become groups of all that are alike. */
static size_t merge(struct group *groups, size_t count) {
  size_t kept = 0;
  if (count > 0) qsort(groups, count, sizeof *groups, compare_kinds);
  for (size_t i = 0; i < count; i++) {
    struct group *last = kept > 0 ? &groups[kept - 1] : NULL;
    if (!last || compare_kinds(last, &groups[i]) != 0) {
      groups[kept++] = groups[i];
      continue;
    }
    uint32_t quiet_ms = groups[i].quiet_ms;
    if (last->quiet_ms == UINT32_MAX || (quiet_ms != UINT32_MAX && quiet_ms > last->quiet_ms))
      last->quiet_ms = quiet_ms;
    last->count++;
    last->unread += groups[i].unread;
  }
  if (kept > 0) qsort(groups, kept, sizeof *groups, compare_counts);
  return kept;
}

static size_t find_groups(const struct census_view *view, struct group *groups) {
  static uint32_t weights[UINT16_MAX + 1];
  size_t count = 0;
  for (size_t i = 0; i < view->census->row_count; i++) {
    const fin_census_row *row = &view->census->rows[i];
    weights[row->local_port] += row->state == FIN_TCP_LISTEN ? 1U << 24 : 1;
    weights[row->remote_port]++;
  }
  for (size_t i = 0; i < view->row_count; i++) {
    const fin_census_row *row = &view->rows[i];
    bool owned = row->holder == FIN_HOLDER_OWNED;
    if (row->state == FIN_TCP_LISTEN || (row->state == FIN_TCP_ESTABLISHED && owned)) continue;
    groups[count] = (struct group){.first = row, .count = 1, .quiet_ms = row->heard_ms};
    groups[count].unread = row->recv_queue > 0;
    find_service(&groups[count++], weights);
  }
  return merge(groups, count);
}

static void print_groups(const struct group *groups, size_t count) {
  printf("\n%7s  %-10s  %-14s  %7s  %6s  %s\n", "SOCKETS", "STATE", "SERVICE", "UNREAD", "QUIET",
         "HELD BY");
  for (size_t i = 0; i < count && i < GROUPS_SHOWN; i++) {
    const struct group *group = &groups[i];
    char owner[OWNER_MAX], quiet[16], service[32];
    snprintf(service, sizeof service, "%s %u", group->serves ? "local" : "remote",
             (unsigned)group->port);
    printf("%7zu  %-10s  %-14s  %7zu  %6s  %s\n", group->count,
           fin_tcp_state_name(group->first->state), service, group->unread,
           time_text(quiet, group->quiet_ms), owner_text(owner, group->first));
  }
  if (count > GROUPS_SHOWN)
    printf("    ...  and %zu smaller groups; --rows lists all\n", count - GROUPS_SHOWN);
}

void census_print_summary(const struct census_view *view) {
  struct group *groups = calloc(view->row_count + 1, sizeof *groups);
  printf("%-10s", "STATE");
  for (fin_holder holder = FIN_HOLDER_OWNED; holder < FIN_HOLDER_COUNT; holder++)
    printf("  %9s", fin_holder_name(holder));
  putchar('\n');
  for (fin_tcp_state state = FIN_TCP_ESTABLISHED; state < FIN_TCP_STATE_COUNT; state++) {
    if (census_view_count(view, state, FIN_HOLDER_ANY) > 0)
      print_counts(fin_tcp_state_name(state), view, state);
  }
  print_counts("total", view, FIN_TCP_ANY);
  if (!groups) return;
  size_t count = find_groups(view, groups);
  if (count > 0) print_groups(groups, count);
  free(groups);
}

/* ---- what no list shows ---- */

static const char *plural(size_t count) { return count == 1 ? "" : "s"; }

static int by_pid(const void *a, const void *b) {
  const fin_census_owner *left = a, *right = b;
  if (left->pid != right->pid) return left->pid < right->pid ? -1 : 1;
  return (left->fd > right->fd) - (left->fd < right->fd);
}

static void print_invisible(const fin_census *census) {
  const size_t count = census->invisible_count;
  fin_census_owner *sorted = malloc(count * sizeof *sorted);
  printf("\ninvisible: %zu TCP descriptor%s without a socket in any state:\n", count,
         plural(count));
  if (!sorted) return;
  memcpy(sorted, census->invisible, count * sizeof *sorted);
  qsort(sorted, count, sizeof *sorted, by_pid);
  for (size_t i = 0, next; i < count; i = next) {
    for (next = i; next < count && sorted[next].pid == sorted[i].pid;) next++;
    printf("%7zu  %s[%d], the first is descriptor %d\n", next - i, sorted[i].name,
           (int)sorted[i].pid, sorted[i].fd);
  }
  free(sorted);
}

void census_print_unseen(const struct census_view *view) {
  const fin_census *census = view->census;
  if (census->invisible_count > 0 && !view->some_states) print_invisible(census);
  if (census->elsewhere > 0) {
    printf(
        "\nelsewhere: %zu TCP descriptors belong to other network namespaces;"
        " `nsenter --net --target PID finale census` counts there\n",
        census->elsewhere);
  }
  const size_t sockets = census_view_unseen(view), processes = census->unseen_processes;
  if (sockets > 0 || processes > 0) printf("\nnot seen:");
  if (sockets > 0) printf(" the owner of %zu socket%s", sockets, plural(sockets));
  if (sockets > 0 && processes > 0) printf(",");
  if (processes > 0) {
    printf(" the descriptors of %zu process%s%s", processes, processes == 1 ? "" : "es",
           geteuid() != 0 ? "; root may read them" : "");
  }
  if (sockets > 0 || processes > 0) putchar('\n');
}
