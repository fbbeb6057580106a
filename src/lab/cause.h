/* SPDX-License-Identifier: MIT
 *
 * From evidence to cause: why sockets were left over, or a connection went wrong, in plain words.
 * The evidence may come from a story, or from anywhere else that knows sockets and descriptors.
 */
#ifndef LAB_CAUSE_H
#define LAB_CAUSE_H

#include "lab/expect.h"
#include "lab/life.h"
#include "lab/story.h"

/* X(name, text: what labs call it, what it is, the same in Chinese) */
#define LAB_CAUSES(X) \
  X(NONE, "none", "nothing is wrong: every connection came to a proper end", \
    "没有问题：每个连接都正常结束") \
  X(EOF_IGNORED, "eof-ignored", "the program read the end of input and did not close", \
    "程序读到了 EOF，却没有关闭连接") \
  X(READ_STOPPED, "read-stopped", \
    "the program stopped reading and never began again, so it was never told of the FIN", \
    "程序停止读取后再也没有恢复，对方的 FIN 没有人看到") \
  X(FIN_BEHIND_DATA, "fin-behind-data", \
    "the program does not read, and the peer's FIN is stuck behind data that finds no room", \
    "程序不读数据，接收窗口为零，对方的 FIN 排在发不出去的数据后面") \
  X(PARTIAL_READ, "partial-read-et", \
    "the program read only a part of what was there and waits for an event that does not come", \
    "边沿触发下只读了一部分数据，剩下的数据和 FIN 不会再触发事件") \
  X(BLOCKED_LOOP, "blocked-loop", \
    "the program was busy in one callback, and all connections waited for it", \
    "事件循环被一个回调阻塞，所有连接都在等它") \
  X(NEVER_ACCEPTED, "never-accepted", \
    "connections were never accepted: they belong to no process", \
    "连接没有被 accept，不属于任何进程") \
  X(FORK_INHERIT, "fork-inherit", "a child inherited the descriptor and keeps the socket alive", \
    "子进程继承了描述符，父进程关闭之后连接仍然存在") \
  X(SHUTDOWN_NO_CLOSE, "shutdown-no-close", \
    "the connection ended both ways and its descriptor was never closed: no table shows it", \
    "只有 shutdown 没有 close：连接已结束，描述符却泄漏了，ss 里看不到") \
  X(KEEPALIVE_MIRAGE, "keepalive-mirage", \
    "keepalive cleared the state from the table, but the descriptor leaked all the same", \
    "keepalive 让 CLOSE_WAIT 从表里消失了，描述符却照样泄漏") \
  X(POOL_ROT, "pool-rot", "a pool kept a connection that its peer had already ended", \
    "连接池里留着对方早已关闭的连接") \
  X(HALF_CLOSED_PROXY, "half-closed-proxy", \
    "one leg of a proxy ended and the end was not passed on to the other", \
    "代理的一侧已经关闭，却没有传到另一侧") \
  X(DANGLING_REF, "dangling-ref", \
    "the end of input was read, but a forgotten reference keeps the connection from being closed", \
    "读到了 EOF，但还有一个被遗忘的引用，连接一直没有关闭") \
  X(FIN_WAIT2_OWNED, "fin-wait2-owned", \
    "the program ended its output and waits without a deadline for the peer's FIN", \
    "程序发出 FIN 之后没有期限地等对方的 FIN，内核不会替它计时") \
  X(UNREAD_DATA_RST, "unread-data-rst", \
    "the program closed with unread input, so the kernel sent a reset in place of a FIN", \
    "关闭时还有未读的数据，内核发出的是 RST 而不是 FIN") \
  X(PENDING_WRITE, "close-with-pending-write", \
    "the program closed before its output was written: the answer is cut short, politely", \
    "还没写完就关闭：对方收到的是被截断的数据和正常的 EOF") \
  X(LINGER_ZERO, "linger-zero", "SO_LINGER with 0 turns close into a reset", \
    "SO_LINGER 设为 0，close 发出的是 RST") \
  X(TIME_WAIT_PORTS, "time-wait-ports", \
    "the client ends first each time: its ports are all in TIME-WAIT", \
    "每次都由客户端先关闭，本地端口全部处在 TIME_WAIT") \
  X(VANISHED_PEER, "vanished-peer", \
    "the peer is gone without a word, and nobody asks whether it is still there", \
    "对方无声无息地消失了，本端没有保活，也没有超时") \
  X(ZERO_WINDOW_PEER, "zero-window-peer", \
    "the peer is alive but does not read, and the program waits without a deadline", \
    "对方还在但不读数据，窗口为零，本端没有期限地等") \
  X(FULL_BACKLOG, "backlog-full", \
    "the queue of connections to be accepted is full: SYNs are dropped", \
    "accept 队列已满，新的 SYN 被丢弃") \
  X(CONNECT_PITFALLS, "connect-pitfalls", \
    "an attempt to connect was taken for a success, or was not given up properly", \
    "把失败的 connect 当成了成功，或者没有正确放弃") \
  X(LOST_LAST_ACK, "lost-last-ack", \
    "the last ACK was lost: LAST-ACK repeats its FIN until TIME-WAIT answers again", \
    "最后一个 ACK 丢失：LAST_ACK 重发 FIN，TIME_WAIT 再次确认") \
  X(EMFILE, "emfile", "the program has no descriptor left to accept with", \
    "描述符用完了，accept 失败") \
  X(UNKNOWN, "unknown", "something is left over that no rule explains", \
    "有残留的连接，但没有规则能解释")

enum lab_cause {
#define LAB_CAUSE_ENUM(name, text, english, chinese) LAB_CAUSE_##name,
  LAB_CAUSES(LAB_CAUSE_ENUM)
#undef LAB_CAUSE_ENUM
      LAB_CAUSE_COUNT
};

const char *lab_cause_name(enum lab_cause cause);    /* "eof-ignored" */
const char *lab_cause_english(enum lab_cause cause); /* what it is, without a full stop */
const char *lab_cause_chinese(enum lab_cause cause);
/* By what a lab calls it; LAB_CAUSE_COUNT: no rule knows it. */
enum lab_cause lab_cause_find(const char *name);

/* ---- evidence ---- */

enum lab_known { LAB_UNKNOWN, LAB_NO, LAB_YES };

struct lab_leftover { /* a connection at the program's end */
  unsigned connection;
  bool here;           /* at the end; otherwise the state is its last one */
  bool made;           /* by the program; otherwise it came to it */
  fin_tcp_state state; /* and what else was last seen */
  fin_holder holder;
  fin_tcp_timer timer;
  uint32_t recv_queue, send_queue;
  uint32_t for_ms; /* in this state, with this holder */
  char owner[16];
  fin_tcp_state peer; /* FIN_TCP_ANY: gone, or not known */
  uint32_t peer_send_queue;

  /* What its program is known to have done with it. */
  enum lab_known eof_read, ended, closed;
  enum lab_known watched;       /* by its epoll */
  enum lab_known used_unopened; /* read or written though connecting had failed */
  uint64_t bytes_read, bytes_written;
  int fd; /* -1: not known */
};

struct lab_evidence {
  enum lab_side side; /* the program's */
  bool calls_known;   /* otherwise nothing is concluded from a call that is missing */
  struct lab_leftover *sockets;
  size_t count;

  /* Of the program. */
  uint32_t invisible;     /* its descriptors in no table, at the end */
  uint32_t backlog;       /* connections that wait to be accepted, at the end */
  uint32_t backlog_most;  /* the most that did */
  uint32_t no_descriptor; /* accepts that failed with EMFILE or ENFILE */
  uint32_t no_port;       /* connects that failed with EADDRNOTAVAIL */
  uint32_t forks;
  uint32_t
      pause_ms; /* the longest in which input waited, connections queued, and no call was made */

  /* Of its kernel: counters that grew. */
  int64_t aborts_on_close, aborts_on_data, keepalives, overflows;

  /* Of the wire and the peer. */
  uint32_t resets;        /* from the program's side */
  uint32_t repeated_fins; /* of either side */
  uint32_t lost_acks;
  bool vanished;  /* from some time on a connection's segments were all lost */
  bool cut_short; /* the peer read EOF before it had all that it waited for */
  bool peer_failed;
  char peer_said[120]; /* when it failed */
};

/* False: no memory, and nothing is to be released. */
bool lab_evidence_read(const struct lab_story *story, enum lab_side under_test,
                       struct lab_evidence *evidence);
void lab_evidence_release(struct lab_evidence *evidence);

/* ---- verdict ---- */

enum { LAB_REASONS_MAX = 6, LAB_OPINIONS_MAX = 4 };

struct lab_opinion {
  enum lab_cause cause;
  unsigned weight;                    /* out of 100; 100 is certain */
  char reasons[LAB_REASONS_MAX][160]; /* the evidence, a sentence each without a full stop */
  size_t reason_count;
};

struct lab_diagnosis {
  struct lab_opinion opinions[LAB_OPINIONS_MAX]; /* the likeliest first; at least one */
  size_t count;
};

void lab_diagnose(const struct lab_evidence *evidence, struct lab_diagnosis *diagnosis);

#endif
