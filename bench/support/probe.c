/* SPDX-License-Identifier: MIT */
#include "support/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/client.h"
#include "support/server_process.h"

static void open_probe(struct probe *probe, uint16_t port) {
  probe->fd = connect_to(0, port);
  fcntl(probe->fd, F_SETFL, fcntl(probe->fd, F_GETFL) | O_NONBLOCK);
  probe->heard_ns = now_ns();
}

static void close_probe(struct probe *probe) {
  close(probe->fd);
  probe->fd = -1;
}

static void send_more(struct probe *probe) {
  ssize_t count =
      send(probe->fd, probe->send + probe->sent, probe->send_len - probe->sent, MSG_NOSIGNAL);
  if (count > 0) probe->sent += (size_t)count;
  if (count < 0 && errno != EAGAIN) probe->sent = probe->send_len; /* there may be a reply */
}

static void receive_more(struct probe *probe) {
  if (probe->len == probe->room) {
    probe->room = probe->room ? probe->room * 2 : 4096;
    probe->data = realloc(probe->data, probe->room);
    if (!probe->data) bench_fail("no memory");
  }
  ssize_t count = recv(probe->fd, probe->data + probe->len, probe->room - probe->len, 0);
  if (count > 0) probe->len += (size_t)count;
  if (count == 0 || (count < 0 && errno != EAGAIN)) probe->ended = true;
  probe->heard_ns = now_ns();
}

static short wanted(const struct probe *probe) {
  return (short)(POLLIN | (probe->sent < probe->send_len ? POLLOUT : 0));
}

void probes_run(struct probe *probes, size_t count, uint16_t port, unsigned quiet_ms,
                bool (*whole)(const struct probe *probe)) {
  struct pollfd *polled = calloc(count, sizeof *polled);
  size_t left = count;
  if (!polled) bench_fail("no memory");
  for (size_t i = 0; i < count; i++) open_probe(&probes[i], port);
  while (left > 0) {
    for (size_t i = 0; i < count; i++)
      polled[i] = (struct pollfd){.fd = probes[i].fd, .events = wanted(&probes[i])};
    poll(polled, (nfds_t)count, 100);
    for (size_t i = 0; i < count; i++) {
      struct probe *probe = &probes[i];
      if (probe->fd < 0) continue;
      if (polled[i].revents & POLLOUT) send_more(probe);
      if (polled[i].revents & (POLLIN | POLLHUP | POLLERR)) receive_more(probe);
      bool quiet = now_ns() - probe->heard_ns > (uint64_t)quiet_ms * 1000000;
      if (!probe->ended && !quiet && !whole(probe)) continue;
      close_probe(probe);
      left--;
    }
  }
  free(polled);
}
