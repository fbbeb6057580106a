/* SPDX-License-Identifier: MIT
 *
 * Running the command, and talking to its servers.
 */
#include "command.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 20 * 1000 };

uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *binary(void) {
  static char path[4096];
  const char *dir = getenv("FINALE_BINARY_DIR");
  cr_assert_not_null(dir, "FINALE_BINARY_DIR must name the directory of the built command");
  snprintf(path, sizeof path, "%s/finale", dir);
  return path;
}

/* ---- the command ---- */

void command_start(struct command *command, const char *const *args) {
  int out[2], err[2];
  const char *argv[COMMAND_ARGS_MAX + 2] = {binary()};
  for (size_t i = 0; args[i]; i++) {
    cr_assert_lt(i, COMMAND_ARGS_MAX);
    argv[i + 1] = args[i];
  }
  memset(command, 0, sizeof *command);
  cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
  cr_assert_eq(pipe2(err, O_CLOEXEC), 0);
  command->pid = fork();
  cr_assert_geq(command->pid, 0);
  if (command->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failing test leaves nothing running */
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    execv(argv[0], (char *const *)argv);
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  command->out_fd = out[0];
  command->err_fd = err[0];
}

/* Takes what is there. False: the command has closed this end. */
static bool take(int *fd, char *text, size_t *len) {
  ssize_t n = read(*fd, text + *len, COMMAND_TEXT_MAX - 1 - *len);
  if (n <= 0) {
    close(*fd);
    *fd = -1;
    return false;
  }
  *len += (size_t)n;
  text[*len] = '\0';
  return true;
}

static bool has_said(const struct command *command, const char *text) {
  return strstr(command->out, text) || strstr(command->err, text);
}

/* Hears the command until it has closed both ends (true), has said `text`, or time is up. */
static bool hear(struct command *command, const char *text, unsigned timeout_ms) {
  uint64_t end_ms = now_ms() + timeout_ms;
  while (command->out_fd >= 0 || command->err_fd >= 0) {
    if (text && has_said(command, text)) return false;
    uint64_t now = now_ms();
    if (now >= end_ms) return false;
    struct pollfd fds[] = {{.fd = command->out_fd, .events = POLLIN},
                           {.fd = command->err_fd, .events = POLLIN}};
    if (poll(fds, 2, (int)(end_ms - now)) <= 0) continue;
    if (fds[0].revents) take(&command->out_fd, command->out, &command->out_len);
    if (fds[1].revents) take(&command->err_fd, command->err, &command->err_len);
  }
  return true;
}

void command_until(struct command *command, const char *text) {
  hear(command, text, PATIENCE_MS);
  cr_assert(has_said(command, text), "it never said '%s' but '%s', and on stderr '%s'", text,
            command->out, command->err);
}

void command_wait(struct command *command, unsigned timeout_ms) {
  bool ended = hear(command, NULL, timeout_ms);
  if (!ended) kill(command->pid, SIGKILL);
  int status;
  cr_assert_eq(waitpid(command->pid, &status, 0), command->pid);
  command->pid = 0;
  command->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  cr_assert(ended, "still running after %u ms: '%s', '%s'", timeout_ms, command->out, command->err);
}

void command_run(struct command *command, const char *const *args) {
  command_start(command, args);
  command_wait(command, PATIENCE_MS);
}

uint16_t command_serve(struct command *command, const char *const *args) {
  const char *all[COMMAND_ARGS_MAX + 1] = {"serve"};
  for (size_t i = 0; args[i] && i + 1 < COMMAND_ARGS_MAX; i++) all[i + 1] = args[i];
  command_start(command, all);
  command_until(command, "\n");
  cr_assert_eq(strncmp(command->out, "listening on ", 13), 0, "it said '%s'", command->out);
  const char *colon = strrchr(command->out, ':');
  cr_assert_not_null(colon);
  return (uint16_t)strtoul(colon + 1, NULL, 10);
}

void command_drain(struct command *command) {
  kill(command->pid, SIGTERM);
  command_wait(command, PATIENCE_MS);
}

/* ---- clients ---- */

static int connect_to(int family, const void *address, socklen_t len) {
  struct timeval patience = {.tv_sec = 10};
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_geq(fd, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  cr_assert_eq(connect(fd, address, len), 0, "connect: %s", strerror(errno));
  return fd;
}

int client_connect(uint16_t port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return connect_to(AF_INET, &address, sizeof address);
}

int client_connect_ipv6(uint16_t port) {
  struct sockaddr_in6 address = {
      .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};
  return connect_to(AF_INET6, &address, sizeof address);
}

void client_until_refused(uint16_t port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (uint64_t end_ms = now_ms() + PATIENCE_MS; now_ms() < end_ms; poll(NULL, 0, 10)) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ? errno : 0;
    close(fd);
    if (error == ECONNREFUSED) return;
  }
  cr_assert_fail("port %u goes on listening", port);
}

void client_send(int fd, const char *text) {
  ssize_t len = (ssize_t)strlen(text);
  cr_assert_eq(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

void client_receive(int fd, char *data, size_t len) {
  for (size_t got = 0; got < len;) {
    ssize_t n = recv(fd, data + got, len - got, 0);
    cr_assert_gt(n, 0, "%zu of %zu bytes, then %s", got, len, n == 0 ? "the end" : strerror(errno));
    got += (size_t)n;
  }
}

void client_expect(int fd, const char *text) {
  char data[1024];
  size_t len = strlen(text);
  cr_assert_lt(len, sizeof data);
  client_receive(fd, data, len);
  data[len] = '\0';
  cr_assert_str_eq(data, text);
}

int client_next(int fd) {
  char byte;
  ssize_t n = recv(fd, &byte, 1, 0);
  return n < 0 ? errno : n == 0 ? 0 : -1;
}
