/* SPDX-License-Identifier: MIT */
#include "support/server_process.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void bench_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s: ", program_invocation_short_name);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(2);
}

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void run_on_cpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
}

void run_on_last_cpu(void) { run_on_cpu((int)sysconf(_SC_NPROCESSORS_ONLN) - 1); }

size_t raise_descriptor_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return (size_t)limit.rlim_cur;
}

const char *built_program(const char *relative) {
  static char paths[4][4096];
  static unsigned next;
  char *path = paths[next++ % 4];
  ssize_t len = readlink("/proc/self/exe", path, sizeof paths[0] - 1);
  if (len < 0) bench_fail("cannot tell where this program is: %s", strerror(errno));
  path[len] = '\0';
  char *name = strrchr(path, '/') + 1;
  snprintf(name, sizeof paths[0] - (size_t)(name - path), "%s", relative);
  if (access(path, X_OK)) bench_fail("%s is not built: build with -DFINALE_BENCH=ON", path);
  return path;
}

char *find_program(const char *name) {
  const char *given = getenv("PATH");
  char *places, *rest = NULL, *path = NULL;
  if (asprintf(&places, "%s:/usr/sbin:/sbin", given ? given : "/usr/bin:/bin") < 0)
    bench_fail("no memory");
  for (char *at = strtok_r(places, ":", &rest); at && !path; at = strtok_r(NULL, ":", &rest)) {
    if (asprintf(&path, "%s/%s", at, name) < 0) bench_fail("no memory");
    if (access(path, X_OK) == 0) break;
    free(path);
    path = NULL;
  }
  free(places);
  return path;
}

static uint16_t read_port(FILE *output, const char *program) {
  char line[256];
  if (!output || !fgets(line, sizeof line, output))
    bench_fail("%s ended before it listened", program);
  const char *colon = strrchr(line, ':');
  if (strncmp(line, "listening on ", 13) != 0 || !colon)
    bench_fail("%s said '%s' in place of where it listens", program, line);
  return (uint16_t)atoi(colon + 1);
}

/* In the child: becomes `command`, behind `prefix`. */
static _Noreturn void become(const char *const *prefix, const char *const *command) {
  const char *argv[32];
  size_t count = 0, max = sizeof argv / sizeof *argv - 1;
  for (; prefix && *prefix && count < max; prefix++) argv[count++] = *prefix;
  for (; *command && count < max; command++) argv[count++] = *command;
  argv[count] = NULL;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  run_on_cpu(0);
  execv(argv[0], (char *const *)(uintptr_t)argv);
  _exit(127);
}

struct server_process server_process_start(const char *const *argv) {
  return server_process_start_behind(NULL, argv);
}

struct server_process server_process_start_behind(const char *const *prefix,
                                                  const char *const *command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) bench_fail("pipe: %s", strerror(errno));
  pid_t pid = fork();
  if (pid < 0) bench_fail("fork: %s", strerror(errno));
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    become(prefix, command);
  }
  close(ends[1]);
  FILE *output = fdopen(ends[0], "r");
  return (struct server_process){
      .pid = pid, .port = read_port(output, command[0]), .output = output};
}

static bool listens(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  close(fd);
  return connected;
}

struct server_process server_process_start_at(uint16_t port, const char *const *prefix,
                                              const char *const *command) {
  pid_t pid = fork();
  if (pid < 0) bench_fail("fork: %s", strerror(errno));
  if (pid == 0) become(prefix, command);
  while (!listens(port)) {
    if (waitpid(pid, NULL, WNOHANG) != 0) bench_fail("%s ended before it listened", command[0]);
    usleep(10000);
  }
  return (struct server_process){.pid = pid, .port = port};
}

void server_process_stop(struct server_process *server) {
  kill(server->pid, SIGTERM);
  waitpid(server->pid, NULL, 0);
  if (server->output) fclose(server->output);
}

uint64_t server_process_cpu_ns(const struct server_process *server) {
  clockid_t clock;
  struct timespec used;
  if (clock_getcpuclockid(server->pid, &clock) || clock_gettime(clock, &used))
    bench_fail("the server has ended");
  return (uint64_t)used.tv_sec * 1000000000U + (uint64_t)used.tv_nsec;
}

size_t server_process_memory(const struct server_process *server) {
  char path[64], line[256];
  size_t kib = 0;
  snprintf(path, sizeof path, "/proc/%d/status", (int)server->pid);
  FILE *status = fopen(path, "r");
  if (!status) bench_fail("the server has ended");
  while (fgets(line, sizeof line, status))
    if (sscanf(line, "RssAnon: %zu kB", &kib) == 1) break;
  fclose(status);
  return kib * 1024;
}

void bench_parse(int argc, char **argv, struct bench_option *options, size_t count) {
  for (int i = 1; i < argc; i++) {
    struct bench_option *option = NULL;
    for (size_t k = 0; k < count; k++)
      if (strcmp(argv[i], options[k].name) == 0) option = &options[k];
    if (!option) {
      fprintf(stderr, "%s: unknown argument '%s'; there are", program_invocation_short_name,
              argv[i]);
      for (size_t k = 0; k < count; k++) fprintf(stderr, " %s", options[k].name);
      fputc('\n', stderr);
      exit(2);
    }
    if (option->flag) {
      option->value = 1;
      continue;
    }
    char *end = NULL;
    if (i + 1 < argc) option->value = strtod(argv[++i], &end);
    if (!end || *end != '\0' || option->value <= 0)
      bench_fail("%s needs a number above 0, not '%s'", option->name, end ? argv[i] : "");
  }
}

static int by_value(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, by_value);
  return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}
