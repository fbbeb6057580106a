/* SPDX-License-Identifier: MIT
 *
 * Input that the handler has not consumed. One pointer while there is none, which is nearly always.
 */
#ifndef FIN_INBUF_H
#define FIN_INBUF_H

#include <stddef.h>

struct fin_inbuf {
  struct fin_inbuf_block *block; /* NULL when empty */
};

size_t fin_inbuf_len(const struct fin_inbuf *buf);
const char *fin_inbuf_data(
    const struct fin_inbuf *buf); /* NULL when empty; until the next change */

/* Appends a copy, all or none: 0 or -ENOMEM. `data` lies outside of the buffer. */
int fin_inbuf_append(struct fin_inbuf *buf, const char *data, size_t len);

/* Drops the first `len` bytes, which are at most all there are. */
void fin_inbuf_consume(struct fin_inbuf *buf, size_t len);
void fin_inbuf_clear(struct fin_inbuf *buf);

#endif
