/* SPDX-License-Identifier: MIT
 *
 * A chunk is in the queue only while it holds unconsumed bytes. Bytes are added behind `end` of the
 * last chunk, never before it, so nobody who reads what is queued sees them move or change.
 */
#include "base/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"

/* Sixteen to a slab of 64 KiB, its header included. */
enum { CHUNK_SIZE = 4080 };

/* A copy that needs more chunks than this gets one allocation instead. */
enum { CHUNKS_PER_COPY = 4 };

struct fin_chunk {
  struct fin_chunk *next;
  const char *data;                     /* behind this struct, or taken */
  size_t begin, end, cap;               /* data[begin..end) is queued, data[end..cap) is free */
  enum { POOLED, ALONE, TAKEN } memory; /* where the memory came from */
  void (*release)(void *arg, const void *data); /* of a taken one, or NULL */
  void *arg;
};

enum { CHUNK_ROOM = CHUNK_SIZE - sizeof(struct fin_chunk) };

const size_t fin_chunk_size = CHUNK_SIZE;

static struct fin_chunk *first_of(const struct fin_queue *queue) { return queue->last->next; }

/* Puts all of `more` behind `queue`. */
static void join(struct fin_queue *queue, const struct fin_queue *more) {
  if (!more->last) return;
  if (queue->last) {
    struct fin_chunk *first = first_of(queue);
    queue->last->next = more->last->next;
    more->last->next = first;
  }
  queue->last = more->last;
  queue->len += more->len;
}

static void push(struct fin_queue *queue, struct fin_chunk *chunk) {
  if (queue->last) {
    chunk->next = first_of(queue);
    queue->last->next = chunk;
  } else {
    chunk->next = chunk;
  }
  queue->last = chunk;
  queue->len += chunk->end - chunk->begin;
}

static void pop(struct fin_queue *queue, struct fin_pool *pool) {
  struct fin_chunk *chunk = first_of(queue);
  queue->len -= chunk->end - chunk->begin;
  if (chunk == queue->last)
    queue->last = NULL;
  else
    queue->last->next = chunk->next;
  if (chunk->release) chunk->release(chunk->arg, chunk->data);
  if (chunk->memory == POOLED)
    fin_pool_put(pool, chunk);
  else
    fin_release(chunk);
}

/* Copies as much of `data` as fits; returns how much. */
static size_t fill(struct fin_chunk *chunk, const char *data, size_t len) {
  size_t room = chunk->cap - chunk->end;
  if (len > room) len = room;
  memcpy((char *)(chunk + 1) + chunk->end, data, len);
  chunk->end += len;
  return len;
}

static struct fin_chunk *new_copy(struct fin_pool *pool, const char *data, size_t len) {
  bool large = len > CHUNKS_PER_COPY * (size_t)CHUNK_ROOM;
  struct fin_chunk *chunk = large ? fin_alloc(sizeof *chunk + len) : fin_pool_get(pool);
  if (!chunk) return NULL;
  *chunk = (struct fin_chunk){.data = (char *)(chunk + 1),
                              .cap = large ? len : (size_t)CHUNK_ROOM,
                              .memory = large ? ALONE : POOLED};
  (void)fill(chunk, data, len);
  return chunk;
}

/* All of it or none. Not inline: what fits into the last chunk would pay for it. */
__attribute__((noinline)) static int append_chunks(struct fin_queue *queue, struct fin_pool *pool,
                                                   const char *data, size_t len) {
  size_t room = queue->last ? queue->last->cap - queue->last->end : 0;
  size_t here = len < room ? len : room;
  struct fin_queue more = {0};
  while (here + more.len < len) {
    struct fin_chunk *chunk = new_copy(pool, data + here + more.len, len - here - more.len);
    if (!chunk) {
      fin_queue_clear(&more, pool);
      return -ENOMEM;
    }
    push(&more, chunk);
  }
  if (here > 0) queue->len += fill(queue->last, data, here);
  join(queue, &more);
  return 0;
}

int fin_queue_append(struct fin_queue *queue, struct fin_pool *pool, const void *data, size_t len) {
  if (len == 0) return 0;
  bool fits = queue->last && len <= queue->last->cap - queue->last->end;
  if (!fits) return append_chunks(queue, pool, data, len);
  queue->len += fill(queue->last, data, len);
  return 0;
}

int fin_queue_take(struct fin_queue *queue, const void *data, size_t len,
                   void (*release)(void *arg, const void *data), void *arg) {
  if (len == 0) {
    if (release) release(arg, data);
    return 0;
  }
  struct fin_chunk *chunk = fin_alloc(sizeof *chunk);
  if (!chunk) return -ENOMEM;
  *chunk = (struct fin_chunk){
      .data = data, .end = len, .cap = len, .memory = TAKEN, .release = release, .arg = arg};
  push(queue, chunk);
  return 0;
}

unsigned fin_queue_parts(const struct fin_queue *queue, struct iovec *parts, unsigned max) {
  unsigned count = 0;
  if (!queue->last) return 0;
  for (struct fin_chunk *chunk = first_of(queue); count < max; chunk = chunk->next) {
    parts[count].iov_base = (void *)(chunk->data + chunk->begin);
    parts[count].iov_len = chunk->end - chunk->begin;
    count++;
    if (chunk == queue->last) break;
  }
  return count;
}

void fin_queue_consume(struct fin_queue *queue, struct fin_pool *pool, size_t len) {
  assert(len <= queue->len);
  while (len > 0) {
    struct fin_chunk *chunk = first_of(queue);
    size_t held = chunk->end - chunk->begin;
    if (len < held) {
      chunk->begin += len;
      queue->len -= len;
      return;
    }
    len -= held;
    pop(queue, pool);
  }
}

void fin_queue_clear(struct fin_queue *queue, struct fin_pool *pool) {
  while (queue->last) pop(queue, pool);
}
