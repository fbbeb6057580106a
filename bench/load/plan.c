/* SPDX-License-Identifier: MIT */
#include "load/plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  VARIETY = 500,               /* different requests, of four digits each */
  RATE_MAX = 10 * 1000 * 1000, /* of a schedule: more than any machine sends */
};

/* ---- requests ---- */

/* Letters in an order that does not repeat soon: a piece that is missing or doubled is noticed. */
static void write_letters(char *to, size_t len) {
  uint32_t state = 1;
  for (size_t i = 0; i < len; i++) {
    state = state * 1664525U + 1013904223U;
    to[i] = (char)('a' + (state >> 16) % 26);
  }
}

static char *http_request(const struct load_options *options, unsigned number) {
  const struct load_target *target = &options->target;
  bool v6 = strchr(target->host, ':') != NULL;
  bool closes = options->workload == LOAD_CHURN_WORKLOAD && options->server_closes;
  char port[8] = "", tail[8] = "", *text;
  if (target->port != 80) snprintf(port, sizeof port, ":%u", target->port);
  if (options->vary)
    snprintf(tail, sizeof tail, "%c%04u", strchr(target->path, '?') ? '&' : '?', number % VARIETY);
  if (asprintf(&text, "GET %s%s HTTP/1.1\r\nHost: %s%s%s%s\r\n%s\r\n", target->path, tail,
               v6 ? "[" : "", target->host, v6 ? "]" : "", port,
               closes ? "Connection: close\r\n" : "") < 0)
    return NULL;
  return text;
}

static char *message(const struct load_options *options) {
  char *text = malloc(options->size + 1);
  if (!text) return NULL;
  write_letters(text, options->size);
  text[options->size] = '\0';
  if (options->target.protocol == LOAD_LINE) text[options->size - 1] = '\n';
  return text;
}

static char *request(const struct load_options *options, unsigned number) {
  return options->target.protocol == LOAD_HTTP ? http_request(options, number) : message(options);
}

/* Behind the cycle are as many as can be sent at once. Echoed bytes are compared with the same
 * copies, as many as can arrive at once. */
static bool write_requests(struct plan *plan) {
  const struct load_options *options = &plan->options;
  bool http = options->target.protocol == LOAD_HTTP;
  char *one = request(options, 0);
  if (!one) return false;
  plan->request_len = strlen(one);
  plan->cycle_len = plan->request_len * (options->vary ? VARIETY : 1);
  size_t copies = plan->depth + (options->vary ? VARIETY : 0);
  if (!http && copies < PLAN_RECEIVE_MAX / plan->request_len + 2)
    copies = PLAN_RECEIVE_MAX / plan->request_len + 2;
  plan->requests_len = copies * plan->request_len;
  char *at = plan->requests = malloc(plan->requests_len);
  for (unsigned i = 0; at && one && i < copies; i++) {
    at = mempcpy(at, one, plan->request_len);
    if (!options->vary) continue;
    free(one);
    one = request(options, i + 1);
  }
  bool written = plan->requests && one;
  free(one);
  return written;
}

/* ---- what goes together ---- */

static const char *contradiction(const struct load_options *options, bool mixed) {
  enum load_protocol protocol = options->target.protocol;
  enum load_workload workload = options->workload;
  bool quiet = workload == LOAD_CONNECT_WORKLOAD || workload == LOAD_IDLE_WORKLOAD;
  if (options->connections == 0) return "no connections; ask for one at least";
  if (options->rate > RATE_MAX) return "10m requests a second are the highest rate; ask for fewer";
  if (options->vary && protocol != LOAD_HTTP)
    return "only requests of http:// have a target to vary; leave that out";
  if (mixed && protocol == LOAD_TCP)
    return "nobody speaks on tcp://; a mix needs http://, echo:// or line://";
  if (mixed && options->rate > 0)
    return "a mix goes at its own pace; leave out the rate or the mix";
  if (mixed) return NULL;
  if (protocol == LOAD_TCP && !quiet)
    return "nobody speaks on tcp://; use connect or idle, or http://, echo:// or line://";
  if (workload == LOAD_ECHO_WORKLOAD && protocol != LOAD_ECHO) return "it needs an echo:// target";
  if (workload == LOAD_STREAM_WORKLOAD && protocol == LOAD_LINE)
    return "it needs an echo:// or http:// target";
  if (options->rate > 0 && (workload == LOAD_STREAM_WORKLOAD || workload == LOAD_IDLE_WORKLOAD))
    return "it knows no rate; leave that out";
  return NULL;
}

static bool on_loopback(const struct load_target *target) {
  const struct sockaddr_in *address = (const struct sockaddr_in *)&target->address;
  return target->address.ss_family == AF_INET && ntohl(address->sin_addr.s_addr) >> 24 == 127;
}

bool load_plan_init(struct plan *plan, const struct load_options *options, char why[LOAD_WHY_MAX]) {
  memset(plan, 0, sizeof *plan);
  plan->options = *options;
  atomic_init(&plan->reply_len, PLAN_NO_REPLY);
  plan->mixed = load_is_mixed(options);
  const char *wrong = contradiction(options, plan->mixed);
  if (wrong) {
    snprintf(why, LOAD_WHY_MAX, "%s: %s",
             plan->mixed ? "mix" : load_workload_name(options->workload), wrong);
    return false;
  }
  if (plan->options.threads == 0) plan->options.threads = 1;
  if (plan->options.threads > options->connections) plan->options.threads = options->connections;
  if (plan->options.size == 0) plan->options.size = 1;
  if (options->workload == LOAD_IDLE_WORKLOAD && !plan->mixed) plan->options.requests = 0;
  plan->open = options->rate > 0;
  plan->rotates = options->sources > 1 && on_loopback(&options->target);
  bool pipelined = options->workload == LOAD_PIPELINE_WORKLOAD && !plan->mixed;
  plan->depth = pipelined && options->depth > 0 ? options->depth : 1;
  plan->workload = load_workload_manner(options);
  plan->replies = load_replies_of(options->target.protocol);
  if (!plan->replies) return true;
  if (write_requests(plan)) return true;
  load_plan_fini(plan);
  snprintf(why, LOAD_WHY_MAX, "no memory for requests of %zu bytes; send smaller ones",
           plan->options.size);
  return false;
}

void load_plan_fini(struct plan *plan) { free(plan->requests); }

/* ---- connections ---- */

static int set_up(int fd, const struct plan *plan, const struct manner *manner, uint64_t number) {
  const struct load_target *target = &plan->options.target;
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (manner->receive_buffer > 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &manner->receive_buffer, sizeof manner->receive_buffer);
  if (plan->rotates) {
    struct sockaddr_in from = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(number % plan->options.sources)),
    };
    /* The port is chosen when both ends are known, or one in TIME_WAIT to anywhere would be taken.
     */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from)) return -errno;
  }
  if (connect(fd, (const struct sockaddr *)&target->address, target->address_len) == 0) return fd;
  return errno == EINPROGRESS ? fd : -errno;
}

int load_dial(const struct plan *plan, const struct manner *manner, uint64_t number) {
  int family = plan->options.target.address.ss_family;
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int result = set_up(fd, plan, manner, number);
  if (result < 0) close(fd);
  return result;
}
