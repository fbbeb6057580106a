/* SPDX-License-Identifier: MIT
 *
 * What a server prints goes to a file in memory: a pipe that nobody reads would stop it one day,
 * and one that is closed would end it.
 */
#include "server/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ARGS_MAX = 64, BEGIN_MS = 20 * 1000, END_MS = 5 * 1000, TICK_MS = 5, WORDS_MAX = 300 };

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tick(void) { nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL); }

char *process_find_program(const char *name) {
  if (strchr(name, '/')) return access(name, X_OK) == 0 ? strdup(name) : NULL;
  const char *given = getenv("PATH");
  char *places = NULL, *rest = NULL, *path = NULL;
  if (asprintf(&places, "%s:/usr/sbin:/sbin", given ? given : "/usr/bin:/bin") < 0) return NULL;
  for (char *at = strtok_r(places, ":", &rest); at; at = strtok_r(NULL, ":", &rest)) {
    if (asprintf(&path, "%s/%s", at, name) < 0) path = NULL;
    if (path && access(path, X_OK) == 0) break;
    free(path);
    path = NULL;
  }
  free(places);
  return path;
}

void process_find_cpus(int *first, int *last) {
  cpu_set_t set;
  *first = *last = -1;
  if (sched_getaffinity(0, sizeof set, &set)) return;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET((size_t)cpu, &set)) continue;
    if (*first < 0) *first = cpu;
    *last = cpu;
  }
}

/* Not one of those that the system gives to clients: it may be taken before the server has it. */
uint16_t process_free_port(void) {
  enum { FIRST = 12000, COUNT = 20000, TRIES = 200 };
  uint16_t free_port = 0;
  for (unsigned i = 0; i < TRIES && free_port == 0; i++) {
    uint16_t number = (uint16_t)(i * 97);
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) < 0) number = (uint16_t)(i * 97);
    uint16_t port = (uint16_t)(FIRST + number % COUNT);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (fd < 0) return 0;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0) free_port = port;
    close(fd);
  }
  return free_port;
}

/* ---- in the child ---- */

static _Noreturn void give_up(const char *what) {
  dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
  _exit(127);
}

/* The shell that started us may have left us descriptors; libraries may too. */
static void close_others(void) {
  if (syscall(SYS_close_range, STDERR_FILENO + 1, UINT_MAX, 0) == 0) return;
  for (int fd = STDERR_FILENO + 1; fd < 1024; fd++) close(fd);
}

static _Noreturn void become(const struct process_start *start, const char *const *argv, int output,
                             pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127); /* it has died before that */

  sigset_t none;
  sigemptyset(&none);
  signal(SIGPIPE, SIG_DFL); /* what is ignored stays so across exec */
  sigprocmask(SIG_SETMASK, &none, NULL);

  dup2(output, STDOUT_FILENO);
  if (start->quiet) dup2(output, STDERR_FILENO);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  close_others();
  if (start->directory && chdir(start->directory)) give_up(start->directory);
  if (start->cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)start->cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
  }
  execv(argv[0], (char *const *)(uintptr_t)argv);
  give_up(argv[0]);
}

/* ---- waiting until it listens ---- */

/* How much of what it has printed lies in `text`, the end of it if that is not all. */
static size_t read_output(int output, char *text, size_t size) {
  off_t end = lseek(output, 0, SEEK_END), from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
  ssize_t len = pread(output, text, size - 1, from);
  text[len > 0 ? len : 0] = '\0';
  return len > 0 ? (size_t)len : 0;
}

/* The port in a whole line `listening on HOST:PORT`; 0: none yet. */
static uint16_t printed_port(int output) {
  char text[4096];
  text[0] = '\n';
  ssize_t len = pread(output, text + 1, sizeof text - 2, 0);
  if (len <= 0) return 0;
  text[len + 1] = '\0';
  const char *line = strstr(text, "\nlistening on ");
  const char *end = line ? strchr(line + 1, '\n') : NULL;
  const char *colon = end ? memrchr(line, ':', (size_t)(end - line)) : NULL;
  return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

/* From another address than the server's: a client's port can be the very one that it asks for, and
 * TCP then connects it to itself. */
static bool listens(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1)};
  struct sockaddr_in to = {
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
  };
  bool connected = fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
                   connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
  if (fd >= 0) close(fd);
  return connected;
}

static bool has_ended(pid_t pid) {
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

/* ": it said: ..." in one line, or nothing. */
static void last_words(int output, char text[WORDS_MAX + 1]) {
  static const char intro[] = "; it said: ";
  char said[WORDS_MAX - sizeof intro];
  size_t len = read_output(output, said, sizeof said), to = 0;
  text[0] = '\0';
  for (size_t i = 0; i < len; i++) {
    unsigned char byte = (unsigned char)said[i];
    if (byte >= ' ' && byte != 0x7f) said[to++] = said[i];
    if (byte < ' ' && to > 0 && said[to - 1] != ' ') said[to++] = ' ';
  }
  while (to > 0 && said[to - 1] == ' ') to--;
  if (to > 0) snprintf(text, WORDS_MAX + 1, "%s%.*s", intro, (int)to, said);
}

static bool wait_for_port(struct process *process, const struct process_start *start,
                          char why[PROCESS_WHY_MAX]) {
  uint32_t deadline_ms = start->deadline_ms ? start->deadline_ms : BEGIN_MS;
  uint64_t begun_ms = now_ms();
  char words[WORDS_MAX + 1];
  const char *name = start->argv[0];
  for (;;) {
    bool ended = has_ended(process->pid); /* before the look at what it said, which is then all */
    if (start->port == 0 && !ended) process->port = printed_port(process->output);
    if (start->port != 0 && !ended && listens(start->port)) process->port = start->port;
    if (process->port != 0) return true;
    if (ended) {
      last_words(process->output, words);
      int status = process_end(process);
      if (status < 0) snprintf(why, PROCESS_WHY_MAX, "%s was killed at once%s", name, words);
      if (status >= 0)
        snprintf(why, PROCESS_WHY_MAX, "%s ended at once with status %d%s", name, status, words);
      return false;
    }
    if (now_ms() - begun_ms >= deadline_ms) {
      last_words(process->output, words);
      process_end(process);
      snprintf(why, PROCESS_WHY_MAX, "%s does not listen %s%.3g s after its start%s", name,
               start->port ? "on its port " : "(or does not print where) ", deadline_ms / 1e3,
               words);
      return false;
    }
    tick();
  }
}

/* ---- begin and end ---- */

/* The prefix and the command as one, with the paths of both programs: the caller frees those two,
 * and argv itself lies in `argv`. False: one of them is not installed. */
static bool build_argv(const struct process_start *start, const char *argv[ARGS_MAX],
                       char *paths[2], char why[PROCESS_WHY_MAX]) {
  const char *const *const parts[] = {start->prefix, start->argv};
  size_t count = 0;
  for (size_t part = 0; part < 2; part++) {
    const char *const *word = parts[part];
    if (!word || !*word) continue;
    paths[part] = process_find_program(*word);
    if (!paths[part]) {
      snprintf(why, PROCESS_WHY_MAX, "%s is not installed", *word);
      return false;
    }
    argv[count++] = paths[part];
    for (word++; *word; word++) {
      if (count == ARGS_MAX - 1) {
        snprintf(why, PROCESS_WHY_MAX, "%s: more than %d arguments", start->argv[0], ARGS_MAX - 2);
        return false;
      }
      argv[count++] = *word;
    }
  }
  argv[count] = NULL;
  return true;
}

bool process_begin(struct process *process, const struct process_start *start,
                   char why[PROCESS_WHY_MAX]) {
  const char *argv[ARGS_MAX];
  char *paths[2] = {NULL, NULL};
  *process = (struct process){.output = -1};
  bool ready = build_argv(start, argv, paths, why);
  if (ready) {
    process->output = memfd_create("output", MFD_CLOEXEC);
    pid_t parent = getpid(), pid = process->output >= 0 ? fork() : -1;
    if (pid == 0) become(start, argv, process->output, parent);
    if (pid > 0) {
      setpgid(pid, pid); /* whoever comes first: it must be so before the first signal to it */
      process->pid = pid;
    } else {
      ready = false;
      snprintf(why, PROCESS_WHY_MAX, "%s cannot be started: %s", argv[0], strerror(errno));
      process_end(process);
    }
  }
  free(paths[0]);
  free(paths[1]);
  return ready && wait_for_port(process, start, why);
}

bool process_has_ended(const struct process *process, char why[PROCESS_WHY_MAX]) {
  siginfo_t info = {0};
  if (waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid != process->pid)
    return false;
  if (info.si_code == CLD_EXITED)
    snprintf(why, PROCESS_WHY_MAX, "ended with status %d", info.si_status);
  else
    snprintf(why, PROCESS_WHY_MAX, "was ended by SIG%s", sigabbrev_np(info.si_status));
  return true;
}

int process_end(struct process *process) {
  int status = -1;
  if (process->pid > 0) {
    /* One that is stopped would not hear SIGTERM. SIGCONT comes first: to one that is ending it
     * would undo the stop by which LeakSanitizer looks at it, and both would wait for ever. */
    kill(-process->pid, SIGCONT);
    kill(-process->pid, SIGTERM);
    for (uint64_t begun_ms = now_ms(); !has_ended(process->pid); tick())
      if (now_ms() - begun_ms >= END_MS) kill(-process->pid, SIGKILL);
    /* The group exists as long as its leader has not been waited for. */
    kill(-process->pid, SIGKILL);
    int ending = 0;
    while (waitpid(process->pid, &ending, 0) < 0 && errno == EINTR) continue;
    status = WIFEXITED(ending) ? WEXITSTATUS(ending) : -1;
  }
  if (process->output >= 0) close(process->output);
  *process = (struct process){.output = -1};
  return status;
}
