/* SPDX-License-Identifier: MIT
 *
 * Output that has been accepted and not yet taken by the kernel: a queue of chunks, copied or taken
 * over whole. Bytes never move while they are queued, so a write in flight may point at them, also
 * while more is appended. An empty queue is all zeros and holds no memory.
 */
#ifndef FIN_QUEUE_H
#define FIN_QUEUE_H

#include <stddef.h>
#include <sys/uio.h>

struct fin_pool;
struct fin_chunk;

struct fin_queue {
  struct fin_chunk *last; /* circular: the chunk after it is the first; NULL when empty */
  size_t len;             /* bytes queued */
};

/* The size of object that the pool given to fin_queue_append must have been made with. */
extern const size_t fin_chunk_size;

/* Appends a copy, all or none: 0 or -ENOMEM. Fills the last chunk before it takes another from
 * `pool`; more than a few chunks' worth goes into one allocation of its own. */
int fin_queue_append(struct fin_queue *queue, struct fin_pool *pool, const void *data, size_t len);

/* Appends `data` itself; release(arg, data) is called when it has been consumed or dropped; at once
 * if `len` is 0. 0 or -ENOMEM (then release has not been called). `release` may be NULL. */
int fin_queue_take(struct fin_queue *queue, const void *data, size_t len,
                   void (*release)(void *arg, const void *data), void *arg);

/* Describes the first bytes in at most `max` parts; returns how many parts. They are valid until
 * these bytes are consumed. */
unsigned fin_queue_parts(const struct fin_queue *queue, struct iovec *parts, unsigned max);

/* Drops the first `len` bytes, which are at most queue->len. `pool` is the one appended with. */
void fin_queue_consume(struct fin_queue *queue, struct fin_pool *pool, size_t len);
void fin_queue_clear(struct fin_queue *queue, struct fin_pool *pool);

#endif
