/* SPDX-License-Identifier: MIT
 *
 * A server of the demo: this program once more, as a child that cannot outlive us.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

enum { START_MS = 5000, DRAIN_MS = 5000 };

/* All servers on one core, the last of ours: else one of them may have it to itself while the other
 * shares with whatever the machine does, and their speeds could not be compared. */
static void share_a_core(void) {
  cpu_set_t ours, one;
  if (sched_getaffinity(0, sizeof ours, &ours) < 0) return;
  size_t cpu = CPU_SETSIZE - 1;
  while (cpu > 0 && !CPU_ISSET(cpu, &ours)) cpu--;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof one, &one);
}

/* In the child. Only what is safe between fork and exec. */
static void become(char *const *argv, int output, bool quiet, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1); /* it died before that took effect */
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setpgid(0, 0); /* a Ctrl-C is ours to handle */
  share_a_core();
  dup2(output, STDOUT_FILENO);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(null, STDIN_FILENO);
  if (quiet) dup2(null, STDERR_FILENO);
  execv("/proc/self/exe", argv);
  _exit(127);
}

/* Reads what the server says until `until` is in it (NULL: until it closes its stdout). The text is
 * NUL-terminated; what does not fit is dropped. 0, -ETIMEDOUT, -EINTR, -EPIPE if it ended before.
 */
static int listen_to(const struct demo_server *server, const char *until, unsigned timeout_ms,
                     char *text, size_t size) {
  struct pollfd readable = {.fd = server->output, .events = POLLIN};
  uint64_t end_ms = demo_now_ms() + timeout_ms;
  size_t len = 0;
  text[0] = '\0';
  while (demo_now_ms() < end_ms) {
    if (demo_stopped && until) return -EINTR;
    if (poll(&readable, 1, 50) <= 0) continue;
    char piece[512];
    ssize_t n = read(server->output, piece, sizeof piece);
    if (n == 0) return until ? -EPIPE : 0;
    if (n < 0) return -errno;
    size_t fits = size - 1 - len < (size_t)n ? size - 1 - len : (size_t)n;
    memcpy(text + len, piece, fits);
    text[len += fits] = '\0';
    if (until && strstr(text, until)) return 0;
  }
  return -ETIMEDOUT;
}

/* One polite connection, so that what a server opens once and for all (libuv: a descriptor with its
 * first stream) is open before descriptors are counted. 0 or a negative errno. */
static int greet(uint16_t port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct timeval patience = {.tv_sec = 2};
  char reply[8];
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int error = 0;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
      send(fd, "hello\n", 6, MSG_NOSIGNAL) < 0 || recv(fd, reply, 6, MSG_WAITALL) < 0)
    error = -errno;
  else if (memcmp(reply, "HELLO\n", 6) != 0)
    error = -EPROTO;
  shutdown(fd, SHUT_WR);
  while (recv(fd, reply, sizeof reply, 0) > 0) continue;
  close(fd);
  poll(NULL, 0, 100); /* its FIN may be a moment ahead of its close() */
  return error;
}

int demo_server_start(struct demo_server *server, char *const *argv, bool quiet) {
  static const char ready[] = "listening on 127.0.0.1:";
  int pipe_ends[2];
  *server = (struct demo_server)DEMO_NO_SERVER;
  if (pipe2(pipe_ends, O_CLOEXEC) < 0) return -errno;
  pid_t parent = getpid();
  server->pid = fork();
  if (server->pid == 0) become(argv, pipe_ends[1], quiet, parent);
  int error = server->pid < 0 ? -errno : 0;
  close(pipe_ends[1]);
  server->output = pipe_ends[0];
  char text[256];
  if (error == 0) error = listen_to(server, "\n", START_MS, text, sizeof text);
  unsigned port = 0;
  if (error == 0 && strncmp(text, ready, sizeof ready - 1) == 0)
    sscanf(text + sizeof ready - 1, "%u", &port);
  if (error == 0 && (port == 0 || port > UINT16_MAX)) error = -EPROTO;
  server->port = (uint16_t)port;
  if (error == 0) error = greet(server->port);
  if (error < 0) {
    demo_server_kill(server);
    return error;
  }
  server->descriptors = demo_server_descriptors(server);
  return 0;
}

unsigned demo_server_descriptors(const struct demo_server *server) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)server->pid);
  DIR *dir = opendir(path);
  if (!dir) return 0;
  unsigned count = 0;
  for (struct dirent *entry; (entry = readdir(dir));) count += entry->d_name[0] != '.';
  closedir(dir);
  return count;
}

/* The kernel's clock of another process: exact, where /proc/PID/stat counts in 10 ms. */
uint64_t demo_server_cpu_us(const struct demo_server *server) {
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(server->pid, &clock) != 0 || clock_gettime(clock, &used) < 0) return 0;
  return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

int demo_server_drain(struct demo_server *server, char *said, size_t size) {
  kill(server->pid, SIGTERM);
  int status = -1;
  if (listen_to(server, NULL, DRAIN_MS, said, size) == 0 &&
      waitpid(server->pid, &status, 0) == server->pid) {
    server->pid = -1;
    status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  demo_server_kill(server);
  return status;
}

void demo_server_kill(struct demo_server *server) {
  if (server->pid > 0) {
    kill(server->pid, SIGKILL);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR) continue;
    server->pid = -1;
  }
  if (server->output >= 0) close(server->output);
  server->output = -1;
}
