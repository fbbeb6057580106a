/* SPDX-License-Identifier: MIT
 *
 * One block with a hole in front that grows as bytes are consumed. The bytes move to the front only
 * when the hole is at least as long as they are, and the block at least doubles when it grows: so a
 * byte is copied a bounded number of times however small the steps, and the block stays within four
 * times what it has held at once.
 */
#include "base/inbuf.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"

enum { CAP_MIN = 96 }; /* with our header and malloc's 128 */

struct fin_inbuf_block {
  size_t begin, end, cap; /* bytes[begin..end) are held; never none */
  char bytes[];
};

size_t fin_inbuf_len(const struct fin_inbuf *buf) {
  return buf->block ? buf->block->end - buf->block->begin : 0;
}

const char *fin_inbuf_data(const struct fin_inbuf *buf) {
  return buf->block ? buf->block->bytes + buf->block->begin : NULL;
}

/* Moves what is held to the front of a larger block, with room for `more`. */
static struct fin_inbuf_block *grow(struct fin_inbuf *buf, size_t more) {
  size_t held = fin_inbuf_len(buf);
  size_t cap = buf->block ? 2 * buf->block->cap : CAP_MIN;
  if (cap < held + more) cap = held + more;
  struct fin_inbuf_block *block = fin_alloc(sizeof *block + cap);
  if (!block) return NULL;
  block->begin = 0;
  block->end = held;
  block->cap = cap;
  if (held > 0) memcpy(block->bytes, fin_inbuf_data(buf), held);
  fin_release(buf->block);
  buf->block = block;
  return block;
}

int fin_inbuf_append(struct fin_inbuf *buf, const char *data, size_t len) {
  struct fin_inbuf_block *block = buf->block;
  size_t held = fin_inbuf_len(buf);
  if (len == 0) return 0;
  if (block && block->cap - block->end < len && block->begin >= held) {
    memmove(block->bytes, block->bytes + block->begin, held);
    block->begin = 0;
    block->end = held;
  }
  if (!block || block->cap - block->end < len) block = grow(buf, len);
  if (!block) return -ENOMEM;
  memcpy(block->bytes + block->end, data, len);
  block->end += len;
  return 0;
}

void fin_inbuf_consume(struct fin_inbuf *buf, size_t len) {
  assert(len <= fin_inbuf_len(buf));
  if (len == 0) return;
  buf->block->begin += len;
  if (buf->block->begin == buf->block->end) fin_inbuf_clear(buf);
}

void fin_inbuf_clear(struct fin_inbuf *buf) {
  fin_release(buf->block);
  buf->block = NULL;
}
