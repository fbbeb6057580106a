/* SPDX-License-Identifier: MIT
 *
 * What finale costs over the floor: CPU time of the server per echoed message, finale and raw epoll
 * in turn, so that what else happens on the machine happens to both. Each connection has one
 * message under way; every byte that comes back is compared.
 *
 *   echo [--connections 64] [--size 64] [--rounds 11] [--seconds 1] [--max-ratio R]
 *
 * Exit status 1 if the ratio is above --max-ratio.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/client.h"
#include "support/server_process.h"

enum { BATCH = 256, ROUNDS_MAX = 1000, SERVERS = 2 };

struct load {
  int epoll;
  size_t connections;
  size_t size;
  char *message;
  char *buffer;
  int *fds;
  size_t *got; /* bytes of the message under way that have come back, by connection */
};

static void say(struct load *load, size_t i) {
  ssize_t sent = send(load->fds[i], load->message, load->size, MSG_NOSIGNAL);
  if (sent != (ssize_t)load->size) bench_fail("cannot send: %s", strerror(errno));
}

/* Returns 1 when the message is back whole and the next one is on its way. */
static unsigned hear(struct load *load, size_t i) {
  size_t missing = load->size - load->got[i];
  ssize_t got = recv(load->fds[i], load->buffer, missing, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) bench_fail("the server closed a connection");
  if (memcmp(load->buffer, load->message + load->got[i], (size_t)got) != 0)
    bench_fail("the server returned other bytes than were sent");
  load->got[i] += (size_t)got;
  if (load->got[i] < load->size) return 0;
  load->got[i] = 0;
  say(load, i);
  return 1;
}

static void load_open(struct load *load, uint16_t port) {
  load->epoll = epoll_create1(EPOLL_CLOEXEC);
  for (size_t i = 0; i < load->connections; i++) {
    load->fds[i] = connect_to(i, port);
    load->got[i] = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->fds[i], &event);
    say(load, i);
  }
}

static void load_close(struct load *load) {
  for (size_t i = 0; i < load->connections; i++) close(load->fds[i]);
  close(load->epoll);
}

static uint64_t load_run(struct load *load, uint64_t until_ns) {
  struct epoll_event events[BATCH];
  uint64_t messages = 0;
  while (now_ns() < until_ns) {
    int count = epoll_wait(load->epoll, events, BATCH, 100);
    for (int i = 0; i < count; i++) messages += hear(load, (size_t)events[i].data.u64);
  }
  return messages;
}

struct sample {
  double cpu_ns; /* per message */
  double rate;   /* messages a second */
};

static struct sample measure(const struct server_process *server, struct load *load,
                             double seconds) {
  load_open(load, server->port);
  load_run(load, now_ns() + 50000000U); /* warm */
  uint64_t cpu_ns = server_process_cpu_ns(server);
  uint64_t begun_ns = now_ns();
  uint64_t messages = load_run(load, begun_ns + (uint64_t)(seconds * 1e9));
  double elapsed_ns = (double)(now_ns() - begun_ns);
  cpu_ns = server_process_cpu_ns(server) - cpu_ns;
  load_close(load);
  if (messages == 0) bench_fail("the server answered nothing");
  return (struct sample){
      .cpu_ns = (double)cpu_ns / (double)messages,
      .rate = (double)messages / elapsed_ns * 1e9,
  };
}

int main(int argc, char **argv) {
  enum { CONNECTIONS, SIZE, ROUNDS, SECONDS, MAX_RATIO, OPTIONS };
  struct bench_option options[OPTIONS] = {
      {.name = "--connections", .value = 64},
      {.name = "--size", .value = 64},
      {.name = "--rounds", .value = 11},
      {.name = "--seconds", .value = 1},
      {.name = "--max-ratio"},
  };
  bench_parse(argc, argv, options, OPTIONS);
  size_t rounds = (size_t)options[ROUNDS].value;
  if (rounds > ROUNDS_MAX) bench_fail("--rounds is at most %d", ROUNDS_MAX);
  struct load load = {
      .connections = (size_t)options[CONNECTIONS].value,
      .size = (size_t)options[SIZE].value,
  };
  load.message = malloc(load.size);
  load.buffer = malloc(load.size);
  load.fds = calloc(load.connections, sizeof *load.fds);
  load.got = calloc(load.connections, sizeof *load.got);
  if (!load.message || !load.buffer || !load.fds || !load.got) bench_fail("no memory");
  for (size_t i = 0; i < load.size; i++) load.message[i] = (char)('a' + i % 26);

  raise_descriptor_limit();
  const char *const raw[] = {built_program("peers/raw_epoll"), NULL};
  const char *const finale[] = {
      built_program("../finale"), "serve", "echo", "--listen", "127.0.0.1:0", NULL};
  struct server_process servers[SERVERS] = {server_process_start(raw),
                                            server_process_start(finale)};
  run_on_last_cpu();

  static double cpu_ns[SERVERS][ROUNDS_MAX], rate[SERVERS][ROUNDS_MAX], ratio[ROUNDS_MAX];
  for (size_t round = 0; round < rounds; round++) {
    for (size_t k = 0; k < SERVERS; k++) {
      size_t s = (k + round) % SERVERS; /* neither always goes first */
      struct sample sample = measure(&servers[s], &load, options[SECONDS].value);
      cpu_ns[s][round] = sample.cpu_ns;
      rate[s][round] = sample.rate;
    }
    ratio[round] = cpu_ns[1][round] / cpu_ns[0][round];
    fprintf(stderr, "round %zu of %zu: raw epoll %.0f ns, finale %.0f ns a message, ratio %.3f\n",
            round + 1, rounds, cpu_ns[0][round], cpu_ns[1][round], ratio[round]);
  }
  for (size_t s = 0; s < SERVERS; s++) server_process_stop(&servers[s]);

  double result = median(ratio, rounds);
  printf("echo of %zu bytes, %zu connections, median of %zu interleaved rounds of %g s\n",
         load.size, load.connections, rounds, options[SECONDS].value);
  printf("%-12s %16s %16s\n", "", "CPU ns/message", "messages/s");
  printf("%-12s %16.0f %16.0f\n", "raw epoll", median(cpu_ns[0], rounds), median(rate[0], rounds));
  printf("%-12s %16.0f %16.0f\n", "finale", median(cpu_ns[1], rounds), median(rate[1], rounds));
  printf("CPU per message, finale / raw epoll: %.3f (rounds from %.3f to %.3f)\n", result, ratio[0],
         ratio[rounds - 1]);
  bool above = options[MAX_RATIO].value > 0 && result > options[MAX_RATIO].value;
  if (above) fprintf(stderr, "echo: the ratio is above %g\n", options[MAX_RATIO].value);
  free(load.message);
  free(load.buffer);
  free(load.fds);
  free(load.got);
  return above ? 1 : 0;
}
