/* SPDX-License-Identifier: MIT
 *
 * Loaded into the program under test by LD_PRELOAD: writes down what it does with TCP sockets, one
 * lab_event each, to the descriptor that FINALE_LAB_CALLS names. The program must not notice:
 * errno, results and its own descriptors stay as they are, nothing is allocated, and what is not a
 * TCP socket costs one system call. Calls that say "later" (EAGAIN) are left out; what fails, or
 * ends, the same way again and again is told in sums.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lab/clock.h"
#include "lab/story.h"

#define WRAPPER __attribute__((visibility("default")))

/* ---- the real ones ---- */

/* X(result, name, parameters). Addresses are of the type that glibc declares: a union for C. */
#define CALLS(X) \
  X(int, accept, (int, __SOCKADDR_ARG, socklen_t *)) \
  X(int, accept4, (int, __SOCKADDR_ARG, socklen_t *, int)) \
  X(int, connect, (int, __CONST_SOCKADDR_ARG, socklen_t)) \
  X(int, shutdown, (int, int)) \
  X(int, close, (int)) \
  X(ssize_t, read, (int, void *, size_t)) \
  X(ssize_t, readv, (int, const struct iovec *, int)) \
  X(ssize_t, recv, (int, void *, size_t, int)) \
  X(ssize_t, recvfrom, (int, void *, size_t, int, __SOCKADDR_ARG, socklen_t *)) \
  X(ssize_t, recvmsg, (int, struct msghdr *, int)) \
  X(ssize_t, write, (int, const void *, size_t)) \
  X(ssize_t, writev, (int, const struct iovec *, int)) \
  X(ssize_t, send, (int, const void *, size_t, int)) \
  X(ssize_t, sendto, (int, const void *, size_t, int, __CONST_SOCKADDR_ARG, socklen_t)) \
  X(ssize_t, sendmsg, (int, const struct msghdr *, int)) \
  X(int, vdprintf, (int, const char *, va_list)) \
  X(pid_t, fork, (void)) \
  X(long, syscall, (long, ...))

static struct {
#define REAL_MEMBER(result, name, parameters) result(*name) parameters;
  CALLS(REAL_MEMBER)
#undef REAL_MEMBER
} real;

/* dlsym(3) gives void *, which C does not turn into a function. */
static void resolve(void) {
  void *found;
#define RESOLVE(result, name, parameters) \
  found = dlsym(RTLD_NEXT, #name); \
  memcpy(&real.name, &found, sizeof found);
  CALLS(RESOLVE)
#undef RESOLVE
}

static int channel = -1; /* where events go */
static atomic_int inner_pid, outer_pid;

/* In a PID namespace getpid(2) is not what the lab knows us by. */
static void learn_pid(void) {
  char text[16] = "";
  if (readlink("/proc/self", text, sizeof text - 1) < 0)
    snprintf(text, sizeof text, "%d", getpid());
  outer_pid = atoi(text);
  inner_pid = (int)getpid();
}

__attribute__((constructor)) static void begin(void) {
  const char *const number = getenv("FINALE_LAB_CALLS");
  if (real.close == NULL) resolve();
  learn_pid();
  /* What it prints is seen when it prints it, as on a terminal. */
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (number != NULL) channel = atoi(number);
}

/* Somebody else's constructor may call before ours. */
#define REAL(name) (real.name == NULL ? resolve() : (void)0, real.name)

/* ---- sockets ---- */

struct socket {
  uint64_t cookie; /* 0: not a TCP socket */
  uint16_t client_port, server_port;
};

static uint16_t port_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *)) {
  struct sockaddr_in6 address = {0}; /* ports of IPv4 and of IPv6 are in the same place */
  socklen_t len = sizeof address;
  if (ask(fd, (struct sockaddr *)&address, &len) != 0) return 0;
  return ntohs(address.sin6_port);
}

enum { CACHED = 4096 };

/* By descriptor. A cookie is never used again, so what is stale is recognised; written by several
 * threads, the worst is that one is asked for again. */
static struct {
  _Atomic uint64_t cookie;
  _Atomic uint32_t ports; /* of a TCP socket, the client's above; 0: not one, or not yet */
  atomic_bool accepted;   /* from a listener: the server's port is its own */

  /* The last call, if it brought nothing: an error, or 0. */
  _Atomic(const char *) idle;
  atomic_int error;
  atomic_uint again, untold; /* alike, since then; those of them that have not been told */
  _Atomic uint64_t told_ns;
} cache[CACHED];

static bool is_tcp(int fd) {
  int protocol = 0, domain = 0;
  socklen_t len = sizeof protocol;
  if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) != 0 || protocol != IPPROTO_TCP)
    return false;
  len = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
         (domain == AF_INET || domain == AF_INET6);
}

/* Which of the two is the server's is known for what was accepted; what was not has connected. */
static void learn_ports(int fd, struct socket *of, bool accepted) {
  const uint16_t local = port_of(fd, getsockname), remote = port_of(fd, getpeername);
  int listens = 0;
  socklen_t len = sizeof listens;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens != 0)
    accepted = true;
  of->client_port = accepted ? remote : local;
  of->server_port = accepted ? local : remote;
}

static struct socket look_up(int fd, bool accepted) {
  struct socket of = {0};
  socklen_t len = sizeof of.cookie;
  if (channel < 0 || fd < 0 || fd == channel) return of;
  const bool cached = fd < CACHED;
  if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &of.cookie, &len) != 0) return (struct socket){0};
  if (cached && cache[fd].cookie == of.cookie) {
    const uint32_t ports = cache[fd].ports;
    accepted = cache[fd].accepted;
    if (ports >> 16 != 0 && (ports & 0xffff) != 0) {
      of.client_port = (uint16_t)(ports >> 16);
      of.server_port = (uint16_t)ports;
      return of;
    }
  }
  if (!is_tcp(fd)) return (struct socket){0};
  learn_ports(fd, &of, accepted);
  if (cached) {
    cache[fd].accepted = accepted;
    cache[fd].ports = (uint32_t)of.client_port << 16 | of.server_port;
    cache[fd].cookie = of.cookie;
  }
  return of;
}

/* ---- telling ---- */

static void tell(const char *name, int fd, const struct socket *of, int64_t result, int error,
                 unsigned times, uint64_t at_ns) {
  struct lab_event event;
  if (channel < 0) return;
  if (inner_pid != (int)getpid()) learn_pid();
  memset(&event, 0, sizeof event);
  event.at_ns = at_ns;
  event.kind = LAB_CALL;
  strncpy(event.call.name, name, sizeof event.call.name - 1);
  event.call.pid = outer_pid;
  event.call.fd = fd;
  event.call.error = error;
  event.call.result = result;
  event.call.times = times;
  if (of != NULL) {
    event.call.cookie = of->cookie;
    event.call.client_port = of->client_port;
    event.call.server_port = of->server_port;
  }
  while (REAL(send)(channel, &event, sizeof event, MSG_NOSIGNAL) < 0 && errno == EINTR) continue;
}

enum { ONE_BY_ONE = 4, SUM_NS = 10 * 1000 * 1000 };

/* A program that turns in a circle makes a million such calls in a second. */
static void tell_in_sums(const char *name, int fd, const struct socket *of, int64_t result,
                         int error, uint64_t at_ns) {
  if (fd < 0 || fd >= CACHED) {
    tell(name, fd, of, result, error, 1, at_ns);
    return;
  }
  const char *const idle = cache[fd].idle;
  const bool same = result <= 0 && idle == name && cache[fd].error == error;
  if (!same) {
    const unsigned untold = atomic_exchange(&cache[fd].untold, 0);
    const int before = cache[fd].error;
    if (untold > 0) tell(idle, fd, of, before != 0 ? -1 : 0, before, untold, at_ns);
    cache[fd].idle = result <= 0 ? name : NULL;
    cache[fd].error = error;
    cache[fd].again = 0;
  } else {
    cache[fd].again++;
    cache[fd].untold++;
    if (cache[fd].again >= ONE_BY_ONE && at_ns < cache[fd].told_ns + SUM_NS) return;
  }
  const unsigned untold = same ? atomic_exchange(&cache[fd].untold, 0) : 1;
  cache[fd].told_ns = at_ns;
  tell(name, fd, of, result, error, untold, at_ns);
}

static bool says_later(int error) { return error == EAGAIN || error == EINTR; }

/* What came in is told when it came, what goes out when it went: its segments follow it. */
static void tell_received(const char *name, int fd, const struct socket *of, ssize_t result,
                          size_t wanted, int flags) {
  const int error = errno;
  if (of->cookie != 0 && !(result < 0 && says_later(error))) {
    const char *what = (flags & MSG_PEEK) != 0 ? "peek" : name;
    if (result == 0 && wanted > 0) what = "eof";
    tell_in_sums(what, fd, of, result, result < 0 ? error : 0, lab_now());
  }
  errno = error;
}

static void tell_done(const char *name, int fd, const struct socket *of, int64_t result,
                      uint64_t at_ns) {
  const int error = errno;
  if (of->cookie != 0 && !(result < 0 && says_later(error)))
    tell_in_sums(name, fd, of, result, result < 0 ? error : 0, at_ns);
  errno = error;
}

static struct socket look(int fd) {
  const int error = errno;
  const struct socket of = look_up(fd, false);
  errno = error;
  return of;
}

/* ---- connections ---- */

static int accepted(int listener, int fd) {
  const int error = errno;
  const struct socket of = look_up(fd >= 0 ? fd : listener, fd >= 0);
  errno = error;
  tell_done("accept", fd >= 0 ? fd : listener, &of, fd, lab_now());
  return fd;
}

WRAPPER int accept(int fd, __SOCKADDR_ARG address, socklen_t *len) {
  return accepted(fd, REAL(accept)(fd, address, len));
}

WRAPPER int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags) {
  return accepted(fd, REAL(accept4)(fd, address, len, flags));
}

WRAPPER int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len) {
  const uint64_t at_ns = lab_now();
  const int result = REAL(connect)(fd, address, len);
  const struct socket of = look(fd);
  struct socket to = of;
  if (to.server_port == 0 && len >= sizeof(struct sockaddr_in))
    to.server_port = ntohs(address.__sockaddr_in__->sin_port);
  tell_done("connect", fd, &to, result, at_ns);
  return result;
}

WRAPPER int shutdown(int fd, int how) {
  const struct socket of = look(fd);
  const uint64_t at_ns = lab_now();
  const int result = REAL(shutdown)(fd, how);
  tell_done("shutdown", fd, &of, result, at_ns);
  return result;
}

/* Our own descriptor is none of the program's: whoever closes all of them does not mean it. */
WRAPPER int close(int fd) {
  if (fd >= 0 && fd == channel) return 0;
  const struct socket of = look(fd);
  const uint64_t at_ns = lab_now();
  const int result = REAL(close)(fd);
  tell_done("close", fd, &of, result, at_ns);
  return result;
}

/* ---- bytes ---- */

static size_t total(const struct iovec *pieces, size_t count) {
  size_t sum = 0;
  for (size_t i = 0; i < count; i++) sum += pieces[i].iov_len;
  return sum;
}

#define RECEIVE(name, wanted, flags, ...) \
  const struct socket of = look(fd); \
  const ssize_t result = REAL(name)(__VA_ARGS__); \
  tell_received("read", fd, &of, result, (wanted), (flags)); \
  return result

#define SEND(name, ...) \
  const struct socket of = look(fd); \
  const uint64_t at_ns = lab_now(); \
  const ssize_t result = REAL(name)(__VA_ARGS__); \
  tell_done("write", fd, &of, result, at_ns); \
  return result

WRAPPER ssize_t read(int fd, void *bytes, size_t len) { RECEIVE(read, len, 0, fd, bytes, len); }

WRAPPER ssize_t readv(int fd, const struct iovec *pieces, int count) {
  RECEIVE(readv, total(pieces, (size_t)count), 0, fd, pieces, count);
}

WRAPPER ssize_t recv(int fd, void *bytes, size_t len, int flags) {
  RECEIVE(recv, len, flags, fd, bytes, len, flags);
}

WRAPPER ssize_t recvfrom(int fd, void *bytes, size_t len, int flags, __SOCKADDR_ARG address,
                         socklen_t *address_len) {
  RECEIVE(recvfrom, len, flags, fd, bytes, len, flags, address, address_len);
}

WRAPPER ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  const size_t wanted = total(message->msg_iov, message->msg_iovlen);
  RECEIVE(recvmsg, wanted, flags, fd, message, flags);
}

WRAPPER ssize_t write(int fd, const void *bytes, size_t len) { SEND(write, fd, bytes, len); }

WRAPPER ssize_t writev(int fd, const struct iovec *pieces, int count) {
  SEND(writev, fd, pieces, count);
}

WRAPPER ssize_t send(int fd, const void *bytes, size_t len, int flags) {
  SEND(send, fd, bytes, len, flags);
}

WRAPPER ssize_t sendto(int fd, const void *bytes, size_t len, int flags,
                       __CONST_SOCKADDR_ARG address, socklen_t address_len) {
  SEND(sendto, fd, bytes, len, flags, address, address_len);
}

WRAPPER ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  SEND(sendmsg, fd, message, flags);
}

/* libc writes by itself here, as it does for a FILE, of which nothing is known. */
WRAPPER int vdprintf(int fd, const char *format, va_list values) {
  const struct socket of = look(fd);
  const uint64_t at_ns = lab_now();
  const int result = REAL(vdprintf)(fd, format, values);
  tell_done("write", fd, &of, result, at_ns);
  return result;
}

WRAPPER int dprintf(int fd, const char *format, ...) {
  va_list values;
  va_start(values, format);
  const int result = vdprintf(fd, format, values);
  va_end(values);
  return result;
}

/* What a program has from a libc that checks sizes (_FORTIFY_SOURCE); the check is kept. */
WRAPPER ssize_t __read_chk(int fd, void *bytes, size_t len, size_t room);
WRAPPER ssize_t __read_chk(int fd, void *bytes, size_t len, size_t room) {
  if (len > room) abort();
  return read(fd, bytes, len);
}

WRAPPER ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags);
WRAPPER ssize_t __recv_chk(int fd, void *bytes, size_t len, size_t room, int flags) {
  if (len > room) abort();
  return recv(fd, bytes, len, flags);
}

WRAPPER int __dprintf_chk(int fd, int flag, const char *format, ...);
WRAPPER int __dprintf_chk(int fd, int flag, const char *format, ...) {
  va_list values;
  (void)flag; /* how strict it is about %n */
  va_start(values, format);
  const int result = vdprintf(fd, format, values);
  va_end(values);
  return result;
}

/* ---- processes ---- */

WRAPPER pid_t fork(void) {
  const uint64_t at_ns = lab_now();
  const pid_t child = REAL(fork)();
  const int error = errno;
  if (child != 0) tell("fork", -1, NULL, child, child < 0 ? error : 0, 1, at_ns);
  errno = error;
  return child;
}

/* libuv closes by number: its close is to be no point where a thread can be cancelled. */
WRAPPER long syscall(long number, ...) {
  long a[6];
  va_list arguments;
  va_start(arguments, number);
  for (size_t i = 0; i < sizeof a / sizeof *a; i++) a[i] = va_arg(arguments, long);
  va_end(arguments);
  if (number == SYS_close) return close((int)a[0]);
  return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
