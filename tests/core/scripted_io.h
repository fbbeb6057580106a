/* SPDX-License-Identifier: MIT
 *
 * io.h over a kernel that is a script: its sockets, their peers and the clock do nothing of
 * themselves. A test says what peers do and how time passes, asks what is ready to be told to the
 * driver, and tells it. What io.h asks of the driver is checked at every call.
 */
#ifndef FIN_TEST_SCRIPTED_IO_H
#define FIN_TEST_SCRIPTED_IO_H

#include "io/io.h"

enum { SOCKETS_MAX = 8, SOCKET_PARTS_MAX = 64 };

/* ---- bytes ---- */

/* What flows in either direction is a pattern that repeats after a prime number of bytes, so that
 * bytes lost, doubled or swapped are seen. Valid for `PATTERN_MAX` bytes from any position. */
enum { PATTERN_MAX = 512 * 1024 };
const char *pattern(uint32_t shift, uint64_t position);
bool pattern_equal(uint32_t shift, uint64_t position, const char *data, size_t len);

/* ---- sockets ---- */

/* Calls of the driver that can be made to fail once. */
enum fault {
  FAULT_OPEN,
  FAULT_DIAL,
  FAULT_HEAR,
  FAULT_SEND,
  FAULT_WRITE,
  FAULT_SEND_FIN,
  FAULT_COUNT
};

enum descriptor { FD_UNUSED, FD_OPEN, FD_CLOSING, FD_GONE };

/* One connection as the system has it, peer included. */
struct socket {
  struct fin_io *io;
  struct fin_conn *conn; /* NULL before fin_io_open or _dial and after on_fd_closed */
  enum descriptor descriptor;
  bool dialling;  /* the driver waits for the connection */
  bool connected; /* which there is */
  struct fin_dial_spec spec;
  uint32_t shift; /* of the patterns: of output; that of input has its bits turned over */

  /* Output. */
  uint64_t taken;    /* bytes the kernel has taken */
  uint64_t acked;    /* bytes of these that the peer has acknowledged */
  uint64_t acked_ms; /* when it last did */
  uint64_t taken_ms; /* when bytes were last taken */
  uint64_t told_ms;  /* when a write in flight was last told to be done */
  uint64_t acked_at_close;
  size_t capacity; /* of the send buffer */
  size_t take_max; /* the most that one call takes */
  bool fin_sent;
  bool fin_acked;
  bool reset;                                                            /* closed with RST */
  bool checks_output;                                                    /* against the pattern */
  void (*on_taken)(struct socket *socket, const char *data, size_t len); /* may be NULL */
  unsigned sends; /* calls of fin_io_send that took something */

  /* The write in flight. */
  bool writing;
  unsigned part_count;
  struct iovec parts[SOCKET_PARTS_MAX];
  size_t write_len;
  size_t write_taken;
  uint64_t write_begin; /* position of its first byte in the output */

  /* Input. */
  const char *input; /* what the peer sends; NULL: the pattern */
  uint64_t arrived;  /* bytes that the peer has sent, and that came */
  uint64_t read;     /* bytes told to the driver */
  uint64_t read_ms;  /* when bytes were last told */
  bool peer_fin;     /* arrived, behind all bytes */
  bool input_ended;  /* and was told */
  int error;         /* pending, and then for ever */
  enum fin_hearing hearing;
  bool edge; /* something of which the death-watch has not told */

  int failed; /* the first error that the driver has been told of in any way */
  bool open_failed;
  bool write_failed;
};

/* What can be told about a socket. */
enum news {
  NEWS_CONNECTED,
  NEWS_INPUT,
  NEWS_INPUT_END,
  NEWS_FIN_SEEN,
  NEWS_ERROR,
  NEWS_WRITE_ERROR, /* by the write in flight, which is over then */
  NEWS_TAKING,      /* the kernel takes more of the write in flight: nothing is told yet */
  NEWS_WRITTEN,
  NEWS_FD_CLOSED,
  NEWS_COUNT
};

extern const char *const news_names[NEWS_COUNT];

struct fin_io {
  const struct fin_io_events *events;
  void *owner;
  uint64_t now_ms;  /* the driver sees the lower half */
  uint64_t busy_ms; /* of which the handler's work makes the loop's time lag behind the system's */
  uint64_t worked_ms; /* by which it has caught up, in all */
  bool wake_set;
  uint64_t wake_ms;
  bool turn_end_asked;
  struct socket sockets[SOCKETS_MAX];
  unsigned count;
  int faults[FAULT_COUNT];     /* a positive errno: such a call fails with it, once */
  unsigned skips[FAULT_COUNT]; /* so many such calls before it do not */

  /* Called when the driver is told of an error, before it can do anything about it. May be NULL. */
  void (*on_failure)(struct socket *socket, int error);
};

void io_init(struct fin_io *io, const struct fin_io_events *events, void *owner, uint64_t now_ms);

/* A new socket; its number in io->sockets is the descriptor, and who dials that port gets it. */
struct socket *io_socket(struct fin_io *io);
int socket_fd(const struct socket *socket);
uint16_t socket_port(const struct socket *socket);

/* ---- what the peer and the network do ---- */

void peer_accept(struct socket *socket); /* who has been dialled */
void peer_send(struct socket *socket, size_t len);
void peer_send_fin(struct socket *socket);
void peer_ack(struct socket *socket,
              uint64_t len);                      /* at most what is out; then the FIN, if it is */
void peer_ack_all(struct socket *socket);         /* the FIN included */
void peer_fail(struct socket *socket, int error); /* unread input is lost */

/* All that was accepted by the kernel, FIN included, is acknowledged. */
bool socket_all_acked(const struct socket *socket);

/* ---- telling the driver ---- */

unsigned socket_ready(const struct socket *socket); /* 1 << enum news, or-ed */
bool io_any_ready(const struct fin_io *io);

/* Tells one piece of news that is ready; of input and taking at most `most` bytes. */
void socket_tell(struct socket *socket, enum news news, size_t most);

bool io_time_due(const struct fin_io *io);
void io_tell_time(struct fin_io *io);
void io_tell_turn_end(struct fin_io *io);

#endif
