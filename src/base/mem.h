/* SPDX-License-Identifier: MIT
 *
 * All memory of the library comes from here, so that tests can make each allocation fail once.
 */
#ifndef FIN_MEM_H
#define FIN_MEM_H

#include <stddef.h>

void *fin_alloc(size_t size); /* NULL: no memory */
void *fin_alloc_zeroed(size_t size);
void *fin_resize(void *memory, size_t size); /* as realloc */
void fin_release(void *memory);              /* NULL is allowed */

/* A block of `size` bytes, a power of two of at least 64 KiB, at a multiple of `size`: whole pages
 * from the system, which are resident only once touched and go back at once. If the allocator has
 * been replaced, the block is cut from an allocation of twice the size. NULL: no memory. `origin`
 * is for fin_block_release. */
void *fin_block_alloc(size_t size, void **origin);
void fin_block_release(void *block, size_t size, void *origin);

#endif
