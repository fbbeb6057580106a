/* SPDX-License-Identifier: MIT
 *
 * See script_step.h.
 */
#include "lab/script_step.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/clock.h"

enum { PIECE = 26 * 2048 };

void lab_playing_close(struct lab_playing *playing) {
  if (playing->fd >= 0) close(playing->fd);
  playing->fd = -1;
}

static enum lab_went failed(char *text, int error) {
  snprintf(text, 80, "%s (%s)", strerrorname_np(error), strerror(error));
  return LAB_FAILED_STEP;
}

static bool later(int error) {
  return error == EAGAIN || error == EINTR || error == EINPROGRESS || error == EALREADY;
}

/* ---- connecting ---- */

static bool have_socket(struct lab_playing *playing) {
  if (playing->fd < 0 && !playing->connected)
    playing->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (playing->fd < 0 && playing->connected) errno = ENOTCONN;
  return playing->fd >= 0;
}

/* connect(2) once more tells what became of it. */
static enum lab_went play_connect(struct lab_playing *playing,
                                  const struct lab_script_options *options, char *text) {
  struct sockaddr_in local;
  socklen_t len = sizeof local;
  const int result =
      connect(playing->fd, (const struct sockaddr *)&options->address, sizeof options->address);
  const int error = errno;
  if (getsockname(playing->fd, (struct sockaddr *)&local, &len) == 0)
    playing->client_port = ntohs(local.sin_port);
  if (result != 0) return later(error) ? LAB_WAITS : failed(text, error);
  playing->connected = true;
  return LAB_WENT;
}

static enum lab_went play_set(struct lab_playing *playing, const struct lab_step *step,
                              char *text) {
  const int *v = step->values;
  const int on = 1, seconds = v[0] / 1000;
  const struct linger linger = {.l_onoff = 1, .l_linger = v[0]};
  const struct {
    int level, name;
    const void *value;
    socklen_t len;
  } all[][4] = {
      [LAB_OPTION_RCVBUF] = {{SOL_SOCKET, SO_RCVBUF, &v[0], sizeof v[0]}},
      [LAB_OPTION_SNDBUF] = {{SOL_SOCKET, SO_SNDBUF, &v[0], sizeof v[0]}},
      [LAB_OPTION_KEEPALIVE] = {{SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on},
                                {IPPROTO_TCP, TCP_KEEPIDLE, &v[0], sizeof v[0]},
                                {IPPROTO_TCP, TCP_KEEPINTVL, &v[1], sizeof v[1]},
                                {IPPROTO_TCP, TCP_KEEPCNT, &v[2], sizeof v[2]}},
      [LAB_OPTION_LINGER] = {{SOL_SOCKET, SO_LINGER, &linger, sizeof linger}},
      [LAB_OPTION_NODELAY] = {{IPPROTO_TCP, TCP_NODELAY, &on, sizeof on}},
      [LAB_OPTION_USER_TIMEOUT] = {{IPPROTO_TCP, TCP_USER_TIMEOUT, &v[0], sizeof v[0]}},
      [LAB_OPTION_FIN_TIMEOUT] = {{IPPROTO_TCP, TCP_LINGER2, &seconds, sizeof seconds}},
      [LAB_OPTION_MSS] = {{IPPROTO_TCP, TCP_MAXSEG, &v[0], sizeof v[0]}},
  };
  for (size_t i = 0; i < 4 && all[step->option][i].len > 0; i++)
    if (setsockopt(playing->fd, all[step->option][i].level, all[step->option][i].name,
                   all[step->option][i].value, all[step->option][i].len) != 0)
      return failed(text, errno);
  return LAB_WENT;
}

/* ---- bytes ---- */

static const char *pattern(void) {
  static char bytes[PIECE + 26];
  for (size_t i = 0; bytes[0] == '\0' && i < sizeof bytes; i++)
    bytes[sizeof bytes - 1 - i] = (char)('z' - (char)(i % 26));
  return bytes;
}

static enum lab_went play_send(struct lab_playing *playing, const struct lab_step *step,
                               char *text) {
  while (playing->done < step->len) {
    const size_t left = step->len - playing->done;
    const bool counted = step->kind == LAB_STEP_SEND_COUNT;
    const char *from = counted ? pattern() + playing->done % 26 : step->bytes + playing->done;
    const ssize_t sent =
        send(playing->fd, from, left < PIECE || !counted ? left : PIECE, MSG_NOSIGNAL);
    if (sent < 0) return later(errno) ? LAB_WAITS : failed(text, errno);
    playing->done += (size_t)sent;
    playing->began_ns = lab_now();
  }
  return LAB_WENT;
}

static enum lab_went ended_early(const struct lab_playing *playing, const struct lab_step *step,
                                 char *text) {
  snprintf(text, 80, "EOF behind %zu of %zu bytes", playing->done, step->len);
  return LAB_FAILED_STEP;
}

static enum lab_went play_read(struct lab_playing *playing, const struct lab_step *step,
                               char *text) {
  char bytes[PIECE];
  while (playing->done < step->len) {
    const size_t left = step->len - playing->done;
    const ssize_t got = recv(playing->fd, bytes, left < PIECE ? left : PIECE, 0);
    if (got < 0) return later(errno) ? LAB_WAITS : failed(text, errno);
    if (got == 0) return ended_early(playing, step, text);
    if (step->kind == LAB_STEP_READ &&
        memcmp(bytes, step->bytes + playing->done, (size_t)got) != 0) {
      snprintf(text, 80, "other bytes came, from byte %zu on", playing->done + 1);
      return LAB_FAILED_STEP;
    }
    playing->done += (size_t)got;
  }
  return LAB_WENT;
}

/* `read to end` and `read reset`: what comes before does not matter. */
static enum lab_went play_read_ending(struct lab_playing *playing, bool reset, char *text) {
  char bytes[PIECE];
  for (;;) {
    const ssize_t got = recv(playing->fd, bytes, sizeof bytes, 0);
    if (got > 0) {
      playing->done += (size_t)got;
      continue;
    }
    if (got < 0 && later(errno)) return LAB_WAITS;
    if (got < 0 && (!reset || (errno != ECONNRESET && errno != EPIPE))) return failed(text, errno);
    snprintf(text, 80, "%s behind %zu bytes", got == 0 ? "EOF" : "reset", playing->done);
    return reset == (got < 0) ? LAB_WENT : LAB_FAILED_STEP;
  }
}

/* What cannot be sent yet stays with the kernel. */
static enum lab_went play_echo(struct lab_playing *playing, char *text) {
  char bytes[PIECE];
  for (;;) {
    const ssize_t got = recv(playing->fd, bytes, sizeof bytes, MSG_PEEK);
    playing->blocked = false;
    if (got < 0 && later(errno)) return LAB_WAITS;
    if (got <= 0) {
      snprintf(text, 80, "%s behind %zu bytes", got == 0 ? "EOF" : strerrorname_np(errno),
               playing->done);
      lab_playing_close(playing);
      return LAB_WENT;
    }
    const ssize_t sent = send(playing->fd, bytes, (size_t)got, MSG_NOSIGNAL);
    playing->blocked = sent < 0 && later(errno);
    if (sent < 0) return playing->blocked ? LAB_WAITS : failed(text, errno);
    if (recv(playing->fd, bytes, (size_t)sent, 0) > 0) playing->done += (size_t)sent;
  }
}

/* ---- endings ---- */

static enum lab_went play_reset(struct lab_playing *playing, char *text) {
  const struct linger now = {.l_onoff = 1, .l_linger = 0};
  if (setsockopt(playing->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) != 0)
    return failed(text, errno);
  lab_playing_close(playing);
  return LAB_WENT;
}

static enum lab_went play_vanish(const struct lab_playing *playing,
                                 const struct lab_script_options *options, char *text) {
  if (options->on_vanish != NULL && options->on_vanish(options->context, playing->client_port))
    return LAB_WENT;
  snprintf(text, 80, "there is no wire");
  return LAB_FAILED_STEP;
}

enum lab_went lab_step_play(struct lab_playing *playing, const struct lab_script_options *options,
                            const struct lab_step *step, char text[80]) {
  if (step->kind == LAB_STEP_WAIT)
    return lab_now() >= playing->began_ns + step->ms * LAB_MS ? LAB_WENT : LAB_WAITS;
  if (step->kind == LAB_STEP_VANISH) return play_vanish(playing, options, text);
  if (!have_socket(playing)) return failed(text, errno);
  switch (step->kind) {
    case LAB_STEP_CONNECT:
      return play_connect(playing, options, text);
    case LAB_STEP_SET:
      return play_set(playing, step, text);
    case LAB_STEP_SEND:
    case LAB_STEP_SEND_COUNT:
      return play_send(playing, step, text);
    case LAB_STEP_READ:
    case LAB_STEP_READ_COUNT:
      return play_read(playing, step, text);
    case LAB_STEP_READ_END:
      return play_read_ending(playing, false, text);
    case LAB_STEP_READ_RESET:
      return play_read_ending(playing, true, text);
    case LAB_STEP_END:
      return shutdown(playing->fd, SHUT_WR) == 0 ? LAB_WENT : failed(text, errno);
    case LAB_STEP_RESET:
      return play_reset(playing, text);
    case LAB_STEP_ECHO:
      return play_echo(playing, text);
    default: /* LAB_STEP_CLOSE */
      lab_playing_close(playing);
      return LAB_WENT;
  }
}

short lab_step_events(const struct lab_playing *playing, const struct lab_step *step) {
  switch (step->kind) {
    case LAB_STEP_ECHO:
      return playing->blocked ? POLLOUT : POLLIN;
    case LAB_STEP_CONNECT:
    case LAB_STEP_SEND:
    case LAB_STEP_SEND_COUNT:
      return POLLOUT;
    case LAB_STEP_READ:
    case LAB_STEP_READ_COUNT:
    case LAB_STEP_READ_END:
    case LAB_STEP_READ_RESET:
      return POLLIN;
    default:
      return 0;
  }
}
