/* SPDX-License-Identifier: MIT
 *
 * src/base/mem.c
 */
#include "base/mem.h"

#include <stdio.h>

#include "counted.h"
#include "laws.h"

static bool all(const char *bytes, size_t len, char value) {
  for (size_t i = 0; i < len; i++)
    if (bytes[i] != value) return false;
  return true;
}

Test(mem, uses_libc_by_default) {
  char *memory = fin_alloc(100);
  cr_assert(memory);
  memset(memory, 'x', 100);
  memory = fin_resize(memory, 100000);
  cr_assert(memory && all(memory, 100, 'x'));
  free(memory);
  memory = malloc(10);
  fin_release(memory);
}

Test(mem, everything_goes_through_the_allocator_that_was_set) {
  counted_begin();
  char *a = fin_alloc(10), *b = fin_alloc_zeroed(20), *c = fin_resize(NULL, 30);
  void *origin;
  char *block = fin_block_alloc(65536, &origin);
  cr_assert(a && b && c && block);
  cr_assert_eq(counted.live, 4);
  cr_assert(counted.bytes >= 10 + 20 + 30 + 65536);
  a = fin_resize(a, 11);
  cr_assert_eq(counted.calls, 5);
  fin_release(a);
  fin_release(b);
  fin_release(c);
  fin_block_release(block, 65536, origin);
  cr_assert_eq(counted.live, 0);
}

Test(mem, null_restores_libc) {
  counted_begin();
  fin_set_allocator(NULL, NULL, NULL);
  void *memory = fin_resize(fin_alloc(1), 2);
  cr_assert(memory);
  cr_assert_eq(counted.calls, 0);
  fin_release(memory);
}

Test(mem, zeroed_is_zeroed) {
  counted_begin(); /* whose memory is dirty */
  char *memory = fin_alloc_zeroed(1000);
  cr_assert(memory && all(memory, 1000, 0));
  fin_release(memory);
}

Test(mem, releasing_null_asks_nobody) {
  counted_begin();
  fin_release(NULL); /* counted_release would crash */
  cr_assert_eq(counted.live, 0);
}

Test(mem, failure_is_null) {
  counted_begin();
  void *origin;
  counted_fail_in(1);
  cr_assert_null(fin_alloc(10));
  counted_fail_in(1);
  cr_assert_null(fin_alloc_zeroed(10));
  counted_fail_in(1);
  cr_assert_null(fin_resize(NULL, 10));
  counted_fail_in(1);
  cr_assert_null(fin_block_alloc(65536, &origin));
}

static void check_blocks(void) {
  enum { BLOCKS = 40 };
  char *blocks[BLOCKS];
  void *origins[BLOCKS];
  size_t sizes[BLOCKS];
  for (size_t i = 0; i < BLOCKS; i++) {
    sizes[i] = (size_t)65536 << i % 5;
    blocks[i] = fin_block_alloc(sizes[i], &origins[i]);
    cr_assert(blocks[i]);
    cr_assert_eq((uintptr_t)blocks[i] % sizes[i], 0, "a block is at a multiple of its size");
    memset(blocks[i], (char)i, sizes[i]);
  }
  for (size_t i = 0; i < BLOCKS; i++) {
    cr_assert(all(blocks[i], sizes[i], (char)i), "blocks do not overlap");
    fin_block_release(blocks[i], sizes[i], origins[i]);
  }
}

Test(mem, blocks_from_the_system_are_aligned) { check_blocks(); }

static size_t mapped_pages(void) {
  size_t pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (fscanf(file, "%zu", &pages) != 1) pages = 0;
  (void)fclose(file);
  return pages;
}

Test(mem, blocks_from_the_system_go_back_whole) {
  check_blocks();
  size_t before = mapped_pages();
  for (unsigned i = 0; i < 10; i++) check_blocks();
  size_t after = mapped_pages();
  cr_assert(after < before + 100, "%zu more pages are mapped", after - before);
}

Test(mem, blocks_from_an_allocator_are_aligned) {
  counted_begin();
  check_blocks();
  cr_assert_eq(counted.live, 0);
}

Test(mem, a_block_knows_where_it_came_from) {
  void *of_system, *of_counted;
  void *first = fin_block_alloc(65536, &of_system);
  counted_begin();
  void *second = fin_block_alloc(65536, &of_counted);
  fin_block_release(first, 65536, of_system);
  cr_assert_eq(counted.live, 1);
  fin_block_release(second, 65536, of_counted);
  cr_assert_eq(counted.live, 0);
}
